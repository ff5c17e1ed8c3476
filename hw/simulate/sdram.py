"""What the model of the memory chip (sdram.h) is told: golden.spec.sdram as numbers and rules."""

from collections.abc import Iterable

from golden.spec.sdram import ALL_BANKS, Command, Rule, SdramConfig, Timing

TABLE = "sdram_table.h"
POSTPONED = 8
"""Refreshes that the chip may be behind the average."""


def numbers(timing: Timing) -> dict[str, int]:
    """Fields of `sdram::Numbers`, in order."""
    chip, clocks = timing.chip, timing.clocks
    return {
        "bank_bits": chip.bank_bits,
        "row_bits": chip.row_bits,
        "column_bits": chip.column_bits,
        "cas": timing.cas,
        "mode": timing.mode,
        "all_banks": ALL_BANKS,
        "refreshes_first": chip.refreshes_first,
        "power_up": clocks(chip.power_up),
        "most_active": int(chip.most_active * timing.mhz / 1000),
        "retention": int(chip.retention * timing.mhz / 1000),
        "late": int((POSTPONED + 1) * chip.retention * timing.mhz / 1000 / chip.rows),
    }


def mask(commands: Iterable[Command]) -> int:
    """A set of commands, a bit each."""
    return sum(1 << command for command in commands)


def rule_fields(rule: Rule) -> tuple[str, int, int, int, bool]:
    """Fields of `sdram::Rule`, in order."""
    return rule.name, mask(rule.before), mask(rule.after), rule.clocks, rule.same_bank


def header(config: SdramConfig | None) -> str:
    """The text of TABLE: the chip of a board, or that there is none."""
    lines = [
        "// Written by hw/simulate/sdram.py from golden/spec/sdram.py: do not edit.",
        "#pragma once",
    ]
    if config is None:
        return "\n".join([*lines, "#define SDRAM 0", ""])
    timing = config.timing
    lines += [
        "#define SDRAM 1",
        '#include "sdram.h"',
        f"constexpr double SDRAM_MHZ = {config.mhz!r};",
    ]
    lines.append(f"constexpr int SDRAM_DELAY = {config.read_delay};")
    values = ", ".join(map(str, numbers(timing).values()))
    lines.append(f"const sdram::Numbers SDRAM_NUMBERS = {{{values}}};")
    lines.append("const std::vector<sdram::Rule> SDRAM_RULES = {")
    for rule in timing.rules:
        name, before, after, clocks, same = rule_fields(rule)
        lines.append(f'    {{"{name}", {before}, {after}, {clocks}, {str(same).lower()}}},')
    return "\n".join([*lines, "};", ""])
