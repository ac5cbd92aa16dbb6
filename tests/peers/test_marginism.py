"""Random books on files of the National Stock Exchange's form, against marginism, which reads such files on its own.

Known differences: marginism leaves out delivery charges and initial ratios, and has no tiers, so the files have none; it counts short
options of every row, where ours are net, so no contract is held twice; and what it calls the margin of a commodity is the requirement
less the net option value and never less than nothing, where our Total requirement is one of the whole book.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udfs import PM_LINE

marginism = pytest.importorskip("marginism", reason="the peer marginism is not installed: pip install '.[peers]'")

TODAY = dt.date(2026, 6, 25)
CODES = ("NIFTY", "BANKNIFTY", "RELIANCE", "INFY")
NAMES = {"F": "FUT", "C": "CE", "P": "PE"}


class Commodity(NamedTuple):
    """An index or share: its spot, the days on which contracts expire, strikes, and its rates."""

    code: str
    spot: float
    expiries: tuple[str, ...]
    strikes: tuple[float, ...]
    minimum: float
    factor: float
    spreads: tuple[tuple[int, str, str, float, float, float], ...]  # priority, two expiries, their ratios, charge


def commodities(random: np.random.Generator) -> list[Commodity]:
    """One to four of them, with expiries a day, a week or months apart, and spreads between some in any order of priority."""
    found = []
    for code in CODES[: random.integers(1, len(CODES) + 1)]:
        spot = float(np.round(random.uniform(200, 50_000), 2))
        days = sorted({int(day) for day in random.choice([1, 2, 5, 6, 12, 13, 19, 33, 40, 61, 95, 190], random.integers(1, 7))})
        expiries = tuple((TODAY + dt.timedelta(day)).strftime("%Y%m%d") for day in days)
        strikes = tuple(sorted({float(np.round(spot * random.uniform(0.8, 1.2), int(random.integers(0, 3)))) for _ in range(5)}))
        pairs = [(near, far) for n, near in enumerate(expiries) for far in expiries[n + 1 :]]
        chosen = [pairs[n] for n in random.permutation(len(pairs))[: random.integers(0, 8)]]
        spreads = tuple(
            (
                n,
                *(pair if random.random() < 0.5 else pair[::-1]),
                *(float(ratio) for ratio in random.choice([1, 1, 1, 2, 0.5, 3], 2)),
                charge,
            )
            for n, (pair, charge) in enumerate(zip(chosen, np.round(random.uniform(1, 900, len(chosen)), 2).tolist()), 1)
        )
        minimum, factor = float(random.choice([0.0, 25.0, 300.0])), float(random.choice([1.0, 1.0, 10.0, 0.5]))
        found.append(Commodity(code, spot, expiries, strikes, minimum, factor, spreads))
    return found


def element(name: str, *inside: object) -> str:
    """An element with what is inside it."""
    return f"<{name}>{''.join(map(str, inside))}</{name}>"


def risk(random: np.random.Generator, delta: float, reach: float) -> str:
    """Sixteen losses of one long unit that a move of the price by its delta and some noise give, and the delta."""
    thirds = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 2.1, -2.1]) / 3.0
    losses = -delta * thirds * reach + random.normal(0.0, 0.03 * reach, 16)
    return element("ra", "<r>1</r>", *(f"<a>{loss:.2f}</a>" for loss in losses), f"<d>{delta:.4f}</d>")


def portfolios(random: np.random.Generator, held: Commodity, first: int) -> str:
    """The futures and the options of one commodity, with the numbers that its links name."""
    reach = 0.09 * held.spot
    scan = f"<scanRate><r>1</r><priceScan>{reach:.2f}</priceScan><volScan>0.04</volScan></scanRate>"
    futures, series = [], []
    for n, expiry in enumerate(held.expiries, 1):
        terms = f"<pe>{expiry}</pe>", f"<setlDate>{expiry}</setlDate>", f"<cvf>{held.factor}</cvf><sc>1.00000</sc>", scan
        futures.append(element("fut", f"<cId>{n}</cId><p>{held.spot:.2f}</p><d>1.0</d><v>0.17</v>", *terms, risk(random, 1.0, reach)))
        options = [
            element(
                "opt",
                f"<cId>{k}</cId><o>{right}</o><k>{strike:.2f}</k><p>{random.uniform(0.05, 0.05 * held.spot):.2f}</p><v>0.17</v>",
                risk(random, delta, reach),
            )
            for k, strike in enumerate(held.strikes)
            for right, delta in (("C", float(random.uniform(0.02, 0.98))), ("P", float(random.uniform(-0.98, -0.02))))
        ]
        under = f"<undC><exch>NSE</exch><pfId>{first}</pfId><cId>{n}</cId></undC>"
        series.append(element("series", "<v>0.17</v>", *terms, under, *options))
    names = f"<pfCode>{held.code}</pfCode><name>{held.code}</name><currency>INR</currency>"
    return element("futPf", f"<pfId>{first}</pfId>", names, "<valueMeth>FUT</valueMeth>", *futures) + element(
        "oopPf", f"<pfId>{first + 1}</pfId>", names, "<valueMeth>EQTY</valueMeth>", *series
    )


def definition(held: Commodity, first: int) -> str:
    """The definition of one commodity: links, calendar spreads and the short option minimum."""
    links = [
        f"<pfLink><exch>NSE</exch><pfId>{first + n}</pfId><pfCode>{held.code}</pfCode><pfType>{kind}</pfType></pfLink>"
        for n, kind in enumerate(("FUT", "OOP"))
    ]
    spreads = [
        element(
            "dSpread",
            f"<spread>{n}</spread><chargeMeth>F</chargeMeth><rate><r>1</r><val>{charge}</val></rate>",
            *(
                f"<pLeg><cc>{held.code}</cc><pe>{expiry}</pe><rs>{side}</rs><i>{ratio}</i></pLeg>"
                for expiry, side, ratio in ((one, "A", ratios[0]), (other, "B", ratios[1]))
            ),
        )
        for n, one, other, *ratios, charge in held.spreads
    ]
    return element(
        "ccDef",
        f"<cc>{held.code}</cc><currency>INR</currency><riskExponent>0</riskExponent><wfprMeth>NORMAL</wfprMeth><somMeth>GROSS</somMeth>",
        f"<somTiers><tier><tn>0</tn><rate><r>1</r><val>{held.minimum}</val></rate></tier></somTiers>",
        *links,
        *spreads,
    )


def span_file(random: np.random.Generator, held: list[Commodity]) -> str:
    """A whole file."""
    numbered = [(each, 1 + 2 * n) for n, each in enumerate(held)]
    exchange = element("exchange", "<exch>NSE</exch>", *(portfolios(random, *each) for each in numbered))
    house = element("clearingOrg", "<ec>NSCCL</ec>", *(definition(*each) for each in numbered), exchange)
    day = element("pointInTime", f"<date>{TODAY:%Y%m%d}</date><isSetl>1</isSetl>", house)
    return '<?xml version="1.0"?>\n' + element("spanFile", "<fileFormat>4.00</fileFormat>", day)


def book(random: np.random.Generator, held: list[Commodity]) -> list[tuple[str, str, str, float, int]]:
    """Up to twelve contracts, no two alike: commodity, right or F, expiry, strike, quantity."""
    chosen = set()
    for _ in range(random.integers(1, 13)):
        each, kind = held[random.integers(len(held))], str(random.choice(["F", "C", "P"]))
        chosen.add((each.code, kind, str(random.choice(each.expiries)), 0.0 if kind == "F" else float(random.choice(each.strikes))))
    return [(*contract, int(random.choice([-150, -75, -1, 1, 75, 225]))) for contract in sorted(chosen)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(number=st.integers(0, 2**32 - 1))
def test_random_books(number: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Scanning risk, calendar charge, short option minimum, option value and requirement are those that marginism finds."""
    random = np.random.default_rng(number)
    held = commodities(random)
    path = tmp_path_factory.mktemp("nse") / "nsccl.20260625.spn"
    path.write_text(span_file(random, held), encoding="ascii")
    legs = book(random, held)
    theirs = marginism.SpanCalculator.from_file(str(path)).calculate(
        [
            marginism.Position(code, NAMES[kind], quantity=quantity, expiry=expiry, strike=strike or None)
            for code, kind, expiry, strike, quantity in legs
        ]
    )
    assert not theirs.unmatched
    rows: list[list[Any]] = [["Underlying", "Type", "Strike", "Expiry", "Quantity"]]
    rows += [
        [code, kind, strike or None, f"{expiry[:4]}-{expiry[4:6]}-{expiry[6:]}", quantity] for code, kind, expiry, strike, quantity in legs
    ]
    market = [["Underlying", "Spot", "As of"], *([each.code, each.spot, TODAY.isoformat()] for each in held)]
    asked = market, "SPAN", [["span_file", str(path)]]
    margin = 0.0
    for code, each in theirs.by_commodity.items():
        for line, value in (
            ("Scanning risk", each.scan_risk),
            ("Inter-month charge", each.calendar_spread_charge),
            ("Short option minimum", each.short_option_minimum),
        ):
            assert PM_LINE(rows, f"{code}/{line}", *asked) == pytest.approx(value, rel=1e-9, abs=1e-6), (code, line)
        margin += max(PM_LINE(rows, f"SPAN risk/{code}", *asked) - each.net_option_value, 0.0)
    assert PM_LINE(rows, "Net option value", *asked) == pytest.approx(theirs.net_option_value, rel=1e-9, abs=1e-6)
    assert margin == pytest.approx(theirs.span_margin, rel=1e-9, abs=1e-6)
