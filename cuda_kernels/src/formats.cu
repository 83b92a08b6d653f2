// Pixel formats of cameras, decoders and encoders; the specification is cuda_kernels/reference/formats.py.
// Interpolated chroma and sums of RGB are exact in float32, so the order of their terms does not matter.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return

// NaN becomes 0.
__device__ inline unsigned char to_byte(float level) {
    return (unsigned char)rintf(fminf(fmaxf(level, 0.0f), 255.0f));
}

__device__ inline float affine(const float* row, float first, float second, float third) {
    return row[0] * first + row[1] * second + row[2] * third + row[3];
}

// Chroma at a pixel; samples are `step` numbers apart in a row of `chroma_width` samples.
template <typename Number>
__device__ inline float chroma_at(
    const Number* chroma, int chroma_height, int chroma_width, int step, int row, int column
) {
    int nearest = row / 2, second = min(max(nearest + 2 * (row % 2) - 1, 0), chroma_height - 1);
    int left = column / 2, right = min(left + column % 2, chroma_width - 1);
    const Number* near_row = chroma + (long long)nearest * chroma_width * step;
    const Number* second_row = chroma + (long long)second * chroma_width * step;
    float at_left = 0.75f * near_row[left * step] + 0.25f * second_row[left * step];
    float at_right = 0.75f * near_row[right * step] + 0.25f * second_row[right * step];
    return 0.5f * at_left + 0.5f * at_right;
}

template <typename Number>
__device__ inline void rgb_from_yuv(
    const Number* y, const Number* u, const Number* v, int step, const float* matrix, unsigned char* rgb,
    int height, int width, long long pixels
) {
    PIXEL;
    int row = (int)(i / width), column = (int)(i % width);
    int chroma_height = (height + 1) / 2, chroma_width = (width + 1) / 2;
    float at_u = chroma_at(u, chroma_height, chroma_width, step, row, column);
    float at_v = chroma_at(v, chroma_height, chroma_width, step, row, column);
    for (int channel = 0; channel < 3; ++channel)
        rgb[3 * i + channel] = to_byte(affine(matrix + 4 * channel, (float)y[i], at_u, at_v));
}

extern "C" __global__ void rgb_from_nv12_uint8(
    const unsigned char* y, const unsigned char* uv, const float* matrix, unsigned char* rgb,
    int height, int width, long long pixels
) {
    rgb_from_yuv(y, uv, uv + 1, 2, matrix, rgb, height, width, pixels);
}

extern "C" __global__ void rgb_from_nv12_uint16(
    const unsigned short* y, const unsigned short* uv, const float* matrix, unsigned char* rgb,
    int height, int width, long long pixels
) {
    rgb_from_yuv(y, uv, uv + 1, 2, matrix, rgb, height, width, pixels);
}

extern "C" __global__ void rgb_from_yuv420p_uint8(
    const unsigned char* y, const unsigned char* u, const unsigned char* v, const float* matrix, unsigned char* rgb,
    int height, int width, long long pixels
) {
    rgb_from_yuv(y, u, v, 1, matrix, rgb, height, width, pixels);
}

extern "C" __global__ void rgb_from_yuv420p_uint16(
    const unsigned short* y, const unsigned short* u, const unsigned short* v, const float* matrix,
    unsigned char* rgb, int height, int width, long long pixels
) {
    rgb_from_yuv(y, u, v, 1, matrix, rgb, height, width, pixels);
}

extern "C" __global__ void rgb_from_bgr(const unsigned char* bgr, unsigned char* rgb, long long pixels) {
    PIXEL;
    for (int channel = 0; channel < 3; ++channel) rgb[3 * i + channel] = bgr[3 * i + 2 - channel];
}

extern "C" __global__ void counts_from_gray_uint8(
    const unsigned char* gray, unsigned short* counts, int shift, long long pixels
) {
    PIXEL;
    counts[i] = gray[i] >> shift;
}

extern "C" __global__ void counts_from_gray_uint16(
    const unsigned short* gray, unsigned short* counts, int shift, long long pixels
) {
    PIXEL;
    counts[i] = gray[i] >> shift;
}

struct Rgb { float red, green, blue; };

// As `merge` in colour.cu: what every output shows is first brought to 8 bits.
__device__ inline Rgb merged(const float* luma, const float* cb, const float* cr, long long i) {
    return {
        (float)to_byte(luma[i] + 1.402f * cr[i]),
        (float)to_byte(luma[i] - 0.344136f * cb[i] - 0.714136f * cr[i]),
        (float)to_byte(luma[i] + 1.772f * cb[i]),
    };
}

// One thread a chroma sample writes it, and the luma of up to four pixels.
__device__ inline void merge_yuv(
    const float* luma, const float* cb, const float* cr, const float* matrix, unsigned char* y, unsigned char* u,
    unsigned char* v, int step, int height, int width, long long pixels
) {
    PIXEL;
    int chroma_width = (width + 1) / 2;
    int top = 2 * (int)(i / chroma_width), middle = 2 * (int)(i % chroma_width);
    Rgb sum = {0.0f, 0.0f, 0.0f};
    for (int down = 0; down < 2; ++down) {
        int row = min(top + down, height - 1);
        for (int across = -1; across < 2; ++across) {
            int column = min(max(middle + across, 0), width - 1);
            long long place = (long long)row * width + column;
            Rgb rgb = merged(luma, cb, cr, place);
            float weight = across == 0 ? 2.0f : 1.0f;
            sum.red += weight * rgb.red;
            sum.green += weight * rgb.green;
            sum.blue += weight * rgb.blue;
            if (across >= 0) y[place] = to_byte(affine(matrix, rgb.red, rgb.green, rgb.blue));
        }
    }
    u[i * step] = to_byte(affine(matrix + 4, sum.red / 8.0f, sum.green / 8.0f, sum.blue / 8.0f));
    v[i * step] = to_byte(affine(matrix + 8, sum.red / 8.0f, sum.green / 8.0f, sum.blue / 8.0f));
}

extern "C" __global__ void merge_nv12(
    const float* luma, const float* cb, const float* cr, const float* matrix, unsigned char* y, unsigned char* uv,
    int height, int width, long long pixels
) {
    merge_yuv(luma, cb, cr, matrix, y, uv, uv + 1, 2, height, width, pixels);
}

extern "C" __global__ void merge_yuv420p(
    const float* luma, const float* cb, const float* cr, const float* matrix, unsigned char* y, unsigned char* u,
    unsigned char* v, int height, int width, long long pixels
) {
    merge_yuv(luma, cb, cr, matrix, y, u, v, 1, height, width, pixels);
}
