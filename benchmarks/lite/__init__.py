"""The network lite: its cost (`python -m benchmarks.lite`), and its pictures beside those of full."""
