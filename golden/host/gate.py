"""Which samples a core lets in. Twin of hw/core/host/gate.py."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from golden.host.checker import Checker
from golden.spec.config import CoreConfig
from golden.spec.samples import FIRST, FLAGS_BYTE, SampleStatus
from golden.spec.table_rules import table_program


class Gate:
    """Remembers that the layer table was checked, and that a sample of it was begun."""

    def __init__(self, config: CoreConfig) -> None:
        self._checker = Checker(table_program(config))
        self._good = False
        self._begun = False

    def table_written(self) -> None:
        """The layer table, or the number of layers or classes, was written."""
        self._good = self._begun = False

    def restart(self) -> None:
        """A host begins: no sample is under way."""
        self._begun = False

    def refusal(
        self,
        payload: bytes,
        table: Callable[[], NDArray[np.uint16]],
        layers: int,
        classes: int,
    ) -> SampleStatus:
        """Why the payload of a SAMPLE cannot run; OK: it can. `table` is called when it is to be checked."""
        if self._begun:
            return SampleStatus.OK
        if not self._good:
            self._good = self._checker.fault(table(), layers, classes) is None
            if not self._good:
                return SampleStatus.BAD_TABLE
        if not payload[FLAGS_BYTE] & FIRST:
            return SampleStatus.NOT_BEGUN
        self._begun = True
        return SampleStatus.OK
