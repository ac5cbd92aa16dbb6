"""Books margined from a clearing house's file: the same as from its arrays typed into a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import span_samples as samples

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN
from xlmargin.cli import main

MARKET = [
    ["Underlying", "Spot", "As of"],
    ["SB", 22.64, "2010-03-02"],
    ["TF", 700.0, None],
    ["RF", 600.0, None],
    ["NIFTY", 24_050.35, None],
]
HEADER = ["Underlying", "Type", "Strike", "Expiry", "Quantity"]
SUGAR = [HEADER, ["SB", "F", None, "2010-04-30", -1.0], ["SB", "P", 23.25, "2010-04-15", -1.0], ["SB", "C", 24.25, "2010-04-15", 4.0]]
RUSSELL = [HEADER, ["TF", "C", 700.0, "2010-06-18", 100.0], ["RF", "C", 600.0, "2010-06-18", -80.0]]


@pytest.fixture(params=["spn", "pa2"])
def span_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The published sugar and Russell contracts in either format."""
    path = tmp_path / f"sample.{request.param}"
    items = [*samples.SUGAR, *samples.RUSSELL]
    path.write_bytes(samples.markup(items, org="ICUS", date="20100302") if request.param == "spn" else samples.positional(items))
    return path


def typed(book: list[list[Any]], arrays: list[tuple[float, ...]], deltas: list[float]) -> list[list[Any]]:
    """A book with its arrays and deltas typed into the sheet."""
    return [[*HEADER, "Delta", *range(1, 17)], *[[*row, delta, *array] for row, array, delta in zip(book[1:], arrays, deltas)]]


def test_sugar_book(span_file: Path) -> None:
    """ICE's sugar book (SPAN-01) scans to 2,099 in scenario 14, from either format and from typed arrays."""
    parameters = [["span_file", str(span_file)]]
    assert PM_LINE(SUGAR, "SB/Scanning risk", MARKET, "SPAN", parameters) == 2_099.0
    sheet = typed(SUGAR, [samples.SUGAR_FUTURE, samples.SUGAR_PUT, samples.SUGAR_CALL], [1.0, -0.5319, 0.3752])
    assert PM_LINE(sheet, "SB/Scanning risk", MARKET) == 2_099.0


def test_russell_book_with_the_file_s_credit(tmp_path: Path) -> None:
    """SPAN-03 from an XML file that carries the arrays, the deltas and the 80 % credit: 157,596."""
    path = tmp_path / "russell.spn"
    path.write_bytes(samples.markup(samples.RUSSELL, org="ICUS", date="20100302"))
    assert round(PM_MARGIN(RUSSELL, MARKET, "SPAN", [["span_file", str(path)]])) == 157_596
    sheet = typed(
        RUSSELL, [tuple(value / 100 for value in samples.TF_CALL), tuple(-value / 80 for value in samples.RF_CALL)], [0.5661, 0.8754]
    )
    by_hand = PM_MARGIN(sheet, MARKET, "SPAN", [["inter_commodity_spreads", "80%: TF A 1, RF B 1"]])
    assert PM_MARGIN(RUSSELL, MARKET, "SPAN", [["span_file", str(path)]]) == pytest.approx(by_hand, rel=1e-12)


def test_nifty_future(tmp_path: Path) -> None:
    """SPAN-05: the NIFTY future's worst scenario is 2,244.36 a unit, 168,327 a lot of 75."""
    path = tmp_path / "nsccl.spn"
    path.write_bytes(samples.markup(samples.NIFTY))
    book = [HEADER, ["NIFTY", "F", None, "2026-06-30", 75.0]]
    market = [["Underlying", "Spot", "As of"], ["NIFTY", 24_050.35, "2026-06-25"]]
    assert PM_LINE(book, "NIFTY/Scanning risk", market, "SPAN", [["span_file", str(path)]]) == pytest.approx(168_327.0)


def test_statement_names_the_file(span_file: Path) -> None:
    """Each array is that of a contract of the file by name, and a charge typed for every underlying wins over the file's."""
    parameters = [["span_file", str(span_file)], ["short_option_minimum", 10.0]]
    rows = PM_EXPLAIN(SUGAR, MARKET, "SPAN", parameters)
    assert isinstance(rows, list)
    used = {str(row[3]).split("; ")[0] for row in rows if "risk array" in str(row[3])}
    assert used == {
        f"risk array of NYB SB {name}, expiry {day} in {span_file.name}"
        for name, day in (
            ("future 201005 (FUT)", "2010-04-30"),
            ("put 201005 23.25 (OOF)", "2010-04-15"),
            ("call 201005 24.25 (OOF)", "2010-04-15"),
        )
    }
    assert PM_LINE(SUGAR, "SB/Short option minimum/Rate per unit", MARKET, "SPAN", parameters) == 10.0


def test_instrument_that_the_file_lacks(span_file: Path) -> None:
    """An instrument without a contract in the file is one clear line."""
    book = [HEADER, ["SB", "C", 99.0, "2010-04-15", 1.0]]
    answer = PM_MARGIN(book, MARKET, "SPAN", [["span_file", str(span_file)]])
    assert answer == f"#PM! {span_file.name} has no contract SB call 99: check the product, the expiry and the strike"


def gas(month: str, expiry: str, worst: int) -> samples.Item:
    """A future on natural gas as CME's file of 17 August 2018 has it, whose month is not that of its expiry."""
    thirds = (0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3)
    array = *(-worst * n / 3 for n in thirds), -0.99 * worst, 0.99 * worst
    future = samples.SUGAR[0]._replace(exchange="NYM", product="NG", underlying="NG", month=month, expiry=expiry, factor=10_000.0)
    return future._replace(price=2.8, price_range=float(worst), array=tuple(map(round, array)))


def gas_file(folder: Path, *more: tuple[tuple[int, str], ...]) -> list[list[Any]]:
    """A file of the futures 201809 and 201810, with further records, as the parameters that name it."""
    path = folder / "ng.pa2"
    contracts = [gas("201809", "20180829", 1_300), gas("201810", "20180926", 1_100)]
    path.write_bytes(samples.positional(contracts, "CME   20180817S", [samples.line(*fields) for fields in more]))
    return [["span_file", str(path)]]


GAS = [["Underlying", "Spot", "As of"], ["NG", 2.81, "2018-08-17"]]
NEAR, FAR = "2018-08-29", "2018-09-26"
RATIOS = (1, "3 "), (3, "NG"), (9, "10"), (11, "01201809201809"), (25, "02201810201811"), (69, "100010501100")


def gas_book(**held: float) -> list[list[Any]]:
    """Futures of natural gas by the month in which they expire."""
    return [["Underlying", "Type", "Expiry", "Quantity"], *(["NG", "F", {"aug": NEAR, "sep": FAR}[at], size] for at, size in held.items())]


def test_a_contract_is_known_by_its_expiry_not_by_its_month(tmp_path: Path) -> None:
    """The future 201810 expires on 26 September 2018: its array is the file's 1,100, and 1,300 is that of 201809."""
    parameters = gas_file(tmp_path)
    assert PM_MARGIN(gas_book(sep=1.0), GAS, "SPAN", parameters) == 1_100.0
    assert PM_MARGIN(gas_book(aug=1.0), GAS, "SPAN", parameters) == 1_300.0


def test_tiers_are_of_contract_months(tmp_path: Path) -> None:
    """Three of 201809 (tier 1) against two of 201810 (tier 2), one for one at 300: two spreads are 600, beside 3,900 less 2,200."""
    spread = (1, "C "), (3, "NG"), (9, "10"), (11, "02"), (13, "02"), (15, "0000300"), (22, "010101A020201B")
    delivery = (1, "4 "), (3, "NG"), (9, "10"), (11, "01"), (13, "01201810"), (21, "0000010"), (28, "0000070")
    parameters = gas_file(tmp_path, RATIOS, spread, delivery)
    book = gas_book(aug=3.0, sep=-2.0)
    assert PM_LINE(book, "NG/Inter-month charge", GAS, "SPAN", parameters) == 600.0
    assert PM_LINE(book, "NG/Delivery charge", GAS, "SPAN", parameters) == 20.0  # both of 201810 are in spreads, at 10
    assert PM_MAINTENANCE(book, GAS, "SPAN", parameters) == 1_700.0 + 600.0 + 20.0
    assert PM_LINE(gas_book(sep=2.0), "NG/Delivery charge", GAS, "SPAN", parameters) == 140.0  # outright at 70
    assert PM_LINE(gas_book(aug=2.0), "NG/Delivery charge", GAS, "SPAN", parameters) == 0.0


CALL_ON_OCTOBER = gas("201810", "20180926", 500)._replace(family="OOF", right="C", strike=3.0, delta=0.5, price=0.1)
OPTIONS = {  # contract month, expiry, the future that each is on
    "monthly": ("201810", "20180925", ""),
    "weekly": ("201809", "20180907", "201810"),
    "serial": ("201809", "20180828", "201810"),
}


@pytest.mark.parametrize("form", ["pa2", "spn"])
@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_counts_in_the_month_of_its_future(tmp_path: Path, name: str, form: str) -> None:
    """Short two calls of delta 0.5 against the future that they are on is no spread; against the future before it is one, at 300."""
    month, expiry, future = OPTIONS[name]
    call = CALL_ON_OCTOBER._replace(month=month, expiry=expiry, future=future)
    contracts = [gas("201809", "20180829", 1_300), gas("201810", "20180926", 1_100), call]
    path = tmp_path / f"ng.{form}"
    if form == "pa2":
        spreads = [((22, "010101A010101B"), "0000300"), ((22, "010101A020201B"), "0000300")]
        more = [
            samples.line((1, "C "), (3, "NG"), (9, "10"), (11, f"{n:02}"), (13, "02"), (15, rate), legs)
            for n, (legs, rate) in enumerate(spreads, 1)
        ]
        path.write_bytes(samples.positional(contracts, "CME   20180817S", [samples.line(*RATIOS), *more]))
    else:
        legs = "".join(
            f"<pLeg><cc>NG</cc><pe>{period}</pe><rs>{side}</rs><i>1</i></pLeg>" for period, side in (("201809", "A"), ("201810", "B"))
        )
        spread = f"<dSpread><spread>1</spread><chargeMeth>F</chargeMeth><rate><r>1</r><val>300</val></rate>{legs}</dSpread></ccDef>"
        content = samples.markup(contracts, org="CME", date="20180817").decode("latin-1")
        path.write_text(content.replace("</ccDef>", spread, 1), encoding="latin-1")
    parameters = [["span_file", str(path)]]
    header, typed_day = ["Underlying", "Type", "Strike", "Expiry", "Quantity"], f"{expiry[:4]}-{expiry[4:6]}-{expiry[6:]}"
    short = ["NG", "C", 3.0, typed_day, -2.0]
    for day, charge in ((FAR, 0.0), (NEAR, 300.0)):
        assert PM_LINE([header, ["NG", "F", None, day, 1.0], short], "NG/Inter-month charge", GAS, "SPAN", parameters) == charge, day


def test_rows_of_one_contract_at_two_hours_are_no_spread(tmp_path: Path) -> None:
    """The file knows days only: long at 08:00 and short at 20:00 of one day is no position at all."""
    spread = (1, "C "), (3, "NG"), (9, "10"), (11, "01"), (13, "02"), (15, "0000300"), (22, "010101A010101B")
    book = [["Underlying", "Type", "Expiry", "Quantity"], ["NG", "F", NEAR, 1.0], ["NG", "F", f"{NEAR} 20:00", -1.0]]
    assert PM_MARGIN(book, GAS, "SPAN", gas_file(tmp_path, RATIOS, spread)) == 0.0


def test_products_of_one_combined_commodity_are_margined_together(tmp_path: Path) -> None:
    """Options typed by their own product's code offset the future of the same combined commodity: 1,100 less two calls of 500."""
    call = CALL_ON_OCTOBER._replace(product="ON", expiry="20180925")
    path = tmp_path / "ng.pa2"
    path.write_bytes(samples.positional([gas("201810", "20180926", 1_100), call], "CME   20180817S"))
    book = [["Underlying", "Type", "Strike", "Expiry", "Quantity"], ["NG", "F", None, FAR, 1.0], ["ON", "C", 3.0, "2018-09-25", -2.0]]
    market = [*GAS, ["ON", 2.81, None]]
    asked = market, "SPAN", [["span_file", str(path)]]
    assert PM_LINE(book, "NG/Scanning risk", *asked) == 100.0
    assert PM_MARGIN(book, *asked) == 100.0
    assert str(PM_MARGIN(book, market, "SPAN", [["", "span_file", str(path)], ["ON", "initial_ratio", 2.0]])).startswith(
        "#PM! initial_ratio of ON: ng.pa2 margins it with others as NG: give initial_ratio for NG"
    )


def test_the_status_of_a_file_s_margin(tmp_path: Path) -> None:
    """A clearing house's own arrays are published; our ranges, on which nothing rests then, do not make the margin illustrative."""
    parameters = gas_file(tmp_path, RATIOS)
    for more, status in (([], "published"), ([["account_type", "speculator"]], "published")):
        assert PM_COMPARE(gas_book(sep=1.0), GAS, "SPAN", [*parameters, *more])[1][6] == status
    assert PM_COMPARE(gas_book(sep=1.0), GAS, "SPAN")[1][6] == "illustrative"


def test_the_file_s_initial_ratio(tmp_path: Path) -> None:
    """Record 3: 1.000 of members, 1.050 of hedgers, 1.100 of speculators; without a kind of account they are told."""
    parameters, book = gas_file(tmp_path, RATIOS), gas_book(sep=10.0)
    assert PM_MAINTENANCE(book, GAS, "SPAN", parameters) == 11_000.0
    for more, expected in (
        ([], 11_000.0),
        ([["account_type", "speculator"]], 12_100.0),
        ([["account_type", "hedger"]], 11_550.0),
        ([["account_type", "member"]], 11_000.0),
        ([["initial_ratio", 1.35]], 14_850.0),
    ):
        assert PM_MARGIN(book, GAS, "SPAN", [*parameters, *more]) == pytest.approx(expected, rel=1e-12), more


def test_underlyings_with_ratios_of_their_own() -> None:
    """Two futures of 1,000 at 10 % each, one at 1.1 and one at 1.5: 110 + 150, and maintenance is 200."""
    book = [["Underlying", "Type", "DTE", "Quantity", "Spot"], ["BTC", "F", 30, 1, 1_000], ["ETH", "F", 30, 1, 1_000]]
    parameters = [["", "price_scan_range", 0.1], ["BTC", "initial_ratio", 1.1], ["ETH", "initial_ratio", 1.5]]
    assert PM_MARGIN(book, None, "SPAN", parameters) == pytest.approx(260.0)
    assert PM_MAINTENANCE(book, None, "SPAN", parameters) == pytest.approx(200.0)
    said = PM_MARGIN(book, None, "SPAN", [*parameters, ["", "order", "kdpw"]])
    assert said.startswith("#PM! initial ratios differ (BTC 1.1, ETH 1.5)")


@pytest.mark.parametrize(("method", "refused"), [("10", True), ("02", True), ("20", False)])
def test_scanning_by_tiers_is_refused(tmp_path: Path, method: str, refused: bool) -> None:
    """Tiers scanned apart add up, months in one scan offset: a book in two tiers is told; tiers of spreads alone are not."""
    parameters = gas_file(tmp_path, ((1, "S "), (3, "NG"), (9, method), (11, "02"), (13, "01201809201809"), (27, "02201810203012")))
    both = PM_MARGIN(gas_book(aug=1.0, sep=-1.0), GAS, "SPAN", parameters)
    assert (
        str(both).startswith("#PM! NG is scanned by tiers of contract months, and the book holds 2 of them") if refused else both == 200.0
    )
    assert PM_MARGIN(gas_book(sep=1.0), GAS, "SPAN", parameters) == 1_100.0


def test_a_spread_without_its_optional_leg_is_refused(tmp_path: Path) -> None:
    """A scanning-based spread of TF and RF is formed without its target, which is not required; with one leg it is not."""
    spread = (1, "6 "), (3, "ALL"), (6, "0002"), (17, "NYBNTF    0010000A"), (35, "NYBNRF    0010000B"), (89, "04"), (91, "NYBNSB")
    path = tmp_path / "russell.pa2"
    path.write_bytes(samples.positional(samples.RUSSELL, more=[samples.line(*spread)]))
    parameters = [["span_file", str(path)]]
    assert str(PM_MARGIN(RUSSELL, MARKET, "SPAN", parameters)).startswith(
        "#PM! spread 2 between TF, RF, SB is of a kind that is not modelled"
    )
    assert isinstance(PM_MARGIN(RUSSELL[:2], MARKET, "SPAN", parameters), float)
    path.write_bytes(samples.positional(samples.RUSSELL, more=[samples.line(*spread).replace("NYBNSB", "NYBYSB")]))
    assert isinstance(PM_MARGIN(RUSSELL, MARKET, "SPAN", parameters), float)  # the target is required, and not held


def test_what_the_file_says_and_does_not_count_is_told(tmp_path: Path) -> None:
    """An adjustment factor that is not 1, and a premium whose alignment code is not known, stand beside the contract."""
    factors = (1, "4 "), (3, "SB"), (9, "10"), (70, "100100150"), (79, "1")
    content = samples.positional(samples.SUGAR).decode("latin-1").replace("002002 ", "002002K", 2)
    lines = [text for text in content.split("\r\n") if not text.startswith("4 ")]
    path = tmp_path / "sb.pa2"
    path.write_bytes("\r\n".join([lines[0], samples.line(*factors), *lines[1:]]).encode("latin-1"))
    rows = PM_EXPLAIN(SUGAR, MARKET, "SPAN", [["span_file", str(path)]])
    assert isinstance(rows, list), rows
    said = [str(row[3]) for row in rows if "risk array" in str(row[3])]
    assert all("not applied: adjustment factor 1.5 for a speculator (record 4, columns 70-78)" in text for text in said)
    assert [text for text in said if "call" in text or "put" in text] == [
        text for text in said if "its price in the file cannot be read" in text
    ]


def test_minimums_by_tier_are_refused(tmp_path: Path) -> None:
    """A short option whose minimum depends on its month is told, unless the minimum is typed or nothing is short."""
    path = tmp_path / "sb.spn"
    one = samples.element("tier", "<tn>0</tn>", samples.element("rate", "<r>1</r>", "<val>0.000000</val>"))
    content = samples.markup(samples.SUGAR, org="ICUS", date="20100302").decode("latin-1")
    assert one in content
    path.write_bytes(content.replace(one, one + one.replace("0.000000", "50.00")).encode("latin-1"))
    parameters = [["span_file", str(path)]]
    assert str(PM_MARGIN(SUGAR, MARKET, "SPAN", parameters)).startswith("#PM! SB has short option minimums by tiers of contract months")
    assert isinstance(PM_MARGIN(SUGAR[:2], MARKET, "SPAN", parameters), float)
    assert isinstance(PM_MARGIN(SUGAR, MARKET, "SPAN", [*parameters, ["short_option_minimum", 50.0]]), float)


@pytest.mark.parametrize("name", ["/nowhere/x.spn", "x" * 300, "~nouser/x.spn"])
def test_missing_file(name: str) -> None:
    """A path to nowhere, and one that no file can have, is one clear line."""
    answer = PM_MARGIN(SUGAR, MARKET, "SPAN", [["span_file", name]])
    assert answer == f"#PM! there is no file {name}: give the whole path of a SPAN file"


def test_command_line(span_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`xlmargin margin BOOK --method SPAN --span-file FILE` gives the same margin."""
    book, market = tmp_path / "book.csv", tmp_path / "market.csv"
    book.write_text("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in SUGAR))
    market.write_text("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in MARKET[:2]))
    assert main(["margin", str(book), "--market", str(market), "--method", "SPAN", "--span-file", str(span_file)]) == 0
    assert "2,099.00" in capsys.readouterr().out
