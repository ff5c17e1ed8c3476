"""Makes a unit of the hardware a cycle longer, everywhere, as if it had one more register at its end."""

from typing import Any

import pytest
from amaranth import Module
from amaranth.lib.wiring import Component, In

from hw.core.base.pipeline import derived, later


def lengthen(patch: pytest.MonkeyPatch, kind: type[Component], *outputs: str) -> None:
    """`kind` gives `outputs` a cycle later, and its LATENCY says so.

    An output of an interface is named with dots: `read.values`.
    """
    make, elaborate = kind.__init__, kind.elaborate
    latency = vars(kind)["LATENCY"]  # a number, or how to derive one

    class Original(kind):
        """The unit as it is, also in what it reads of its own LATENCY."""

        LATENCY = latency
        __init__ = make

    Original.elaborate = elaborate

    def made(self: Component, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        self.made_with = arguments, named

    def longer(self: Component, platform: Any) -> Module:
        m = Module()
        arguments, named = self.made_with
        m.submodules.original = original = Original(*arguments, **named)
        theirs = {path: value for path, _, value in original.signature.flatten(original)}
        seen = set()
        for path, member, mine in self.signature.flatten(self):
            name = ".".join(map(str, path))
            if member.flow is In:
                m.d.comb += theirs[path].eq(mine)
            else:
                late = int(name in outputs)
                m.d.comb += mine.eq(later(m, "_".join(map(str, path)), theirs[path], late))
                seen.add(name)
        missing = set(outputs) - seen - {"host.values", "host.signs"}  # not every memory has a host
        assert not missing, f"{kind.__name__} has no outputs {missing}"
        return m

    patch.setattr(kind, "__init__", made)
    patch.setattr(kind, "elaborate", longer)
    patch.setattr(kind, "LATENCY", derived(lambda cls: Original.LATENCY + 1))
