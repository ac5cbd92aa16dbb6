"""Print what is fast and what is not as ratios measured in one run: python -m tests.bench."""

from __future__ import annotations

import argparse
from importlib import import_module

from tests.bench.report import show

SECTIONS = ("faces", "files", "growth", "structure", "sheet", "kernel", "batch")


def main() -> None:
    """Print the sections that are asked for, all where none is."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of {', '.join(SECTIONS)}")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    asked = parser.parse_args()
    unknown = [name for name in asked.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]}: there are {', '.join(SECTIONS)}")
    for name in asked.sections or SECTIONS:
        for table in import_module(f"tests.bench.{name}").tables():
            print(show(table, markdown=asked.markdown), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
