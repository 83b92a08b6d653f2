"""Training of GIFNet from registered pairs: data, losses, loop, export."""
