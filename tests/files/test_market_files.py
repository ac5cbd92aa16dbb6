"""Market files: every shape in which venues and vendors publish a chain gives the same quotes, and nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_MARGIN
from xlmargin.errors import MarginError
from xlmargin.files.markets import read_market_file
from xlmargin.sheet.columns import Header

PUT = [["Instrument", "Quantity"], ["BTC-9JUN20-9875-P", -1.0]]
TARDIS = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,"
    "ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,vega,theta,rho\n"
)
SUMMARY = {
    "instrument_name": "BTC-9JUN20-9875-P",
    "mark_iv": 62.89,
    "underlying_price": 9756.36,
    "estimated_delivery_price": 9750.1,
    "base_currency": "BTC",
    "creation_timestamp": 1591574399413,
}
TIME = "2020-06-07T23:59:59.413000+00:00"


def tardis_row(symbol: str = "BTC-9JUN20-9875-P", time: int = 1591574399413000, vol: Any = 62.89, exchange: str = "deribit") -> str:
    """A row of an options_chain file, as Tardis.dev documents it."""
    return (
        f"{exchange},{symbol},{time},{time},put,9875,1591689600000000,0.1,0.0295,0.0205,15.0,55.91,0.0235,15.0,68.94,0.02210436,"
        f"{vol},SYN.BTC-9JUN20,9756.36,-0.61752,0.00103,2.24964,-53.05655,-0.22796\n"
    )


def market(folder: Path, name: str, text: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The rows of a market file by heading, and its notes without the name of the file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    found = read_market_file(path)
    assert found.rows is not None
    header = Header(found.rows[0])
    return [header.record(row) for row in found.rows[1:]], tuple(note.removeprefix(f"{name}: ") for note in found.notes)


def refusal(folder: Path, name: str, text: str) -> str:
    """The message with which a market file is refused, on one line."""
    with pytest.raises(MarginError) as told:
        market(folder, name, text)
    assert "\n" not in str(told.value)
    return str(told.value).replace(str(folder / name), "FILE")


@pytest.mark.parametrize(
    ("name", "text", "spot"),
    [
        ("tardis.csv", TARDIS + tardis_row(), 9756.36),
        ("wrapped.json", json.dumps({"jsonrpc": "2.0", "result": [SUMMARY], "usOut": 1591574399413000}), 9750.1),
        ("bare.json", json.dumps([SUMMARY]), 9750.1),
        ("answers.txt", json.dumps([{"result": SUMMARY}]), 9750.1),
        ("summary.csv", ",".join(SUMMARY) + "\n" + ",".join(map(str, SUMMARY.values())) + "\n", 9750.1),
    ],
)
def test_a_documented_deribit_put(tmp_path: Path, name: str, text: str, spot: float) -> None:
    """Tardis.dev's documented row and Deribit's own answers: vol 62.89 %, forward 9,756.36, one second before midnight."""
    (own, point), notes = market(tmp_path, name, text)
    assert (own["underlying"], own["spot"], own["asof"]) == ("BTC", spot, TIME)
    assert (point["expiry"], point["strike"], point["forward"]) == ("2020-06-09T08:00:00+00:00", 9875.0, 9756.36)
    assert point["iv"] == pytest.approx(0.6289)
    assert bool(notes) is (spot == 9756.36)
    rows = read_market_file(tmp_path / name).rows
    assert PM_MARGIN(PUT, rows) == pytest.approx(1030.0, abs=1.0)


def test_our_own_range_is_left_as_it_is(tmp_path: Path) -> None:
    """Underlying and Spot are a market range whatever else stands beside them."""
    (own,), notes = market(tmp_path, "m.csv", "Underlying,Spot,mark_price\nBTC,70000,0.5\n")
    assert (own["spot"], notes) == (70000.0, ())


OKX = {"instId": "BTC-USD-241217-92000-C", "uly": "BTC-USD", "markVol": "0.455", "fwdPx": "97000", "ts": "1734166000000"}
BYBIT = {"symbol": "BTC-6JAN23-17500-C", "markIv": "0.4896", "underlyingPrice": "16815.1", "indexPrice": "16823.73", "markPrice": "7.87"}


def test_okx(tmp_path: Path) -> None:
    """opt-summary has no index; beside it the answer of index-tickers gives one."""
    summary, index = {"code": "0", "data": [OKX]}, {"code": "0", "data": [{"instId": "BTC-USD", "idxPx": "96500", "ts": "1734166001000"}]}
    (own, point), notes = market(tmp_path, "a.json", json.dumps(summary))
    assert (own["spot"], point["strike"], point["forward"], point["iv"]) == (97000.0, 92000.0, 97000.0, 0.455)
    assert notes == ("no index of BTC in it: the forward of the nearest expiry, 2024-12-17 08:00 UTC, stands in for the spot",)
    (own, _), notes = market(tmp_path, "b.json", json.dumps([summary, index]))
    assert (own["spot"], own["asof"], notes) == (96500.0, "2024-12-14T08:46:41+00:00", ())
    tickers = {"code": "0", "data": [{"instId": "BTC-USD-241217-92000-C", "last": "0.06", "bidPx": "", "ts": "1734166000000"}]}
    assert "save the answer of /api/v5/public/opt-summary" in refusal(tmp_path, "c.json", json.dumps(tickers))


def test_bybit(tmp_path: Path) -> None:
    """Tickers hold the index; the time is that of the answer; a cursor says that there are more pages."""
    answer = {"retCode": 0, "result": {"category": "option", "list": [BYBIT], "nextPageCursor": "x"}, "time": 1672917511074}
    (own, point), notes = market(tmp_path, "a.json", json.dumps(answer))
    assert (own["spot"], own["asof"]) == (16823.73, "2023-01-05T11:18:31.074000+00:00")
    assert (point["forward"], point["iv"]) == (16815.1, 0.4896)
    assert notes == ("one page of several: what the other pages hold is not there",)
    refused = {"retCode": 10001, "retMsg": "params error", "result": {}}
    assert "is an error of the venue, 'params error'" in refusal(tmp_path, "b.json", json.dumps(refused))


def test_binance_forwards_follow_from_parity(tmp_path: Path) -> None:
    """F = K + C − P at the strike whose call and put are nearest: 60,000 + 1,500 − 1,300; the answer says no time."""
    marks = [
        ("BTC-240628-60000-C", "1500", "0.5"),
        ("BTC-240628-60000-P", "1300", "0.5"),
        ("BTC-240628-70000-C", "100", "0.6"),
        ("BTC-240628-70000-P", "9950", "0.6"),
    ]
    rows, notes = market(tmp_path, "a.json", json.dumps([{"symbol": s, "markPrice": p, "markIV": v} for s, p, v in marks]))
    assert [(row["strike"], row["forward"], row["iv"]) for row in rows] == [
        (None, None, None),
        (60000.0, 60200.0, 0.5),
        (70000.0, 60200.0, 0.6),
    ]
    assert rows[0]["asof"] is None
    assert notes[0].startswith("no time in it: the valuation time is now")


def test_derive_and_a_ticker_of_a_perpetual(tmp_path: Path) -> None:
    """A ticker whose vol is nested; a Deribit perpetual beside an option without an index gives the spot."""
    ticker = {
        "instrument_name": "ETH-20260627-3500-C",
        "index_price": "3490",
        "timestamp": 1700000000000,
        "option_pricing": {"iv": "0.60", "forward_price": "3505"},
    }
    (own, point), _ = market(tmp_path, "a.json", json.dumps({"result": ticker}))
    assert (own["spot"], point["forward"], point["iv"]) == (3490.0, 3505.0, 0.6)
    option = {key: value for key, value in SUMMARY.items() if key != "estimated_delivery_price"}
    perpetual = {"instrument_name": "BTC-PERPETUAL", "mark_price": 9744.0, "creation_timestamp": 1591574399413}
    (own, _), notes = market(tmp_path, "b.json", json.dumps({"result": [option, perpetual]}))
    assert own["spot"] == 9744.0
    assert notes == ("no index of BTC in it: the price of BTC-PERPETUAL stands in for the spot",)


OPTIONSDX = (
    "[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [QUOTE_TIME_HOURS], [UNDERLYING_LAST], [EXPIRE_DATE], [EXPIRE_UNIX], [DTE], "
    "[C_IV], [C_BID], [STRIKE], [P_BID], [P_IV]\n"
    "1701464400, 2023-12-01 16:00, 2023-12-01, 16.0, 4593.68, 2024-01-19, 1705698000, 49, 0.15, , 4500, 1.1, 0.18\n"
    "1701464400, 2023-12-01 16:00, 2023-12-01, 16.0, 4593.68, 2024-01-19, 1705698000, 49, 0.12, 1.2, 4700, , \n"
    "1701378000, 2023-11-30 16:00, 2023-11-30, 16.0, 4567.80, 2024-01-19, 1705698000, 50, 0.99, 1.2, 4700, , \n"
)


def test_optionsdx(tmp_path: Path) -> None:
    """One row holds call and put: below spot the put's vol counts; the latest day alone; the name of the file says whose."""
    rows, notes = market(tmp_path, "spx_eod_202312.txt", OPTIONSDX)
    assert [(row["underlying"], row["spot"], row["strike"], row["iv"]) for row in rows] == [
        ("SPX", 4593.68, None, None),
        ("SPX", None, 4500.0, 0.18),
        ("SPX", None, 4700.0, 0.12),
    ]
    assert rows[0]["asof"] == "2023-12-01T21:00:00+00:00"
    assert notes[0] == "its quotes are those of SPX, as its name says"
    assert "keep that name, such as spy_eod_202301.txt" in refusal(tmp_path, "202312.csv", OPTIONSDX)


def test_snapshots_and_late_quotes(tmp_path: Path) -> None:
    """The latest row of each symbol; six minutes late is told, two hours late and expired are left out, told by name."""
    late, gone, dead = 1591574399413000 - 360_000_000, 1591574399413000 - 7_200_000_000, 1591574399413000
    text = TARDIS + "".join(
        (
            tardis_row(time=dead - 1_000_000, vol=50.0),
            tardis_row(),
            tardis_row("BTC-9JUN20-9000-P", late, 70.0),
            tardis_row("BTC-9JUN20-8000-P", gone, 80.0),
            tardis_row("BTC-7JUN20-9000-P", dead, 90.0),
        )
    )
    rows, notes = market(tmp_path, "t.csv", text)
    assert [(row["strike"], row["iv"]) for row in rows[1:]] == [(9000.0, pytest.approx(0.7)), (9875.0, pytest.approx(0.6289))]
    assert notes[:4] == (
        "5 quotes of 4 contracts: the latest of each counts",
        "1 contract not counted (BTC-7JUN20-9000-P): expired at 2020-06-07 23:59 UTC",
        "1 contract not counted (BTC-9JUN20-8000-P): last quoted more than 60 minutes before 2020-06-07 23:59 UTC",
        "1 quotes are up to 6 minutes older than 2020-06-07 23:59 UTC, which counts for all",
    )


def test_quotes_of_one_time(tmp_path: Path) -> None:
    """The last that came counts; two that came together are told, unless a later quote is there."""
    first = tardis_row(vol=50.0)
    later = tardis_row(vol=60.0).replace("413000,put", "413007,put")
    for text in (first + later, later + first):
        assert market(tmp_path, "t.csv", TARDIS + text)[0][1]["iv"] == pytest.approx(0.6)
    newest = tardis_row(time=1591574399414000, vol=70.0)
    assert market(tmp_path, "t.csv", TARDIS + first + tardis_row(vol=60.0) + newest)[0][1]["iv"] == pytest.approx(0.7)
    assert "chain row 3: is the second quote of BTC-9JUN20-9875-P at one time" in refusal(
        tmp_path, "t.csv", TARDIS + first + tardis_row(vol=60.0)
    )


@pytest.mark.parametrize(("exchange", "symbol"), [("okex-options", "BTC-USD-200609-9875-P"), ("bybit-options", "BTC-9JUN20-9875-P")])
def test_other_exchanges_of_tardis(tmp_path: Path, exchange: str, symbol: str) -> None:
    """Their vols are fractions; OKX's underlying price is its index, Bybit's the forward."""
    (own, point), _ = market(tmp_path, "t.csv", TARDIS + tardis_row(symbol, vol=0.6289, exchange=exchange))
    assert (own["spot"], point["iv"]) == (9756.36, 0.6289)
    assert point["forward"] == (None if exchange.startswith("okex") else 9756.36)


def summary(**changes: Any) -> dict[str, Any]:
    """Deribit's summary row with some values changed."""
    return SUMMARY | changes


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([summary(mark_iv="high")], "FILE: result[0] (BTC-9JUN20-9875-P).mark_iv must be a number, not 'high'"),
        ([summary(mark_iv=-1)], ".mark_iv must be at least 0, not '-1'"),
        ([summary(mark_iv=0.6289)], "mark_iv 0.6289 must be in percent, as its source gives it: 62.89 for 62.89 %"),
        ([{**BYBIT, "markIv": "48.96"}], "markIv 48.96 must be a fraction, as its source gives it: 0.6289 for 62.89 %"),
        ([summary(), summary(mark_iv=70)], "is the second quote of BTC-9JUN20-9875-P at one time, and it differs: remove one of them"),
        ([summary(), summary(instrument_name="BTC-9JUN20-9000-P", underlying_price=97563.6)], "remove the wrong one"),
        ([summary(), summary(instrument_name="BTC-9JUN20-9000-P", estimated_delivery_price=975.0)], "the index of BTC is"),
        ([summary(creation_timestamp="noon")], "creation_timestamp must be a time such as 2025-06-27T08:00:00Z"),
        ([summary(creation_timestamp="1.59E+12")], "creation_timestamp must be a time such as 2025-06-27T08:00:00Z"),
        ([summary(instrument_name="BTC-FS-9JUN20_PERP")], "holds no quote of a contract that is known"),
        ([{"instrument_name": "BTC-9JUN20-9875-P", "strike": 9875.0, "expiration_timestamp": 1591689600000}], "without their prices"),
        ([{"price": 1.0}], "holds no quote that is known (its keys are: price)"),
        ([], "has no row"),
        ([1.0], "[0] must be an object, not '1.0'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, rows: list[Any], text: str) -> None:
    """Words, other units, contradictions, shapes that nobody knows: one line with the place and the cure."""
    assert text in refusal(tmp_path, "s.json", json.dumps({"result": rows}))


def test_a_table_of_no_known_shape(tmp_path: Path) -> None:
    """The message lists what can be read."""
    told = refusal(tmp_path, "x.csv", "Day,Level\n2020-01-01,1\n")
    assert "the options_chain of Tardis.dev; OptionsDX" in told
    assert "(its headings are: Day, Level)" in told


def test_zeros_and_combinations(tmp_path: Path) -> None:
    """A mark of 0 is none: its strike keeps the forward; a combination is left out, told by name."""
    rows = [summary(), summary(instrument_name="BTC-9JUN20-9000-P", mark_iv=0), summary(instrument_name="BTC-CS-9JUN20-9000_9875")]
    found, notes = market(tmp_path, "s.json", json.dumps(rows))
    assert [(row["strike"], row["forward"], row["iv"]) for row in found[1:]] == [
        (9000.0, 9756.36, None),
        (9875.0, 9756.36, pytest.approx(0.6289)),
    ]
    assert notes == (
        "1 contract not counted (BTC-CS-9JUN20-9000_9875): combinations and names that have no known form",
        "1 contract not counted (BTC 2020-06-09 9000): they have no vol",
    )
