"""CUDA kernels compiled by g++ and run on the CPU, so that they are checked where there is no GPU."""
