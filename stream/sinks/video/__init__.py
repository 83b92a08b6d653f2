"""Video files: encoders, timeline, audio, segments and sidecar."""

from stream.sinks.video.settings import VideoSettings

__all__ = ["VideoSettings"]
