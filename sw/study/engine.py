"""Where tasks run: in this process, on workers of this computer, or on a cluster.

Workers are those of Dask distributed. It gives a task of a lost worker to another one, three times at most.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Any, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
HELP = "pip install 'tess-fpga[cluster]', or take --workers 1"
SETTINGS = {
    # samples travel with a task; Dask warns of much smaller ones
    "distributed.admin.large-graph-warning-threshold": "1GiB",
    # what was freed is not given back at once: the integer model runs five times as fast
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
"""Of Dask."""


class SchedulerLost(ConnectionError):
    """The scheduler of a cluster went away with tasks in hand. One line."""


def run(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 1,
    cluster: str | None = None,
    tell: Callable[[str], None] = print,
) -> Iterator[tuple[Item, Result | Exception]]:
    """Results of `function` as they come, each with its item; or the error that it ended with.

    Args:
        function: called on a worker; importable there.
        items: what to call it with.
        workers: processes on this computer, as many as there are items at most. 1: this process; nothing
            else is needed.
        cluster: address of a Dask scheduler (tcp://host:8786), in place of workers of this computer.
        tell: takes a line for the user: where the dashboard is.

    Raises:
        ValueError: Dask distributed is not installed, or there is no scheduler at the address.
        SchedulerLost: the scheduler went away.
    """
    if items:
        with Engine(min(workers, len(items)), cluster, tell) as engine:
            yield from engine.each(function, items)


class Engine:
    """Workers for many rounds of tasks. Starts them; within `with`, or until `close`."""

    def __init__(
        self,
        workers: int = 1,
        cluster: str | None = None,
        tell: Callable[[str], None] = print,
        *,
        resource: str | None = None,
    ) -> None:
        """As `run`. With a `resource` a worker has one task at a time, and needs one of it for that.

        Workers of this computer have one each. Raises ValueError.
        """
        self.resource, self.cluster = resource, cluster
        self.client: Any = None
        """The Client of Dask; None: tasks run in this process."""
        self._stack = ExitStack()
        if cluster is None and workers == 1:
            return
        try:
            import dask
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as error:
            raise ValueError(f"Dask distributed is not installed; {HELP}") from error
        with ExitStack() as stack:
            stack.enter_context(dask.config.set(SETTINGS))
            _silence()
            where: Any = cluster
            if cluster is None:
                quiet = {"silence_logs": logging.CRITICAL, "dashboard_address": "127.0.0.1:0"}
                has = {resource: 1} if resource else None
                more = {"threads_per_worker": 1, "processes": True, "resources": has, **quiet}
                with _without_ctrl_c():
                    where = stack.enter_context(LocalCluster(n_workers=workers, **more))
            try:
                self.client = stack.enter_context(Client(where, timeout="10s"))
            except (OSError, ValueError) as error:
                raise ValueError(f"--cluster {cluster}: no Dask scheduler answers there") from error
            tell(f"dashboard: {self.client.dashboard_link}")
            if not self._able():
                needs = f" --resources {resource}=1" if resource else ""
                tell(f"waiting for a worker: dask worker {cluster} --nthreads 1{needs}")
            self._stack = stack.pop_all()

    def each(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, retries: int = 0
    ) -> Iterator[tuple[Item, Result | Exception]]:
        """Results of `function` as they come, as `run` does. Raises SchedulerLost.

        A task that ends with an error is tried `retries` times more, but not in this process.
        """
        if self.client is None:
            yield from _here(function, items)
            return
        from distributed import as_completed

        needs = {"resources": {self.resource: 1}} if self.resource else {}
        how = {"pure": False, "retries": retries, **needs}
        with self._told_when_lost():
            futures = {self.client.submit(function, item, **how): item for item in items}
        try:
            for future in as_completed(futures):
                with self._told_when_lost():
                    wrong = future.exception()
                    outcome = future.result() if wrong is None else wrong
                yield futures.pop(future), outcome
                future.release()
        finally:
            with suppress(Exception):  # of a scheduler that is gone
                self.client.cancel(list(futures))

    @contextmanager
    def _told_when_lost(self) -> Iterator[None]:
        """Raises SchedulerLost for what Dask raises then: cancelled, a connection that is closed, or both."""
        from distributed import CancelledError

        try:
            yield
        except (CancelledError, OSError, RuntimeError) as error:
            where = f" at {self.cluster}" if self.cluster else ""
            raise SchedulerLost(f"the Dask scheduler{where} went away; start it again") from error

    def everywhere(self, function: Callable[[], None]) -> None:
        """Call `function` in every process that runs tasks; one that is lost is left out."""
        if self.client is None:
            function()
            return
        with suppress(Exception):
            self.client.run(function, on_error="ignore")

    def _able(self) -> bool:
        """Whether there is a worker that may take a task."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return any(self.resource in (None, *worker["resources"]) for worker in workers)

    def close(self) -> None:
        """Let go of the cluster; workers of this computer end."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def _silence() -> None:
    """No logger of Dask's prints stacks here: of a scheduler that went away, this program tells itself."""
    for name in [*logging.root.manager.loggerDict]:
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Threads and processes that begin here never see Ctrl-C, which a terminal sends to all: this one does.

    It stops in good order, and ends the others. Ctrl-C comes at the end of `with`.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it is what processes begin with, and unblocks Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _here(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result | Exception]]:
    for item in items:
        try:
            result: Result | Exception = function(item)
        except Exception as error:
            result = error
        yield item, result
