// Thermal counts: bad pixels, statistics, spans, brightness; the specification is cuda_kernels/reference/thermal.py.
// Percentiles take three launches: clear, count, find. Nothing leaves the device.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return
#define BINS 65536
#define FINDERS 256
#define BINS_EACH (BINS / FINDERS)

extern "C" __global__ void clear_histogram(unsigned int* histogram) {
    histogram[blockIdx.x * blockDim.x + threadIdx.x] = 0;
}

// Few different values collide often: each block counts in shared memory first. 256 threads a block.
extern "C" __global__ void histogram_uint8(const unsigned char* counts, unsigned int* histogram, long long pixels) {
    __shared__ unsigned int local[256];
    local[threadIdx.x] = 0;
    __syncthreads();
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += stride)
        atomicAdd(&local[counts[i]], 1u);
    __syncthreads();
    if (local[threadIdx.x]) atomicAdd(&histogram[threadIdx.x], local[threadIdx.x]);
}

extern "C" __global__ void histogram_uint16(
    const unsigned short* counts, unsigned int* histogram, long long pixels
) {
    PIXEL;
    atomicAdd(&histogram[counts[i]], 1u);
}

// Rounded half to even and clipped to the bins; NaN counts nowhere.
extern "C" __global__ void histogram_float32(const float* counts, unsigned int* histogram, long long pixels) {
    PIXEL;
    if (isnan(counts[i])) return;
    atomicAdd(&histogram[(int)fminf(fmaxf(rintf(counts[i]), 0.0f), BINS - 1.0f)], 1u);
}

// Smallest count whose rank is reached, for both shares; one block of FINDERS threads.
extern "C" __global__ void find_percentiles(
    const unsigned int* histogram, float* span, double low_share, double high_share
) {
    __shared__ unsigned long long sums[FINDERS];
    const unsigned int* own = histogram + threadIdx.x * BINS_EACH;
    unsigned long long sum = 0;
    for (int bin = 0; bin < BINS_EACH; ++bin) sum += own[bin];
    sums[threadIdx.x] = sum;
    __syncthreads();
    unsigned long long before = 0, total = 0;
    for (int other = 0; other < FINDERS; ++other) {
        if (other < threadIdx.x) before += sums[other];
        total += sums[other];
    }
    for (int which = 0; which < 2; ++which) {
        // The small term keeps a product that should be whole from reaching the next rank by rounding.
        double wanted = ceil((which ? high_share : low_share) * (double)total - 1e-6);
        unsigned long long rank = wanted < 1.0 ? 1 : (unsigned long long)wanted;
        if (total == 0 && threadIdx.x == 0) span[which] = 0.0f;
        if (rank <= before || rank > before + sum) continue;
        int bin = 0;
        for (unsigned long long seen = before + own[0]; seen < rank; seen += own[bin]) ++bin;
        span[which] = (float)(threadIdx.x * BINS_EACH + bin);
    }
}

extern "C" __global__ void damp_span(
    const float* measured, const float* previous, const float* ema_weight, float* span
) {
    float start = measured[threadIdx.x], end = previous[threadIdx.x], weight = ema_weight[0];
    // As torch.lerp: exact at both ends.
    float wanted = weight < 0.5f ? start + weight * (end - start) : end - (end - start) * (1.0f - weight);
    float width = previous[1] - previous[0];
    float common = fminf(measured[1], previous[1]) - fmaxf(measured[0], previous[0]);
    float bound = width * ((1.0f - weight) / (2.0f * weight)) * (width / common);
    float bounded = fmaxf(fminf(wanted, end + bound), end - bound);
    span[threadIdx.x] = common > 0.0f && weight > 0.0f ? bounded : wanted;
}

// Counts in 16 bits; the bad ones among them are replaced by the next kernel.
template <typename Count>
__device__ inline void widen(const Count* counts, unsigned short* wide, long long pixels) {
    PIXEL;
    wide[i] = counts[i];
}

extern "C" __global__ void widen_uint8(const unsigned char* counts, unsigned short* wide, long long pixels) {
    widen(counts, wide, pixels);
}

extern "C" __global__ void widen_uint16(const unsigned short* counts, unsigned short* wide, long long pixels) {
    widen(counts, wide, pixels);
}

// One thread a bad pixel; good ones are read where they came from, so that the order does not matter.
template <typename Count>
__device__ inline void replace_bad_pixels(
    const Count* counts, const int* places, const int* sources, unsigned short* replaced, long long pixels
) {
    PIXEL;
    const int* four = sources + 4 * i;
    replaced[places[i]] = ((int)counts[four[0]] + counts[four[1]] + counts[four[2]] + counts[four[3]] + 2) / 4;
}

extern "C" __global__ void replace_bad_pixels_uint8(
    const unsigned char* counts, const int* places, const int* sources, unsigned short* replaced, long long pixels
) {
    replace_bad_pixels(counts, places, sources, replaced, pixels);
}

extern "C" __global__ void replace_bad_pixels_uint16(
    const unsigned short* counts, const int* places, const int* sources, unsigned short* replaced, long long pixels
) {
    replace_bad_pixels(counts, places, sources, replaced, pixels);
}

template <typename Count>
__device__ inline void normalise(const Count* counts, const float* span, float* brightness, long long pixels) {
    PIXEL;
    float start = span[0], width = span[1] - span[0];
    // fmaxf takes NaN to 0.
    brightness[i] = width != 0.0f ? fminf(fmaxf(((float)counts[i] - start) / width, 0.0f), 1.0f) : 0.0f;
}

extern "C" __global__ void normalise_uint8(
    const unsigned char* counts, const float* span, float* brightness, long long pixels
) {
    normalise(counts, span, brightness, pixels);
}

extern "C" __global__ void normalise_uint16(
    const unsigned short* counts, const float* span, float* brightness, long long pixels
) {
    normalise(counts, span, brightness, pixels);
}

extern "C" __global__ void normalise_float32(
    const float* counts, const float* span, float* brightness, long long pixels
) {
    normalise(counts, span, brightness, pixels);
}

extern "C" __global__ void to_gray8(
    const float* brightness, const float* coverage, unsigned char* gray, long long pixels
) {
    PIXEL;
    gray[i] = (unsigned char)rintf(fminf(fmaxf(255.0f * brightness[i] * coverage[i], 0.0f), 255.0f));
}
