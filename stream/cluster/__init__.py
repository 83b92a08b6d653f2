"""The optional cluster engine Ray: imported in here alone, and only when somebody asks for a cluster."""
