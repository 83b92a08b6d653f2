"""Fusion of frame pairs on the device: the step, its slots and the fused stream."""
