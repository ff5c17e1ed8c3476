"""Where tasks run: options of a command line."""

import argparse
import os


def add_workers(parser: argparse.ArgumentParser) -> None:
    """`--workers` and `--cluster`, as `sw.study.run` takes them."""
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes of this computer; more than one needs the extra cluster (default: %(default)s, its "
        "processors)",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:8786, instead"
    )
