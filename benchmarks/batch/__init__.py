"""Archives fused by `gifnet batch`: recordings in parts, and the cost of workers."""
