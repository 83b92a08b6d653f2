"""Pairs a machine and a cluster hold: measured, and simulated."""
