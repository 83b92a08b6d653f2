"""Many recordings, each fused by a process of its own: on this machine, or on the nodes of a cluster."""
