// The two products of a minibatch that take all the time, over lists of spikes instead of dense frames: what
// x @ w and x.T @ d are when x is mostly zero. Only for long experiments; bench/native/batched.py has the rest.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

void add(float* __restrict to, const float* __restrict from, int n) {
    for (int i = 0; i < n; i++) to[i] += from[i];
}

template <typename Each>  // of every spike: its row, and the place of its step and sample
void each_spike(const int64_t* offsets, const int32_t* rows, int steps, const int64_t* order, int64_t count,
                Each each) {
    for (int64_t k = 0; k < count; k++)
        for (int t = 0; t < steps; t++) {
            const int64_t* at = offsets + order[k] * steps + t;
            for (int64_t s = at[0]; s < at[1]; s++) each(rows[s], t * count + k);
        }
}

}  // namespace

// currents [steps][count][n] = spikes x weights [inputs][n]
extern "C" void batched_integrate(const float* weights, int n, const int64_t* offsets, const int32_t* rows,
                                  int steps, const int64_t* order, int64_t count, float* currents) {
    std::fill(currents, currents + size_t(steps) * count * n, 0.0f);
    each_spike(offsets, rows, steps, order, count,
               [=](int32_t row, int64_t at) { add(currents + at * n, weights + size_t(row) * n, n); });
}

// gradient [inputs][n] += spikes' x errors [steps][count][n]
extern "C" void batched_gather(float* gradient, int n, const int64_t* offsets, const int32_t* rows, int steps,
                               const int64_t* order, int64_t count, const float* errors) {
    each_spike(offsets, rows, steps, order, count,
               [=](int32_t row, int64_t at) { add(gradient + size_t(row) * n, errors + at * n, n); });
}
