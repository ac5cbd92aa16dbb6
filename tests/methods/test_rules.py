"""RULES: the examples of the Cboe Margin Manual, cash and margin accounts, bases, stock, futures, statement and PM_PAIRS."""

from __future__ import annotations

from typing import Any

import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_PAIRS, PM_SCENARIOS

Row = list[Any]

HEADER = ["Underlying", "Type", "Strike", "DTE", "Price", "Quantity", "Multiplier"]
VIEWS = ("Requirement", "Proceeds", "Cash call", "Maximum loss")


def o(kind: str, strike: float, price: float, quantity: float = -1.0, days: float = 30.0) -> Row:
    """Contracts of 100 of one option."""
    return ["X", kind, strike, days, price, quantity, 100.0]


def shares(quantity: float) -> Row:
    """Stock."""
    return ["X", "stock", None, None, None, quantity, 1.0]


def market(spot: float) -> list[Row]:
    """A market of one underlying."""
    return [["Underlying", "Spot"], ["X", spot]]


def given(profile: str = "equity", **more: object) -> list[Row]:
    """The parameters of a profile."""
    return [["profile", f"cboe_{profile}"], *([name, value] for name, value in more.items())]


def margin(rows: list[Row], spot: float, parameters: list[Row]) -> float:
    """PM_MARGIN under RULES."""
    answer = PM_MARGIN([HEADER, *rows], market(spot), "RULES", parameters)
    assert isinstance(answer, float), answer
    return answer


def views(rows: list[Row], spot: float, parameters: list[Row]) -> dict[str, float]:
    """The four figures of the statement."""
    return {view: PM_LINE([HEADER, *rows], view, market(spot), "RULES", parameters) for view in VIEWS}


# Short options, 1 contract, gross: a public suite after the Cboe Margin Manual (worked-examples REG); the manual's own are cases
SHORT = {
    "08": ("P", 433.35, 430, 7.8, "broad", 1, 6_945.25),
    "10": ("P", 460, 390, 4, "broad", 1.5, 6_250),
    "13": ("C", 378.5, 370, 12.85, "broad", 1, 6_962.5),
    "14": ("C", 410, 450, 3, "broad", 1.5, 6_450),
}


@pytest.mark.parametrize("case", SHORT)
def test_short_option(case: str) -> None:
    """An uncovered short requires its premium and the formula, initially and to maintain (REG-01 … 14)."""
    kind, spot, strike, price, profile, leverage, expected = SHORT[case]
    parameters = given(profile, leverage=leverage)
    assert margin([o(kind, strike, price)], spot, parameters) == pytest.approx(expected, rel=1e-12)
    assert PM_MAINTENANCE([HEADER, o(kind, strike, price)], market(spot), "RULES", parameters) == pytest.approx(expected)


def test_cash_account() -> None:
    """A cash account deposits the strike of a put and the value of a call's underlying, less premium (REG-01, 03)."""
    parameters = given(account="cash", basis="cash_call")
    assert margin([o("P", 80, 2)], 95, parameters) == pytest.approx(7_800)
    assert margin([o("C", 120, 8.4)], 128.5, parameters) == pytest.approx(12_010)


def test_cash_account_pairs_nothing_but_stock() -> None:
    """No strangle and no spread in a cash account; a short sale is refused; stock is paid in full and covers a call."""
    parameters = given(account="cash")
    assert margin([o("P", 90, 2), o("C", 110, 2)], 100, parameters) == pytest.approx(9_000 + 10_000)
    assert margin([o("P", 90, 2), o("P", 85, 1, 1)], 100, parameters) == pytest.approx(9_000 + 100)
    assert margin([shares(100), o("C", 110, 2)], 100, parameters) == pytest.approx(10_000)
    assert "cash account" in PM_MARGIN([HEADER, shares(-100)], market(100), "RULES", parameters)


STRADDLES = {
    "17 p45": ("equity", 92.63, [o("C", 90, 7), o("P", 90, 3.7)], 2_922.60),
    "19": ("broad", 43.34, [o("C", 45, 1.35), o("P", 45, 2.85)], 1_070.10),
}


@pytest.mark.parametrize("case", STRADDLES)
def test_straddle(case: str) -> None:
    """The larger requirement and the other side's premium (REG-17, 19)."""
    profile, spot, rows, expected = STRADDLES[case]
    assert margin(rows, spot, given(profile)) == pytest.approx(expected, rel=1e-12)
    assert [row[2] for row in PM_PAIRS([HEADER, *rows], market(spot), given(profile))[1:]] == ["Short straddle"]


LONG = {
    "21": (5.0, 200, "margin", 500),
    "22 cash": (12.0, 540, "cash", 1_200),
    "22": (12.0, 540, "margin", 900),
    "23 cash": (16.8, 600, "cash", 1_680),
    "23": (16.8, 600, "margin", 1_260),
}


@pytest.mark.parametrize("case", LONG)
def test_long_option(case: str) -> None:
    """A long option is paid in full, beyond nine months 75 % in a margin account (REG-21 … 23)."""
    price, days, account, expected = LONG[case]
    assert margin([o("C", 100, price, 1, days)], 100, given("broad", account=account)) == pytest.approx(expected)


# legs; maximum loss, gross, proceeds, cash call per worked-examples REG-24 … 38
SPREADS = {
    "24 p42": ("equity", 128.5, [o("C", 125, 3.8, 1), o("C", 120, 8.4)], (500, 880, 840, 40)),
    "25 p39": ("equity", 255, [o("P", 250, 3, 1), o("P", 240, 0.95)], (205, 300, 95, 205)),
    "26": ("broad", 433.35, [o("P", 425, 6.4, 1), o("P", 430, 7.8)], (500, 1_140, 780, 360)),
    "28 p52": ("broad", 550, [o("P", 540, 5.6, 1), o("P", 550, 7.2, -2), o("P", 555, 9.8, 1)], (500, 2_040, 1_440, 600)),
    "31 p56": ("equity", 26.75, [o("P", 16, 0.1, 1), o("P", 20, 0.2), o("C", 20, 7), o("C", 24, 4, 1)], (400, 810, 720, 90)),
    "32": (
        "broad",
        1_100,
        [o("P", 1000, 32, 1), o("P", 1025, 35.1), o("C", 1150, 9.4), o("C", 1175, 6.3, 1)],
        (2_500, 6_330, 4_450, 1_880),
    ),
    "34": ("equity", 70, [o("C", 70, 6, 1, 31), o("C", 70, 5)], (100, 600, 500, 100)),
    "37": ("equity", 53, [o("C", 55, 2, 1, 60), o("C", 52, 4)], (300, 500, 400, 100)),
    "38": ("equity", 37, [o("P", 42, 0.9, -6), o("P", 37, 0.15, 12), o("P", 32, 0.05, -6)], (3_000, 3_180, 570, 2_610)),
}


@pytest.mark.parametrize("case", SPREADS)
def test_spread(case: str) -> None:
    """Spreads, butterflies, iron versions, calendars, diagonals: what they lose at expiry plus the long premiums.

    The table's maximum losses leave premiums out: 0 of REG-25 and 34, which can lose their debit.
    REG-38 prints 3,060 with the premium of its middle leg counted at 5 cents; 12 × 0.15 × 100 = 180 by the table.
    """
    profile, spot, rows, (loss, gross, proceeds, call) = SPREADS[case]
    found = views(rows, spot, given(profile))
    assert found == pytest.approx({"Requirement": gross, "Proceeds": proceeds, "Cash call": call, "Maximum loss": loss})
    for basis, expected in (("cash_call", call), ("maximum_loss", loss)):
        assert margin(rows, spot, given(profile, basis=basis)) == pytest.approx(expected, abs=1e-9)


def test_calendar_whose_short_expires_later_has_no_offset() -> None:
    """REG-35: the long call near, the short one far: 500 + 2,300."""
    assert margin([o("C", 70, 5, 1, 30), o("C", 70, 8, -1, 60)], 75, given()) == pytest.approx(2_800)


def test_boxes() -> None:
    """A long European box requires half its gap, an American one loss and premiums; a short box its gap."""
    legs = [o("C", 95, 8, 1), o("P", 95, 2), o("C", 105, 3), o("P", 105, 7, 1)]
    assert margin(legs, 100, given()) == pytest.approx(500)
    american = [[*row, "american"] for row in legs]
    assert PM_MARGIN([[*HEADER, "Exercise"], *american], market(100), "RULES", given()) == pytest.approx(1_500)
    short = [[*row[:5], -row[5], row[6]] for row in legs]
    assert views(short, 100, given())["Maximum loss"] == pytest.approx(1_000)


# IBM of 2007-02-23: strategy-based margin net of short premium, all eight exact (worked-examples PM-01)
IBM = {
    "short call": ([o("C", 100, 1.68, -100)], 172_760),
    "short put": ([o("P", 100, 3.18, -100)], 195_460),
    "covered call": ([shares(10_000), o("C", 100, 1.68, -100)], 471_850),
    "protective put": ([shares(10_000), o("P", 95, 1.02, 100)], 498_850),
    "synthetic": ([o("C", 100, 1.68, 100), o("P", 100, 3.18, -100)], 212_260),
    "reversal": ([o("P", 95, 1.02, 100), o("C", 105, 0.4, -100)], 132_960),
    "collar": ([shares(10_000), o("P", 95, 1.02, 100), o("C", 105, 0.4, -100)], 494_850),
    "spread": ([o("C", 95, 4.53, 100), o("C", 105, 0.4, -100)], 41_300),
}


@pytest.mark.parametrize("case", IBM)
def test_official_cash_calls(case: str) -> None:
    """The strategy-based column of OCC's brochure is the cash call; Cash needed of PM_COMPARE is the same number."""
    rows, expected = IBM[case]
    assert margin(rows, 97.73, given(basis="cash_call")) == pytest.approx(expected)
    for basis in ("requirement", "cash_call", "maximum_loss"):
        line = PM_COMPARE([HEADER, *rows], market(97.73), "RULES", given(basis=basis))[1]
        assert line[3] == pytest.approx(expected)


OBSERVED = [
    ("equity", 415, "C", 300, 115.75, 19_837),
    ("equity", 415, "P", 300, 0.45, 3_044),
    ("equity", 415, "C", 390, 27.5, 11_022),
    ("equity", 415, "P", 390, 1.85, 6_042),
    ("equity", 415, "C", 430, 0.85, 6_803),
    ("equity", 415, "P", 430, 16.8, 9_929),
    ("broad", 4550, "C", 3800, 750, 143_275),
    ("broad", 4550, "P", 3800, 0.05, 38_000),
    ("broad", 4550, "C", 5000, 0.05, 45_537),
    ("broad", 4550, "P", 5000, 445, 112_876),
]


@pytest.mark.parametrize(("profile", "spot", "kind", "strike", "price", "observed"), OBSERVED)
def test_observed_at_a_broker(profile: str, spot: float, kind: str, strike: float, price: float, observed: float) -> None:
    """Short options seen at a broker, whose spot is known only roughly: within 1.3 % (worked-examples REG, Lean)."""
    assert margin([o(kind, strike, price)], spot, given(profile)) == pytest.approx(observed, rel=0.013)


BTC = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0]]
COIN = ["Underlying", "Type", "Strike", "DTE", "IV", "Quantity"]


@pytest.mark.parametrize("legs", [[("P", 70, -1), ("P", 69, 1)], [("C", 72, -1), ("C", 73, 1), ("P", 68, -1), ("P", 67, 1)]])
def test_first_table_of_the_source(legs: list[tuple[str, float, float]]) -> None:
    """The put spread and the iron condor are 1,000 each at maximum loss, in any number of coins (source-tables 1)."""
    for size in (1.0, 0.3, 12.7):
        rows = [["BTC", kind, strike * 1000.0, 10, 0.5, quantity * size] for kind, strike, quantity in legs]
        assert PM_MARGIN([COIN, *rows], BTC, "RULES", [["basis", "maximum_loss"]]) == pytest.approx(1_000.0 * size)


def test_crypto_profile() -> None:
    """A naked 75k call is 10 % of spot and its mark, 9,112.20; spot is collateral, covers calls; a future pays its rate.

    Source: worked-examples SEED-7 (mark 2,112.2027); the ETH lines of source-tables 2 are 100 and the puts' premium.
    """
    call = ["BTC", "C", 75_000.0, 30, 0.5, -1.0]
    assert PM_MARGIN([COIN, call], BTC, "RULES") == pytest.approx(9_112.2027, abs=1e-4)
    assert PM_MARGIN([COIN, call, ["BTC", "spot", None, None, None, 1.0]], BTC, "RULES") == 0.0
    assert PM_MARGIN([COIN, ["BTC", "F", None, 30, None, -2.0]], BTC, "RULES") == pytest.approx(2_800.0)
    eth = [
        ["ETH", "P", 3_000.0, 60, 0.65, 2.0],
        ["ETH", "C", 3_800.0, 30, 0.65, -1.0],
        ["ETH", "C", 3_900.0, 30, 0.65, 1.0],
        ["ETH", "P", 3_200.0, 30, 0.65, -1.0],
        ["ETH", "P", 3_100.0, 30, 0.65, 1.0],
    ]
    found = PM_MARGIN([COIN, *eth], BTC, "RULES", [["basis", "maximum_loss"]])
    assert found == pytest.approx(100.0 + 293.8381, abs=1e-3)


def test_properties_of_pairing() -> None:
    """Opposite legs cancel; a ratio spread is a spread and a naked short; 5 calls and 3 puts are 3 strangles and 2 calls."""
    assert margin([o("C", 100, 3), o("C", 100, 3, 1)], 100, given()) == 0.0
    ratio = [o("C", 100, 3, 1), o("C", 105, 1.5, -2)]
    assert margin(ratio, 100, given()) == pytest.approx(
        margin([ratio[0], o("C", 105, 1.5)], 100, given()) + margin([o("C", 105, 1.5)], 100, given())
    )
    rows = PM_PAIRS([HEADER, o("C", 105, 2, -5), o("P", 95, 2, -3)], market(100), given())[1:]
    assert [(row[2], row[4]) for row in rows] == [("Short strangle", 300.0), ("Short call", 200.0)]


def test_shares_cover_in_whole_lots() -> None:
    """95 shares cover no call of 100, long shares cover no short put; coins cover tenths."""
    call = o("C", 105, 2)
    assert margin([shares(95), call], 100, given()) == pytest.approx(4_750 + margin([call], 100, given()))
    assert margin([shares(195), call], 100, given()) == pytest.approx(9_750)
    put = o("P", 95, 2)
    assert margin([shares(100), put], 100, given()) == pytest.approx(5_000 + margin([put], 100, given()))
    coin = [COIN, ["BTC", "spot", None, None, None, 0.95], ["BTC", "C", 75_000.0, 30, 0.5, -1.0]]
    assert PM_MARGIN(coin, BTC, "RULES") == pytest.approx(0.1 * 9_112.2027, abs=1e-4)


def test_accounts_are_not_paired_together() -> None:
    """A long in one account does not cover a short in another."""
    rows = [[*o("C", 100, 3), "north"], [*o("C", 105, 1, 1), "south"]]
    head = [*HEADER, "Account"]
    apart = margin([o("C", 100, 3)], 100, given()) + margin([o("C", 105, 1, 1)], 100, given())
    assert PM_MARGIN([head, *rows], market(100), "RULES", given()) == pytest.approx(apart)
    assert [row[0] for row in PM_PAIRS([head, *rows], market(100), given())[1:]] == ["north", "south"]


PAIR = [o("C", 95, 7.2), o("C", 105, 2.6), o("C", 100, 4.6, 1), o("C", 110, 1.3, 1), o("P", 95, 2.4), o("P", 90, 1.2, 1)]


def test_pairing_example() -> None:
    """REG-PAIR-01: 17.10 per share gross and 4.90 net, not the 22.10 of two-leg pairs; the table's rows add up to it."""
    found = views(PAIR, 100, given())
    assert (found["Requirement"], found["Cash call"]) == (pytest.approx(1_710), pytest.approx(490))
    head, *rows = PM_PAIRS([HEADER, *PAIR], market(100), given())
    assert head == [
        "Account",
        "Underlying",
        "Strategy",
        "Legs",
        "Units",
        "Requirement",
        "Maintenance",
        "Proceeds",
        "Cash call",
        "Maximum loss",
    ]
    assert sorted(row[2] for row in rows) == ["Iron condor", "Vertical call spread"]
    for view in VIEWS:
        assert sum(row[head.index(view)] for row in rows) == pytest.approx(found[view])


def test_no_scenarios_and_no_vols_are_needed() -> None:
    """RULES has no scenarios; a price below intrinsic is no fault; an option without price and vol is told."""
    assert "no scenarios" in PM_SCENARIOS("RULES")
    assert margin([o("C", 50, 40)], 100, given()) == pytest.approx(6_000)
    assert "Price" in PM_MARGIN([HEADER, o("C", 50, None)], market(100), "RULES")  # type: ignore[arg-type]
    assert PM_EXPLAIN([HEADER, *PAIR], market(100), "RULES", given())[1][2] == pytest.approx(1_710)
