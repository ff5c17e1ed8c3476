// Sums of a convolution's neurons, input by input: each adds its weights to the pixels that see it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "declared.h"

struct Patches {
    const Entry& entry;
    int width;                // neurons of a pixel: groups x lanes
    const int16_t* weights;   // [rows][width]

    // The largest sum that spikes can come to, of either sign, whichever they are.
    int64_t largest() const {
        std::vector<int32_t> up(width), down(width);
        for (int row = 0; row < entry.rows; row++) {
            const int16_t* __restrict at = &weights[size_t(row) * width];
            for (int i = 0; i < width; i++) up[i] += std::max<int32_t>(at[i], 0), down[i] -= std::min<int32_t>(at[i], 0);
        }
        return std::max(*std::max_element(up.begin(), up.end()), *std::max_element(down.begin(), down.end()));
    }

    // Add inputs at `rows` with these values to sums [pixels][width]. Widths that are usual have loops of their own.
    template <class Sum>
    void add(const std::vector<int32_t>& rows, const std::vector<int16_t>& values, Sum* sums) const {
        switch (width) {
            case 16: return add<16>(rows, values, sums);
            case 32: return add<32>(rows, values, sums);
            case 64: return add<64>(rows, values, sums);
            default: return add<0>(rows, values, sums);
        }
    }

private:
    template <int WIDTH, class Sum>
    void add(const std::vector<int32_t>& rows, const std::vector<int16_t>& values, Sum* sums) const {
        for (size_t k = 0; k < rows.size(); k++) {
            if (!values[k]) continue;
            const int place = rows[k] / entry.channels, channel = rows[k] % entry.channels;
            const int line = place / entry.width, column = place % entry.width;
            const int left = std::max(column - REACH, 0), right = std::min(column + REACH, entry.width - 1);
            for (int y = std::max(line - REACH, 0); y <= std::min(line + REACH, entry.height - 1); y++)
                for (int x = left; x <= right; x++) {
                    const int row = (SIDE * (line - y + REACH) + column - x + REACH) * entry.channels + channel;
                    add_row<WIDTH>(row, values[k], &sums[size_t(y * entry.width + x) * width]);
                }
        }
    }

    template <int WIDTH, class Sum>
    void add_row(int row, int value, Sum* __restrict sums) const {
        const int count = WIDTH ? WIDTH : width;
        const int16_t* __restrict at = &weights[size_t(row) * count];
        if (value == 1)
            for (int i = 0; i < count; i++) sums[i] += at[i];
        else
            for (int i = 0; i < count; i++) sums[i] += Sum(at[i] * value);
    }
};
