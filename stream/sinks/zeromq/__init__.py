"""The ZeroMQ publisher."""
