"""The command line: errors in one line, with what to do."""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn

from golden.spec.names import near
from sw.cli.terminal import lenient
from sw.printable import printable

USAGE = 2  # exit status of wrong options


class Parser(argparse.ArgumentParser):
    """Errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is; exit status 2."""
        if found := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += near(found[1], re.findall(r"'?([\w.-]+)'?", found[2]))
        elif message.startswith("unrecognized arguments: "):
            message += near(message.split()[2].partition("=")[0], self._flags())
        say(f"error: {printable(message)}; see {self.prog} --help\n")
        raise SystemExit(USAGE)

    def _flags(self) -> list[str]:
        """All flags of all commands."""
        found = [flag for action in self._actions for flag in action.option_strings]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    found += command._flags()
        return found


def say(text: str) -> None:
    """Write to the standard error, if there is one."""
    if sys.stderr is not None:
        lenient(sys.stderr)
        sys.stderr.write(text)
