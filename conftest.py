"""Tests keep no frames in the user's cache, and none is held against a clock."""

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """A cache of this run's; programs that tests start use it, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TESS_FPGA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
