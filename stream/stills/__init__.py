"""Fusion of single pictures and folders of pictures."""
