"""Many live pairs, each a `gifnet run` of its own: their file, units for systemd, and their state."""
