"""The ZeroMQ publisher."""

from stream.sinks.zeromq.settings import PublisherSettings

__all__ = ["PublisherSettings"]
