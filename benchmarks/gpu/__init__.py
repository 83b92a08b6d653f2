"""Measurements that need a GPU: `python -m benchmarks.gpu` runs all of them in steps."""
