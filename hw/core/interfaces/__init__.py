"""Every road between the rooms of the core, field by field. hw/core/core.py connects them.

A direction is that of the side that the road begins at: of the room that speaks, or of the reader of a
memory. Where it leads to stands behind the arrow.
"""

from hw.core.interfaces.fire import (
    ChunkRead,
    ChunkWrite,
    HostRead,
    LayerRead,
    Seen,
    SumRead,
    TableWrite,
)
from hw.core.interfaces.host import NoiseAccess, Settings, TableCheck, TracePeek, WeightAccess
from hw.core.interfaces.learn import (
    ClassifierAccess,
    ClassSignals,
    ClassVotes,
    GainWrite,
    LearningRule,
    SignAccess,
    SignRead,
)
from hw.core.interfaces.schedule import (
    Activity,
    DeferredMarks,
    DeferredQuery,
    PassEnd,
    Phase,
    ResultControl,
    RowListControl,
    SampleHead,
    SignalControl,
    Slots,
    TraceControl,
)

__all__ = [
    "Activity",
    "ChunkRead",
    "ChunkWrite",
    "ClassSignals",
    "ClassVotes",
    "ClassifierAccess",
    "DeferredMarks",
    "DeferredQuery",
    "GainWrite",
    "HostRead",
    "LayerRead",
    "LearningRule",
    "NoiseAccess",
    "PassEnd",
    "Phase",
    "ResultControl",
    "RowListControl",
    "SampleHead",
    "Seen",
    "Settings",
    "SignAccess",
    "SignRead",
    "SignalControl",
    "Slots",
    "SumRead",
    "TableCheck",
    "TableWrite",
    "TraceControl",
    "TracePeek",
    "WeightAccess",
]
