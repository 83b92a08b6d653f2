"""Several pairs of cameras or recordings in one process, each a run of its own on threads of its own."""
