"""The device that fuses: its streams, events, pinned memory, CUDA graphs and errors."""
