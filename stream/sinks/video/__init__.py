"""Video files: encoders, timeline, audio, segments and sidecar."""
