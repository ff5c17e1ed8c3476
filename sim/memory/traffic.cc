// Plays bursts to the compiled controller, with the model of the memory chip at its pins, and counts cycles.
// Built and called through sim/memory/traffic.py.

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "Vboard.h"
#include "sdram.h"
#include "sdram_table.h"
#include "verilated.h"

namespace {

struct Burst {
    uint32_t address, words, write;
};

// Waits of one side: before a transfer, by `chance` of 1024, 1 to `longest` cycles.
struct Waits {
    uint32_t chance, longest;
};

class Pace {
   public:
    Pace(Waits waits, uint32_t seed) : waits(waits), random(seed) { next(); }
    bool ready() const { return left == 0; }
    void cycle(bool moved) {
        if (moved)
            next();
        else if (left)
            left--;
    }

   private:
    Waits waits;
    std::mt19937 random;
    uint32_t left = 0;
    void next() { left = random() % 1024 < waits.chance ? 1 + random() % waits.longest : 0; }
};

struct Traffic {
    VerilatedContext context;
    Vboard top{&context};
    sdram::Pads pads{SDRAM_NUMBERS, SDRAM_RULES, SDRAM_DELAY};
    std::string problem;

    void settle() {
        top.clk = 0;
        top.eval();
    }

    void edge() {
        const sdram::Pins held{int(top.pins_command), int(top.pins_bank), int(top.pins_address),
                               int(top.pins_drives), int(top.pins_data)};
        const uint16_t sampled = pads.clock(held);
        top.clk = 1;
        top.eval();
        top.pins_sampled = sampled;
        if (!pads.chip.violation.empty()) problem = pads.chip.violation;
    }
};

}  // namespace

extern "C" {

Traffic *traffic_create() {
    auto *traffic = new Traffic;
    traffic->top.request_valid = traffic->top.write_valid = traffic->top.read_ready = 0;
    traffic->settle();
    return traffic;
}

void traffic_destroy(Traffic *traffic) {
    traffic->top.final();
    delete traffic;
}

const char *traffic_problem(const Traffic *traffic) { return traffic->problem.c_str(); }

int64_t traffic_refreshes(const Traffic *traffic) { return traffic->pads.chip.refreshes; }

// Plays `count` bursts; words to write come from `given`, words read go to `found`. Returns the cycles from the
// first burst that was taken to the last word, or -1: a rule was broken, or nothing moved for `patience` cycles.
int64_t traffic_play(Traffic *traffic, const Burst *bursts, uint64_t count, const uint16_t *given,
                     uint64_t given_count, uint16_t *found, uint64_t found_count, const Waits *waits,
                     uint32_t seed, uint64_t patience) {
    Vboard &top = traffic->top;
    Pace requests(waits[0], seed), writes(waits[1], seed + 1), reads(waits[2], seed + 2);
    uint64_t asked = 0, written = 0, read = 0, still = 0;
    int64_t cycles = 0;
    while (asked < count || written < given_count || read < found_count) {
        top.request_valid = asked < count && requests.ready();
        if (asked < count) {
            top.request_address = bursts[asked].address;
            top.request_words = bursts[asked].words;
            top.request_write = bursts[asked].write;
        }
        top.write_valid = written < given_count && writes.ready();
        if (written < given_count) top.write_payload = given[written];
        top.read_ready = reads.ready();
        traffic->settle();
        const bool takes = top.request_valid && top.request_ready;
        const bool gives = top.write_valid && top.write_ready;
        const bool comes = top.read_valid && top.read_ready;
        if (comes) {
            if (read == found_count) {
                traffic->problem = "a word came that nobody asked for";
                return -1;
            }
            found[read] = top.read_payload;
        }
        traffic->edge();
        if (!traffic->problem.empty()) return -1;
        asked += takes, written += gives, read += comes;
        requests.cycle(takes), writes.cycle(gives), reads.cycle(comes);
        cycles += asked > 0;
        still = takes || gives || comes ? 0 : still + 1;
        if (still > patience) {
            traffic->problem = "nothing moves: " + std::to_string(asked) + " bursts, " + std::to_string(written) +
                               " words written, " + std::to_string(read) + " read";
            return -1;
        }
    }
    top.request_valid = top.write_valid = top.read_ready = 0;
    return cycles;
}

// Runs the clock without traffic. Returns -1 when a rule was broken.
int traffic_idle(Traffic *traffic, uint64_t cycles) {
    for (uint64_t cycle = 0; cycle < cycles && traffic->problem.empty(); cycle++) {
        traffic->settle();
        traffic->edge();
    }
    return traffic->problem.empty() ? 0 : -1;
}

}  // extern "C"
