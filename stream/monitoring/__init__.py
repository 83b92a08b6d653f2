"""The state of a run for people and programs: report, status, Prometheus metrics, rolling statistics."""
