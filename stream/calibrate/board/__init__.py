"""Calibration from pictures of a board that both cameras see."""
