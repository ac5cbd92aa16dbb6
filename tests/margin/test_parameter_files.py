"""Parameter files: their form, what a mistake in one says, and bounds that catch a slip of units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from range_books import MARKET, Grid, ask, margin

import udfs  # noqa: F401  (fills the registry)
import xlmargin
from xlmargin.errors import MarginError
from xlmargin.margin.parameter import Parameter
from xlmargin.margin.parameter_file import COUNTED
from xlmargin.margin.parameters import Override, Rules, read_rules

PACKAGE = Path(xlmargin.__file__).parent
FILES = sorted(file for file in PACKAGE.rglob("*.toml") if "[meta]" in file.read_text(encoding="utf-8"))  # others are tables of names
NUMBERS = [file for file in FILES if file.parent.name != "rulebooks"]
DAYS = [dt.datetime(year, 7, 1, tzinfo=dt.UTC).timestamp() for year in range(2000, 2028)]


def held(file: Path) -> Iterator[Parameter]:
    """Every value of a file that holds on some day."""
    yield from {value: None for day in DAYS for value in read_rules(file, day).parameters.values()}


META = {
    **dict.fromkeys(("title", "scope", "evidence", "not_modelled"), '"t"'),
    "source": '"docs"',
    "checked": "2026-11-27",
    "status": '"published"',
    "laws": "[]",
}


def written(folder: Path, text: str, **about: str) -> Rules:
    """The rulebook of a file with a whole [meta] and these lines, today.

    Args:
        about: what its [meta] says otherwise, as TOML
    """
    meta = "\n".join(f"{key} = {value}" for key, value in (META | about).items())
    file = folder / "orbit.toml"
    file.write_text(f'[meta]\n{meta}\nfrom = 2026-01-01\n[sources]\ndocs = "docs.example, 2026"\n{text}', encoding="utf-8")
    return read_rules(file, DAYS[-1])


@pytest.mark.parametrize("file", NUMBERS, ids=lambda file: file.stem)
def test_the_files_are_short(file: Path) -> None:
    """A value is a line, with its section's head and what the file says of itself."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 30 + 3 * len(set(held(file)))


@pytest.mark.parametrize("file", NUMBERS, ids=lambda file: file.stem)
def test_every_number_has_bounds_that_a_percent_exceeds(file: Path) -> None:
    """Every number has a least and a most; a hundred times the value is refused unless it counts things or money."""
    rules = read_rules(file, DAYS[-1])
    for value in held(file):
        if value.choices or value.text:
            continue
        assert abs(value.least) < 1e15
        assert abs(value.most) <= 1e12
        number = value.value if isinstance(value.value, float) else 1.0
        if number == 0.0 or COUNTED.match(value.unit):
            continue
        with pytest.raises(MarginError, match=f"parameters row 3: {value.name} must be"):
            rules.override([Override(value.underlying, value.name, 100.0 * number, 3)])


def test_a_percent_is_told_how_to_mend() -> None:
    """What, where, how: and an amount is an amount only where the book says so."""
    book: Grid = [["Instrument", "Quantity"], ["BTC-PERPETUAL", 1.0]]
    assert margin(book, MARKET, "DERIBIT", [["price_range", 16]]) == (
        "#PM! parameters row 1: price_range must be a fraction between 0.005 and 0.6 (0.11 is 11 %), not 16: divide it by 100"
    )
    assert margin(book, MARKET, "DERIBIT", [["price_range", 0]]).startswith("#PM! parameters row 1: price_range must be from 0.005 to 0.6")
    for ratio in ("initial_ratio", "extreme_multiple"):
        assert margin(book, MARKET, "SPAN", [[ratio, 0]]).startswith(f"#PM! parameters row 1: {ratio} must be from 1 to 10")
    amounts = [["price_scan_range", 7_000], ["price_range_kind", "amount"]]
    assert margin(book, MARKET, "SPAN", amounts) == pytest.approx(7_000.0)
    assert margin(book, MARKET, "SPAN", amounts[:1]).startswith("#PM! parameters row 1: price_scan_range must be from 0 to 2")
    assert margin(book, MARKET, "SPAN", amounts[1:]) == (
        "#PM! price_scan_range of BTC must be given as an amount where price_range_kind is amount"
    )


# ---------------------------------------------------------------- the form


def test_a_line_takes_what_its_section_and_file_say_once(tmp_path: Path) -> None:
    """Unit, bounds, day, status and source of the section hold for each line that does not say otherwise."""
    rules = written(
        tmp_path,
        '[price_range]\nunit = "fraction"\nleast = 0.01\nmost = 1\nstatus = "verified"\ndefault = 0.2\n'
        'BTC = [{ value = 0.1, from = 2026-11-01, source = "docs, table 2" }, { value = 0.16 }]\n'
        '[default]\nvol_up = { value = 0.4, unit = "fraction of vol", least = 0, most = 5, source = "a post of 2026" }\n'
        '[book]\norder = { value = "cme", choices = ["cme", "kdpw"] }\n',
    )
    general, btc, vol, order = (rules.get(*key) for key in (("price_range", "ETH"), ("price_range", "BTC"), ("vol_up",), ("order",)))
    assert (general.value, general.status, general.source, general.since) == (0.2, "verified", "docs.example, 2026", dt.date(2026, 1, 1))
    assert (btc.value, btc.least, btc.source, btc.since) == (0.1, 0.01, "docs.example, 2026, table 2", dt.date(2026, 11, 1))
    assert read_rules(tmp_path / "orbit.toml", DAYS[-2]).number("price_range", "BTC") == 0.16
    assert (vol.status, vol.source, vol.whole_book) == ("published", "a post of 2026", False)
    assert (order.value, order.unit, order.whole_book) == ("cme", "word", True)


def test_a_coin_that_a_rulebook_does_not_list_is_refused(tmp_path: Path) -> None:
    """The listed ones are named; a value given beside the positions is taken."""
    rules = written(tmp_path, '[price_range]\nunit = "fraction"\nleast = 0.01\nmost = 1\ndefault = "refused"\nETH = 0.18\nBTC = 0.16\n')
    assert rules.number("price_range", "ETH") == 0.18
    assert rules.lists_underlyings
    with pytest.raises(MarginError) as error:
        rules.number("price_range", "DOGE")
    assert str(error.value) == (
        "ORBIT does not list DOGE: its price_range is for BTC, ETH; take DOGE out of the book, or give price_range beside the positions"
    )
    given = rules.override([Override("DOGE", "price_range", 0.3, 2)])
    assert given.number("price_range", "DOGE") == 0.3
    assert not rules.override([Override("", "price_range", 0.3, 2)]).lists_underlyings
    with pytest.raises(MarginError, match=r"parameters row 2: price_range must be a fraction between 0\.01 and 1"):
        rules.override([Override("DOGE", "price_range", 30.0, 2)])


HEAD = 'unit = "fraction"\nleast = 0.01\nmost = 1\n'


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            f"[price_range]\n{HEAD}BTC = 16\n",
            " [price_range] BTC: must be a fraction between 0.01 and 1 (0.11 is 11 %), not 16: divide it by 100",
        ),
        ('[price_range]\nunit = "fraction"\nBTC = 0.16\n', " [price_range] BTC: lacks least, most"),
        (f"[price_range]\n{HEAD}btc = 0.16\n", " [price_range] btc: is neither an underlying in capitals"),
        (f"[price_range]\n{HEAD}BTC = {{ vlaue = 0.16 }}\n", " [price_range] BTC: has no key 'vlaue': the keys are value, from"),
        (f'[price_range]\n{HEAD}BTC = {{ value = 0.16, source = "dosc" }}\n', " [price_range] BTC: 'dosc' is no key of [sources]"),
        (f'[price_range]\n{HEAD}BTC = "much"\n', " [price_range] BTC must be a number, not 'much'"),
        (f'[price_range]\n{HEAD}BTC = "refused"\n', " [price_range] BTC must be a number, not 'refused'"),
        ('[default]\norder = { value = "nse", choices = ["cme"] }\n', " [default] order must be one of cme, not 'nse'"),
        (
            f"[price_range]\n{HEAD}default = 0.2\n[default]\nprice_range = {{ value = 0.2, {HEAD[:-1].replace(chr(10), ', ')} }}\n",
            " [default] price_range: is given twice",
        ),
        (f'[price_range]\n{HEAD}BTC = {{ value = 0.16, from = "May" }}\n', " [price_range] BTC: from cannot be read: Invalid isoformat"),
        (
            f'[price_range]\n{HEAD}status = "publishd"\nBTC = 0.16\n',
            " [price_range] BTC: has the status 'publishd', which is none of verified, published, estimate, illustrative, ",
        ),
        (
            f'[price_range]\n{HEAD}BTC = {{ value = 0.16, checked = "May" }}\n',
            " [price_range] BTC: checked cannot be read: Invalid isoformat",
        ),
        (f'[price_range]\n{HEAD}otherwise = {{ name = "kind" }}\nBTC = 1\n', " [price_range] BTC: cannot be read: Otherwise"),
        ("[price_range\n", ": Expected ']'"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_section_and_key(tmp_path: Path, lines: str, fault: str) -> None:
    """One line: file, section, key, and what is wrong."""
    with pytest.raises(MarginError) as error:
        written(tmp_path, lines)
    assert str(error.value).startswith(f"orbit.toml{fault}")


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("status", '"verifed"', "status: has the status 'verifed', which is none of verified, published, "),
        ("laws", '["order", "dubling"]', "laws: has the law 'dubling', which is none of order, split, doubling, "),
        ("source", '"dosc"', "source: 'dosc' is no key of [sources]: the keys are docs"),
        ("checked", '"May"', ": checked cannot be read: Invalid isoformat"),
        ("ended", '{ status = "closing", source = "a notice of May" }', "ended: lacks from"),
        ("ended", "{ from = 2026-05-01 }", "ended: lacks status, source"),
        (
            "ended",
            '{ status = "closed", from = 2026-05-01, source = "docs" }',
            "ended: has the status 'closed', which is none of superseded, ",
        ),
        ("ended", '{ status = "closing", from = "May", source = "docs" }', "ended: from cannot be read: Invalid isoformat"),
        ("ended", '{ status = "closing", from = 2026-05-01, source = "dosc" }', "ended: 'dosc' is no key of [sources]: the keys are docs"),
        (
            "ended",
            '{ status = "closing", from = 2026-05-01, source = "docs", why = "x" }',
            "ended: has no key 'why': the keys are status, from",
        ),
        ("ended", '"closing"', "ended: must be written as { status = "),
        ("answers", '"many"', "answers: must be a whole number of answers, not 'many'"),
        ("answers", "-1", "answers: must be a whole number of answers, not -1"),
        ("answres", "3", ": has no key 'answres': the keys are title, scope, "),
    ],
)
def test_a_mistake_in_what_a_file_is_about_is_named(tmp_path: Path, key: str, value: str, fault: str) -> None:
    """Words of closed lists, a source and a day."""
    with pytest.raises(MarginError) as error:
        written(tmp_path, "", **{key: value})
    assert str(error.value).startswith(f"orbit.toml [meta]{'' if fault.startswith(':') else ' '}{fault}")


def test_the_source_of_a_file_is_a_key_or_a_text_of_its_own(tmp_path: Path) -> None:
    """As those of the values."""
    assert written(tmp_path, "", source='"docs, page 2"').meta.source == "docs.example, 2026, page 2"


def test_a_file_says_how_its_rulebook_ended_and_what_confirms_it(tmp_path: Path) -> None:
    """From its day on the whole rulebook has the status of its end; the number of answers stands before their kind."""
    rules = written(tmp_path, "", ended='{ status = "superseded", from = 2026-05-01, source = "docs, notice 4" }', answers="1")
    assert (rules.meta.status, rules.meta.end) == ("superseded", "superseded since 2026-05-01: docs.example, 2026, notice 4")
    before = read_rules(tmp_path / "orbit.toml", dt.datetime(2026, 4, 30, tzinfo=dt.UTC).timestamp())
    assert (before.meta.status, before.meta.end) == ("published", "")
    assert rules.evidence == "formula verified on 1 answer: t; no parameters"


@pytest.mark.parametrize(
    ("btc", "told"),
    [
        (
            '[{ value = 0.1 }, { value = 0.2, from = 2026-06-01, source = "docs, table 2" }]',
            "2026-06-01 from docs.example, 2026, table 2; 1 of 2 are",
        ),
        ('{ value = 0.1, status = "estimate" }', "2026-11-01 from a guess; 2 of 2 are"),
    ],
)
def test_the_day_of_the_numbers_is_that_of_the_newest_that_somebody_printed(tmp_path: Path, btc: str, told: str) -> None:
    """A newer number of our own is not the rulebook's; how many are our own is told, and their day where all are."""
    own = 'value = 0.4, unit = "fraction of vol", least = 0, most = 5, from = 2026-11-01, status = "illustrative", source = "a guess"'
    rules = written(tmp_path, f'[price_range]\n{HEAD}default = "refused"\nBTC = {btc}\n[default]\nvol_up = {{ {own} }}\n')
    assert rules.numbers == f"parameters of {told} no more than estimates"


def test_a_value_before_its_first_day_is_an_estimate(tmp_path: Path) -> None:
    """The first that is known stands there too, and says so; from its day on it is what somebody printed."""
    today = written(tmp_path, f'[price_range]\n{HEAD}default = "refused"\nBTC = {{ value = 0.1, from = 2026-06-01 }}\n').get(
        "price_range", "BTC"
    )
    before = read_rules(tmp_path / "orbit.toml", dt.datetime(2026, 5, 31, tzinfo=dt.UTC).timestamp()).get("price_range", "BTC")
    assert (today.value, today.status, before.value, before.status) == (0.1, "published", 0.1, "estimate")
    assert before.source == f"{today.source}; taken for days before 2026-06-01 too"


RATE = '[default]\nrate = {{ value = {}, unit = "{}", least = 0, most = {} }}\n'


@pytest.mark.parametrize(
    ("value", "unit", "most", "fault"),
    [
        ("0.8", "fraction of index per unit", "0.1", "must be a fraction between 0 and 0.1 (0.11 is 11 %), not 0.8: divide it by 100"),
        ("0.15", "fraction of index per unit", "0.1", "must be from 0 to 0.1 fraction of index per unit, not 0.15"),
        ("20", "fraction of index per unit", "0.1", "must be from 0 to 0.1 fraction of index per unit, not 20"),
        ("0.8", "power of time", "0.1", "must be from 0 to 0.1 power of time, not 0.8"),
        ("0.004", "fraction of index per unit", "0.5", "has bounds from 0 to 0.5 that take 0.4 for 0.004: narrow them, or begin the unit"),
        ('"not set"', "fraction of index per unit", "100", "has bounds from 0 to 100 that take 100 for 1: narrow them, or begin the unit"),
    ],
)
def test_a_percent_that_slips_into_a_file_is_refused(tmp_path: Path, value: str, unit: str, most: str, fault: str) -> None:
    """A rate of 0.8 where 0.8 % was meant has its cure, and bounds that would take it are no bounds."""
    with pytest.raises(MarginError) as error:
        written(tmp_path, RATE.format(value, unit, most))
    assert str(error.value).startswith(f"orbit.toml [default] rate: {fault}")


@pytest.mark.parametrize("unit", ["USD per contract", "days", "contracts"])
def test_what_counts_things_may_be_a_hundred_times_as_much(tmp_path: Path, unit: str) -> None:
    """An amount of 4 whose most is 500."""
    assert written(tmp_path, RATE.format(4, unit, 500)).number("rate") == 4.0


def test_a_parameter_that_is_missing_or_no_number_is_named(tmp_path: Path) -> None:
    """A module that misspells a name hears the nearest one; no figure and a word are no numbers."""
    rules = written(
        tmp_path,
        RATE.format('"not set"', "fraction of index", 0.1)
        + 'short_option_rate = { value = 0.008, unit = "fraction of index", least = 0, most = 0.1 }\n'
        + 'kind = { value = "cme", choices = ["cme", "kdpw"] }\n',
    )
    for name, told in (
        ("short_options_rate", "ORBIT has no parameter 'short_options_rate': the nearest is short_option_rate"),
        ("rate", "ORBIT needs a number for rate of BTC, which is not set: give rate beside the positions"),
        ("kind", "ORBIT needs a number for kind of BTC, which is cme: give kind beside the positions"),
    ):
        with pytest.raises(MarginError) as error:
            rules.number(name, "BTC")
        assert str(error.value).startswith(told)
    assert rules.override([Override("", "rate", 0.05, 2)]).number("rate", "BTC") == 0.05


# ---------------------------------------------------------------- tables as text

BOOK: Grid = [["Instrument", "Quantity", "DTE"], ["BTC-PERPETUAL", 5.0, None], ["ETH-PERPETUAL", -100.0, None]]
MONTHS: Grid = [["Underlying", "Type", "DTE", "Quantity", "Spot"], ["BTC", "F", 20.5, 5.0, 1_000.0], ["BTC", "F", 30.5, -3.0, 1_000.0]]


@pytest.mark.parametrize(
    ("method", "name", "text", "entry"),
    [
        ("SPAN", "inter_commodity_spreads", "50 %: BTC A 1, ETH B 20; 80: BTC A 1, ETH B 20", "80: BTC A 1, ETH B 20"),
        ("SPAN", "inter_commodity_spreads", "80 %: BTC A 0, ETH B 20", "80 %: BTC A 0, ETH B 20"),
        ("SPAN", "inter_commodity_spreads", "80 %: BTC A 1, EHT B 20", "80 %: BTC A 1, EHT B 20"),
        ("SPAN", "inter_commodity_spreads", "80.1.2 %: BTC A 1, ETH B 20", "80.1.2 %: BTC A 1, ETH B 20"),
        ("OKX", "vol_shock_points", "0 0.3; 30 25", "30 25"),
        ("OKX", "vol_shock_percent", "0 0.5; 30 -0.3", "30 -0.3"),
        ("OKX", "reduction_tiers", "10000 1; inf 0", "inf 0"),
        ("OKX", "reduction_tiers", "10000 1; 70000 2", "70000 2"),
        ("OKX", "reduction_tiers", "10000 1.2.3; inf 2", "10000 1.2.3; inf 2"),
        ("DERIBIT", "extended_moves", "-0.66; 50", "50"),
        ("DERIBIT", "extended_moves", "-0.66; inf", "inf"),
        ("DERIVE", "tails", "-0.66:0.21, 1:13", "1:13"),
        ("DERIVE", "tails", "-0.66:0.21, 50:0.2", "50:0.2"),
        ("DERIVE", "tails", "-0.66:0.2.1", "-0.66:0.2.1"),
        ("PARADEX", "scenarios", "+16% x up; -66% x up x 24", "-66% x up x 24"),
        ("PARADEX", "scenarios", "+1.2.3% x up", "+1.2.3% x up"),
        ("THALEX", "scenarios", "+5000% x up", "+5000% x up"),
        ("BINANCE", "scenarios", "-150% x up", "-150% x up"),
    ],
)
def test_an_entry_out_of_bounds_is_named(method: str, name: str, text: str, entry: str) -> None:
    """Parameter and entry, never a charge that vanishes."""
    answer = margin(BOOK, MARKET, method, [[name, text]])
    assert isinstance(answer, str)
    assert answer.startswith((f"#PM! {name}", f"#PM! parameters row 1: {name}"))
    assert repr(entry) in answer


def test_a_coin_of_a_spread_is_known_to_book_or_rulebook() -> None:
    """ETH is of the rulebook, SOL of none: a value of its own says that it is meant."""
    book, spread = BOOK[:2], ["inter_commodity_spreads", "80 %: BTC A 1, SOL B 300"]
    assert margin(book, MARKET, "SPAN", [[spread[0], "80 %: BTC A 1, ETH B 20"]]) == margin(book, MARKET, "SPAN")
    assert margin(book, MARKET, "SPAN", [spread]) == (
        "#PM! parameters row 1: inter_commodity_spreads: '80 %: BTC A 1, SOL B 300' names SOL, which is none of "
        "BTC, ETH, NIFTY: mend the name"
    )
    own = [["BTC.price_scan_range", 0.11], ["SOL.price_scan_range", 0.25]]
    assert margin(book, MARKET, "SPAN", [spread, *own]) == margin(book, MARKET, "SPAN")


def test_a_move_without_percent_needs_a_price_range() -> None:
    """`16 x up` is no move of 1,600 % where moves are fractions."""
    answer = margin(BOOK, MARKET, "PARADEX", [["scenarios", "+16 x up"]])
    assert answer.startswith("#PM! scenarios: PARADEX has no price_range: write price moves in percent")


def tiered(tiers: str, spreads: str = "200: 1 A 1, 2 B 1") -> Grid:
    """Parameters of tiered charges between months."""
    return [["inter_month_method", "tiered"], ["inter_month_tiers", tiers], ["inter_month_spreads", spreads]]


@pytest.mark.parametrize(
    ("tiers", "spreads", "fault"),
    [
        ("30-0, 31-400", "200: 1 A 1, 2 B 1", "inter_month_tiers: '30-0' ends before it begins"),
        ("0-30, 20-400", "200: 1 A 1, 2 B 1", "inter_month_tiers: '20-400' overlaps 0-30"),
        ("0-10, 11-25", "200: 1 A 1, 2 B 1", "inter_month_tiers: no tier holds the contracts of 30.5 days"),
        ("0-1.2.3", "200: 1 A 1, 2 B 1", "inter_month_tiers: '0-1.2.3' is no tier"),
        ("0-25, 26-400", "200: 1 A 1, 3 B 1", "inter_month_spreads: '200: 1 A 1, 3 B 1' names 3, which is none of 1, 2"),
        ("0-25, 26-400", "200 %: 1 A 1, 2 B 1", "inter_month_spreads: '200 %: 1 A 1, 2 B 1' charges an amount per spread"),
    ],
)
def test_tiers_that_lose_a_charge_are_refused(tiers: str, spreads: str, fault: str) -> None:
    """First before last, disjoint, every named tier known, every held period in one."""
    answer = margin(MONTHS, None, "SPAN", tiered(tiers, spreads))
    assert isinstance(answer, str)
    assert answer.startswith(f"#PM! {fault}")


@pytest.mark.parametrize(
    ("tiers", "charge"), [("0-20, 21-400", 600.0), ("0-25, rest", 600.0), ("0-20, 21-30, 31-400", 600.0), ("0-22, 40-50, rest", 0.0)]
)
def test_days_between_whole_tiers_belong_to_the_nearer_end(tiers: str, charge: float) -> None:
    """Contracts of 20.5 and 30.5 days: 3 spreads at 200 between tiers 1 and 2; those of `rest` are the last tier."""
    assert ask("PM_LINE", MONTHS, "BTC/Inter-month charge", None, "SPAN", tiered(tiers)) == pytest.approx(charge)
