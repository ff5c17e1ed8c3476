// The design as CXXRTL compiles it, in the shape hw/simulate/harness.cc knows from Verilator, so
// that both run in the same clock loop. `board.cc` is what Yosys' write_cxxrtl made.
#pragma once
#include "board.cc"

struct VerilatedContext {};

struct Vboard {
    cxxrtl_design::p_board board;
    uint8_t clk = 0, rx_valid = 0, rx_payload = 0, tx_ready = 0;
    uint8_t rx_ready = 0, tx_valid = 0, tx_payload = 0, busy = 0;

    explicit Vboard(VerilatedContext *) {}

    void eval() {
        board.p_clk.set<uint8_t>(clk);
        board.p_rx__valid.set<uint8_t>(rx_valid);
        board.p_rx__payload.set<uint8_t>(rx_payload);
        board.p_tx__ready.set<uint8_t>(tx_ready);
        board.step();
        rx_ready = board.p_rx__ready.get<uint8_t>();
        tx_valid = board.p_tx__valid.get<uint8_t>();
        tx_payload = board.p_tx__payload.get<uint8_t>();
        busy = board.p_busy.get<uint8_t>();
    }

    void final() {}
};
