"""Random books on a file of the National Stock Exchange's form, against marginism, which reads such files on its own.

Known differences: marginism leaves out delivery charges and initial ratios, so the file has none; what it calls the margin is
the requirement less the net option value, our Total requirement, and never less than nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from udfs import PM_LINE

marginism = pytest.importorskip("marginism", reason="the peer marginism is not installed: pip install '.[peers]'")

EXPIRIES = ("20260630", "20260728", "20260825")
STRIKES = (22_000, 23_000, 24_000, 25_000, 26_000)
SPREADS = (("20260630", "20260728", 425.0), ("20260728", "20260825", 425.0), ("20260630", "20260825", 610.0))
SHORT_MINIMUM = 300.0
SEEDS = 40


def element(name: str, *inside: str) -> str:
    """An element with what is inside it."""
    return f"<{name}>{''.join(inside)}</{name}>"


def risk(random: np.random.Generator, delta: float) -> str:
    """Sixteen losses of one long unit that a move of the price by its delta and some noise give, and the delta."""
    thirds = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 2.1, -2.1]) / 3.0
    losses = -delta * thirds * 2_234.0 + random.normal(0.0, 60.0, 16)
    return element("ra", "<r>1</r>", *(f"<a>{loss:.2f}</a>" for loss in losses), f"<d>{delta:.4f}</d>")


def span_file(random: np.random.Generator) -> str:
    """Futures and options of one index on three expiries, calendar spreads and a short option minimum."""
    scan = "<scanRate><r>1</r><priceScan>2234.01</priceScan><volScan>0.04</volScan></scanRate>"
    futures, series = [], []
    for n, expiry in enumerate(EXPIRIES, 1):
        terms = f"<pe>{expiry}</pe>", f"<setlDate>{expiry}</setlDate>", "<cvf>1</cvf><sc>1.00000</sc>", scan
        futures.append(element("fut", f"<cId>{n}</cId><p>24051.80</p><d>1.0</d><v>0.17</v>", *terms, risk(random, 1.0)))
        options = [
            element(
                "opt", f"<cId>{k}</cId><o>{right}</o><k>{strike}.00</k><p>{random.uniform(50, 900):.2f}</p><v>0.17</v>", risk(random, delta)
            )
            for k, strike in enumerate(STRIKES)
            for right, delta in (("C", 0.9 - 0.2 * k), ("P", -0.1 - 0.2 * k))
        ]
        under = f"<undC><exch>NSE</exch><pfId>1</pfId><cId>{n}</cId></undC>"
        series.append(element("series", "<v>0.17</v>", *terms, under, *options))
    head = "<currency>INR</currency>"
    portfolios = (
        element("futPf", "<pfId>1</pfId><pfCode>NIFTY</pfCode><name>NIFTY</name>", head, "<valueMeth>FUT</valueMeth>", *futures),
        element("oopPf", "<pfId>2</pfId><pfCode>NIFTY</pfCode><name>NIFTY</name>", head, "<valueMeth>EQTY</valueMeth>", *series),
    )
    links = [
        f"<pfLink><exch>NSE</exch><pfId>{n}</pfId><pfCode>NIFTY</pfCode><pfType>{kind}</pfType></pfLink>"
        for n, kind in ((1, "FUT"), (2, "OOP"))
    ]
    spreads = [
        element(
            "dSpread",
            f"<spread>{n}</spread><chargeMeth>F</chargeMeth><rate><r>1</r><val>{rate}</val></rate>",
            *(f"<pLeg><cc>NIFTY</cc><pe>{expiry}</pe><rs>{side}</rs><i>1.0</i></pLeg>" for expiry, side in ((near, "A"), (far, "B"))),
        )
        for n, (near, far, rate) in enumerate(SPREADS, 1)
    ]
    minimum = f"<somTiers><tier><tn>0</tn><rate><r>1</r><val>{SHORT_MINIMUM}</val></rate></tier></somTiers>"
    combined = element(
        "ccDef",
        "<cc>NIFTY</cc><currency>INR</currency><riskExponent>0</riskExponent><wfprMeth>NORMAL</wfprMeth><somMeth>GROSS</somMeth>",
        minimum,
        *links,
        *spreads,
    )
    exchange = element("exchange", "<exch>NSE</exch>", *portfolios)
    house = element("clearingOrg", "<ec>NSCCL</ec>", combined, exchange)
    day = element("pointInTime", "<date>20260625</date><isSetl>1</isSetl>", house)
    return element("spanFile", "<fileFormat>4.00</fileFormat>", day)


def book(random: np.random.Generator) -> list[tuple[str, str, int, int]]:
    """Up to eight contracts, no two alike: right or F, expiry, strike, quantity."""
    chosen = {(str(random.choice(["F", "C", "P"])), str(random.choice(EXPIRIES)), int(random.choice(STRIKES))) for _ in range(8)}
    contracts = sorted({(kind, expiry, 0 if kind == "F" else strike) for kind, expiry, strike in chosen})
    return [(*contract, int(random.choice([-150, -75, 75, 150, 225]))) for contract in contracts]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_books(seed: int, tmp_path: Path) -> None:
    """Scanning risk, calendar charge, short option minimum, option value and requirement are those that marginism finds."""
    random = np.random.default_rng(seed)
    path = tmp_path / "nsccl.20260625.spn"
    path.write_text(f'<?xml version="1.0"?>\n{span_file(random)}', encoding="ascii")
    legs = book(random)
    names = {"F": "FUT", "C": "CE", "P": "PE"}
    theirs = marginism.SpanCalculator.from_file(str(path)).calculate(
        [
            marginism.Position("NIFTY", names[kind], quantity=quantity, expiry=expiry, strike=strike or None)
            for kind, expiry, strike, quantity in legs
        ]
    )
    assert not theirs.unmatched
    rows: list[list[Any]] = [["Underlying", "Type", "Strike", "Expiry", "Quantity"]]
    rows += [
        ["NIFTY", kind, strike or None, f"{expiry[:4]}-{expiry[4:6]}-{expiry[6:]}", quantity] for kind, expiry, strike, quantity in legs
    ]
    asked = [["Underlying", "Spot", "As of"], ["NIFTY", 24_050.35, "2026-06-25"]], "SPAN", [["span_file", str(path)]]
    index = theirs.by_commodity["NIFTY"]
    for line, value in (
        ("NIFTY/Scanning risk", index.scan_risk),
        ("NIFTY/Inter-month charge", index.calendar_spread_charge),
        ("NIFTY/Short option minimum", index.short_option_minimum),
        ("Net option value", index.net_option_value),
    ):
        assert PM_LINE(rows, line, *asked) == pytest.approx(value, rel=1e-9, abs=1e-6), line
    assert max(PM_LINE(rows, "Total requirement", *asked), 0.0) == pytest.approx(theirs.span_margin, rel=1e-9, abs=1e-6)
