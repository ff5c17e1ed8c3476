"""The declarations of golden.spec as a C++ header: the layer table's entry, its flags, number formats.

`sw.native` writes it beside what it compiles; core.cc includes it and nobody edits it.
"""

from golden.lanes import noise
from golden.spec import formats, kinds, pooling
from golden.spec.flags import Flag
from golden.spec.layers import FIELD_NAMES

NAME = "declared.h"


def header() -> str:
    """The whole text."""
    constants = {**_whole(formats), **_whole(noise), "REACH": kinds.REACH, "SIDE": kinds.SIDE}
    constants |= {"POOL_SIDE": pooling.POOL}
    keys = ", ".join(map(hex, noise.ROUND_KEYS))
    lines = [
        "// Written by sw/native/declared.py from golden/spec: do not edit.",
        "#pragma once",
        "#include <cstdint>",
        "",
        f"constexpr uint32_t WEYL = {noise.WEYL:#x}u;",
        f"constexpr uint32_t ROUND_KEYS[] = {{{keys}}};",
        *(f"constexpr int {name} = {value};" for name, value in constants.items()),
        "",
        f"enum Flag : int {{ {', '.join(f'{flag.name} = {flag.value}' for flag in Flag)} }};",
        "",
        f"struct Entry {{ int {', '.join(FIELD_NAMES)}; }};",
        "",
    ]
    return "\n".join(lines)


def _whole(module: object) -> dict[str, int]:
    """Constants of a module that an int of C++ holds."""
    found = vars(module).items()
    return {
        name: value
        for name, value in found
        if name.isupper() and isinstance(value, int) and value < 1 << 31
    }
