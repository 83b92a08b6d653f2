"""`gifnet batch`: the command and its messages."""
