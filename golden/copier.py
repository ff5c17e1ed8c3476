"""The unit that moves words between store and core. Twin of hw/link/copier.py."""

from golden.host.memory import BadAddress, CoreMemory
from golden.spec.copies import Copy
from golden.store import SampleStore


def copy(asked: Copy, core: CoreMemory, store: SampleStore) -> None:
    """Move the words of a COPY. Raises BadAddress, having moved none."""
    if not asked.fits(core.config):
        raise BadAddress(f"{asked} is not within store and core")
    if not asked.words:
        return
    if asked.to_core:
        core.write(asked.address, store.read(asked.kept, asked.words))
    else:
        store.write(asked.kept, core.read(asked.address, asked.words))
