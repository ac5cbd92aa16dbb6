"""Books for the tests of contributions, what-ifs and moves, and their margin from PM_MARGIN by brute force."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from test_laws import CASES, MARKET, SPOTS

from udfs import PM_MARGIN
from xlmargin.methods import method_named

Row = list[Any]
Rows = list[Row]

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Account"]
QUANTITY, ACCOUNT = HEADER.index("Quantity"), HEADER.index("Account")
# every method that can answer a book of options without a history, under the parameters that the tests of laws use
ANSWERING = [name for name, (_, method, _, _) in CASES.items() if not method_named(method).takes_history and method != "HYPERLIQUID"]
FEW = ("SPAN", "SPAN charges", "TIMS", "DERIBIT", "OKX", "DERIVE", "RULES", "STRESS", "DERIVE_SM", "DERIBIT_SM")


def asked(name: str) -> tuple[Any, str, Any]:
    """Market, method and parameters of a case of the tests of laws."""
    market, method, parameters, _ = CASES[name]
    return market, method, parameters


def margin(rows: Rows, name: str, market: Any = MARKET) -> float:
    """PM_MARGIN of position rows below HEADER."""
    _, method, parameters = asked(name)
    answer = PM_MARGIN([HEADER, *rows], market, method, parameters)
    assert isinstance(answer, float), answer
    return answer


def close(value: float, scale: float = 1.0) -> Any:
    """Equal to within rounding of amounts of this size."""
    return pytest.approx(value, rel=1e-9, abs=1e-9 * max(abs(scale), 1.0))


def option(coin: str, kind: str, moneyness: float, days: float, quantity: float, account: str | None = None) -> Row:
    """One option row; its vol depends on its strike alone."""
    return [coin, kind, round(SPOTS[coin] * moneyness, 2), days, quantity, 0.5 + 0.2 * abs(moneyness - 1.0), account]


@st.composite
def books(draw: Any, accounts: bool = False) -> Rows:
    """Two to six rows on two coins: options, futures, perpetuals and spot, long and short."""
    rows = []
    for _ in range(draw(st.integers(2, 6))):
        coin = draw(st.sampled_from(["BTC", "ETH"]))
        kind = draw(st.sampled_from(["call", "put", "put", "call", "future", "spot"]))
        size = draw(st.sampled_from([-3.0, -1.0, -0.5, 1.0, 2.0]))
        owner = draw(st.sampled_from(["a", "b", None])) if accounts else None
        row = option(coin, kind, draw(st.sampled_from([0.8, 0.95, 1.0, 1.1])), draw(st.sampled_from([7.0, 40.0])), size, owner)
        if kind in ("future", "spot"):
            row[2] = row[5] = None
            row[3] = row[3] if kind == "future" else None
            row[QUANTITY] = abs(size) if kind == "spot" else size
        rows.append(row)
    return rows
