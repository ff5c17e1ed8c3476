"""The commands of `python -m sw.driver`, a module each.

In come the options of a command line, out comes an exit status: 0 done, 1 failed, 130 stopped. Every
module declares its command (`add_parser`) and runs it; `options` has what several commands share, `job`
turns the options of `train` into a run, `checks` are those of `doctor`. `progress` and `chart` draw on
the terminal, which a command owns while it runs. The commands compute nothing that Python cannot have
from the other packages.
"""
