// A memory chip for simulators: it keeps words, checks every command, and stops at the first that is wrong.
// Times and rules are not known here: hw/simulate/sdram.py hands them over from golden/spec/sdram.py.
// One call of `clock` is a rising edge of the chip's clock, with what the pins carry at it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

namespace sdram {

enum Command { NOP, STOP, READ, WRITE, ACTIVATE, PRECHARGE, REFRESH, MODE, COMMANDS };

constexpr const char *NAMES[] = {"NOP",      "STOP",      "READ",    "WRITE",
                                 "ACTIVATE", "PRECHARGE", "REFRESH", "MODE"};
constexpr int MOST_BANKS = 8, HISTORY = 48, SLOTS = 8;
constexpr uint16_t NOBODY = 0xA5C3;  // what a bus reads as that nobody drives
constexpr int64_t NEVER = -(int64_t(1) << 60);

// Pins of the FPGA: a command (the value above), bank, address; data and whether the FPGA drives them.
struct Pins {
    int command, bank, address, drives, data;
};

struct Rule {
    std::string name;
    int before, after;  // sets of commands, a bit each
    int64_t clocks;
    bool same_bank;
};

// Geometry, and limits in clocks that are no rules between two commands.
struct Numbers {
    int64_t bank_bits, row_bits, column_bits, cas, mode, all_banks, refreshes_first;
    int64_t power_up, most_active, retention, late;
};

class Chip {
   public:
    std::string violation;      // empty as long as all is well
    uint16_t data = NOBODY;     // on the bus until the next edge
    int64_t refreshes = 0;

    Chip(const Numbers &numbers, std::vector<Rule> rules)
        : n(numbers),
          rules(std::move(rules)),
          words(size_t(1) << (n.bank_bits + n.row_bits + n.column_bits)),
          refreshed(size_t(1) << n.row_bits, 0) {
        for (auto &of_banks : last) std::fill(of_banks, of_banks + MOST_BANKS, NEVER);
        std::fill(open, open + MOST_BANKS, -1);
    }

    void clock(const Pins &pins) {
        if (!violation.empty()) return;
        if (pins.command != NOP) {
            note(pins);
            check_order(pins);
            check_rules(pins);
            run(pins);
        }
        check_bus(pins);
        check_refresh();
        due[now % SLOTS].valid = false;
        now++;
        const Word &next = due[now % SLOTS];
        data = next.valid ? next.word : NOBODY;
    }

    // A word as it lies in the chip, and the same to be spoiled by a test.
    uint16_t peek(uint64_t address) const { return words[address] ^ noise(address); }
    void poke(uint64_t address, uint16_t word) { words[address] = word ^ noise(address); }

   private:
    struct Word {
        bool valid = false;
        uint16_t word = 0;
    };
    struct Note {
        int64_t clock;
        Pins pins;
    };

    Numbers n;
    std::vector<Rule> rules;
    std::vector<uint16_t> words;  // with noise, so that what was never written is no zero
    std::vector<int64_t> refreshed;
    int64_t last[COMMANDS][MOST_BANKS];
    int64_t open[MOST_BANKS];  // row, or -1
    int64_t now = 0, last_refresh = 0;
    size_t row = 0;
    bool closed_once = false, ready = false;
    Word due[SLOTS];
    std::deque<Note> history;

    static uint16_t noise(uint64_t address) { return uint16_t((address * 0x9E3779B1u) >> 11); }

    int banks() const { return 1 << n.bank_bits; }

    bool of_all(const Pins &pins) const {
        return pins.command == REFRESH || pins.command == MODE ||
               (pins.command == PRECHARGE && (pins.address & n.all_banks));
    }

    bool concerns(const Pins &pins, int bank) const { return of_all(pins) || pins.bank == bank; }

    bool any_open() const {
        return std::any_of(open, open + banks(), [](int64_t row) { return row >= 0; });
    }

    void note(const Pins &pins) {
        history.push_back({now, pins});
        if (history.size() > HISTORY) history.pop_front();
    }

    void stop(const std::string &why) {
        if (!violation.empty()) return;
        violation = "clock " + std::to_string(now) + ": " + why + "; commands so far, the last one last:";
        for (const Note &one : history) {
            char line[96];
            std::snprintf(line, sizeof line, "\n  %10lld  %-9s bank %d  address %#06x", (long long)one.clock,
                          NAMES[one.pins.command], one.pins.bank, one.pins.address);
            violation += line;
        }
    }

    // What must be so, whatever the times: power-up, initialisation, open rows.
    void check_order(const Pins &pins) {
        const int command = pins.command;
        if (now < n.power_up) return stop("power-up: a command before the chip is ready for it");
        if (!closed_once && !(command == PRECHARGE && of_all(pins)))
            return stop("initialisation: the first command is PRECHARGE of all banks");
        if (command == MODE && refreshes < n.refreshes_first)
            return stop("initialisation: too few refreshes before the mode is set");
        if (command == MODE && pins.address != n.mode)
            return stop("mode: not the bursts and CAS latency that the controller is built for");
        if (command == ACTIVATE && !ready) return stop("initialisation: no mode was set");
        if (command == ACTIVATE && open[pins.bank] >= 0) return stop("ACTIVATE in a bank with an open row");
        if ((command == REFRESH || command == MODE) && any_open())
            return stop(std::string(NAMES[command]) + " with an open row");
        if (command == READ || command == WRITE) {
            if (open[pins.bank] < 0) return stop("no open row to read or write");
            if (pins.address & n.all_banks) return stop("precharge behind a burst: the model has none");
        }
        if (command == STOP) return stop("STOP: there are no bursts of the chip to end");
    }

    void check_rules(const Pins &pins) {
        for (const Rule &rule : rules) {
            if (!(rule.after >> pins.command & 1)) continue;
            for (int before = 0; before < COMMANDS; before++) {
                if (!(rule.before >> before & 1)) continue;
                for (int bank = 0; bank < banks(); bank++) {
                    if (rule.same_bank && !concerns(pins, bank)) continue;
                    const int64_t clocks = now - last[before][bank];
                    if (clocks < rule.clocks)
                        return stop(rule.name + ": " + NAMES[pins.command] + " " + std::to_string(clocks) +
                                    " clocks behind " + NAMES[before] + ", " + std::to_string(rule.clocks) +
                                    " are needed");
                }
            }
        }
    }

    void run(const Pins &pins) {
        for (int bank = 0; bank < banks(); bank++)
            if (concerns(pins, bank)) last[pins.command][bank] = now;
        switch (pins.command) {
            case ACTIVATE:
                open[pins.bank] = pins.address & ((1 << n.row_bits) - 1);
                break;
            case PRECHARGE:
                closed_once = true;
                for (int bank = 0; bank < banks(); bank++)
                    if (concerns(pins, bank)) open[bank] = -1;
                break;
            case REFRESH:
                refreshes++;
                last_refresh = refreshed[row] = now;
                row = (row + 1) % refreshed.size();
                break;
            case MODE:
                if (!ready) std::fill(refreshed.begin(), refreshed.end(), now);
                last_refresh = now;
                ready = true;
                break;
            case READ:
                due[(now + n.cas) % SLOTS] = {true, peek(address_of(pins))};
                break;
            case WRITE:
                if (!pins.drives) return stop("WRITE without data");
                poke(address_of(pins), uint16_t(pins.data));
                break;
            default:
                break;
        }
    }

    uint64_t address_of(const Pins &pins) const {
        const uint64_t row_of = uint64_t(std::max<int64_t>(open[pins.bank], 0));
        const uint64_t column = pins.address & ((1 << n.column_bits) - 1);
        return ((row_of << n.bank_bits | uint64_t(pins.bank)) << n.column_bits) | column;
    }

    // Nobody drives the bus while another does, nor in the clock after.
    void check_bus(const Pins &pins) {
        if (pins.drives && due[now % SLOTS].valid) stop("bus: the FPGA drives it while the chip does");
        if (pins.drives && driven_before) stop("turn-around: the FPGA drives the bus a clock behind the chip");
        driven_before = due[now % SLOTS].valid;
    }

    void check_refresh() {
        if (!ready) return;
        if (now - last_refresh > n.late) stop("refresh interval: more than 8 refreshes behind");
        if (now - refreshed[row] > n.retention) stop("tREF: a row was not refreshed in time");
        for (int bank = 0; bank < banks(); bank++)
            if (open[bank] >= 0 && now - last[ACTIVATE][bank] > n.most_active) stop("tRAS: a row was open too long");
    }

    bool driven_before = false;
};

// The chip behind the registers at the pins of the FPGA, and a way back that takes `delay` clocks more.
class Pads {
   public:
    Chip chip;

    Pads(const Numbers &numbers, std::vector<Rule> rules, int delay)
        : chip(numbers, std::move(rules)), line(size_t(delay) + 1, NOBODY) {}

    // A rising edge of the controller's clock: what it held before; what its input register holds behind it.
    uint16_t clock(const Pins &held) {
        line.push_back(chip.data);
        line.pop_front();
        const uint16_t sampled = line.front();
        chip.clock(held);
        return sampled;
    }

   private:
    std::deque<uint16_t> line;
};

}  // namespace sdram
