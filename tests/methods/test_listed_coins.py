"""Coins that a rulebook does not list: refused, or an illustration that says so, never another coin's numbers as its own."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_MARGIN
from xlmargin.margin.parameter import REFUSED
from xlmargin.margin.statement import weakest
from xlmargin.methods import known_methods, rules_of

Row = list[Any]

NOBODYS = "QQX"  # a coin that no rulebook lists
OWN = {
    "VAR": "moves are of the desk's own history",
    "ES": "moves are of the desk's own history",
    "STRESS": "scenarios are the desk's own table",
}
ASKED = [method for method in known_methods() if method not in OWN]
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot"]
KINDS: dict[str, list[Row]] = {
    "short option": [["C", 110.0, 30, -1.0, 0.8], ["P", 90.0, 30, -1.0, 0.8]],
    "long option": [["C", 110.0, 30, 1.0, 0.8]],
    "future": [["F", None, 30, 1.0, None]],
    "perpetual": [["perp", None, None, -2.0, None]],
}
OTHERWISE = {
    **{("OKX", kind): "the venue's own tables have a row for all other coins" for kind in KINDS},
    ("BYBIT_SM", "long option"): "the premium that a long option costs is no coin's rate",
}
EVERY_KIND = [(method, kind) for method in ASKED for kind in KINDS if (method, kind) not in OTHERWISE]


def book(coin: str, kind: str) -> list[Row]:
    """A book of one kind of contract at a spot of 100."""
    return [HEADER, *([coin, *row, 100.0] for row in KINDS[kind])]


def status(rows: list[Row], method: str) -> str:
    """The status that the comparison and the top of the statement show, or the message of a refusal."""
    statement, compared = PM_EXPLAIN(rows, None, method), PM_COMPARE(rows, None, method)
    if isinstance(statement, str):
        return str(statement)
    shown = dict(zip(*compared))["Status"]
    assert shown == statement[1][statement[0].index("Status")]
    return str(shown)


@pytest.mark.parametrize(("method", "kind"), EVERY_KIND)
def test_a_coin_that_nobody_lists(method: str, kind: str) -> None:
    """An error that names the coin and those listed, or that no file or figure was given; else a number that is an illustration."""
    found = status(book(NOBODYS, kind), method)
    if not found.startswith("#PM! "):
        assert found == "illustrative"
        return
    if "params_file" in found:  # all its numbers are in a file of the account
        return
    assert NOBODYS in found
    none = ("is known for", "which is not set", "no options", "no dated futures")  # no coin has one, so none is named
    figure = any(said in found for said in none)
    assert figure or re.search(r" is for [A-Z]", found), "those listed are not named"


LISTED = [(method, coin) for method in ASKED for coin in rules_of(method, time.time()).underlyings]


@pytest.mark.parametrize(("method", "coin"), LISTED)
def test_a_listed_coin_is_as_certain_as_its_file_says(method: str, coin: str) -> None:
    """No listed coin is an illustration unless a value that holds for it, or the method, is one."""
    rules = rules_of(method, time.time())
    holding = [rules.parameters.get((coin, name)) or rules.parameters.get(("", name)) for name in rules.names]
    held = weakest(rules.meta.status, *(value.status for value in holding if value is not None and value.value != REFUSED))
    for kind in KINDS:
        found = status(book(coin, kind), method)
        if not found.startswith("#PM! "):
            assert found == weakest(found, rules.meta.status), "a whole is never more certain than its method"
            assert found == rules.meta.status or weakest(found, held) == held


CHOOSY = {
    "CME": [NOBODYS, "USDC"],  # a clearing house of futures holds no coins
    "DERIVE": [NOBODYS],  # the venue takes the coins that it lists as collateral, and USDC
    "DERIVE_SM": [NOBODYS],
    "THALEX": [NOBODYS],
}


@pytest.mark.parametrize(
    ("method", "coin"), [(name, coin) for name in ASKED for coin in (NOBODYS, "USDC") if coin not in CHOOSY.get(name, [])]
)
def test_spot_that_is_collateral_is_no_reason_to_refuse(method: str, coin: str) -> None:
    """A holding of an unlisted coin, or of a stablecoin, beside a listed option needs no row of its own."""
    rows = [HEADER, ["BTC", "C", 110.0, 30, -1.0, 0.8, 100.0], [coin, "spot", None, None, 1.0, None, 1.0]]
    alone = PM_MARGIN(rows[:2], None, method)
    if isinstance(alone, float):
        assert isinstance(PM_MARGIN(rows, None, method), float), PM_MARGIN(rows, None, method)
