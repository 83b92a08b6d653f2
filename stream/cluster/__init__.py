"""The optional cluster engine Ray: imported in here alone, and only when a cluster is asked for."""
