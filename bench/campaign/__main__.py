"""`python -m bench.campaign NAME`: run a campaign; exit status 1 when its promise did not hold."""

import argparse
import sys
from importlib import import_module

CAMPAIGNS = ("frames", "kills", "line", "link", "networks", "readers")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("name", choices=CAMPAIGNS)
    parser.add_argument("--minutes", type=float, default=1.0, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    args = parser.parse_args()
    print(f"{args.name}: seed {args.seed}, {args.minutes:g} minutes", flush=True)
    campaign = import_module(f"bench.campaign.{args.name}")
    held = campaign.run(args.minutes, args.seed, lambda text: print(text, flush=True))
    print("held" if held else "FAILED")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
