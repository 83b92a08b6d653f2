"""Measures the offset between the clocks of two cameras by the motion that both see."""
