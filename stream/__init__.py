"""Fuse streams of an RGB and a thermal camera."""
