// Digital detail enhancement; the specification is cuda_kernels/reference/detail.py.
// Two launches: what each window is like, then the mean over the windows that hold a pixel. Caches serve windows.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return
#define RADIUS 3
#define EDGE 0.05f
#define NUMBER ((2 * RADIUS + 1) * (2 * RADIUS + 1))

__device__ inline long long neighbour(int row, int column, int height, int width) {
    return (long long)min(max(row, 0), height - 1) * width + min(max(column, 0), width - 1);
}

// Mean and flatness of the window around each pixel; sums of whole numbers, so exact.
template <typename Count>
__device__ inline void measure_windows(
    const Count* counts, const float* span, float* mean, float* flat, int height, int width, long long pixels
) {
    PIXEL;
    int row = i / width, column = i % width;
    long long sum = 0, squares = 0;
    for (int down = -RADIUS; down <= RADIUS; ++down)
        for (int across = -RADIUS; across <= RADIUS; ++across) {
            long long count = counts[neighbour(row + down, column + across, height, width)];
            sum += count;
            squares += count * count;
        }
    float variance = (float)((double)(NUMBER * squares - sum * sum) / (NUMBER * NUMBER));
    float edge = EDGE * (span[1] - span[0]);
    mean[i] = (float)((double)sum / NUMBER);
    flat[i] = edge * edge / fmaxf(variance + edge * edge, 1e-12f);
}

extern "C" __global__ void measure_windows_uint8(
    const unsigned char* counts, const float* span, float* mean, float* flat, int height, int width, long long pixels
) {
    measure_windows(counts, span, mean, flat, height, width, pixels);
}

extern "C" __global__ void measure_windows_uint16(
    const unsigned short* counts, const float* span, float* mean, float* flat, int height, int width, long long pixels
) {
    measure_windows(counts, span, mean, flat, height, width, pixels);
}

template <typename Count>
__device__ inline void enhance(
    const Count* counts, const float* mean, const float* flat, float* enhanced, int height, int width, float gain,
    long long pixels
) {
    PIXEL;
    int row = i / width, column = i % width;
    float count = counts[i], detail = 0.0f;
    for (int down = -RADIUS; down <= RADIUS; ++down)
        for (int across = -RADIUS; across <= RADIUS; ++across) {
            long long there = neighbour(row + down, column + across, height, width);
            detail += flat[there] * (count - mean[there]);
        }
    enhanced[i] = count + (gain - 1.0f) * (detail / NUMBER);
}

extern "C" __global__ void enhance_uint8(
    const unsigned char* counts, const float* mean, const float* flat, float* enhanced, int height, int width,
    float gain, long long pixels
) {
    enhance(counts, mean, flat, enhanced, height, width, gain, pixels);
}

extern "C" __global__ void enhance_uint16(
    const unsigned short* counts, const float* mean, const float* flat, float* enhanced, int height, int width,
    float gain, long long pixels
) {
    enhance(counts, mean, flat, enhanced, height, width, gain, pixels);
}
