"""Venues' own API answers as books: every saved sample by hand, shapes the samples lack, and answers that are broken."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from json_damage import JUNK, at, places
from test_answers_as_books import HYPERLIQUID, KRAKEN, PARADEX, THALEX

from udfs import PM_CHECK, PM_MARGIN
from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.venues import KNOWN_VENUES, Answer, read_answer

Rows = list[dict[str, Any]]


def saved(folder: Path, content: Any, name: str = "answer.json") -> Path:
    """A file with this content as JSON."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def rows_of(answer: Answer) -> Rows:
    """Position rows by heading, blanks left out."""
    head, *rows = answer.positions
    return [{key: cell for key, cell in zip(head, row) if cell is not None} for row in rows]


def row(
    name: str, venue: str, quantity: float | None, usd: float | None = None, coin: float | None = None, **cells: float
) -> dict[str, Any]:
    """An expected row; `usd` is its USD size, `coin` its Coin price."""
    every = {"Quantity": quantity, "USD size": usd, "Coin price": coin, **cells}
    return {
        "Instrument": name,
        "Venue": venue,
        **{key: pytest.approx(value, rel=1e-12) for key, value in every.items() if value is not None},
    }


# every sample with positions, its numbers read off the file by hand
SAMPLES = {
    # size_currency of 50 USD at 7,476.65
    "deribit__docs__get_positions": [row("BTC-PERPETUAL", "deribit", 0.006687487, Price=7476.65, Spot=7466.79, Entry=7440.18)],
    # the third position has size 0
    "bybit__http_get_positions": [
        row("BTCUSDT", "bybit", 0.5, Price=50_500.0, Spot=50_500.0, Entry=50_000.0),
        row("ETHUSDT", "bybit", -5.0, Price=2_950.0, Spot=2_950.0, Entry=3_000.0),
    ],
    "bybit__http_get_positions_with_open_time": [row("LTCUSDT", "bybit", 1.0, Price=70.0, Spot=70.0, Entry=70.0)],
    "bybit__ws_account_position": [row("ETHUSDT", "bybit", -0.01, Price=3641.33, Spot=3641.33, Entry=3641.075)],
    "binance__futures__http_json__position_risk": [row("BTCUSDT", "binance", 0.001, Price=51_000.0, Spot=51_000.0, Entry=50_000.0)],
    "binance__futures__http_json__account_info_v2": [],
    "binance__futures__user_data_json__account_update": [
        row("BTCUSDT", "binance", 20.0, Entry=6563.6),
        row("BTCUSDT", "binance", -10.0, Entry=6563.8),
    ],
    "derive__perps__http_position_eth": [row("ETH-PERP", "derive", -2.0, Price=3504.0, Spot=3505.0, Entry=3500.0)],
    "derive__perps__http_positions_result_eth": [row("ETH-PERP", "derive", 1.0, Price=3500.0, Spot=3500.0, Entry=3500.0)],
    "derive__common__http_subaccount_usdc": [],
    "derive__common__http_subaccount_high_scale": [
        row("ETH-PERP", "derive", 0.1234567890123456789, Price=3504.0, Spot=3505.0, Entry=3500.0)
    ],
}
# answers of another kind, and the key that a positions answer would have
OTHERS = {
    "deribit__docs__get_account_summary": "positions",
    "deribit__docs__get_margins": "positions",
    "deribit__docs__simulate_portfolio": "positions",
    "deribit__http_get_account_summaries": "positions",
    "deribit__ws_portfolio": "positions",
    "deribit__ws_ticker": "positions",
    "okx__ws_account": "instId",
    "okx__http_get_account_balance": "instId",
    "bybit__ws_account_wallet": "symbol",
    "bybit__ws_ticker_option": "data",
    "binance__docs__eapi_marginAccount_0": "positions",
    "derive__options__http_ticker_eth_snapshot": "positions",
}


def sample(shared: Path, name: str) -> Path:
    """A saved answer."""
    return shared / "data" / "api_samples" / f"{name}.json"


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(shared: Path, name: str) -> None:
    """Every sample of positions becomes the rows that stand in it."""
    assert rows_of(read_answer(sample(shared, name), name.split("__")[0])) == SAMPLES[name]


def test_okx_sample_needs_the_size_of_a_contract(shared: Path, tmp_path: Path) -> None:
    """Half a contract of BTC-USDT-SWAP is 0.005 BTC, once ctVal is known; without it the message names what is missing."""
    path = sample(shared, "okx__http_get_positions")
    with pytest.raises(MarginError) as error:
        read_answer(path, "okx")
    for word in ("--instruments", "ctVal", "BTC-USDT-SWAP"):
        assert word in str(error.value)
    swap = {"instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC"}
    sizes = saved(tmp_path, {"code": "0", "data": [swap]})
    assert rows_of(read_answer(path, "okx", sizes)) == [row("BTC-USDT-SWAP", "okx", 0.005, Price=10_000.0, Spot=10_000.0, Entry=10_000.0)]


@pytest.mark.parametrize("name", OTHERS)
def test_other_answers_name_the_key_that_is_missing(shared: Path, name: str) -> None:
    """An account or a ticker is no positions answer: one line names the key."""
    with pytest.raises(MarginError) as error:
        read_answer(sample(shared, name), name.split("__")[0])
    assert f"lacks {OTHERS[name]!r}" in str(error.value) or f": {OTHERS[name]} must be" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "binance__futures__user_data_json__account_update"])
def test_samples_have_a_margin(shared: Path, name: str) -> None:
    """The ordinary parser reads the range without a fault."""
    answer = read_answer(sample(shared, name), name.split("__")[0])
    assert PM_CHECK(answer.positions, answer.market)[1][0] == "OK"
    margin = PM_MARGIN(answer.positions, answer.market)
    assert isinstance(margin, float)
    assert (margin > 0.0) == bool(SAMPLES[name])


DERIBIT = {
    "jsonrpc": "2.0",
    "usOut": 1781500000000000,
    "result": [
        {
            "instrument_name": "BTC-25DEC26-70000-C",
            "kind": "option",
            "direction": "sell",
            "size": -2.5,
            "mark_price": 0.05,
            "index_price": 70_000.0,
            "average_price": 0.04,
            "mark_iv": 55.5,
        },
        {
            "instrument_name": "BTC_USDC-PERPETUAL",
            "kind": "future",
            "direction": "sell",
            "size": -0.3,
            "size_currency": -0.3,
            "mark_price": 70_010.0,
            "index_price": 70_000.0,
            "average_price": 69_000.0,
        },
        {
            "instrument_name": "ETH-25DEC26",
            "kind": "future",
            "direction": "buy",
            "size": 36_000,
            "mark_price": 3_600.0,
            "index_price": 3_500.0,
            "average_price": 3_550.0,
        },
        {
            "instrument_name": "XRP_USDC-25DEC26-2d5-P",
            "kind": "option",
            "direction": "buy",
            "size": 1000,
            "mark_price": 0.31,
            "index_price": 2.4,
            "average_price": 0.3,
        },
        {"instrument_name": "BTC-PERPETUAL", "kind": "future", "direction": "zero", "size": 0, "mark_price": 70_000.0},
    ],
}


def test_deribit_units(tmp_path: Path) -> None:
    """Options in coin, premiums in coin, vols in percent; inverse futures in USD; linear ones in coin; closed ones told."""
    answer = read_answer(saved(tmp_path, DERIBIT), "deribit")
    assert rows_of(answer) == [
        row("BTC-25DEC26-70000-C", "deribit", -2.5, coin=0.05, Spot=70_000.0, IV=0.555),
        row("BTC_USDC-PERPETUAL", "deribit", -0.3, Price=70_010.0, Spot=70_000.0, Entry=69_000.0),
        row("ETH-25DEC26", "deribit", None, 36_000.0, Price=3_600.0, Spot=3_500.0, Entry=3_550.0),
        row("XRP_USDC-25DEC26-2d5-P", "deribit", 1_000.0, Price=0.31, Spot=2.4, Entry=0.3),
    ]
    assert answer.notes == (
        "1 closed position is left out",
        "the answer has no forward of BTC 2026-12-25: the index 70,000 stands in for it, and --market gives the forward",
        "the answer has no forward of XRP 2026-12-25: the index 2.4 stands in for it, and --market gives the forward",
    )
    assert answer.market == [["Underlying", "As of"], ["BTC", "2026-06-15T05:06:40+00:00"]]
    assert isinstance(PM_MARGIN(answer.positions, answer.market), float)


OKX = {
    "code": "0",
    "msg": "",
    "data": [
        {
            "instId": "BTC-USD-261225-92000-C",
            "instType": "OPTION",
            "posSide": "net",
            "pos": "-30",
            "markPx": "0.05",
            "idxPx": "90000",
            "avgPx": "0.04",
            "ccy": "BTC",
        },
        {
            "instId": "BTC-USD-SWAP",
            "instType": "SWAP",
            "posSide": "short",
            "pos": "18",
            "markPx": "90000",
            "idxPx": "90010",
            "avgPx": "88000",
            "ccy": "BTC",
        },
        {
            "instId": "ETH-USDT-SWAP",
            "instType": "SWAP",
            "posSide": "net",
            "pos": "-7",
            "markPx": "3000",
            "idxPx": "3001",
            "avgPx": "",
            "ccy": "USDT",
        },
    ],
}
OKX_SIZES = {
    "code": "0",
    "data": [
        {"instId": "BTC-USD-261225-92000-C", "ctVal": "1", "ctMult": "0.01", "ctValCcy": "BTC"},
        {"instId": "BTC-USD-SWAP", "ctVal": "100", "ctMult": "1", "ctValCcy": "USD"},
        {"instId": "ETH-USDT-SWAP", "ctVal": "0.1", "ctMult": "1", "ctValCcy": "ETH"},
        {"instId": "BTC-USDT", "ctVal": ""},
    ],
}


def test_okx_units(tmp_path: Path) -> None:
    """Contracts × ctVal × ctMult, in USD where they are sized so; short sides; option marks in coin."""
    answer = read_answer(saved(tmp_path, OKX), "okx", saved(tmp_path, OKX_SIZES, "instruments.json"))
    assert rows_of(answer) == [
        row("BTC-USD-261225-92000-C", "okx", -0.3, coin=0.05, Spot=90_000.0),
        row("BTC-USD-SWAP", "okx", None, -1_800.0, Price=90_000.0, Spot=90_010.0, Entry=88_000.0),
        row("ETH-USDT-SWAP", "okx", -0.7, Price=3_000.0, Spot=3_001.0),
    ]


BYBIT = {
    "retCode": 0,
    "result": {
        "category": "option",
        "list": [
            {"symbol": "BTC-25DEC26-90000-C", "side": "Sell", "size": "0.4", "avgPrice": "900", "markPrice": "1000", "markIv": "0.5"},
            {"symbol": "BTCUSD", "side": "Buy", "size": "1800", "avgPrice": "80000", "markPrice": "90000"},
        ],
    },
    "time": 1781500000000,
}


def test_bybit_units(tmp_path: Path) -> None:
    """Options are linear, vols fractions; inverse perpetuals are sized in USD; a perpetual's mark stands in for spot."""
    answer = read_answer(saved(tmp_path, BYBIT), "bybit")
    assert rows_of(answer) == [
        row("BTC-25DEC26-90000-C", "bybit", -0.4, Price=1_000.0, Spot=90_000.0, IV=0.5, Entry=900.0),
        row("BTCUSD", "bybit", None, 1_800.0, Price=90_000.0, Spot=90_000.0, Entry=80_000.0),
    ]
    assert answer.notes == (
        "the answer has no index of BTC: the mark of BTCUSD stands in for spot",
        "the answer has no forward of BTC 2026-12-25: spot 90,000 stands in for it, and --market gives the forward",
    )


BINANCE: list[dict[str, Any]] = [
    {"symbol": "BTC-261225-90000-P", "side": "SHORT", "quantity": "-0.4", "entryPrice": "900", "markPrice": "1000"},
    {"symbol": "BTCUSD_PERP", "positionAmt": "-9", "positionSide": "BOTH", "markPrice": "90000", "entryPrice": "80000"},
    {"symbol": "ETHUSDT", "positionAmt": "2", "positionSide": "SHORT", "markPrice": "3000", "entryPrice": "3100"},
]


def test_binance_units(tmp_path: Path) -> None:
    """Options by side; COIN-M contracts of 100 USD; a SHORT side is short whatever its sign."""
    path = saved(tmp_path, BINANCE)
    with pytest.raises(MarginError) as error:
        read_answer(path, "binance")
    assert "'contractSize' of BTCUSD_PERP" in str(error.value)
    sizes = saved(tmp_path, {"symbols": [{"symbol": "BTCUSD_PERP", "contractSize": 100}]}, "exchangeInfo.json")
    assert rows_of(read_answer(path, "binance", sizes)) == [
        row("BTC-261225-90000-P", "binance", -0.4, Price=1_000.0, Spot=90_000.0, Entry=900.0),
        row("BTCUSD_PERP", "binance", None, -900.0, Price=90_000.0, Spot=90_000.0, Entry=80_000.0),
        row("ETHUSDT", "binance", -2.0, Price=3_000.0, Spot=3_000.0, Entry=3_100.0),
    ]


def test_derive_tells_what_it_leaves_out(tmp_path: Path) -> None:
    """Coins held as collateral and open orders are no positions: both are told."""
    answer = read_answer(
        saved(tmp_path, {"result": {"positions": [], "open_orders": [{}], "collaterals": [{"asset_name": "USDC"}, {"asset_name": "ETH"}]}}),
        "derive",
    )
    assert any("ETH" in note and "USDC" not in note for note in answer.notes)
    assert "open orders are left out" in answer.notes


@pytest.mark.parametrize(
    ("venue", "content", "told"),
    [
        ("deribit", {"error": {"code": 13009, "message": "unauthorized"}}, "unauthorized"),
        ("okx", {"code": "50111", "msg": "Invalid OK-ACCESS-KEY", "data": []}, "Invalid OK-ACCESS-KEY"),
        ("bybit", {"retCode": 10003, "retMsg": "API key is invalid.", "result": {}}, "API key is invalid."),
        ("binance", {"code": -2014, "msg": "API-key format invalid."}, "API-key format invalid."),
        ("derive", {"error": {"code": 14000, "message": "Account not found"}}, "Account not found"),
        ("deribit", "{", "not JSON"),
        ("deribit", "[" * 100_000, "nested too deeply"),
        ("deribit", "7", "must be an object"),
        ("okx", {"data": [7]}, "answer.json: data[0] must be an object, not '7'"),
        ("bybit", {"result": {"list": 7}}, "answer.json: result.list must be a list"),
        ("mtgox", {}, "--venue is one of"),
        ("deribit", [{"instrument_name": "BTC-PERPETUAL", "size": "ten", "direction": "buy", "mark_price": 1}], "'ten'"),
        ("deribit", [{"instrument_name": "BTC-PERPETUAL", "size": 10, "direction": "up", "mark_price": 1}], "buy, sell, zero"),
        ("deribit", [{"instrument_name": "BTC-PERPETUAL", "size": -10, "direction": "buy", "mark_price": 1}], "negative size"),
        ("deribit", [{"instrument_name": "BTC_USDC-PERPETUAL", "size": 10, "direction": "buy"}], "'size_currency'"),
        ("deribit", [{"instrument_name": "BTC-FS-26JUN26_PERP", "size": 10, "direction": "buy"}], "+1 BTC-26JUN26, −1 BTC-PERPETUAL"),
        ("deribit", [{"instrument_name": "BTC-RR-26JUN26-60000_80000", "size": 1, "direction": "buy"}], "is a combination"),
        ("deribit", [{"instrument_name": "BTC-QQ", "size": 10, "direction": "buy"}], "no form that is known"),
        ("bybit", {"result": {"list": [{"symbol": "BTCUSDT", "size": "1"}]}}, "'side'"),
    ],
)
def test_errors_are_one_clear_line(tmp_path: Path, venue: str, content: Any, told: str) -> None:
    """A venue's error, another shape or a bad value: one line with the file or the position, and what is wrong."""
    with pytest.raises(MarginError) as error:
        read_answer(saved(tmp_path, content), venue)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


CONTENTS: dict[str, tuple[Any, Any]] = {
    "deribit": (DERIBIT, None),
    "okx": (OKX, OKX_SIZES),
    "bybit": (BYBIT, None),
    "binance": (BINANCE, {"symbols": [{"symbol": "BTCUSD_PERP", "contractSize": 100}]}),
    "derive": (
        {
            "result": {
                "positions": [
                    {
                        "instrument_name": "ETH-20261225-3500-C",
                        "amount": "-2",
                        "mark_price": "119",
                        "index_price": "3500",
                        "average_price": "100",
                    }
                ],
                "collaterals": [],
            }
        },
        None,
    ),
    "paradex": (PARADEX, None),
    "thalex": (THALEX, None),
    "hyperliquid": (HYPERLIQUID, None),
    "kraken": (KRAKEN, None),
}
SPOILS = (*JUNK, "0", -1, 0, 1e300, "BTC-PERPETUAL")  # some of which mean another position


def broken(content: Any, draw: random.Random) -> Any:
    """A copy with one or two keys removed or replaced by junk."""
    result = copy.deepcopy(content)
    for _ in range(draw.choice((1, 1, 2))):
        found = list(places(result))
        if not found:
            break
        *way, key = draw.choice(found)
        owner = at(result, tuple(way))
        if draw.random() < 0.4:
            del owner[key]
        else:
            owner[key] = copy.deepcopy(draw.choice(SPOILS))
    return result


@pytest.mark.parametrize("venue", KNOWN_VENUES)
def test_broken_answers_never_crash(tmp_path: Path, venue: str) -> None:
    """400 answers with keys removed or replaced: a range that the parser takes, or one line."""
    draw = random.Random(7)
    content, sizes = CONTENTS[venue]
    for n in range(400):
        spoiled = broken(content, draw), broken(sizes, draw) if sizes and n % 4 == 0 else sizes
        path = saved(tmp_path, spoiled[0])
        told, result = "", 0.0
        try:
            answer = read_answer(path, venue, saved(tmp_path, spoiled[1], "sizes.json") if spoiled[1] else None)
            result = PM_MARGIN(answer.positions, answer.market)
        except MarginError as error:
            told = str(error) or "\n"
        assert "\n" not in told
        assert len(told) < 500
        assert isinstance(result, float) or (result.startswith("#PM! ") and "please report" not in result), spoiled[0]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    """margin, explain, compare and check read an answer; notes stand beside the numbers."""
    path = str(sample(shared, "bybit__http_get_positions"))
    assert main(["margin", path, "--venue", "bybit", "--method", "BYBIT", "--json"]) == 0
    out, err = capsys.readouterr()
    # 0.5 × 50,500 at 15 % (2023, before the change of 2025) and 5 × 2,950 at 15 %
    assert json.loads(out)["maintenance_margin"] == pytest.approx(0.15 * (0.5 * 50_500.0 + 5.0 * 2_950.0))
    assert "note: 1 closed position is left out" in err
    for command in ("explain", "compare", "check"):
        assert main([command, path, "--venue", "bybit"]) == 0, capsys.readouterr()


def test_command_line_needs_the_venue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --venue, or with one beside a CSV file, the cure is told."""
    assert main(["margin", str(saved(tmp_path, DERIBIT))]) == 2
    assert "--venue" in capsys.readouterr().err
    table = saved(tmp_path, "Underlying,Type,Quantity,Spot\nBTC,perp,1,70000\n", "book.csv")
    assert main(["margin", str(table), "--venue", "okx"]) == 2
    assert "--venue" in capsys.readouterr().err


def test_a_market_takes_the_place_of_the_answers_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --market spot, forwards and vols come from there; 36,000 USD are 9 coins at 4,000, and marks at 3,500 are of another moment."""
    path = saved(tmp_path, [DERIBIT["result"][2]])
    market = saved(tmp_path, "Underlying,Spot,As of\nETH,4000,2026-06-15T00:00:00Z\n", "market.csv")
    assert main(["margin", str(path), "--venue", "deribit", "--market", str(market), "--method", "TIMS", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["initial_margin"] == pytest.approx(0.15 * 9.0 * 4_000.0)
    assert "the marks of ETH are left out: the answer's price is 3,500 and the market's spot 4,000" in err
