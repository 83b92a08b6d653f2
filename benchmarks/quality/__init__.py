"""Quality of fused stills (`python -m benchmarks.quality`) and of video (`benchmarks.quality.video`)."""
