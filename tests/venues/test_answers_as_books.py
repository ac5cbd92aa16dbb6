"""Answers of venues without a live feed, ccxt's positions of any venue, pages of several, and prices that stand in for others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.venues import Answer, RawAnswer, answer_of, of_one_moment

Rows = list[dict[str, Any]]


def read(content: Any, venue: str | None, sizes: Any = None, **options: bool) -> Answer:
    """The answer with this content, as a file of it is read."""
    return answer_of(RawAnswer(content, "answer.json"), venue, None if sizes is None else RawAnswer(sizes, "sizes.json"), **options)


def rows_of(answer: Answer) -> Rows:
    """Position rows by heading, blanks and the venue left out."""
    head, *rows = answer.positions
    return [{key: cell for key, cell in zip(head, row) if cell is not None and key != "Venue"} for row in rows]


def about(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose numbers are compared to their last digits but three."""
    return {key: pytest.approx(cell, rel=1e-12) if isinstance(cell, float) else cell for key, cell in row.items()}


def refusal(content: Any, venue: str | None, sizes: Any = None) -> str:
    """The one line with which an answer is refused."""
    with pytest.raises(MarginError) as error:
        read(content, venue, sizes)
    assert "\n" not in str(error.value)
    return str(error.value)


# ---------------------------------------------------------------- venues

PARADEX = {
    "results": [
        {"id": "1", "market": "BTC-USD-PERP", "status": "OPEN", "side": "LONG", "size": "0.01", "average_entry_price": "64839.96"},
        {"id": "2", "market": "ETH-USD-PERP", "status": "OPEN", "side": "SHORT", "size": "-2", "average_entry_price": "3000"},
        {"id": "3", "market": "BTC-USD-26DEC26-100000-C", "status": "OPEN", "side": "SHORT", "size": "0.5", "average_entry_price": "900"},
        {"id": "4", "market": "SOL-USD-PERP", "status": "CLOSED", "side": "LONG", "size": "0", "average_entry_price": "150"},
    ]
}
HYPERLIQUID = {
    "marginSummary": {"accountValue": "13109.48"},
    "assetPositions": [
        {"type": "oneWay", "position": {"coin": "ETH", "szi": "0.0335", "entryPx": "2986.3", "positionValue": "100.02765"}},
        {"type": "oneWay", "position": {"coin": "BTC", "szi": "-0.5", "entryPx": "65000", "positionValue": "35000"}},
    ],
    "time": 1795737600000,
}
SPOT_BALANCES = {
    "balances": [
        {"coin": "USDC", "token": 0, "hold": "0.0", "total": "14.625485", "entryNtl": "0.0"},
        {"coin": "HYPE", "token": 150, "hold": "0", "total": "2000", "entryNtl": "1234.56"},
    ]
}
KRAKEN = {
    "result": "success",
    "openPositions": [
        {"side": "short", "symbol": "PI_XBTUSD", "price": 9392.749993345933, "fillTime": "2020-07-22T14:39:12.376Z", "size": 10_000},
        {"side": "long", "symbol": "PF_ETHUSD", "price": 1_750.25, "fillTime": "2020-07-22T14:39:12.376Z", "size": 1.2},
        {"side": "long", "symbol": "FI_XBTUSD_270326", "price": 74_000, "fillTime": "2020-07-22T14:39:12.376Z", "size": 5_000},
    ],
    "serverTime": "2020-07-22T14:39:12.376Z",
}
THALEX = {
    "id": 1,
    "result": [
        {"instrument_name": "BTC-26DEC26-70000-C", "position": -1.5, "mark_price": 4_200.0, "index": 70_000.0, "average_price": 4_000.0},
        {"instrument_name": "BTC-PERPETUAL", "position": 0.3, "mark_price": 70_010.0, "index": 70_000.0, "average_price": 69_000.0},
        {"instrument_name": "BTC-26DEC26", "position": 0.0, "mark_price": 71_000.0},
    ],
}
DOCUMENTED: dict[str, tuple[Any, Rows, tuple[str, ...]]] = {
    "paradex": (
        PARADEX,
        [
            {"Instrument": "BTC-USD-PERP", "Quantity": 0.01, "Entry": 64_839.96},
            {"Instrument": "ETH-USD-PERP", "Quantity": -2.0, "Entry": 3_000.0},
            {"Instrument": "BTC-USD-26DEC26-100000-C", "Quantity": -0.5, "Entry": 900.0},
        ],
        ("1 closed position is left out", "the answer has neither an index nor a mark of BTC, ETH: --market gives spot"),
    ),
    # marks are value / size: 100.02765 / 0.0335 and 35,000 / 0.5
    "hyperliquid": (
        HYPERLIQUID,
        [
            {"Instrument": "ETH", "Quantity": 0.0335, "Price": 2_985.9, "Spot": 2_985.9, "Entry": 2_986.3},
            {"Instrument": "BTC", "Quantity": -0.5, "Price": 70_000.0, "Spot": 70_000.0, "Entry": 65_000.0},
        ],
        (
            "the answer has no index of ETH: the mark of ETH stands in for spot",
            "the answer has no index of BTC: the mark of BTC stands in for spot",
        ),
    ),
    "kraken": (
        KRAKEN,
        [
            {"Instrument": "PI_XBTUSD", "USD size": -10_000.0, "Entry": 9392.749993345933},
            {"Instrument": "PF_ETHUSD", "Quantity": 1.2, "Entry": 1_750.25},
            {"Instrument": "FI_XBTUSD_270326", "USD size": 5_000.0, "Entry": 74_000.0},
        ],
        ("the answer has neither an index nor a mark of BTC, ETH: --market gives spot",),
    ),
    "thalex": (
        THALEX,
        [
            {"Instrument": "BTC-26DEC26-70000-C", "Quantity": -1.5, "Price": 4_200.0, "Spot": 70_000.0, "Entry": 4_000.0},
            {"Instrument": "BTC-PERPETUAL", "Quantity": 0.3, "Price": 70_010.0, "Spot": 70_000.0, "Entry": 69_000.0},
        ],
        (
            "1 closed position is left out",
            "the answer has no forward of BTC 2026-12-26: the index 70,000 stands in for it, and --market gives the forward",
        ),
    ),
}


@pytest.mark.parametrize("venue", DOCUMENTED)
def test_documented_answers(venue: str) -> None:
    """Sizes with their sign, in coin or in USD, closed positions and stand-ins told; numbers read off the answer by hand."""
    content, rows, notes = DOCUMENTED[venue]
    answer = read(content, venue)
    assert rows_of(answer) == [about(row) for row in rows]
    assert answer.notes == notes
    assert {row[1] for row in answer.positions[1:]} == {venue}


def test_a_saved_answer_of_kraken(shared: Path) -> None:
    """8,000 USD short and 12,000 USD long."""
    content = json.loads((shared / "data" / "api_samples" / "kraken__http_futures_open_positions.json").read_text())
    assert [(row["Instrument"], row["USD size"]) for row in rows_of(read(content, "krakenfutures"))] == [
        ("PI_XBTUSD", -8_000.0),
        ("PI_ETHUSD", 12_000.0),
    ]


def test_spot_balances_of_hyperliquid_are_told() -> None:
    """With the perpetuals or alone they are no positions; dollars are cash."""
    together = read([HYPERLIQUID, SPOT_BALANCES], "hyperliquid")
    assert [row["Instrument"] for row in rows_of(together)] == ["ETH", "BTC"]
    for answer in (together, read(SPOT_BALANCES, "hyperliquid")):
        assert "balances are left out: 2000 HYPE; give them as a balances range, or as spot rows" in answer.notes


@pytest.mark.parametrize(
    ("venue", "content", "told"),
    [
        ("paradex", {"error": "INVALID_TOKEN", "message": "token is invalid"}, "token is invalid"),
        ("kraken", {"result": "error", "error": "authenticationError"}, "authenticationError"),
        ("thalex", {"error": {"code": 3, "message": "not logged in"}}, "not logged in"),
        ("hyperliquid", "null", "must be an object"),
        ("hyperliquid", {"assetPositions": [{"type": "oneWay", "position": {"coin": "BTC"}}]}, "lacks 'szi'"),
        ("kraken", {"openPositions": [{"symbol": "PF_XBTUSD", "size": 1}]}, "'side'"),
        ("paradex", {"results": [{"market": "BTC-USD-PERP", "size": "1"}]}, "'side'"),
        ("paradex", {"results": [{"market": "BTC-USD-PERP", "side": "LONG"}]}, "lacks 'size'"),
        ("thalex", {"result": [{"instrument_name": "BTC-PERPETUAL"}]}, "lacks 'position'"),
        ("kraken", {"openPositions": [{"symbol": "FI_XBTUSD", "side": "long", "size": 1}]}, "no form that is known"),
        ("okx", {"data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "pos": "1"}]}, "'posSide'"),
        ("okx", {"data": [{"instId": "BTC-USDT", "instType": "MARGIN", "pos": "1", "posSide": "net"}]}, "is a loan"),
        ("okx", {"result": []}, "lacks 'data': save the whole positions answer of the venue that --venue names"),
        ("bybit", [{"instrument_name": "BTC-PERPETUAL", "size": 1}], "lacks 'symbol': save the whole positions answer of the venue"),
        ("deribit", {"result": {"summaries": [], "id": 10}}, "save that of private/get_positions"),
        (
            "deribit",
            [{"instrument_name": "ETH-PERPETUAL", "size": 36_000, "size_currency": 1.0, "mark_price": 3_600.0}],
            "contradicts size_currency",
        ),
        (
            "thalex",
            {
                "result": [
                    {"instrument_name": name, "position": 1, "index": index}
                    for name, index in (("BTC-PERPETUAL", 70_000), ("BTC-26MAR27", 50_000))
                ]
            },
            "its index of BTC is 50,000 and that of BTC-PERPETUAL 70,000, so they are not of one moment",
        ),
    ],
)
def test_refusals(venue: str, content: Any, told: str) -> None:
    """The venue's error, a missing key, a contradiction: one line that names it."""
    assert told in refusal(content, venue)


# ---------------------------------------------------------------- Deribit


def deribit(name: str, size: float, **cells: float) -> dict[str, Any]:
    """A position of Deribit's answer."""
    return {"instrument_name": name, "direction": "buy" if size > 0.0 else "sell", "size": size, **cells}


def test_sizes_of_futures() -> None:
    """size_currency where it stands, whatever unit the size has; USD where it does not; with a market the USD of inverse futures."""
    content = [
        deribit("BTC-PERPETUAL", -70_000.0, size_currency=-1.0, mark_price=70_000.0, index_price=70_010.0),
        deribit("SOL_USDC-PERPETUAL", 15_000.0, size_currency=100.0, mark_price=150.0, index_price=150.0),
        deribit("ETH_USDC-PERPETUAL", 2.0, size_currency=2.0, mark_price=3_000.0, index_price=3_000.0),
        deribit("ETH-PERPETUAL", 6_000.0, index_price=3_000.0),
    ]
    assert [(row.get("Quantity"), row.get("USD size")) for row in rows_of(read(content, "deribit"))] == [
        (-1.0, None),
        (100.0, None),
        (2.0, None),
        (None, 6_000.0),
    ]
    assert [(row.get("Quantity"), row.get("USD size")) for row in rows_of(read(content, "deribit", priced=False))] == [
        (None, -70_000.0),
        (100.0, None),
        (2.0, None),
        (None, 6_000.0),
    ]


def test_the_forward_of_an_expiry_is_the_answers_own_where_it_has_one() -> None:
    """Its underlying_price, that of another option, or the mark of the future of that expiry; no stand-in, no note."""
    content = [
        deribit("BTC-26MAR27-80000-C", -1.0, mark_price=0.0761, index_price=70_000.0),
        deribit("BTC-26MAR27", 72_800.0, size_currency=1.0, mark_price=72_800.0, index_price=70_000.0),
        deribit("BTC-25JUN27-80000-C", -1.0, mark_price=0.0961, index_price=70_000.0, underlying_price=74_000.0),
        deribit("BTC-25JUN27-90000-C", -1.0, mark_price=0.0561, index_price=70_000.0),
    ]
    answer = read(content, "deribit")
    assert [row.get("Forward") for row in rows_of(answer)] == [72_800.0, None, 74_000.0, 74_000.0]
    assert answer.notes == ()


def test_a_call_and_a_put_of_one_strike_give_the_forward() -> None:
    """In coin c − p = 1 − K / F: 0.1 − 0.1989011 at 80,000 is F = 72,800; the pair nearest to the index counts; in USD F = K + c − p."""
    near = [deribit(f"BTC-26MAR27-70000-{kind}", 1.0, mark_price=mark, index_price=70_000.0) for kind, mark in (("C", 0.15), ("P", 0.1))]
    far = [deribit(f"BTC-26MAR27-80000-{kind}", -1.0, mark_price=mark, index_price=70_000.0) for kind, mark in (("C", 0.1), ("P", 0.1989))]
    answer = read(far, "deribit")
    assert [row["Forward"] for row in rows_of(answer)] == pytest.approx([72_800.0] * 2, rel=1e-5)
    assert answer.notes == (
        "the answer has no forward of BTC 2027-03-26: the marks of its call and put at 80,000 give 72,800.07, where the index is 70,000; "
        "--market gives the forward",
    )
    other = deribit("BTC-26MAR27-100000-P", -1.0, mark_price=0.3959, index_price=70_000.0)  # is not below intrinsic at that forward
    assert [row["Forward"] for row in rows_of(read([*far, *near, other], "deribit"))] == pytest.approx([70_000.0 / 0.95] * 5)
    linear = [deribit(f"SOL_USDC-26MAR27-150-{kind}", 1.0, mark_price=mark, index_price=150.0) for kind, mark in (("C", 20.0), ("P", 18.5))]
    assert [row["Forward"] for row in rows_of(read(linear, "deribit"))] == [151.5, 151.5]
    odd = [deribit(f"BTC-26MAR27-70000-{kind}", 1.0, mark_price=mark, index_price=70_000.0) for kind, mark in (("C", 0.9), ("P", 0.1))]
    assert "the index 70,000 stands in" in read(odd, "deribit").notes[0]
    assert "the index 150 stands in" in read(BYBIT_PAIR, "bybit").notes[0]  # whose marks may be discounted


BYBIT_PAIR = [
    {"symbol": f"SOL-26MAR27-150-{kind}", "side": "Buy", "size": "1", "markPrice": mark, "indexPrice": "150"}
    for kind, mark in (("C", "20"), ("P", "18"))
]


def test_a_mark_below_intrinsic_at_the_index_counts_as_intrinsic() -> None:
    """(100,000 − 70,000) / 70,000 coins of a put; told, and not with a vol or a forward of its own."""
    content = [
        deribit("BTC-26MAR27-100000-P", -1.0, mark_price=0.3959, index_price=70_000.0),
        deribit("BTC-26MAR27-60000-P", -1.0, mark_price=0.0383, index_price=70_000.0),
        deribit("BTC-26MAR27-110000-P", -1.0, mark_price=0.5, index_price=70_000.0, mark_iv=55.0),
        deribit("SOL_USDC-26MAR27-100-C", 1.0, mark_price=45.0, index_price=150.0),
    ]
    answer = read(content, "deribit")
    assert [row.get("Coin price", row.get("Price")) for row in rows_of(answer)] == [pytest.approx(3.0 / 7.0), 0.0383, 0.5, 50.0]
    assert answer.notes[-1] == (
        "the mark of BTC-26MAR27-100000-P, SOL_USDC-26MAR27-100-C lies below intrinsic at the index, and counts as intrinsic; "
        "--market gives the forward"
    )
    assert rows_of(read(content, "deribit", priced=False))[0]["Coin price"] == 0.3959


@pytest.mark.parametrize(
    ("venue", "content", "told"),
    [
        (
            "deribit",
            {"params": {"data": {"positions": [], "orders": [{"order_id": "1"}]}}},
            ["user.changes holds", "open orders are left out"],
        ),
        ("bybit", {"topic": "position", "data": []}, ["the position stream holds"]),
        ("okx", {"arg": {"channel": "positions"}, "data": []}, ["the positions channel holds"]),
        ("binance", {"e": "ACCOUNT_UPDATE", "a": {"B": [], "P": []}}, ["ACCOUNT_UPDATE holds"]),
        ("thalex", {"channel_name": "account.portfolio", "notification": []}, ["account.portfolio holds"]),
        ("thalex", {"channel_name": "account.portfolio", "notification": [], "snapshot": True}, []),
        (
            "binance",
            {
                "positions": [],
                "assets": [
                    {"asset": "USDT", "walletBalance": "9"},
                    {"asset": "BNB", "walletBalance": "1.5"},
                    {"asset": "BTC", "walletBalance": "0.000"},
                ],
            },
            ["balances are left out: 1.5 BNB;"],
        ),
        (
            "derive",
            {"result": {"positions": [], "collaterals": [{"asset_name": "ETH", "amount": "2"}], "open_orders": [{}]}},
            ["balances are left out: 2 ETH;", "open orders are left out"],
        ),
    ],
)
def test_what_is_left_out_is_told(venue: str, content: Any, told: list[str]) -> None:
    """Balances, orders, and the rest of an account of which a stream sends the changes."""
    notes = read(content, venue).notes
    assert notes[0] == "the answer has no open position"
    assert len(notes) == 1 + len(told)
    for note, part in zip(notes[1:], told):
        assert part in note


def test_a_notification_of_changes_is_no_account() -> None:
    """Streams hold what changed: the positions are read, and this is told."""
    position = deribit("BTC-PERPETUAL", 10.0, size_currency=10 / 70_000, mark_price=70_000.0, index_price=70_000.0)
    content = {"params": {"channel": "user.changes.any.any.raw", "data": {"positions": [position], "orders": [], "trades": []}}}
    answer = read(content, "deribit")
    assert len(answer.positions) == 2
    assert any("user.changes holds the positions that changed, not the whole account" in note for note in answer.notes)


# ---------------------------------------------------------------- ccxt


def unified(symbol: str, contracts: float | None, side: str | None = "long", size: float | None = 1.0, **cells: Any) -> dict[str, Any]:
    """A position in ccxt's form."""
    return {"info": {}, "symbol": symbol, "contracts": contracts, "contractSize": size, "side": side, "markPrice": None, **cells}


def test_the_venues_own_answer_under_info_is_read() -> None:
    """Its index, its sign, its coin price."""
    info = {"instrument_name": "BTC-25DEC26-70000-C", "size": -1.0, "direction": "sell", "mark_price": 0.0555, "index_price": 70_000.0}
    own = unified("BTC/USD:BTC-261225-70000-C", -1.0, "short", markPrice=0.0555, info=info)
    assert rows_of(read([own], "deribit")) == [
        {"Instrument": "BTC-25DEC26-70000-C", "Quantity": -1.0, "Coin price": 0.0555, "Spot": 70_000.0}
    ]
    assert rows_of(read(own, "deribit")) == rows_of(read([own], "deribit"))  # one position alone
    perp = unified("ETH/USDC:USDC", 0.0335, info=HYPERLIQUID["assetPositions"][0])
    assert rows_of(read([perp], "hyperliquid"))[0]["Quantity"] == 0.0335


def test_ccxts_size_of_a_contract_serves_where_the_venue_counts_contracts() -> None:
    """OKX and COIN-M of Binance need no instruments answer then."""
    option = {"instId": "BTC-USD-261225-92000-C", "instType": "OPTION", "posSide": "net", "pos": "-30", "markPx": "0.05", "idxPx": "90000"}
    swap = {"instId": "BTC-USD-SWAP", "instType": "SWAP", "posSide": "short", "pos": "18", "markPx": "90000", "idxPx": "90000"}
    content = [
        unified("BTC/USD:BTC-261225-92000-C", 30.0, "short", 0.01, info=option),
        unified("BTC/USD:BTC", 18.0, "short", 100.0, info=swap),
    ]
    rows = rows_of(read(content, "okx"))
    assert rows[0]["Quantity"] == pytest.approx(-0.3)
    assert rows[1]["USD size"] == -1_800.0
    perp = {"symbol": "BTCUSD_PERP", "positionAmt": "-9", "positionSide": "BOTH", "markPrice": "90000"}
    assert rows_of(read([unified("BTC/USD:BTC", 9.0, "short", 100.0, info=perp)], "binance"))[0]["USD size"] == -900.0


@pytest.mark.parametrize("venue", [None, "gate", "bitget", "okx"])
def test_unified_fields_of_any_venue(venue: str | None) -> None:
    """Sizes are contracts × contractSize with the side: coins, or USD of an inverse future; marks of inverse options in coin."""
    content = [
        unified("BTC/USDT:USDT", 50.0, "short", 0.01, markPrice=70_000.0, entryPrice=69_000.0, notional=-34_500.0),
        unified("BTC/USD:BTC", 18.0, "long", 100.0, markPrice=70_000.0, notional="0.0257142857"),
        unified("BTC/USD:BTC-261225", 7.0, "short", 100.0, markPrice=71_000.0, notional=700.0),
        unified("BTC/USD:BTC-261225-70000-C", -2.0, "short", 0.1, markPrice=0.05),
        unified("ETH/USDC:USDC-261225-3000-P", 3.0, "long", 1.0, markPrice=200.0),
        unified("SOL/USDT:USDT", 0.0, None),
    ]
    answer = read(content, venue)
    assert any(note.startswith("ccxt's own fields are read") for note in answer.notes)
    assert rows_of(answer) == [
        {"Instrument": "BTC/USDT:USDT", "Quantity": -0.5, "Price": 70_000.0, "Spot": 70_000.0, "Entry": 69_000.0},
        {"Instrument": "BTC/USD:BTC", "USD size": 1_800.0, "Price": 70_000.0, "Spot": 70_000.0},
        {"Instrument": "BTC/USD:BTC-261225", "USD size": -700.0, "Price": 71_000.0, "Spot": 70_000.0},
        {"Instrument": "BTC/USD:BTC-261225-70000-C", "Quantity": -0.2, "Coin price": 0.05, "Spot": 70_000.0, "Forward": 71_000.0},
        {"Instrument": "ETH/USDC:USDC-261225-3000-P", "Quantity": 3.0, "Price": 200.0},
    ]


@pytest.mark.parametrize(
    ("position", "told"),
    [
        (unified("BTC/USDT:USDT", 1.0, None), "'side'"),
        (unified("BTC/USDT:USDT", -1.0, "long"), "negative size"),
        (unified("BTC/USDT:USDT", 1.0, "long", None), "'contractSize'"),
        (unified("BTC/ETH:ETH", 1.0), "no form that is known"),
        (unified("BTC/USD:BTC", None), "contracts is blank, so ccxt's own fields give no size: with --venue"),  # Deribit's, in ccxt
        (unified("BTC/USD:BTC", 0.5, markPrice=70_000.0, notional=35_000.0), "is 0.5 USD, which contradicts the notional 35,000"),
        (unified("BTC/USDT:USDT", 0.5, size=0.01, markPrice=70_000.0, notional=-35_000.0), "is 0.005 coins, which contradicts"),
        (unified("BTC/USDT:USDT", "ten"), "contracts must be a number, not 'ten'"),
    ],
)
def test_unified_fields_that_do_not_tell(position: dict[str, Any], told: str) -> None:
    """A size without its side or unit is no amount."""
    assert told in refusal([position], "gate")


def test_another_form_says_that_ccxts_is_read() -> None:
    """The message of an unknown venue names ccxt's form."""
    assert "ccxt's unified positions are read of any venue" in refusal([{"symbol": "BTCUSDT", "size": 1}], "bitget")
    assert "--venue is one of deribit, okx" in refusal({"result": []}, None)


# ---------------------------------------------------------------- pages


def bybit(*symbols: str, cursor: str = "", category: str = "linear") -> dict[str, Any]:
    """A page of Bybit's answer."""
    rows = [{"symbol": symbol, "side": "Buy", "size": "1", "markPrice": "100"} for symbol in symbols]
    return {"retCode": 0, "result": {"category": category, "list": rows, "nextPageCursor": cursor}, "time": 1781500000000}


def bybit_row(symbol: str, mark: str) -> list[dict[str, str]]:
    """A bare list of one position."""
    return [{"symbol": symbol, "side": "Buy", "size": "1", "markPrice": mark}]


def test_a_page_of_several_is_refused() -> None:
    """A cursor in the answer, or in the last of its pages; a list of all pages is joined, and an empty page ends it."""
    told = refusal(bybit("BTCUSDT", cursor="BTCUSDT%2C0"), "bybit")
    assert "is one page of several (nextPageCursor is 'BTCUSDT%2C0'): fetch all pages and save them as a list" in told
    assert "page 2 is one page of several" in refusal([bybit("BTCUSDT", cursor="a"), bybit("ETHUSDT", cursor="b")], "bybit")
    for last in (bybit(), bybit(cursor="c")):
        answer = read([bybit("BTCUSDT", cursor="a"), bybit("ETHUSDT", cursor="b"), last], "bybit")
        assert [row["Instrument"] for row in rows_of(answer)] == ["BTCUSDT", "ETHUSDT"]
    assert answer.market == [["Underlying", "As of"], ["BTC", "2026-06-15T05:06:40+00:00"]]
    # each category has its own last page
    assert "page 1 is one page" in refusal([bybit("BTCUSDT", cursor="a"), bybit("BTCUSD", category="inverse")], "bybit")


@pytest.mark.parametrize(
    ("venue", "content", "told"),
    [
        ("deribit", {"result": {"positions": [], "continuation": "xY7"}}, "continuation is 'xY7'"),
        ("paradex", {"next": "eyJ", "prev": None, "results": PARADEX["results"]}, "next is 'eyJ'"),
        ("derive", {"result": {"positions": [], "pagination": {"num_pages": 3, "count": 250}}}, "one page of 3, and 1 is here"),
        ("derive", {"result": {"positions": []}, "pagination": {"num_pages": 3, "count": 250}}, "one page of 3, and 1 is here"),
        ("kraken", {**KRAKEN, "hasMore": True}, "(hasMore)"),
        (
            "okx",
            {"code": "0", "data": [{"instId": f"BTC-USD-261225-{n}-C", "pos": "0"} for n in range(100)]},
            "100 positions, as many as a page has",
        ),
    ],
)
def test_signs_of_a_further_page(venue: str, content: Any, told: str) -> None:
    """Every venue's way to say that there is more."""
    assert told in refusal(content, venue)


def test_a_full_page_of_okx_may_be_the_last() -> None:
    """A list says so: the next page, empty."""
    full = {"code": "0", "data": [{"instId": f"BTC-USD-261225-{n}-C", "pos": "0"} for n in range(1, 101)]}
    assert read([full, {"code": "0", "data": []}], "okx").notes[0] == "100 closed positions are left out"


def test_a_position_on_two_pages_is_told() -> None:
    """Pages that overlap, and a position that stands twice word for word; long and short of one contract are two."""
    pages = [bybit("BTCUSDT", "ETHUSDT", cursor="a"), bybit("ETHUSDT")]
    pages[1]["result"]["list"][0]["markPrice"] = "101"
    told = refusal(pages, "bybit")
    assert (
        "answer.json: page 2: result.list[0] (ETHUSDT): the same position stands at answer.json: page 1: result.list[1] (ETHUSDT)" in told
    )
    assert "the same position stands at" in refusal(bybit("BTCUSDT", "BTCUSDT"), "bybit")
    both = bybit("BTCUSDT", "BTCUSDT")
    both["result"]["list"][1]["side"] = "Sell"
    assert len(read(both, "bybit").positions) == 3


def test_a_list_of_answers_and_positions_is_refused() -> None:
    """The item that is no page is named."""
    assert "item 2 is no answer where others are" in refusal([bybit("BTCUSDT"), bybit("ETHUSDT")["result"]["list"][0]], "bybit")


# ---------------------------------------------------------------- the command line

SHORTS = {
    "result": [
        deribit("BTC-26MAR27-80000-C", -1.0, mark_price=0.0761, index_price=70_000.0),
        deribit("BTC-26MAR27-60000-P", -1.0, mark_price=0.0383, index_price=70_000.0),
        deribit("BTC-26MAR27-100000-P", -1.0, mark_price=0.3959, index_price=70_000.0),
    ],
    "usOut": 1795766400000000,
}
MARKET = "Underlying,Spot,Expiry,Forward,As of\nBTC,{spot},,,2026-11-27T08:00:00Z\nBTC,,2027-03-26,72800,\n"


def margin_of(folder: Path, capsys: pytest.CaptureFixture[str], content: Any, *options: str) -> tuple[float, str]:
    """The initial margin that the command prints of a saved answer, and its notes."""
    path = folder / "answer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    code = main(["margin", str(path), *options, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, out + err
    return float(json.loads(out)["initial_margin"]), err


def test_marks_stay_beside_a_market(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the market's forward of 72,800 the marks give the vols and 10,515.6; at the index another margin, with notes."""
    market = tmp_path / "market.csv"
    market.write_text(MARKET.format(spot=70_000), encoding="utf-8")
    found, told = margin_of(tmp_path, capsys, SHORTS, "--venue", "deribit", "--method", "SPAN", "--market", str(market))
    assert found == pytest.approx(10_515.6, abs=20.0)
    assert told == ""
    found, told = margin_of(tmp_path, capsys, SHORTS, "--venue", "deribit", "--method", "SPAN")
    assert found > 0.0
    assert "no forward of BTC 2027-03-26: the index 70,000 stands in for it, and --market gives the forward" in told
    assert "the mark of BTC-26MAR27-100000-P lies below intrinsic at the index, and counts as intrinsic" in told


def test_the_forward_of_the_market_gives_the_vol_of_the_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A coin mark of 50 % at a forward of 73,500 over an index of 70,000: as a book of 10 short calls with that vol, 66,126.14."""
    content = [deribit("BTC-24SEP27-100000-C", -10.0, mark_price=0.07748865079221802, index_price=70_000.0, delta=-4.5)]
    market = tmp_path / "market.csv"
    market.write_text("Underlying,Spot,Expiry,Forward,As of\nBTC,70000,,,2026-11-27T00:00:00Z\nBTC,,2027-09-24,73500,\n", encoding="utf-8")
    found, told = margin_of(tmp_path, capsys, content, "--venue", "deribit", "--method", "SPAN", "--market", str(market))
    assert found == pytest.approx(66_126.14, abs=0.01)
    assert told == ""


def test_an_answer_is_known_by_what_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A saved answer under another name than .json, as browsers and consoles give it, in UTF-8 with a mark of byte order."""
    expected, _ = margin_of(tmp_path, capsys, SHORTS, "--venue", "deribit")
    path = tmp_path / "answer.txt"
    path.write_text(json.dumps(SHORTS), encoding="utf-8-sig")
    assert main(["margin", str(path), "--venue", "deribit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["initial_margin"] == expected


def test_marks_of_another_moment_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A market at another spot has its own vols; the marks of the answer are told to be left out, not mixed with it."""
    path, market = tmp_path / "answer.json", tmp_path / "market.csv"
    path.write_text(json.dumps(SHORTS), encoding="utf-8")
    market.write_text(MARKET.format(spot=80_000), encoding="utf-8")
    assert main(["margin", str(path), "--venue", "deribit", "--market", str(market)]) == 1
    out, err = capsys.readouterr()
    assert "the marks of BTC are left out: the answer's price is 70,000 and the market's spot 80,000" in err
    assert "no IV for this option" in out + err


def test_marks_of_another_day_are_left_out() -> None:
    """At the same spot, too: time has passed, and a mark of another day gives another vol."""
    answer = read(SHORTS, "deribit", priced=False)
    days = {day: of_one_moment(answer, [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, f"2026-11-{day}"]]) for day in (26, 27, 29)}
    assert [rows_of(days[day])[0].get("Coin price") for day in (26, 27, 29)] == [None, 0.0761, None]
    assert days[29].notes[-1] == (
        "the marks are left out: the answer is of 2026-11-27 08:00 UTC and the market of 2026-11-29 00:00 UTC, "
        "so they are not of one moment"
    )


def test_marks_of_another_moment_are_told_by_a_perpetual_too() -> None:
    """Where the answer has no index; dated futures stand off the spot by right, and tell nothing."""
    perp = read(bybit_row("BTCUSDT", "70000"), "bybit", priced=False)
    dated = read(bybit_row("BTC-26MAR27", "73000"), "bybit", priced=False)
    market = [["Underlying", "Spot"], ["BTC", 75_000.0]]
    assert rows_of(of_one_moment(perp, market))[0].get("Price") is None
    assert of_one_moment(perp, [["Underlying", "Spot"], ["BTC", 70_300.0]]) == perp
    assert of_one_moment(dated, market) == dated
    assert of_one_moment(perp, [["Spot"], [1.0]]) == perp  # whoever margins it tells what is wrong with the range


def test_ccxts_form_needs_no_venue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its names tell the contract; 0.5 BTC short at 70,000 with 15 % under TIMS."""
    content = [unified("BTC/USDT:USDT", 50.0, "short", 0.01, markPrice=70_000.0)]
    found, told = margin_of(tmp_path, capsys, content, "--method", "TIMS")
    assert found == pytest.approx(0.15 * 0.5 * 70_000.0)
    assert "with --venue the venue's answer under 'info' is" in told


def test_a_size_in_usd_is_its_coins_at_the_markets_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kraken's answer has no marks: 10,000 USD short and 5,000 long at 50,000, and 1.2 coins at 2,000, at 15 % under TIMS."""
    market = tmp_path / "market.csv"
    market.write_text("Underlying,Spot,As of\nBTC,50000,2026-11-27\nETH,2000,\n", encoding="utf-8")
    found, told = margin_of(tmp_path, capsys, KRAKEN, "--venue", "kraken", "--method", "TIMS", "--market", str(market))
    assert found == pytest.approx(0.15 * (5_000.0 + 2_400.0))
    assert told == ""
