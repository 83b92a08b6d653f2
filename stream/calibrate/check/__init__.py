"""Measures how well a calibration fits a recording."""
