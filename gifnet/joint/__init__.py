"""Bi-level joint learning: fusion that is trained for the networks that look at its picture."""
