"""`gifnet probe`: the command, and its description of containers."""
