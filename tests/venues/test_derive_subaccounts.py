"""Accounts that Derive v3 margined itself, recomputed with the shipped numbers: its test network on 2026-10-08."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlmargin import cli
from xlmargin.venues.verify import verify

PERPETUAL = {
    "instrument_type": "perp",
    "instrument_name": "ETH-PERP",
    "amount": "-0.051",
    "mark_price": "2570.399860208141",
    "index_price": "2569.660424188522",
    "mark_value": "-0.022436553872",
}
SPREAD = [
    {"instrument_name": name, "amount": amount, "mark_price": mark, "index_price": "2580.065104060395"}
    for name, amount, mark in (("ETH-20261016-2600-C", "1", "52.099822883535"), ("ETH-20261016-2700-C", "-1", "20.586809898648"))
]


def account(positions: list[dict[str, Any]], value: str, initial: str, maintenance: str, kind: str = "SM") -> dict[str, Any]:
    """An answer of private/get_subaccount: what it says of the positions."""
    sums = {"positions_value": value, "positions_initial_margin": initial, "positions_maintenance_margin": maintenance}
    return {"id": "1", "result": {"subaccount_id": 7, "margin_type": kind, "positions": positions, **sums, "collaterals": [{}]}}


SHORT = account([PERPETUAL], "-0.022436553872", "-8.671913555842", "-6.575070641647")
ACCOUNTS = {"short perpetual": SHORT, "call spread": account(SPREAD, "31.513012984887", "0", "0"), "nothing": account([], "0", "0", "0")}


def replayed(content: Any, folder: Path) -> list[tuple[bool, str]]:
    """The outcomes of a file."""
    path = folder / "answer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return [(outcome.matches, outcome.text) for outcome in verify("DERIVE_SM", path)]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_the_venue_s_own_margin_of_an_account(name: str, tmp_path: Path) -> None:
    """Initial and maintenance requirement within 1e-8 of theirs; what is not compared is told."""
    ((matches, text),) = replayed(ACCOUNTS[name], tmp_path)
    assert matches, text
    assert text.startswith("2 numbers match within 1e-08")
    assert "collateral is not compared" in text


def test_accounts_of_several_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of answers is as many cases; a rate of another day differs; the last lines say what is confirmed."""
    old = account([PERPETUAL], "-0.022436553872", "-13.13", "-8.54")  # .10 and .065, as before v3
    outcomes = replayed([*ACCOUNTS.values(), old], tmp_path)
    assert [matches for matches, _ in outcomes] == [True, True, True, False]
    assert outcomes[3][1].startswith("initial requirement: ours 8.64947")
    assert cli.main(["verify", "DERIVE_SM", str(tmp_path / "answer.json")]) == 1
    *_, says, last = capsys.readouterr().out.splitlines()
    assert last == "3 match, 1 differ"
    assert says.startswith("DERIVE_SM: formula verified on 3 of 4 answers of this file; the shipped numbers are parameters of 2026-10-08")


def test_what_cannot_be_recomputed_of_an_account(tmp_path: Path) -> None:
    """A portfolio margin needs vols, which the answer lacks; a missing sum is named."""
    ((matches, text),) = replayed(account([PERPETUAL], "0", "0", "0", "PM2"), tmp_path)
    assert not matches
    assert "the answer has no vols" in text
    broken = {"result": {key: value for key, value in SHORT["result"].items() if key != "positions_initial_margin"}}
    ((matches, text),) = replayed(broken, tmp_path)
    assert not matches
    assert "subaccount lacks 'positions_initial_margin'" in text
