// The integer core compiled: golden/core.py bit for bit, some fifty times as fast.
//
// Same order of things as golden/core.py; all groups of a layer lie side by
// side in a row here, pixel after pixel, so a pass over a group works on a slice of `lanes` neurons.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "declared.h"  // golden/spec: fields, flags and number formats
#include "patches.h"

namespace {

constexpr int MOST_TRACE = (1 << TRACE_BITS) - 1, LEAST_TRACE = -1 - MOST_TRACE, MOST_SURROGATE = (1 << SURROGATE_BITS) - 1;

template <class Int>  // int32_t, or int64_t where products are large
Int saturate(Int value, int bits) {
    const Int top = Int(1) << (bits - 1);
    return std::clamp<Int>(value, -top, top - 1);
}

template <class Int>
Int round_shift(Int value, int shift) {
    return (value + (Int(1) << (shift - 1))) >> shift;
}

uint32_t noise_word(uint32_t state) {
    uint32_t left = state >> 16, right = state & 0xFFFF;
    for (uint32_t key : ROUND_KEYS) {
        const uint32_t mixed = left ^ (((right * key) >> 8) & 0xFFFF);
        left = right;
        right = mixed;
    }
    return (left << 16) | right;
}

// One row of one group: the loop that all time goes to, written for the vectoriser.
void update_row(int16_t* __restrict weights, const int32_t* __restrict gains,
                const int32_t* __restrict posts, const int32_t* __restrict rotate,
                const int32_t* __restrict flip, int lanes, int32_t trace, int32_t previous_spikes, uint32_t word,
                int32_t top) {
    for (int i = 0; i < lanes; i++) {
        const uint32_t turned = (word << rotate[i]) | ((word >> 1) >> (31 - rotate[i]));
        const int32_t random = int32_t(turned & ((1 << NOISE_BITS) - 1)) ^ flip[i];
        const int32_t weight = weights[i] + ((trace * gains[i] + previous_spikes * posts[i] + random) >> NOISE_BITS);
        weights[i] = int16_t(std::min(std::max(weight, -top), top - 1));
    }
}

// Neurons of a pixel, idle lanes behind them (golden/fire/fire.py): for the vectoriser, too.
void fire_neurons(const int32_t* __restrict sums, int32_t* __restrict membranes, int32_t* __restrict surrogates,
                  int32_t* __restrict spikes, int lanes, int neurons, int32_t theta, int32_t leak, int32_t psi_width,
                  int32_t psi_shift, bool hard_reset) {
    for (int i = 0; i < lanes; i++) {
        const int32_t v = saturate(sums[i], MEMBRANE_BITS), distance = v - theta;
        const int32_t spike = (distance > 0) & (i < neurons);
        const int32_t height = std::max(psi_width - (distance ^ (distance >> 31)), 0) >> psi_shift;
        spikes[i] = spike;
        surrogates[i] = std::min(height, MOST_SURROGATE) & -(i < neurons);
        membranes[i] = round_shift((v - (hard_reset ? v : theta) * spike) * leak, FACTOR_BITS);
    }
}

struct Layer {
    Entry entry;
    int width = 0;                          // groups x lanes
    int pixels = 1, latents = 1;            // positions of neurons, cells of latents
    std::vector<int16_t> weights;           // [rows][width]
    std::vector<int32_t> membranes, surrogates, posts, gains, post_gains, sums;  // [pixels][width]
    std::vector<int32_t> spikes, winners, m;  // [pixels][width]
    std::vector<int32_t> counts;            // spikes of this step, [latents][width]
    std::vector<int32_t> signs;             // [classes][latents][width]
    std::vector<int16_t> classifier;        // the same, where a classifier learns in place of signs
    std::vector<int32_t> seen;              // spikes of the next layer's inputs
    std::vector<int16_t> trace;             // [inputs], of the last step
    std::vector<uint8_t> previous_spikes;   // the same
    std::vector<int32_t> listed;            // inputs with a trace, ascending
    std::vector<int64_t> updates;           // [rows][width], added up (golden/layer_major.py)
    std::vector<uint8_t> met;               // [rows][groups]: something was added
    std::vector<int32_t> drive;             // [pixels][width]: what scatter added in its last step
    std::vector<int16_t> narrow;            // the same, while it is summed in 16 bits
    std::vector<int32_t> drive_rows;        // the inputs that it was of
    std::vector<int16_t> drive_values;
    bool driven = false;                    // no weight has changed since, no sample has begun

    bool is(int flag) const { return entry.flags & flag; }
    int map_inputs() const { return entry.map_inputs ? entry.map_inputs : MOST_MAP_INPUTS; }
    int bias() const { return is(AVERAGE) ? map_inputs() : entry.rows - 1; }  // behind all inputs
    int inputs() const { return is(CONVOLUTION) ? entry.width * entry.height * entry.channels : bias() + 1; }
};

struct Counters {
    int64_t steps, events, spikes, synops, updates;
    int64_t rows_both, rows_integrate, rows_update, rows_trace;
};

struct Visit {
    std::vector<int32_t> rows;
    std::vector<int16_t> trace;
    std::vector<int16_t> values;  // of this step: 1 of a spike, 0 of a row without one
    std::vector<uint8_t> previous_spikes;
    int learns = 0, active = 0, both = 0;

    void count() {
        learns = active = both = 0;
        for (size_t k = 0; k < rows.size(); k++) {
            const bool changes = trace[k] || previous_spikes[k];
            learns += changes, active += values[k] != 0, both += changes && values[k];
        }
    }
};

struct Core {
    int lanes, weight_bits, classes, list_depth;
    uint32_t noise_state = 0;
    uint32_t full = 0;  // a bit for each layer for which the lists were full
    std::vector<Layer> layers;
    std::vector<int32_t> rotations, flips;  // of each lane
    std::vector<int64_t> scores, votes, fired;
    Counters counters{};
    Visit visit, patch;
    std::vector<size_t> starts;  // of each pixel in the visit
    int step = 0;
    bool at_end = false;  // updates are added up and applied after the last step
    size_t recorded = 0;  // layer whose spikes, as the next one sees them, are written down
    uint8_t* record = nullptr;  // where to: [samples][steps][pixels][width]; null: nowhere

    // golden Core._drop_deferred and its new lists.
    void drop() {
        for (Layer& layer : layers) {
            std::fill(layer.gains.begin(), layer.gains.end(), 0);
            std::fill(layer.post_gains.begin(), layer.post_gains.end(), 0);
            forget(layer);
        }
    }

    void begin() {
        drop();
        for (Layer& layer : layers) {
            std::fill(layer.updates.begin(), layer.updates.end(), 0);
            std::fill(layer.met.begin(), layer.met.end(), 0);
            layer.driven = false;
        }
        std::fill(scores.begin(), scores.end(), 0);
        std::fill(votes.begin(), votes.end(), 0);
        std::fill(fired.begin(), fired.end(), 0);
        step = 0;
    }

    // Free places of the lists (golden/rows/trace.py).
    size_t room() const {
        size_t listed = 0;
        for (const Layer& layer : layers) listed += layer.listed.size();
        return size_t(list_depth) - listed;
    }

    // Of the rows of the visit that are not in the list, those that there is a place for stay.
    void leave_out(const Layer& layer) {
        size_t left = room();
        const auto taken = [&](int row) { return layer.trace[row] || layer.previous_spikes[row] || (left && left--); };
        visit.rows.erase(std::remove_if(visit.rows.begin(), visit.rows.end(), [&](int row) { return !taken(row); }),
                         visit.rows.end());
        full |= 1u << (&layer - layers.data());
    }

    static void forget(Layer& layer) {
        for (int row : layer.listed) layer.trace[row] = layer.previous_spikes[row] = 0;
        layer.listed.clear();
    }

    // Union of list and spikes; the list keeps what has a trace (golden/rows/trace.py). No values: 1 each.
    void merge(Layer& layer, const int32_t* rows, const int8_t* values, int count, bool keep) {
        visit.rows.resize(layer.listed.size() + count);
        const auto end = std::set_union(layer.listed.begin(), layer.listed.end(), rows, rows + count,
                                        visit.rows.begin());
        visit.rows.resize(end - visit.rows.begin());
        if (visit.rows.size() - layer.listed.size() > room()) leave_out(layer);
        const size_t n = visit.rows.size();
        visit.trace.resize(n), visit.previous_spikes.resize(n), visit.values.assign(n, 0);
        for (size_t k = 0, next = 0; k < n; k++) {
            const int row = visit.rows[k];
            visit.trace[k] = layer.trace[row], visit.previous_spikes[k] = layer.previous_spikes[row];
            while (next < size_t(count) && rows[next] < row) next++;  // left out
            if (next < size_t(count) && rows[next] == row) visit.values[k] = values ? values[next] : 1, next++;
        }
        visit.count();
        forget(layer);
        for (size_t k = 0; k < n; k++) {
            if (!keep) continue;
            const int decayed = visit.trace[k] * layer.entry.pre_decay / (1 << FACTOR_BITS);  // towards zero
            const int trace = std::clamp(decayed + layer.entry.pre_gain * visit.values[k], LEAST_TRACE, MOST_TRACE);
            if (!trace && !visit.values[k]) continue;
            layer.trace[visit.rows[k]] = int16_t(trace);
            layer.previous_spikes[visit.rows[k]] = visit.values[k] != 0;
            layer.listed.push_back(visit.rows[k]);
        }
    }

    // `state` counts groups of neurons, all pixels of a layer.
    bool deferred(const Layer& layer, int state) const {
        for (int i = state * lanes; i < (state + 1) * lanes; i++)
            if (layer.gains[i] || layer.post_gains[i]) return true;
        return false;
    }

    // The update of the last step for one group (golden/lanes/update.py, golden/lanes/noise.py).
    void apply_deferred(Layer& layer, const Visit& visited, size_t first, size_t beyond, int group, int state) {
        const int at = state * lanes, top = 1 << (weight_bits - 1);
        layer.driven = false;
        for (size_t k = first; k < beyond; k++) {
            const int32_t trace = visited.trace[k], previous_spikes = visited.previous_spikes[k] ? 1 << POST_FRACTION : 0;
            if (!trace && !previous_spikes) continue;
            update_row(&layer.weights[size_t(visited.rows[k]) * layer.width + group * lanes],
                       &layer.gains[at], &layer.post_gains[at], rotations.data(), flips.data(), lanes,
                       trace, previous_spikes, noise_word(noise_state), top);
            noise_state += WEYL;
        }
    }

    // golden/layer_major.py: what apply_deferred would do, added up and not rounded.
    void add(Layer& layer, const Visit& visited, int group, int state) {
        const int32_t *gains = &layer.gains[state * lanes], *posts = &layer.post_gains[state * lanes];
        for (size_t k = 0; k < visited.rows.size(); k++) {
            const size_t row = visited.rows[k];
            const int32_t trace = visited.trace[k], previous_spikes = visited.previous_spikes[k] ? 1 << POST_FRACTION : 0;
            int64_t* __restrict updates = &layer.updates[row * layer.width + group * lanes];
            for (int i = 0; i < lanes; i++) updates[i] += trace * gains[i] + previous_spikes * posts[i];
            layer.met[row * layer.entry.groups + group] = 1;
        }
    }

    // The gains of this step are used at once: `visit` becomes the list with the traces of this step.
    void add_up(Layer& layer) {
        visit.rows = layer.listed;
        visit.trace.clear(), visit.previous_spikes.clear();
        for (int row : layer.listed)
            visit.trace.push_back(layer.trace[row]), visit.previous_spikes.push_back(layer.previous_spikes[row]);
        visit.values.assign(visit.rows.size(), 0);
        passes(layer, true);
        std::fill(layer.gains.begin(), layer.gains.end(), 0);
        std::fill(layer.post_gains.begin(), layer.post_gains.end(), 0);
    }

    // A layer's sums, rounded once into its weights: groups, in a group rows, ascending.
    void settle(Layer& layer) {
        const Entry& e = layer.entry;
        const int64_t top = 1 << (weight_bits - 1);
        layer.driven = false;
        for (int group = 0; group < e.groups; group++)
            for (int row = 0; row < e.rows; row++) {
                if (!layer.met[size_t(row) * e.groups + group]) continue;
                const uint32_t word = noise_word(noise_state);
                noise_state += WEYL;
                for (int i = 0; i < lanes; i++) {
                    const size_t at = size_t(row) * layer.width + group * lanes + i;
                    const uint32_t turned = (word << rotations[i]) | ((word >> 1) >> (31 - rotations[i]));
                    const int64_t change = layer.updates[at] + (int32_t(turned & ((1 << NOISE_BITS) - 1)) ^ flips[i]);
                    layer.weights[at] = int16_t(std::clamp(layer.weights[at] + (change >> NOISE_BITS), -top, top - 1));
                }
                counters.updates += neurons(layer, group);
            }
    }

    int neurons(const Layer& layer, int group) const {
        return std::clamp(layer.entry.outputs - group * lanes, 0, lanes);
    }

    // One group at one pixel: the update of the last step, then (unless `flush`) the sums of this one.
    void pass(Layer& layer, const Visit& visited, int group, int pixel, bool flush) {
        const int state = pixel * layer.entry.groups + group;
        const bool updates = deferred(layer, state);
        if (at_end && flush) {
            if (updates) add(layer, visited, group, state);
            return;
        }
        counters.updates += updates ? int64_t(visited.learns) * neurons(layer, group) : 0;
        counters.synops += int64_t(visited.active) * neurons(layer, group);
        counters.rows_both += updates ? visited.both : 0;
        counters.rows_update += updates ? visited.learns - visited.both : 0;
        counters.rows_integrate += visited.active - (updates ? visited.both : 0);
        if (group == 0 && !layer.is(CONVOLUTION | AVERAGE))
            counters.rows_trace += int(visited.rows.size()) - visited.active -
                                   (updates ? visited.learns - visited.both : 0);
        if (!flush) start(layer, state);
        for (size_t first = 0, beyond; first < visited.rows.size(); first = beyond) {
            beyond = first + 1;  // behind an average a row comes again, with another pixel
            while (beyond < visited.rows.size() && visited.rows[beyond] > visited.rows[beyond - 1]) beyond++;
            if (updates) apply_deferred(layer, visited, first, beyond, group, state);
            if (!flush) integrate(layer, visited, first, beyond, group, state);
        }
    }

    void start(Layer& layer, int state) {
        const int32_t* kept = &layer.membranes[state * lanes];
        const bool nothing = layer.is(READOUT) || step == 0;
        for (int i = 0; i < lanes; i++) layer.sums[state * lanes + i] = nothing ? 0 : kept[i];
    }

    void integrate(Layer& layer, const Visit& visited, size_t first, size_t beyond, int group, int state) {
        int32_t* __restrict sums = &layer.sums[state * lanes];
        for (size_t k = first; k < beyond; k++) {
            const int32_t value = visited.values[k];
            if (!value) continue;
            const int16_t* __restrict weights =
                &layer.weights[size_t(visited.rows[k]) * layer.width + group * lanes];
            if (value == 1)
                for (int i = 0; i < lanes; i++) sums[i] += weights[i];
            else
                for (int i = 0; i < lanes; i++) sums[i] += weights[i] * value;
        }
    }

    // What is in the 3 x 3 patch around a pixel, as rows of weights (golden/schedule/patch.py).
    void look(const Layer& layer, int y, int x) {
        const Entry& e = layer.entry;
        const int left = std::max(x - REACH, 0), right = std::min(x + REACH, e.width - 1);
        patch.rows.clear(), patch.trace.clear(), patch.previous_spikes.clear(), patch.values.clear();
        for (int line = std::max(y - REACH, 0); line <= std::min(y + REACH, e.height - 1); line++) {
            const int place = line * e.width;
            const int offset = (SIDE * (line - y + REACH) - (place + x - REACH)) * e.channels;
            for (size_t k = starts[place + left]; k < starts[place + right + 1]; k++) {
                patch.rows.push_back(visit.rows[k] + offset);
                patch.trace.push_back(visit.trace[k]), patch.previous_spikes.push_back(visit.previous_spikes[k]);
                patch.values.push_back(visit.values[k]);
            }
        }
        patch.count();
    }

    // A map's neurons as rows of channels; a bias is the last pixel's (golden/schedule/patch.py).
    void average(const Layer& layer) {
        const Entry& e = layer.entry;
        patch = visit;
        for (int32_t& row : patch.rows)
            row -= std::min(row / e.channels, layer.map_inputs() / e.channels - 1) * e.channels;
        patch.count();
    }

    bool any_deferred(const Layer& layer) const {
        for (int state = 0; state < layer.pixels * layer.entry.groups; state++)
            if (deferred(layer, state)) return true;
        return false;
    }

    // All passes over a convolution that has no update to apply: sums are exact, so spikes may come in any
    // order, and each adds its weights to the pixels that see it. Patches need not be collected.
    // Inputs that are repeated, as those of an image, are added up once.
    void scatter(Layer& layer) {
        const Entry& e = layer.entry;
        for (int state = 0; state < layer.pixels * e.groups; state++) start(layer, state);
        if (!layer.driven || layer.drive_rows != visit.rows || layer.drive_values != visit.values) {
            layer.drive.assign(layer.sums.size(), 0);
            layer.drive_rows = visit.rows, layer.drive_values = visit.values, layer.driven = true;
            add_weights(layer);
        }
        for (size_t k = 0; k < visit.rows.size(); k++) {
            if (!visit.values[k]) continue;
            const int place = visit.rows[k] / e.channels, line = place / e.width, column = place % e.width;
            const int high = 1 + std::min(line + REACH, e.height - 1) - std::max(line - REACH, 0);
            const int seen = high * (1 + std::min(column + REACH, e.width - 1) - std::max(column - REACH, 0));
            counters.synops += int64_t(seen) * e.outputs, counters.rows_integrate += int64_t(seen) * e.groups;
        }
        for (size_t i = 0; i < layer.sums.size(); i++) layer.sums[i] += layer.drive[i];
    }

    // The weights of every spike, to the pixels that see it: in 16 bits where no set of these inputs can pass them.
    void add_weights(Layer& layer) {
        const auto [least, most] = std::minmax_element(visit.values.begin(), visit.values.end());
        const int value = visit.values.empty() ? 0 : std::max(-int(*least), int(*most));
        const Patches patches{layer.entry, layer.width, layer.weights.data()};
        if (value * patches.largest() < 1 << 15) {
            layer.narrow.assign(layer.sums.size(), 0);
            patches.add(visit.rows, visit.values, layer.narrow.data());
            layer.drive.assign(layer.narrow.begin(), layer.narrow.end());
        } else {
            layer.drive.assign(layer.sums.size(), 0);
            patches.add(visit.rows, visit.values, layer.drive.data());
        }
    }

    void passes(Layer& layer, bool flush) {
        const Entry& e = layer.entry;
        if (!layer.is(CONVOLUTION)) {
            if (layer.is(AVERAGE)) average(layer);
            const Visit& visited = layer.is(AVERAGE) ? patch : visit;
            for (int group = 0; group < e.groups; group++) pass(layer, visited, group, 0, flush);
            return;
        }
        if (!flush && !any_deferred(layer)) {
            scatter(layer);
            return;
        }
        starts.resize(layer.pixels + 1);
        for (int pixel = 0; pixel <= layer.pixels; pixel++)
            starts[pixel] = std::lower_bound(visit.rows.begin(), visit.rows.end(), pixel * e.channels) -
                            visit.rows.begin();
        for (int pixel = 0; pixel < layer.pixels; pixel++) {
            look(layer, pixel / e.width, pixel % e.width);
            for (int group = 0; group < e.groups; group++) pass(layer, patch, group, pixel, flush);
        }
    }

    void fire(Layer& layer) {
        const Entry& e = layer.entry;
        for (int pixel = 0; pixel < layer.pixels; pixel++) {
            const int at = pixel * layer.width;
            const int32_t* sums = &layer.sums[at];
            int32_t *membranes = &layer.membranes[at], *surrogates = &layer.surrogates[at], *spikes = &layer.spikes[at];
            if (layer.is(READOUT))
                for (int i = 0; i < layer.width; i++) {
                    membranes[i] = saturate(sums[i], MEMBRANE_BITS);
                    surrogates[i] = READOUT_SURROGATE * (i < e.outputs), spikes[i] = 0;
                }
            else
                fire_neurons(sums, membranes, surrogates, spikes, layer.width, e.outputs, e.theta, e.leak, e.psi_width,
                             e.psi_shift, layer.is(HARD_RESET));
        }
    }

    // What the next layer sees, and who decided it (golden/fire/pool.py).
    void pool(Layer& layer) {
        const int width = layer.width, columns = layer.entry.width, lines = layer.entry.height;
        if (!layer.is(POOL)) {
            layer.seen = layer.spikes;
            return;
        }
        std::fill(layer.winners.begin(), layer.winners.end(), 0);
        layer.seen.resize(size_t(lines / 2) * (columns / 2) * width);
        int32_t* seen = layer.seen.data();
        for (int y = 0; y + 1 < lines; y += 2)
            for (int x = 0; x + 1 < columns; x += 2, seen += width) {
                const int corner = (y * columns + x) * width, line = columns * width;
                std::fill(seen, seen + width, 0);
                for (int place : {corner, corner + width, corner + line, corner + line + width})
                    for (int i = 0; i < width; i++) {
                        layer.winners[place + i] = layer.spikes[place + i] & ~seen[i];
                        seen[i] |= layer.spikes[place + i];
                    }
                for (int i = 0; i < width; i++) layer.winners[corner + i] |= 1 - seen[i];
            }
    }

    int cell(const Layer& layer, int pixel) const {
        const Entry& e = layer.entry;
        if (!layer.is(CONVOLUTION)) return 0;
        const int y = pixel / e.width >> e.cell_shift, x = pixel % e.width >> e.cell_shift;
        return std::min(y * e.cell_line / e.groups + x, layer.latents - 1);  // beyond: no winner
    }

    // What the next layer sees, summed over the cell of each latent.
    void count(Layer& layer) const {
        const int width = layer.width;
        const int columns = layer.is(POOL) ? layer.entry.width / 2 : layer.entry.width;
        std::fill(layer.counts.begin(), layer.counts.end(), 0);
        for (size_t k = 0; k < layer.seen.size(); k++) {
            if (!layer.seen[k]) continue;
            int pixel = int(k) / width;
            if (layer.is(POOL)) pixel = pixel / columns * 2 * layer.entry.width + pixel % columns * 2;
            layer.counts[size_t(cell(layer, pixel)) * width + k % width]++;
        }
    }

    // Logits of a hidden layer: B times its counts (golden/learn/latents.py, golden/learn/classifier.py).
    void project(const Layer& layer, int32_t* logits) const {
        const size_t latents = layer.counts.size();
        for (int c = 0; c < classes; c++) {
            int64_t sum = 0;
            for (size_t i = 0; i < latents; i++)
                sum += layer.counts[i] * (layer.is(CLASSIFIER) ? layer.classifier[c * latents + i]
                                                               : layer.signs[c * latents + i]);
            if (layer.is(CLASSIFIER)) sum = saturate(round_shift(sum, CLASSIFIER_FRACTION), LOGIT_BITS);
            logits[c] = int32_t(sum);
        }
    }

    // What a classifier's logits add to the scores (golden/learn/classifier.py).
    void vote(const Layer& layer, const int32_t* logits) {
        for (int c = 0; c < classes; c++) {
            const int64_t vote = round_shift(int64_t(logits[c]) * layer.entry.vote_gain, VOTE_FRACTION);
            votes[c] = saturate(votes[c] + saturate(vote, MEMBRANE_BITS), SCORE_BITS);
        }
    }

    // A step of a classifier (golden/learn/classifier.py).
    void move_classifier(Layer& layer, const int32_t* errors) const {
        const size_t latents = layer.counts.size();
        for (int c = 0; c < classes; c++) {
            const int64_t move = round_shift(errors[c] * layer.entry.classifier_rate, ERROR_FRACTION);
            int16_t* weights = &layer.classifier[c * latents];
            for (size_t i = 0; i < latents; i++)
                weights[i] = int16_t(saturate(weights[i] + round_shift(move * layer.counts[i], MOVE_FRACTION),
                                              CLASSIFIER_BITS));
        }
    }

    // golden/learn and Core._learn
    void learn(Layer& layer, size_t index, int target, bool learns) {
        const Entry& e = layer.entry;
        int32_t logits[128] = {}, errors[128], signals[128];
        pool(layer);
        if (layer.is(READOUT)) {
            for (int c = 0; c < classes; c++) scores[c] += logits[c] = layer.membranes[c];
        } else {
            count(layer);
            project(layer, logits);
            if (layer.is(CLASSIFIER)) vote(layer, logits);
            const int64_t spikes = std::accumulate(layer.seen.begin(), layer.seen.end(), int64_t(0));
            fired[index] += spikes, counters.spikes += spikes;
        }
        if (!learns) return;
        for (int c = 0; c < classes; c++) {
            const int64_t product = int64_t(logits[c]) * e.error_gain + (1 << (LOGIT_FRACTION - 1));
            const int32_t guess = e.error_offset + int32_t(product >> LOGIT_FRACTION);
            errors[c] = ERROR_ONE * (c == target) - std::clamp(guess, 0, ERROR_ONE);
            signals[c] = round_shift(errors[c] * e.rate, ERROR_FRACTION);
        }
        spread(layer, target < 0 ? nullptr : signals);
        if (layer.is(CLASSIFIER) && target >= 0) move_classifier(layer, errors);
        const int neurons = layer.pixels * layer.width;
        for (int i = 0; i < neurons; i++)
            layer.gains[i] = round_shift(layer.m[i] * layer.surrogates[i], SURROGATE_BITS);
        if (!e.post_gain) return;
        for (int i = 0; i < neurons; i++) {
            const int32_t psi = layer.surrogates[i], post = step ? layer.posts[i] : 0;
            const int32_t gain = round_shift(layer.m[i] * post, TRACE_BITS);
            layer.post_gains[i] = layer.is(POST_NEGATIVE) ? -gain : gain;
            const int32_t more = ((post * e.post_decay) >> FACTOR_BITS) + round_shift(psi * e.post_gain, FACTOR_BITS);
            layer.posts[i] = std::min(more, MOST_TRACE);
        }
    }

    // m of every neuron from the signals of the classes; none: there is no learning signal.
    void spread(Layer& layer, const int32_t* signals) {
        const int width = layer.width, latents = layer.latents * width;
        std::fill(layer.m.begin(), layer.m.end(), 0);
        if (!signals) return;
        if (layer.is(READOUT)) {
            std::copy(signals, signals + classes, layer.m.begin());
            return;
        }
        std::vector<int64_t> back(latents);  // B' e of every latent
        for (int c = 0; c < classes; c++)
            for (int i = 0; i < latents; i++)
                back[i] += int64_t(signals[c]) * (layer.is(CLASSIFIER) ? layer.classifier[size_t(c) * latents + i]
                                                                       : layer.signs[size_t(c) * latents + i]);
        if (layer.is(CLASSIFIER))
            for (int64_t& latent : back) latent = round_shift(latent, CLASSIFIER_FRACTION);
        if (layer.is(CONVOLUTION))
            for (int64_t& latent : back) latent = saturate(latent, SIGNAL_BITS);
        const int32_t cost = layer.entry.rate_cost;
        for (int pixel = 0; pixel < layer.pixels; pixel++) {
            const int64_t* from = &back[size_t(cell(layer, pixel)) * width];
            const int32_t *spikes = &layer.spikes[pixel * width], *wins = &layer.winners[pixel * width];
            int32_t* m = &layer.m[pixel * width];
            for (int i = 0; i < width; i++) m[i] = wins[i] * int32_t(saturate(from[i] - cost * spikes[i], SIGNAL_BITS));
        }
    }

    // Steps of a sample: rows of step t are rows[offsets[t] .. offsets[t + 1]], and so are their values.
    void run_steps(const int64_t* offsets, const int32_t* rows, const int8_t* values, int steps, int label,
                   bool learning, int learn_from) {
        std::vector<int32_t> events;
        std::vector<int8_t> carried;  // values of the first layer's events
        for (int t = 0; t < steps; t++, step++) {
            events.assign(rows + offsets[t], rows + offsets[t + 1]);
            carried.assign(values + offsets[t], values + offsets[t + 1]);
            counters.steps++, counters.events += int64_t(events.size());
            for (size_t index = 0; index < layers.size(); index++) {
                Layer& layer = layers[index];
                const bool learns = learning && layer.is(PLASTIC);
                if (layer.is(BIAS)) events.push_back(layer.bias()), carried.push_back(1);
                merge(layer, events.data(), index ? nullptr : carried.data(), int(events.size()), learns);
                passes(layer, false);
                fire(layer);
                learn(layer, index, step >= learn_from ? label : -1, learns);
                if (at_end) add_up(layer);
                if (record && index == recorded) record = std::copy(layer.seen.begin(), layer.seen.end(), record);
                events.clear();
                for (size_t i = 0; i < layer.seen.size(); i++)
                    if (layer.seen[i]) events.push_back(int(i));
            }
        }
    }

    // What is left to do after the last step (golden Core._flush).
    void flush() {
        for (Layer& layer : layers) {
            if (at_end) settle(layer);
            if (!any_deferred(layer)) continue;
            merge(layer, nullptr, nullptr, 0, false);
            passes(layer, true);
        }
        drop();
    }
};

}  // namespace

extern "C" {

Core* core_new(int lanes, int weight_bits, int classes, int list_depth, int layers, const int32_t* table,
               const int8_t* const* signs) {
    Core* core = new Core{lanes, weight_bits, classes, list_depth};
    for (int i = 0; i < lanes; i++) {
        core->rotations.push_back((i * ROTATION) % 32);
        core->flips.push_back((i * FLIP) & 0xFFFF);
    }
    constexpr int FIELDS = sizeof(Entry) / sizeof(int);
    for (int l = 0; l < layers; l++) {
        Layer layer;
        std::memcpy(&layer.entry, table + l * FIELDS, sizeof(Entry));
        layer.width = layer.entry.groups * lanes;
        if (layer.is(CONVOLUTION)) {
            layer.pixels = layer.entry.width * layer.entry.height;
            layer.latents = layer.entry.latents / layer.entry.groups;
        }
        layer.weights.resize(size_t(layer.entry.rows) * layer.width);
        for (auto* array : {&layer.membranes, &layer.surrogates, &layer.posts, &layer.gains,
                            &layer.post_gains, &layer.sums, &layer.spikes, &layer.m})
            array->resize(layer.pixels * layer.width);
        layer.winners.assign(layer.pixels * layer.width, 1);
        layer.trace.resize(layer.inputs()), layer.previous_spikes.resize(layer.inputs());
        layer.counts.resize(size_t(layer.latents) * layer.width);
        layer.signs.assign(signs[l], signs[l] + classes * layer.counts.size());
        if (layer.is(CLASSIFIER)) layer.classifier.resize(layer.signs.size());
        core->layers.push_back(std::move(layer));
    }
    core->scores.resize(classes), core->votes.resize(classes), core->fired.resize(layers);
    return core;
}

void core_free(Core* core) { delete core; }

int16_t* core_weights(Core* core, int layer) { return core->layers[layer].weights.data(); }

int16_t* core_classifier(Core* core, int layer) { return core->layers[layer].classifier.data(); }

uint32_t* core_noise(Core* core) { return &core->noise_state; }

int64_t* core_counters(Core* core) { return reinterpret_cast<int64_t*>(&core->counters); }

// A bit for each layer for which the lists were full in the samples that ran last.
uint32_t core_full(Core* core) { return core->full; }

// State of a layer's neurons, [pixels][width]: 0 membranes, 1 surrogates, 2 post traces, 3 spikes, 4 gains, 5 post gains.
int32_t* core_state(Core* core, int layer, int which) {
    Layer& at = core->layers[layer];
    std::vector<int32_t>* arrays[] = {&at.membranes, &at.surrogates, &at.posts, &at.spikes, &at.gains, &at.post_gains};
    return arrays[which]->data();
}

// From now on the spikes of a layer, as the next one sees them, are written to `where`.
void core_record(Core* core, int layer, uint8_t* where) { core->recorded = size_t(layer), core->record = where; }

void core_at_end(Core* core) {
    core->at_end = true;
    for (Layer& layer : core->layers) {
        layer.updates.resize(layer.weights.size());
        layer.met.resize(size_t(layer.entry.rows) * layer.entry.groups);
    }
}

void core_set_rates(Core* core, int layer, int rate, int rate_cost, int classifier_rate) {
    Entry& entry = core->layers[layer].entry;
    entry.rate = rate, entry.rate_cost = rate_cost, entry.classifier_rate = classifier_rate;
}

// What a sample came to until now: 0 scores of readouts, 1 votes of classifiers, both [classes], 2 spikes [layers].
int64_t* core_sums(Core* core, int which) {
    std::vector<int64_t>* arrays[] = {&core->scores, &core->votes, &core->fired};
    return arrays[which]->data();
}

// Steps that the sample has had until now.
int* core_step(Core* core) { return &core->step; }

int core_listed(Core* core, int layer) { return int(core->layers[layer].listed.size()); }

// A layer's active list, ascending: rows, traces, whether they spiked in the last step, [core_listed] each.
void core_get_list(Core* core, int layer, int32_t* rows, int32_t* trace, int32_t* previous_spikes) {
    const Layer& from = core->layers[layer];
    for (size_t k = 0; k < from.listed.size(); k++) {
        rows[k] = from.listed[k];
        trace[k] = from.trace[rows[k]], previous_spikes[k] = from.previous_spikes[rows[k]];
    }
}

// Gives 0, and changes nothing, if the layer has no such rows.
int core_set_list(Core* core, int layer, int count, const int32_t* rows, const int32_t* trace,
                  const int32_t* previous_spikes) {
    Layer& to = core->layers[layer];
    if (count && rows[count - 1] >= int(to.trace.size())) return 0;
    Core::forget(to);
    to.listed.assign(rows, rows + count);
    for (int k = 0; k < count; k++)
        to.trace[rows[k]] = int16_t(trace[k]), to.previous_spikes[rows[k]] = uint8_t(previous_spikes[k]);
    return 1;
}

// Steps of a sample that may have had others before, and may have others behind.
void core_piece(Core* core, const int64_t* offsets, const int32_t* rows, const int8_t* values, int label, int steps,
                int learning, int learn_from, int first, int last) {
    core->full = 0;
    if (first) core->begin();
    core->run_steps(offsets, rows, values, steps, label, learning, learn_from);
    if (last) core->flush();
}

// Whole samples of `order`, in it. Scores [samples][classes] and spikes [samples][layers] come out.
void core_run(Core* core, const int64_t* offsets, const int32_t* rows, const int8_t* values,
              const int32_t* labels, int steps, const int64_t* order, int64_t count, int learning,
              int learn_from, int64_t* scores, int64_t* spikes) {
    const size_t classes = core->scores.size(), layers = core->fired.size();
    core->full = 0;
    for (int64_t k = 0; k < count; k++) {
        const int64_t i = order[k];
        core->begin();
        core->run_steps(offsets + i * steps, rows, values, steps, labels[i], learning, learn_from);
        core->flush();
        for (size_t c = 0; c < classes; c++)
            scores[size_t(k) * classes + c] = saturate(core->scores[c] + core->votes[c], SCORE_BITS);
        std::copy(core->fired.begin(), core->fired.end(), spikes + size_t(k) * layers);
    }
}
}
