"""Runs that the tests of reports share."""

import pytest


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """Folder of a run whose inputs are no image."""
    from tests.report import SMOKE, trained  # here: other tests need not wait for it

    return trained(tmp_path_factory, SMOKE)


@pytest.fixture(scope="session")
def events(tmp_path_factory):
    """Folder of a run on a sensor's events, two hidden layers."""
    from tests.report import EVENTS, trained

    return trained(tmp_path_factory, EVENTS)
