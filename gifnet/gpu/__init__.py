"""The inference form of GIFNet for GPUs with tensor cores, in 16 bits; imports Triton when used."""
