"""Live camera pairs: cameras that reconnect, their session and its statistics."""
