// Thermal pictures on the visible grid; the specification is cuda_kernels/reference/geometry.py.
// One thread a visible pixel. Neighbouring threads read neighbouring thermal pixels, so caches serve most reads.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return

// As torch.lerp: exact at both ends.
__device__ inline float lerp(float start, float end, float weight) {
    return weight < 0.5f ? start + weight * (end - start) : end - (end - start) * (1.0f - weight);
}

__device__ inline bool is_inside(float x, float y, int height, int width) {
    return x >= 0.0f && x <= width - 1.0f && y >= 0.0f && y <= height - 1.0f;
}

// Bilinear; the nearest border pixel outside, 0 at NaN.
template <typename Count>
__device__ inline float look_up(const Count* counts, int height, int width, float x, float y) {
    if (isnan(x) || isnan(y)) return 0.0f;
    x = fminf(fmaxf(x, 0.0f), width - 1.0f);
    y = fminf(fmaxf(y, 0.0f), height - 1.0f);
    int left = (int)floorf(x), top = (int)floorf(y);
    int right = min(left + 1, width - 1), bottom = min(top + 1, height - 1);
    const Count* above = counts + (long long)top * width;
    const Count* below = counts + (long long)bottom * width;
    float across = x - left;
    float upper = lerp((float)above[left], (float)above[right], across);
    float lower = lerp((float)below[left], (float)below[right], across);
    return lerp(upper, lower, y - top);
}

extern "C" __global__ void warp(
    const float* thermal, const float* map_x, const float* map_y, float* warped, bool* valid,
    int thermal_height, int thermal_width, long long pixels
) {
    PIXEL;
    warped[i] = look_up(thermal, thermal_height, thermal_width, map_x[i], map_y[i]);
    valid[i] = is_inside(map_x[i], map_y[i], thermal_height, thermal_width);
}

template <typename Count>
__device__ inline void remap_normalise(
    const Count* counts, const float* map_x, const float* map_y, const float* span, float* brightness, bool* valid,
    int thermal_height, int thermal_width, long long pixels
) {
    PIXEL;
    float count = look_up(counts, thermal_height, thermal_width, map_x[i], map_y[i]);
    float start = span[0], width = span[1] - span[0];
    // fmaxf takes NaN to 0.
    brightness[i] = width != 0.0f ? fminf(fmaxf((count - start) / width, 0.0f), 1.0f) : 0.0f;
    valid[i] = is_inside(map_x[i], map_y[i], thermal_height, thermal_width);
}

extern "C" __global__ void remap_normalise_uint8(
    const unsigned char* counts, const float* map_x, const float* map_y, const float* span, float* brightness,
    bool* valid, int thermal_height, int thermal_width, long long pixels
) {
    remap_normalise(counts, map_x, map_y, span, brightness, valid, thermal_height, thermal_width, pixels);
}

extern "C" __global__ void remap_normalise_uint16(
    const unsigned short* counts, const float* map_x, const float* map_y, const float* span, float* brightness,
    bool* valid, int thermal_height, int thermal_width, long long pixels
) {
    remap_normalise(counts, map_x, map_y, span, brightness, valid, thermal_height, thermal_width, pixels);
}

extern "C" __global__ void remap_normalise_float32(
    const float* counts, const float* map_x, const float* map_y, const float* span, float* brightness, bool* valid,
    int thermal_height, int thermal_width, long long pixels
) {
    remap_normalise(counts, map_x, map_y, span, brightness, valid, thermal_height, thermal_width, pixels);
}
