"""Detectors on frames labelled by hand, on every kind of picture."""
