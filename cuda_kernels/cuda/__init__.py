"""Operations on a CUDA device: CUDA C++ sources compiled by NVRTC and launched by CuPy."""
