"""Sources of recorded video, decoded by PyAV or NVDEC."""
