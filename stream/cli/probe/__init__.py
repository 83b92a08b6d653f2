"""`gifnet probe`: the command, and what it tells of containers."""
