"""The README's table of methods, made from the parameter files: `python tests/help/methods_table.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

from xlmargin.margin.parameters import Rules
from xlmargin.methods import known_methods, rules_of

README = Path(__file__).resolve().parents[2] / "README.md"
HEADING = ["| method | what | status | formula verified on | numbers of |", "|---|---|---|---|---|"]
LAST_DAY = 4e9  # after every row of every file, so that the table is the same on any day


def lines() -> list[str]:
    """The lines of the table, its heading first."""
    return [*HEADING, *(_row(rules_of(name, LAST_DAY)) for name in known_methods())]


def _row(rules: Rules) -> str:
    """One method: its title, its status and since when it has ended, the answers that confirm its formula, the day of its numbers."""
    meta = rules.meta
    status = meta.end.split(":")[0] or meta.status
    answers = f"{meta.answers} answer{'s' * (meta.answers > 1)}" if meta.answers else "–"
    day = rules.numbers.removeprefix("parameters of ").split(" from ")[0].replace("no parameters", "–")
    return f"| `{meta.name}` | {meta.title} | {status} | {answers} | {day} |"


def written(text: str) -> str:
    """The README with the table in the place of the one that it has."""
    before, found, rest = text.partition("| method | ")
    assert found
    body = rest.splitlines()
    after = next(n for n, line in enumerate(body) if not line)
    return before + "\n".join([*lines(), *body[after:]]) + "\n"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
