"""Combinations of Deribit by name: `BTC-CS-26MAR27-70000_75000` is a call spread, a position of its legs and of nothing else."""

from __future__ import annotations

import re

MOST_STRIKES = 4
_DATE, _STRIKE = r"(?:\d{1,2}[A-Z]{3}\d{2}|PERP)", r"\d+(?:d\d+)?"
_FORM = re.compile(
    rf"(?P<base>[A-Z0-9]{{1,15}}(?:_[A-Z0-9]{{1,8}})?)-(?P<code>[A-Z]{{2,6}}\d{{0,3}})-(?P<dates>{_DATE}(?:[_-]{_DATE})?)"
    rf"(?:-(?P<strikes>{_STRIKE}(?:_{_STRIKE}){{0,{MOST_STRIKES - 1}}}))?$",
    re.I,
)
# Ratio, kind, and the places of the strike and of the date in the name, of each leg, where they are known: of future and call spreads
# from the venue's texts, of ratio spreads, butterflies, condors and REV from the marks that it has published; the first leg is bought.
_LEGS: dict[str, tuple[tuple[int, str, int, int], ...]] = {
    "FS": ((1, "F", 0, 0), (-1, "F", 0, 1)),
    "CS": ((1, "C", 0, 0), (-1, "C", 1, 0)),
    "PS": ((1, "P", 0, 0), (-1, "P", 1, 0)),
    "STRD": ((1, "C", 0, 0), (1, "P", 0, 0)),
    "STRG": ((1, "P", 0, 0), (1, "C", 1, 0)),
    "REV": ((1, "C", 0, 0), (-1, "P", 0, 0)),
    "CBUT": ((1, "C", 0, 0), (-2, "C", 1, 0), (1, "C", 2, 0)),
    "PBUT": ((1, "P", 0, 0), (-2, "P", 1, 0), (1, "P", 2, 0)),
    "CCOND": ((1, "C", 0, 0), (-1, "C", 1, 0), (-1, "C", 2, 0), (1, "C", 3, 0)),
    "PCOND": ((1, "P", 0, 0), (-1, "P", 1, 0), (-1, "P", 2, 0), (1, "P", 3, 0)),
    "ICOND": ((1, "P", 0, 0), (-1, "P", 1, 0), (-1, "C", 2, 0), (1, "C", 3, 0)),
    "CSR12": ((1, "C", 0, 0), (-2, "C", 1, 0)),
    "CSR13": ((1, "C", 0, 0), (-3, "C", 1, 0)),
    "CSR23": ((2, "C", 0, 0), (-3, "C", 1, 0)),
    "PSR12": ((1, "P", 0, 0), (-2, "P", 1, 0)),
    "PSR13": ((1, "P", 0, 0), (-3, "P", 1, 0)),
    "PSR23": ((2, "P", 0, 0), (-3, "P", 1, 0)),
    "CCAL": ((1, "C", 0, 0), (-1, "C", 0, 1)),
    "PCAL": ((1, "P", 0, 0), (-1, "P", 0, 1)),
    "CDIAG": ((1, "C", 0, 0), (-1, "C", 1, 1)),
    "PDIAG": ((1, "P", 0, 0), (-1, "P", 1, 1)),
}
# Risk reversals, boxes, ladders, … whose signs or ratios the name does not settle
_UNSETTLED = frozenset(("RR", "RRITM", "GUTS", "STDC", "DSTDC", "IBUT", "CBUT111", "PBUT111", "CLAD", "PLAD", "BOX", "JR"))


def combination_of(name: str) -> str | None:
    """The legs of a combination as a message shows them: `+1 BTC-26MAR27-70000-C, −1 BTC-26MAR27-75000-C`.

    Returns:
        "" where the name does not settle the legs, None where it is no combination
    """
    match = _FORM.match(name.strip().upper())
    if not match:
        return None
    dates = re.split("[_-]", match["dates"])
    strikes = match["strikes"].replace("D", "d").split("_") if match["strikes"] else []
    if match["code"] not in _LEGS and match["code"] not in _UNSETTLED and max(len(dates), len(strikes)) == 1:
        return None
    legs = _LEGS.get(match["code"], ())
    if (len(dates), len(strikes)) != _counts(legs):
        return ""
    return ", ".join(f"{'+' if n > 0 else '−'}{abs(n)} {_leg(match['base'], dates[d], strikes[k : k + 1], kind)}" for n, kind, k, d in legs)


def _counts(legs: tuple[tuple[int, str, int, int], ...]) -> tuple[int, int]:
    """The numbers of dates and of strikes in the name of a combination of these legs."""
    return max((date + 1 for *_, date in legs), default=0), max((strike + 1 for _, kind, strike, _ in legs if kind != "F"), default=0)


def _leg(base: str, date: str, strike: list[str], kind: str) -> str:
    """The name of one leg."""
    return "-".join((base, "PERPETUAL" if date == "PERP" else date, *((*strike, kind) if kind != "F" else ())))
