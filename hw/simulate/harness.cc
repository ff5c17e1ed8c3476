// The simulated board: clock loop, byte queues and stop conditions around the compiled design.
// Built by hw/simulate/compiling.py, called through sw/link/simulated.py. One byte a cycle each way.

#include <cstdint>
#include <memory>
#include <string>

#include "Vboard.h"
#include "verilated.h"
#if __has_include("sdram_table.h")
#include "sdram_table.h"
#else
#define SDRAM 0
#endif
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr uint8_t END = 0xC0;  // ends a frame, see golden/spec/frames.py

enum Reason { LIMIT = 0, QUIET = 1, FRAME = 2, FULL = 3, BROKEN = 4 };
constexpr double CORE_MHZ = 80;  // clock of the core, for the other clock of a memory

struct Board {
    VerilatedContext context;
    Vboard top{&context};
    uint64_t cycles = 0;
    std::string problem;  // a rule of the memory chip that was broken
#if SDRAM
    sdram::Pads pads{SDRAM_NUMBERS, SDRAM_RULES, SDRAM_DELAY};
    double due = 0;  // clocks of the memory that have not come
#endif
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> trace;
#endif

    void dump(uint64_t half) {
#if VM_TRACE
        if (trace) trace->dump(2 * cycles + half);
#else
        (void)half;
#endif
    }

    void settle() {
        top.clk = 0;
        top.eval();
        dump(0);
    }

    void tick() {
        top.clk = 1;
        top.eval();
        dump(1);
        cycles++;
#if SDRAM
        for (due += SDRAM_MHZ / CORE_MHZ; due >= 1; due--) memory_edge();
#endif
    }

#if SDRAM
    void memory_edge() {
        const sdram::Pins held{int(top.pins_command), int(top.pins_bank), int(top.pins_address),
                               int(top.pins_drives), int(top.pins_data)};
        const uint16_t sampled = pads.clock(held);
        top.memory_clk = 1;
        top.eval();
        top.pins_sampled = sampled;
        top.memory_clk = 0;
        top.eval();
        problem = pads.chip.violation;
    }
#endif
};

}  // namespace

extern "C" {

Board *board_create() {
    auto *board = new Board;
    board->top.tx_ready = 1;
    board->top.rx_valid = 0;
    board->settle();
    return board;
}

void board_destroy(Board *board) {
#if VM_TRACE
    if (board->trace) board->trace->close();
#endif
    board->top.final();
    delete board;
}

// The rule of the memory chip that was broken, and the commands so far; empty as long as all is well.
const char *board_problem(const Board *board) { return board->problem.c_str(); }

uint64_t board_cycles(const Board *board) { return board->cycles; }

// Start a dump of every signal. Non-zero when this library was built without.
int board_trace(Board *board, const char *path) {
#if VM_TRACE
    board->context.traceEverOn(true);
    board->trace = std::make_unique<VerilatedVcdC>();
    board->top.trace(board->trace.get(), 99);
    board->trace->open(path);
    return board->trace->isOpen() ? 0 : 1;
#else
    (void)board, (void)path;
    return 1;
#endif
}

// Run the clock: bytes of `in` go in as the design takes them, its bytes come out in `out`.
// Stops after max_cycles (LIMIT); when nothing moved for quiet_cycles with no sample in the core and
// no input left (QUIET); when a frame ended (FRAME); when `out` is full (FULL); when the memory chip was given a
// command that it does not allow (BROKEN).
int board_exchange(Board *board, const uint8_t *in, uint64_t in_size, uint64_t *in_used,
                   uint8_t *out, uint64_t out_size, uint64_t *out_used, uint64_t max_cycles,
                   uint64_t quiet_cycles) {
    Vboard &top = board->top;
    uint64_t used = 0, made = 0, quiet = 0;
    int reason = LIMIT;
    for (uint64_t cycle = 0; cycle < max_cycles; cycle++) {
        if (made == out_size) {
            reason = FULL;
            break;
        }
        const bool offered = used < in_size;
        top.rx_valid = offered;
        if (offered) top.rx_payload = in[used];
        board->settle();
        const bool taken = offered && top.rx_ready;
        const bool given = top.tx_valid;
        const uint8_t byte = top.tx_payload;
        const bool busy = top.busy;
        board->tick();
        if (!board->problem.empty()) {
            reason = BROKEN;
            break;
        }
        used += taken;
        if (given) {
            out[made++] = byte;
            if (byte == END) {
                reason = FRAME;
                break;
            }
        }
        quiet = (taken || given || busy) ? 0 : quiet + 1;
        if (quiet >= quiet_cycles && used == in_size) {
            reason = QUIET;
            break;
        }
    }
    top.rx_valid = 0;
    *in_used = used;
    *out_used = made;
    return reason;
}

}  // extern "C"
