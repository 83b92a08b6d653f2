"""Array operations on frames: a contract, a torch reference, CUDA kernels."""
