"""The margin of an account in a batch is what the sheet answers for that account's rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from range_books import ask

from xlmargin.batch.accounts import Margins, margins
from xlmargin.batch.plan import Inputs
from xlmargin.batch.product import LossScreen, order_of, sparse, worst_loss
from xlmargin.batch.rows import Rows, read_rows
from xlmargin.batch.scatter import ROW
from xlmargin.batch.shard import market_of
from xlmargin.methods import known_methods

pa = pytest.importorskip("pyarrow")

MARKET = [["Underlying", "Spot", "IV", "As of"], ["BTC", 65_000.0, 0.55, "2025-06-01"], ["ETH", 3_200.0, 0.7, None]]
HISTORY = [
    ["Date", "BTC", "ETH"],
    *([f"2025-{1 + n // 28:02d}-{1 + n % 28:02d}", 65_000.0 + 3_000.0 * np.sin(n), 3_200.0 + 200.0 * np.cos(2.0 * n)] for n in range(110)),
]
STRESSES = [
    ["Scenario", "Underlying", "Price move", "Vol move"],
    ["crash", None, -0.3, 0.4],
    ["rally", None, 0.25, -0.1],
    ["apart", "BTC", 0.1, 0.0],
    ["apart", "ETH", -0.2, 0.3],
]
NAMES = (
    "BTC-27JUN25-70000-C",
    "BTC-27JUN25-60000-P",
    "BTC-26SEP25-65000-C",
    "BTC-26SEP25-80000-C",
    "BTC-PERPETUAL",
    "ETH-27JUN25-3200-C",
    "ETH-27JUN25-2800-P",
    "ETH-26SEP25-4000-C",
    "BTC_USDC-27JUN25-65000-P",
    "ETH-PERPETUAL",
)
COLUMNS = ("Account", "Instrument", "Quantity", "IV", "Spot")

quantities = st.floats(-20.0, 20.0).map(lambda value: round(value, 2))
rows_of = st.tuples(
    st.sampled_from(("a", "b", "7", None)),
    st.sampled_from(NAMES),
    quantities,
    st.sampled_from((None, None, 0.5, 0.62)),
    st.sampled_from((None, None, None, 64_500.0)),
)


def read(rows: list[tuple[Any, ...]], columns: tuple[str, ...] = COLUMNS, market: Any = MARKET) -> Rows:
    """Rows as the batch reads them."""
    cells = dict(zip(columns, map(list, zip(*rows))))
    table = pa.table(
        {
            **{
                name: pa.array(column) if any(cell is not None for cell in column) else pa.array(column, pa.float64())
                for name, column in cells.items()
            },
            ROW: pa.array(range(2, len(rows) + 2), pa.int64()),
        }
    )
    return read_rows(table, False, market_of(inputs(market=market)))


def inputs(method: str = "SPAN", parameters: Any = None, market: Any = MARKET) -> Inputs:
    """What stands beside the rows."""
    history = HISTORY if method in ("VAR", "ES") else None
    return Inputs((method,), market, STRESSES if method == "STRESS" and parameters is None else parameters, history)


def margined(rows: Rows, beside: Inputs, cells: int = 10_000) -> Margins:
    """The margins of one method."""
    return margins(rows, market_of(beside), beside.methods[0], beside, cells)


def assert_as_alone(raw: list[tuple[Any, ...]], beside: Inputs, columns: tuple[str, ...] = COLUMNS, cells: int = 10_000) -> int:
    """Every account's numbers are those that the sheet answers for its rows alone; the number of accounts answered."""
    rows = read(raw, columns)
    answer = margined(rows, beside, cells)
    where = columns.index("Account")
    for a, account in enumerate(rows.accounts):
        mine = [list(columns), *(list(row) for row in raw if (row[where] or "") == account)]
        asked = mine, beside.market, beside.methods[0], beside.parameters, beside.history
        expected = [ask(name, *asked) for name in ("PM_MARGIN", "PM_MAINTENANCE", "PM_SCANNING_RISK")]
        if isinstance(expected[0], str):
            assert answer.failed[a], expected[0]
            continue
        found = [answer.initial[a], answer.maintenance[a], answer.scanning[a]]
        if isinstance(expected[2], str):  # a method without scenarios
            assert np.isnan(found.pop())
            expected.pop()
        assert not answer.failed[a]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)
    return int((~answer.failed).sum())


@pytest.mark.parametrize("method", ["SPAN", "RULES", "DERIBIT", "OKX", "TIMS", "STRESS"])
@given(raw=st.lists(rows_of, min_size=1, max_size=14))
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_each_account_is_margined_as_if_alone(method: str, raw: list[tuple[Any, ...]]) -> None:
    """Books of any size, some rows with their own vol or spot: whatever else is in the file."""
    assert_as_alone(raw, inputs(method))


@pytest.mark.parametrize("method", known_methods())
def test_every_method_is_there(method: str) -> None:
    """Accounts with different underlyings and different own markets do not touch each other under any method."""
    raw = [
        ("a", NAMES[0], -2.0, None, None),
        ("b", NAMES[0], 3.0, 0.8, 60_000.0),
        ("b", NAMES[5], -4.0, None, None),
        ("c", NAMES[5], 5.0, None, None),
        ("c", NAMES[6], -7.0, 0.9, None),
        ("a", NAMES[1], -1.5, 0.5, None),
        ("d", NAMES[4], 2.0, None, 66_000.0),
        ("d", NAMES[0], -1.0, None, 66_000.0),
        ("b", NAMES[2], 1.0, None, 60_000.0),
    ]
    prices = [row for row in raw if row[1] not in ("BTC-PERPETUAL", "ETH-PERPETUAL")]  # some venues publish no rate of them
    none = method in ("HYPERLIQUID", "KRAKEN")  # lists no options; has no figures but an account's
    assert assert_as_alone(prices, inputs(method), cells=8) >= (0 if none else 3)
    assert_as_alone(raw, inputs(method))


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (
            "SPAN",
            [
                ["spot_treatment", "in_use"],
                ["short_option_minimum", 50.0],
                ["inter_month_charge", 100.0],
                ["inter_commodity_spreads", "50 %: BTC A 1, ETH B 20"],
                ["wfpr_method", "scan_range"],
            ],
        ),
        ("TIMS", [["product_group_offset", 0.5]]),
        ("DERIBIT", [["margin_model", "cross_pm"]]),
        ("RULES", [["basis", "cash_call"]]),
        ("VAR", [["approach", "monte_carlo"], ["trials", 400.0]]),
        ("ES", [["stress_weight", 0.25], ["stress_days", 20.0]]),
    ],
)
def test_parameters_hold_for_every_account(method: str, parameters: Any) -> None:
    """Charges on deltas, offsets and drawn moves follow from an account's own rows."""
    raw = [
        ("a", NAMES[0], -2.0),
        ("a", NAMES[2], 3.0),
        ("b", NAMES[6], -4.0),
        ("b", NAMES[0], 1.0),
        ("b", NAMES[8], -2.0),
        ("c", NAMES[7], -5.0),
        ("c", NAMES[5], 4.0),
        ("a", "BTC-USD", 1.5),
    ]
    assert assert_as_alone(raw, inputs(method, parameters), ("Account", "Instrument", "Quantity")) == 3


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("VAR", [["approach", "monte_carlo"], ["trials", 300.0], ["seed", 3.0]]),
        ("SPAN", [["inter_commodity_spreads", "50 %: BTC A 1, ETH B 20"], ["wfpr_method", "scan_range"]]),
    ],
)
def test_what_is_read_off_a_whole_book_is_read_off_one_account(method: str, parameters: Any) -> None:
    """The vol that moves are drawn from and the price of a scan range are those of the account's own first rows."""
    columns = ("Account", "Instrument", "Quantity", "IV", "Forward")
    raw = [
        ("a", NAMES[0], 3.0, 0.5, 66_000.0),
        ("a", NAMES[5], -40.0, 0.6, 3_300.0),
        ("b", NAMES[0], 3.0, 0.9, 60_000.0),
        ("b", NAMES[5], -40.0, 1.1, 2_900.0),
    ]
    assert assert_as_alone(raw, inputs(method, parameters), columns) == 2


def test_open_orders_sides_and_multipliers_are_read_as_the_sheet_does() -> None:
    """Columns that turn, leave out or scale a quantity."""
    columns = ("Account", "Instrument", "Quantity", "Side", "Order", "Multiplier", "Entry")
    raw = [
        ("a", NAMES[0], 2.0, "sell", None, None, 1_000.0),
        ("a", NAMES[0], 5.0, "buy", "yes", 0.1, 900.0),
        ("b", NAMES[1], 3.0, None, "no", 0.01, None),
        ("b", NAMES[1], -4.0, "short", None, None, 500.25),
    ]
    for method in ("SPAN", "DERIBIT_SM", "BYBIT_SM"):
        assert assert_as_alone(raw, inputs(method), columns) == 2


def test_order_of_large_keys_is_stable() -> None:
    """Keys of more than sixteen and more than 32 bits are in order, equal ones as they stood."""
    keys = np.random.default_rng(2).integers(0, 9, 4_000) * np.array([1, 70_000, 2**40, 2**33 + 5])[np.arange(4_000) % 4]
    np.testing.assert_array_equal(order_of(keys), np.argsort(keys, kind="stable"))
    assert len(order_of(keys[:0])) == 0


def test_screening_is_exact() -> None:
    """The worst loss found by screening is that of the whole product, to rounding, in the same scenario."""
    random = np.random.default_rng(3)
    shape = 300, 400
    smooth = random.normal(size=(shape[0], 12)) @ random.normal(size=(12, shape[1])) + 1e-3 * random.normal(size=shape)
    account = np.sort(random.integers(0, 900, 20_000))
    units = sparse(account, random.integers(0, shape[0], 20_000), random.normal(size=20_000), (900, shape[0]))
    whole, screened = worst_loss(units, smooth), LossScreen(smooth).worst_loss(units)
    np.testing.assert_allclose(screened.loss, whole.loss, rtol=1e-12)
    np.testing.assert_array_equal(screened.scenario, whole.scenario)


def test_screening_is_exact_where_it_cannot_help() -> None:
    """An array without structure, ties and flat accounts: the answer is still that of the whole product."""
    random = np.random.default_rng(4)
    array = np.repeat(random.normal(size=(40, 150)), 2, axis=1)
    account = np.repeat(np.arange(50) * 2, 5)
    units = sparse(account, random.integers(0, 40, 250), random.normal(size=250), (100, 40))
    whole, screened = worst_loss(units, array), LossScreen(array, rank=3).worst_loss(units)
    np.testing.assert_allclose(screened.loss, whole.loss, rtol=1e-12)
    np.testing.assert_array_equal(screened.scenario, whole.scenario)


def test_a_large_table_is_screened(monkeypatch: pytest.MonkeyPatch) -> None:
    """STRESS with more than 300 scenarios and enough accounts gives the statement's numbers."""
    random = np.random.default_rng(5)
    table = [
        ["Scenario", "Price move", "Vol move"],
        *([f"s{n}", float(p), float(v)] for n, (p, v) in enumerate(zip(random.normal(0.0, 0.1, 320), random.normal(0.0, 0.2, 320)))),
    ]
    raw = [
        (f"a{a:03d}", NAMES[k], round(float(q), 2))
        for a, k, q in zip(np.repeat(np.arange(60), 5), random.integers(0, len(NAMES), 300), random.normal(0.0, 3.0, 300))
    ]
    rows, beside = read(raw, ("Account", "Instrument", "Quantity")), inputs("STRESS", table)
    plain = margined(rows, beside, 10**6)
    used = []
    monkeypatch.setattr("xlmargin.batch.accounts.SCREEN_ACCOUNTS", 50)
    monkeypatch.setattr("xlmargin.batch.accounts.LossScreen", lambda array: used.append(array.shape) or LossScreen(array))
    screened = margined(rows, beside)
    assert used
    for name in ("initial", "maintenance", "scanning"):
        np.testing.assert_allclose(getattr(screened, name), getattr(plain, name), rtol=1e-12)
    assert screened.worst == plain.worst
