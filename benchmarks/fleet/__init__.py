"""Pairs of cameras on a Ray cluster: random kills (`python -m benchmarks.fleet`), lost head, overhead."""
