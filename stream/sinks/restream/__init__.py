"""Sinks that send the fused stream on to RTSP, RTMP and HLS servers."""

from stream.sinks.restream.settings import HlsSettings, ServerSettings

__all__ = ["HlsSettings", "ServerSettings"]
