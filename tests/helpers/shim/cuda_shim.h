// As much of CUDA C++ as the kernels use, for g++. Blocks run one after the other. The threads of a block run one
// after the other too, each up to the next barrier: kernels with barriers run every thread as a fiber. With the
// environment variable SHIM_REVERSED blocks and threads run from the last to the first, so that a kernel that counts
// on an order shows.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __restrict__ __restrict
#define __launch_bounds__(...)
// Not initialised again for each block, as on a GPU.
#define __shared__ static

using std::isnan;
using std::max;
using std::min;

namespace shim {
struct Index { unsigned int x, y, z; };
}  // namespace shim
static shim::Index threadIdx, blockIdx, blockDim, gridDim;

template <typename Number, typename Added>
static Number atomicAdd(Number* place, Added added) {
    Number before = *place;
    *place += added;
    return before;
}

namespace shim {
constexpr size_t STACK_BYTES = 64 << 10;

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    Index place;
    bool done;
};

static std::vector<Fiber> fibers;
static ucontext_t scheduler;
static Fiber* running;
static void (*body)(const void*);
static const void* body_arguments;

static void enter() {
    body(body_arguments);
    running->done = true;
    swapcontext(&running->context, &scheduler);
}

static void start(Fiber& fiber, Index place) {
    fiber.stack.resize(STACK_BYTES);
    fiber.place = place;
    fiber.done = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = STACK_BYTES;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, enter, 0);
}

// Every thread in turn up to its next barrier, until all have returned. The order is turned round each time, so
// that a barrier that is missing shows.
static void run_fibers(size_t count) {
    bool forward = true;
    for (size_t alive = count; alive; forward = !forward) {
        alive = 0;
        for (size_t turn = 0; turn < count; ++turn) {
            Fiber& fiber = fibers[forward ? turn : count - 1 - turn];
            if (fiber.done) continue;
            running = &fiber;
            threadIdx = fiber.place;
            swapcontext(&scheduler, &fiber.context);
            alive += !fiber.done;
        }
    }
}

template <typename Work>
static void each(Index size, Work work) {
    const bool reversed = std::getenv("SHIM_REVERSED") != nullptr;
    const size_t count = (size_t)size.x * size.y * size.z;
    for (size_t turn = 0; turn < count; ++turn) {
        const size_t i = reversed ? count - 1 - turn : turn;
        work(Index{(unsigned)(i % size.x), (unsigned)(i / size.x % size.y), (unsigned)(i / size.x / size.y)});
    }
}

template <typename Call>
static void run_block(const Call& call, bool has_barriers) {
    if (!has_barriers) {
        each(blockDim, [&](Index place) { threadIdx = place; call(); });
        return;
    }
    body = [](const void* it) { (*static_cast<const Call*>(it))(); };
    body_arguments = &call;
    size_t count = 0;
    fibers.resize((size_t)blockDim.x * blockDim.y * blockDim.z);
    each(blockDim, [&](Index place) { start(fibers[count++], place); });
    run_fibers(count);
}

template <typename... Parameters, size_t... I>
static void launch(void (*kernel)(Parameters...), const unsigned int* grid, const unsigned int* block,
                   void** arguments, bool has_barriers, std::index_sequence<I...>) {
    auto call = [&]() { kernel(*static_cast<Parameters*>(arguments[I])...); };
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    each(gridDim, [&](Index place) {
        blockIdx = place;
        run_block(call, has_barriers);
    });
}

// As cuLaunchKernel: `arguments` points to each argument in turn.
template <typename... Parameters>
static void run(void (*kernel)(Parameters...), const unsigned int* grid, const unsigned int* block,
                void** arguments, bool has_barriers) {
    launch(kernel, grid, block, arguments, has_barriers, std::index_sequence_for<Parameters...>());
}
}  // namespace shim

static void __syncthreads() { swapcontext(&shim::running->context, &shim::scheduler); }
