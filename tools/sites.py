#!/usr/bin/python3
"""Makes the Debian roots that the end-to-end tests on other versions of Slurm run in (tests/e2e/sites_test.py).

Usage: sites.py [--within SECONDS] [--optional] [suite...]   as root, with debootstrap and network; default: all suites.
Roots go to build/roots; a root that is there, or named by SLIPWAY_ROOT_<SUITE>, is left as it is. With --optional, what
cannot be made is said, and is no failure: its tests are skipped."""

import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from testsite.processes import Failed  # noqa: E402
from testsite.root import SUITES, make  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--within", type=float, default=1800, help="seconds for all of them")
    parser.add_argument("--optional", action="store_true")
    parser.add_argument("suites", nargs="*", metavar="suite", help=", ".join(SUITES))
    options = parser.parse_args()
    for suite in options.suites:
        if suite not in SUITES:
            parser.error(f"no suite {suite}: one of {', '.join(SUITES)}")
    end = time.monotonic() + options.within
    failed = False
    for suite in options.suites or SUITES:
        try:
            make(suite, max(1, end - time.monotonic()), lambda line: print(line, flush=True))
        except Failed as error:
            failed = True
            print(f"{error}\nThe tests on this Debian's Slurm will be skipped.", file=sys.stderr, flush=True)
    return 0 if options.optional or not failed else 1


if __name__ == "__main__":
    sys.exit(main())
