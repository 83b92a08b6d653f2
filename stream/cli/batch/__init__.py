"""`gifnet batch`: the command, and what it tells."""
