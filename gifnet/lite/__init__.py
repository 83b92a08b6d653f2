"""GIFNet-lite: a network of 83,000 parameters that fuses at camera rate on a CPU."""
