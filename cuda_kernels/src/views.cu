// Pictures for people to look at; the specification is cuda_kernels/reference/views.py. One thread a pixel.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return

__device__ inline void put(unsigned char* rgb, const unsigned char* from) {
    for (int channel = 0; channel < 3; ++channel) rgb[channel] = from[channel];
}

__device__ inline void put_grey(unsigned char* rgb, unsigned char level) {
    for (int channel = 0; channel < 3; ++channel) rgb[channel] = level;
}

extern "C" __global__ void side_by_side(
    const unsigned char* visible, const unsigned char* thermal, const unsigned char* fused, unsigned char* rgb,
    int width, long long pixels
) {
    PIXEL;
    unsigned char* left = rgb + 3 * ((i / width) * 3 * width + i % width);
    put(left, visible + 3 * i);
    put_grey(left + 3 * width, thermal[i]);
    put(left + 6 * width, fused + 3 * i);
}

extern "C" __global__ void checkerboard(
    const unsigned char* visible, const unsigned char* thermal, unsigned char* rgb, int width, int square_px,
    long long pixels
) {
    PIXEL;
    bool is_thermal = ((i / width) / square_px + (i % width) / square_px) % 2 == 1;
    if (is_thermal) put_grey(rgb + 3 * i, thermal[i]);
    else put(rgb + 3 * i, visible + 3 * i);
}

extern "C" __global__ void colour_map(
    const unsigned char* grey, const unsigned char* table, unsigned char* rgb, long long pixels
) {
    PIXEL;
    put(rgb + 3 * i, table + 3 * grey[i]);
}
