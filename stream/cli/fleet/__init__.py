"""`gifnet fleet`: the commands."""
