"""Threads, signals, clocks and timing that every room borrows."""
