"""Calibration from an ordinary recording, without a board."""
