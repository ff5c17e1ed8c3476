// The model of the memory chip as a library, for simulators in Python. Called through sim/memory/chip.py.

#include "sdram.h"

extern "C" {

struct RuleFields {
    const char *name;
    int before, after;
    int64_t clocks;
    int same_bank;
};

sdram::Pads *pads_create(const sdram::Numbers *numbers, const RuleFields *fields, int count, int delay) {
    std::vector<sdram::Rule> rules;
    for (int i = 0; i < count; i++) {
        const RuleFields &one = fields[i];
        rules.push_back({one.name, one.before, one.after, one.clocks, one.same_bank != 0});
    }
    return new sdram::Pads(*numbers, rules, delay);
}

void pads_destroy(sdram::Pads *pads) { delete pads; }

int pads_clock(sdram::Pads *pads, const sdram::Pins *held) { return pads->clock(*held); }

const char *pads_violation(const sdram::Pads *pads) { return pads->chip.violation.c_str(); }

int pads_peek(const sdram::Pads *pads, uint64_t address) { return pads->chip.peek(address); }

void pads_poke(sdram::Pads *pads, uint64_t address, int word) { pads->chip.poke(address, uint16_t(word)); }

int64_t pads_refreshes(const sdram::Pads *pads) { return pads->chip.refreshes; }

}  // extern "C"
