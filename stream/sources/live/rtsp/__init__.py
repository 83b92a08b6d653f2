"""RTSP by TCP without libav's parser, which holds each picture until the next one begins."""
