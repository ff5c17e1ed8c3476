"""What the layouts and interfaces of the design are called, so that a port can be shown by name."""

from dataclasses import dataclass
from inspect import getdoc, getmembers, isclass, isfunction
from types import ModuleType
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data, stream, wiring

from golden.spec.config import CoreConfig
from hw.document.ports import assigned
from hw.document.units import arguments, modules

SHOWN = (data.Layout, data.Struct, wiring.Signature)


@dataclass(frozen=True)
class Named:
    """A layout or an interface that a module declares."""

    name: str
    module: str
    value: Any
    doc: str

    @property
    def is_interface(self) -> bool:
        """It has members with directions, not fields."""
        return isinstance(self.value, wiring.Signature)


def declared(config: CoreConfig) -> list[Named]:
    """Those of all modules of the design, as they are for `config`.

    They are classes, constants, or functions of the configuration whose annotation says what they give.
    Streams are left out: they are known by what they carry. Raises ValueError for an interface with
    a parameter that nothing is known of.
    """
    return [named for module in modules() for named in _of_module(module, config)]


def _of_module(module: ModuleType, config: CoreConfig) -> list[Named]:
    found = [
        Named(name, module.__name__, getattr(module, name), doc)
        for name, doc in assigned(module).items()
        if isinstance(getattr(module, name, None), SHOWN)
    ]
    for name, make in getmembers(module, lambda value: isclass(value) or isfunction(value)):
        if make.__module__ != module.__name__ or name.startswith("_"):
            continue
        gives = make if isclass(make) else make.__annotations__.get("return")
        if not isclass(gives) or not issubclass(gives, SHOWN):
            continue
        if issubclass(gives, data.Struct):
            found.append(Named(name, module.__name__, make, getdoc(make) or ""))
        elif (given := arguments(make, config)) is not None:
            found.append(Named(name, module.__name__, make(**given), getdoc(make) or ""))
        elif isclass(make):
            raise ValueError(f"{name}: say in hw.document.units.PARAMETERS what to make it with")
    return [named for named in found if not isinstance(named.value, stream.Signature)]


class Names:
    """Texts of shapes and signatures, for the names in `known`."""

    def __init__(self, known: list[Named]) -> None:
        self.known = known

    def of(self, value: Any) -> str | None:
        """The name under which `value` was declared."""
        for named in self.known:
            if type(named.value) is type(value) and named.value == value:
                return named.name
        return None

    def shape(self, shape: Any) -> str:
        """A shape in words: 16, signed 16, 8 x signed 16, the name of a layout, or its fields."""
        if isinstance(shape, data.Layout) and (name := self.of(shape)):
            return f"`{name}`"
        if isinstance(shape, data.ArrayLayout):
            return f"{shape.length} x {self.shape(shape.elem_shape)}"
        if isinstance(shape, data.Layout):
            return ", ".join(f"{name} {self.shape(field.shape)}" for name, field in shape)
        if isclass(shape):
            return f"`{shape.__name__}`"
        plain = Shape.cast(shape)
        return f"signed {plain.width}" if plain.signed else str(plain.width)

    def signature(self, signature: Any) -> str:
        """An interface in words: its name, what a stream carries, or its members."""
        if isinstance(signature, wiring.FlippedSignature):
            signature = signature.flip()
        if isinstance(signature, stream.Signature):
            return f"stream of {self.shape(signature.members['payload'].shape)}"
        if type(signature) is not wiring.Signature:
            return f"`{type(signature).__name__}`"
        if name := self.of(signature):
            return f"`{name}`"
        return ", ".join(signature.members)

    def member(self, member: wiring.Member) -> str:
        """What a port is."""
        text = self.shape(member.shape) if member.is_port else self.signature(member.signature)
        return "".join(f"{length} x " for length in member.dimensions) + text
