// What goes into the network; the specification is cuda_kernels/reference/network.py.
// 16-bit formats are written bit by bit, so that no header of CUDA is needed to compile this.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return

__device__ inline unsigned int bits_of(float value) {
    union { float value; unsigned int bits; } both;
    both.value = value;
    return both.bits;
}

// Bits without the lowest `places`, rounded half to even.
__device__ inline unsigned int round_off(unsigned int bits, int places) {
    return (bits + ((1u << (places - 1)) - 1) + ((bits >> places) & 1)) >> places;
}

__device__ inline void store(float* place, float value) { *place = value; }

struct Half { unsigned short bits; };
struct BFloat16 { unsigned short bits; };

// IEEE 754 binary16 of a number in -65504..65504; smaller ones than 2^-14 lose bits one by one.
__device__ inline void store(Half* place, float value) {
    unsigned int bits = bits_of(value), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
    unsigned int exponent = magnitude >> 23;
    unsigned int half;
    if (exponent >= 113) {
        half = round_off(magnitude - (112u << 23), 13);
    } else if (exponent >= 102) {
        half = round_off((magnitude & 0x7fffffu) | 0x800000u, 126 - exponent);
    } else {
        half = 0;
    }
    place->bits = (unsigned short)(sign | half);
}

// The upper half of a float32.
__device__ inline void store(BFloat16* place, float value) {
    place->bits = (unsigned short)round_off(bits_of(value), 16);
}

template <typename Format>
__device__ inline void to_network_input(
    const float* luma, const float* brightness, const float* coverage, Format* visible, Format* thermal,
    long long pixels
) {
    PIXEL;
    float start = luma[i] / 255.0f, end = brightness[i], weight = coverage[i];
    store(visible + i, start);
    // As torch.lerp: exact at both ends.
    store(thermal + i, weight < 0.5f ? start + weight * (end - start) : end - (end - start) * (1.0f - weight));
}

extern "C" __global__ void to_network_input_float32(
    const float* luma, const float* brightness, const float* coverage, float* visible, float* thermal,
    long long pixels
) {
    to_network_input(luma, brightness, coverage, visible, thermal, pixels);
}

extern "C" __global__ void to_network_input_float16(
    const float* luma, const float* brightness, const float* coverage, Half* visible, Half* thermal,
    long long pixels
) {
    to_network_input(luma, brightness, coverage, visible, thermal, pixels);
}

extern "C" __global__ void to_network_input_bfloat16(
    const float* luma, const float* brightness, const float* coverage, BFloat16* visible, BFloat16* thermal,
    long long pixels
) {
    to_network_input(luma, brightness, coverage, visible, thermal, pixels);
}
