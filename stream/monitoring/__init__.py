"""What a run tells about itself: report, status, Prometheus metrics, rolling statistics."""
