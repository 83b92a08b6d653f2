"""Palettes of thermal cameras: recognise one in a picture, and take its colours back to warmth."""
