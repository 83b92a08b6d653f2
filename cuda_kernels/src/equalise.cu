// Histogram equalisation of thermal counts; the specification is cuda_kernels/reference/equalise.py.
// Sums are whole numbers and each curve is one division of them, so that all back ends round alike.

#define PIXEL long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; if (i >= pixels) return
#define BINS 65536
#define THREADS 256
#define BINS_EACH (BINS / THREADS)
#define TILES 8
#define LEVELS 256

typedef unsigned long long Sum;

// As torch.lerp: exact at both ends.
__device__ inline float lerp(float start, float end, float weight) {
    return weight < 0.5f ? start + weight * (end - start) : end - (end - start) * (1.0f - weight);
}

// As normalise: fmaxf takes NaN to 0.
__device__ inline float share_of(float count, const float* span) {
    float width = span[1] - span[0];
    return width != 0.0f ? fminf(fmaxf((count - span[0]) / width, 0.0f), 1.0f) : 0.0f;
}

// First row or column of a tile, the tile of row or column p being p * TILES / size.
__device__ inline int first_of(int tile, int size) { return (tile * size + TILES - 1) / TILES; }

// One block of LEVELS threads a tile; bins are shared and empty.
template <typename Count>
__device__ inline void tile_curve(
    unsigned int* bins, const Count* counts, const float* span, float* curves, int height, int width, double contrast
) {
    int top = first_of(blockIdx.x / TILES, height), bottom = first_of(blockIdx.x / TILES + 1, height);
    int left = first_of(blockIdx.x % TILES, width), right = first_of(blockIdx.x % TILES + 1, width);
    long long pixels = (long long)(bottom - top) * (right - left);
    for (long long i = threadIdx.x; i < pixels; i += LEVELS) {
        long long row = top + i / (right - left), column = left + i % (right - left);
        int level = (int)(share_of((float)counts[row * width + column], span) * LEVELS);
        atomicAdd(&bins[min(level, LEVELS - 1)], 1u);
    }
    __syncthreads();
    double wanted = rint((double)pixels * (contrast / LEVELS));
    long long limit = wanted < 1.0 ? 1 : (long long)wanted, clipped = 0, total = 0, own = 0;
    for (int level = 0; level < LEVELS; ++level) {
        long long bin = min((long long)bins[level], limit);
        if (level < threadIdx.x) clipped += bin;
        if (level == threadIdx.x) own = bin;
        total += bin;
    }
    // A tile without pixels is taken to hold one, spread evenly.
    long long excess = pixels ? pixels - total : 1, number = max(pixels, 1ll), middle = 2 * (int)threadIdx.x + 1;
    double sum = (double)(LEVELS * (2 * clipped + own) + excess * middle);
    curves[blockIdx.x * LEVELS + threadIdx.x] = (float)(sum / (double)(2 * LEVELS * number));
}

// One block of THREADS threads, each with bins of its own.
extern "C" __global__ void plateau_curve(const unsigned int* histogram, float* curve, double plateau_share) {
    __shared__ Sum sums[THREADS];
    const unsigned int* own = histogram + threadIdx.x * BINS_EACH;
    Sum sum = 0, pixels = 0, before = 0, total = 0;
    for (int bin = 0; bin < BINS_EACH; ++bin) sum += own[bin];
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (int other = 0; other < THREADS; ++other) pixels += sums[other];
    // The small term keeps a product that should be whole from being rounded up.
    double wanted = ceil((double)pixels * plateau_share - 1e-6);
    Sum limit = wanted < 1.0 ? 1 : (Sum)wanted;
    __syncthreads();
    sum = 0;
    for (int bin = 0; bin < BINS_EACH; ++bin) sum += min((Sum)own[bin], limit);
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (int other = 0; other < THREADS; ++other) {
        if (other < threadIdx.x) before += sums[other];
        total += sums[other];
    }
    total = max(total, (Sum)1);
    for (int bin = 0; bin < BINS_EACH; ++bin) {
        Sum clipped = min((Sum)own[bin], limit);
        curve[threadIdx.x * BINS_EACH + bin] = (float)((double)(2 * before + clipped) / (double)(2 * total));
        before += clipped;
    }
}

extern "C" __global__ void ema(
    const float* measured, const float* previous, const float* ema_weight, float* averaged, long long pixels
) {
    PIXEL;
    averaged[i] = lerp(measured[i], previous[i], ema_weight[0]);
}

extern "C" __global__ void equalise_uint8(
    const unsigned char* counts, const float* curve, float* brightness, long long pixels
) {
    PIXEL;
    brightness[i] = curve[counts[i]];
}

extern "C" __global__ void equalise_uint16(
    const unsigned short* counts, const float* curve, float* brightness, long long pixels
) {
    PIXEL;
    brightness[i] = curve[counts[i]];
}

extern "C" __global__ void equalise_float32(
    const float* counts, const float* curve, float* brightness, long long pixels
) {
    PIXEL;
    float place = fminf(fmaxf(counts[i], 0.0f), BINS - 1.0f);
    int below = (int)place, above = min(below + 1, BINS - 1);
    brightness[i] = isnan(counts[i]) ? 0.0f : lerp(curve[below], curve[above], place - below);
}

extern "C" __global__ void tile_curves_uint8(
    const unsigned char* counts, const float* span, float* curves, int height, int width, double contrast
) {
    __shared__ unsigned int bins[LEVELS];
    bins[threadIdx.x] = 0;
    __syncthreads();
    tile_curve(bins, counts, span, curves, height, width, contrast);
}

extern "C" __global__ void tile_curves_uint16(
    const unsigned short* counts, const float* span, float* curves, int height, int width, double contrast
) {
    __shared__ unsigned int bins[LEVELS];
    bins[threadIdx.x] = 0;
    __syncthreads();
    tile_curve(bins, counts, span, curves, height, width, contrast);
}

extern "C" __global__ void tile_curves_float32(
    const float* counts, const float* span, float* curves, int height, int width, double contrast
) {
    __shared__ unsigned int bins[LEVELS];
    bins[threadIdx.x] = 0;
    __syncthreads();
    tile_curve(bins, counts, span, curves, height, width, contrast);
}

// Whole places beside one, held to 0..size - 1, and how far it lies past the first.
struct Between { int before, after; float past; };

__device__ inline Between between(float place, int size) {
    float inside = fminf(fmaxf(place, 0.0f), size - 1.0f);
    int before = (int)inside;
    return {before, min(before + 1, size - 1), inside - before};
}

__device__ inline float on_curve(const float* curves, int row, int column, Between level) {
    const float* curve = curves + (row * TILES + column) * LEVELS;
    return lerp(curve[level.before], curve[level.after], level.past);
}

template <typename Count>
__device__ inline void equalise_tiles(
    const Count* counts, const float* span, const float* curves, float* brightness, int height, int width,
    long long pixels
) {
    PIXEL;
    Between level = between(share_of((float)counts[i], span) * LEVELS - 0.5f, LEVELS);
    Between down = between(((float)(i / width) + 0.5f) * TILES / height - 0.5f, TILES);
    Between across = between(((float)(i % width) + 0.5f) * TILES / width - 0.5f, TILES);
    float corners[2][2];
    for (int lower = 0; lower < 2; ++lower)
        for (int right = 0; right < 2; ++right)
            corners[lower][right] = on_curve(
                curves, lower ? down.after : down.before, right ? across.after : across.before, level);
    float above = lerp(corners[0][0], corners[0][1], across.past);
    float below = lerp(corners[1][0], corners[1][1], across.past);
    brightness[i] = lerp(above, below, down.past);
}

extern "C" __global__ void equalise_tiles_uint8(
    const unsigned char* counts, const float* span, const float* curves, float* brightness, int height, int width,
    long long pixels
) {
    equalise_tiles(counts, span, curves, brightness, height, width, pixels);
}

extern "C" __global__ void equalise_tiles_uint16(
    const unsigned short* counts, const float* span, const float* curves, float* brightness, int height, int width,
    long long pixels
) {
    equalise_tiles(counts, span, curves, brightness, height, width, pixels);
}

extern "C" __global__ void equalise_tiles_float32(
    const float* counts, const float* span, const float* curves, float* brightness, int height, int width,
    long long pixels
) {
    equalise_tiles(counts, span, curves, brightness, height, width, pixels);
}
