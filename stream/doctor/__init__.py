"""Examines what this machine can do: devices, codecs, weights."""
