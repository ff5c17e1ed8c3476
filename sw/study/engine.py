"""Where the tasks of a study run: in this process, on workers of this computer, or on a cluster.

Workers are those of Dask distributed. It gives a task of a lost worker to another one, three times at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
HELP = "pip install 'tess-fpga[cluster]', or take --workers 1"


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
    """
    workers = min(workers, len(items))
    if not items:
        return
    if cluster is None and workers == 1:
        yield from _here(function, items)
    else:
        yield from _on_workers(function, items, workers, cluster, tell)


def _here(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result | Exception]]:
    for item in items:
        try:
            result: Result | Exception = function(item)
        except Exception as error:
            result = error
        yield item, result


def _on_workers(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    address: str | None,
    tell: Callable[[str], None],
) -> Iterator[tuple[Item, Result | Exception]]:
    try:
        from distributed import Client, LocalCluster, as_completed
    except ModuleNotFoundError as error:
        raise ValueError(f"Dask distributed is not installed; {HELP}") from error
    with ExitStack() as stack:
        where: Any = address
        if address is None:
            quiet = {"silence_logs": logging.CRITICAL, "dashboard_address": "127.0.0.1:0"}
            where = stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, **quiet)
            )
        try:
            client = stack.enter_context(Client(where, timeout="10s"))
        except (OSError, ValueError) as error:
            raise ValueError(f"--cluster {address}: no Dask scheduler answers there") from error
        tell(f"dashboard: {client.dashboard_link}")
        futures = {client.submit(function, item, pure=False): item for item in items}
        for future in as_completed(futures):
            wrong = future.exception()
            yield futures.pop(future), future.result() if wrong is None else wrong
            future.release()
