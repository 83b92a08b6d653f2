"""Registration of thermal frames onto the visible grid: calibration, camera models, drift."""
