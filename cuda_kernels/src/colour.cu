// Brightness and colour of pictures; the specification is cuda_kernels/reference/colour.py.
// One thread a pixel. Sums are in the reference's order and are not contracted (compiled with --fmad=false).

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return

__device__ inline double weighted_sum(const unsigned char* rgb, double red, double green, double blue) {
    return red * rgb[0] + green * rgb[1] + blue * rgb[2];
}

// As torch.lerp: exact at both ends.
__device__ inline float lerp(float start, float end, float weight) {
    return weight < 0.5f ? start + weight * (end - start) : end - (end - start) * (1.0f - weight);
}

// NaN becomes 0.
__device__ inline unsigned char to_byte(float level) {
    return (unsigned char)rintf(fminf(fmaxf(level, 0.0f), 255.0f));
}

extern "C" __global__ void luma(const unsigned char* rgb, float* luma, long long pixels) {
    PIXEL;
    double sum = weighted_sum(rgb + 3 * i, 0.299, 0.587, 0.114);
    luma[i] = (float)trunc(fmin(fmax(sum, 0.0), 255.0));
}

extern "C" __global__ void chroma(const unsigned char* rgb, float* cb, float* cr, long long pixels) {
    PIXEL;
    cb[i] = (float)weighted_sum(rgb + 3 * i, -0.169, -0.331, 0.5);
    cr[i] = (float)weighted_sum(rgb + 3 * i, 0.5, -0.419, -0.081);
}

extern "C" __global__ void merge(
    const float* luma, const float* cb, const float* cr, unsigned char* rgb, long long pixels
) {
    PIXEL;
    rgb[3 * i] = to_byte(luma[i] + 1.402f * cr[i]);
    rgb[3 * i + 1] = to_byte(luma[i] - 0.344136f * cb[i] - 0.714136f * cr[i]);
    rgb[3 * i + 2] = to_byte(luma[i] + 1.772f * cb[i]);
}

__device__ inline float distance_weighted(double first, double second) {
    double weight1 = fabs(first - 128.0), weight2 = fabs(second - 128.0), total = weight1 + weight2;
    return total == 0.0 ? 128.0f : (float)((first * weight1 + second * weight2) / total);
}

extern "C" __global__ void blend_chroma(
    const float* cb1, const float* cr1, const float* cb2, const float* cr2, float* cb, float* cr, long long pixels
) {
    PIXEL;
    cb[i] = distance_weighted(cb1[i], cb2[i]);
    cr[i] = distance_weighted(cr1[i], cr2[i]);
}

extern "C" __global__ void blend_by_coverage(
    const float* luma, const float* fused, const float* coverage, float* blended, long long pixels
) {
    PIXEL;
    blended[i] = lerp(luma[i], 255.0f * fused[i], coverage[i]);
}
