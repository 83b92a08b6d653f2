"""The state of a run: report, status, Prometheus metrics, rolling statistics."""
