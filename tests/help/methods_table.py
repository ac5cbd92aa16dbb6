"""The README's table of methods, made from the parameter files: `python tests/help/methods_table.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

from udfs import PM_COMPARE
from xlmargin.margin.parameters import Rules
from xlmargin.methods import known_methods, rules_of

README = Path(__file__).resolve().parents[2] / "README.md"
HEADING = ["| method | what | status | of a BTC margin | formula verified on | numbers of |", "|---|---|---|---|---|---|"]
OPTION, PERPETUAL = ["BTC", "put", 70_000.0, 10.0, 0.5, -1.0], ["BTC", "perp", None, None, None, 1.0]
COLUMNS = ["Underlying", "Type", "Strike", "DTE", "IV", "Quantity"]
MARKET = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, "2095-01-01"]]
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
    ended = rules.numbers.partition("; superseded")[2]
    return f"| `{meta.name}` | {meta.title} | {status} | {_margin(meta.name)} | {answers} | {day}{ended and ', superseded' + ended} |"


def _margin(name: str) -> str:
    """The status of the margin of a short put on BTC and a perpetual, or of the one or the other where a venue lists one of them."""
    for rows in ([OPTION, PERPETUAL], [OPTION], [PERPETUAL]):
        answer = PM_COMPARE([COLUMNS, *rows], MARKET, name)
        if isinstance(answer, list):
            return str(answer[1][6])
    return "–"


def written(text: str) -> str:
    """The README with the table in the place of the one that it has."""
    before, found, rest = text.partition("| method | ")
    assert found
    body = rest.splitlines()
    after = next(n for n, line in enumerate(body) if not line)
    return before + "\n".join([*lines(), *body[after:]]) + "\n"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
