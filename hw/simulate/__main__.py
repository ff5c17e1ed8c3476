"""`python -m hw.simulate`: compile the simulated board; the last line is the library's path."""

import argparse
import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.sdram import SdramConfig
from hw.building.toolchain import BuildError
from hw.simulate.compiling import compile_board
from hw.simulate.design import convert
from hw.simulate.sdram import header


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hw.simulate", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="tiny", help="(default: %(default)s)")
    parser.add_argument("--config-json", metavar="JSON", help="fields of CoreConfig instead")
    parser.add_argument(
        "--memory-json", metavar="JSON", help="with a memory: fields of SdramConfig"
    )
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="folder of builds (default: build/)"
    )
    parser.add_argument("--trace", action="store_true", help="able to dump signals; slower")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    gc.disable()  # elaboration makes millions of objects and drops few: a third faster

    def notify(text: str) -> None:
        print(f"simulated board: {time.monotonic() - started:5.1f} s  {text}", file=sys.stderr)

    try:
        fields = json.loads(options.config_json) if options.config_json else None
        config = CoreConfig(**fields) if fields else PRESETS[options.preset]
        fields = json.loads(options.memory_json) if options.memory_json else None
        memory = None if fields is None else SdramConfig(**fields)
        notify("elaborate")
        design, into = convert(config, memory), options.into
        library = compile_board(
            design, trace=options.trace, notify=notify, into=into, table=header(memory)
        )
    except (BuildError, ValueError, TypeError) as error:
        print(f"hw.simulate: {error}", file=sys.stderr)
        return 1
    notify("ready")
    print(library)
    return 0


if __name__ == "__main__":
    sys.exit(main())
