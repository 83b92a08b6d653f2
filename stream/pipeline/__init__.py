"""Builds the stages of a run and drives frames through them, from sources to sinks."""
