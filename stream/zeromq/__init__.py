"""The ZeroMQ message and its keys, shared by publisher and client."""
