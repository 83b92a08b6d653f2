"""Pairing of visible and thermal frames by capture time."""
