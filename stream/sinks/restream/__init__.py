"""Sinks that send the fused stream on to RTSP, RTMP and HLS servers."""
