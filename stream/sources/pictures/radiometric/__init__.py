"""Counts and visible pictures in the files of thermal cameras that hold more than a picture."""
