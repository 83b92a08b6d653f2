"""Comparisons of joint learning with other inputs, for detection and for segmentation."""
