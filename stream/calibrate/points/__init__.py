"""Calibration from points that a person picks on a page."""
