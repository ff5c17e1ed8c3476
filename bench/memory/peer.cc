// Plays bursts to LiteDRAM's native port, a command for every word, and counts cycles: see bench/memory/peer.py.

#include <cstdint>

#include "Vboard.h"
#include "verilated.h"

extern "C" {

struct Burst {
    uint32_t address, words, write;
};

// Cycles from the first command that was taken to the last word, or -1 when nothing moves.
int64_t litedram_play(const Burst *bursts, uint64_t count, uint64_t idle) {
    VerilatedContext context;
    Vboard top{&context};
    uint64_t burst = 0, word = 0, to_write = 0, to_read = 0, still = 0;
    int64_t cycles = 0;
    top.sys_rst = 0, top.cmd_valid = 0;
    top.wdata_payload_we = 3, top.wdata_payload_data = 0x1234;
    top.rdata_ready = 1;
    for (uint64_t cycle = 0; burst < count || to_write || to_read; cycle++) {
        top.cmd_valid = cycle >= idle && burst < count;
        if (burst < count) {
            top.cmd_payload_addr = (bursts[burst].address + word) & 0xFFFFFF;
            top.cmd_payload_we = bursts[burst].write;
        }
        top.wdata_valid = to_write > 0 || (top.cmd_valid && top.cmd_payload_we);
        top.sys_clk = 0;
        top.eval();
        const bool takes = top.cmd_valid && top.cmd_ready;
        const bool gives = top.wdata_valid && top.wdata_ready, comes = top.rdata_valid;
        top.sys_clk = 1;
        top.eval();
        to_write += (takes && top.cmd_payload_we) - gives;
        to_read += (takes && !top.cmd_payload_we) - comes;
        if (takes && ++word == bursts[burst].words) word = 0, burst++;
        cycles += cycles > 0 || takes;
        still = takes || gives || comes || cycle < idle ? 0 : still + 1;
        if (still > 10000) return -1;
    }
    top.final();
    return cycles;
}

}  // extern "C"
