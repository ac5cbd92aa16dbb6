"""SPAN files: both formats say the same, damage is told with its place, and nothing in a file can do harm."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import math
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import span_samples as samples

from xlmargin.book.contracts import CALL, FUTURE, PUT, SPOT
from xlmargin.errors import MarginError
from xlmargin.methods.span.file import Lookup, SpanFile, read_span_file
from xlmargin.methods.span.file.layout import LAYOUTS
from xlmargin.methods.span.file.model import Contracts

Read = Callable[[bytes], SpanFile]
COLUMNS = tuple(Contracts.__slots__)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads bytes as a file whose name says nothing of its format."""
    path = tmp_path / "file.dat"

    def reader(content: bytes) -> SpanFile:
        path.write_bytes(content)
        return read_span_file(path)

    return reader


def assert_same(one: Contracts, other: Contracts, but: tuple[str, ...] = ()) -> None:
    """Every column is equal, NaN to NaN, in the same order of rows."""
    for name in COLUMNS:
        if name not in but:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def message(read: Read, content: bytes) -> str:
    """What is said of a file that cannot be read."""
    with pytest.raises(MarginError) as error:
        read(content)
    return str(error.value)


def test_both_formats_give_the_same_sugar_contracts(read: Read) -> None:
    """Every column of the sugar book of SPAN-01 is the same from .pa2 and .spn."""
    positional, markup = read(samples.positional(samples.SUGAR)), read(samples.markup(samples.SUGAR))
    assert_same(positional.contracts, markup.contracts)
    contracts = positional.contracts
    assert contracts.kind.tolist() == [FUTURE, PUT, CALL]
    np.testing.assert_array_equal(contracts.array, [samples.SUGAR_FUTURE, samples.SUGAR_PUT, samples.SUGAR_CALL])
    assert contracts.price.tolist() == [22.64, 1.87, 0.93]
    assert contracts.delta.tolist() == [1.0, -0.5319, 0.3752]
    assert contracts.premium.tolist() == [False, True, True]


def test_the_published_sugar_book_scans_to_2099(read: Read) -> None:
    """The arrays as read give the published scan risk and active scenario (SPAN-01)."""
    span = read(samples.positional(samples.SUGAR))
    find = Lookup(span).find
    future, option = dt.date(2010, 4, 30), dt.date(2010, 4, 15)
    rows = [found.row for found in (find("SB", FUTURE, future), find("SB", PUT, option, 23.25), find("SB", CALL, option, 24.25))]
    loss = np.array([-1, -1, 4]) @ span.contracts.array[rows]
    assert [float(loss.max()), int(loss.argmax()) + 1] == [2099.0, 14]


def test_both_formats_give_the_same_nifty_future(read: Read) -> None:
    """The published NIFTY array needs records 83 and 84, and margins a lot at 168,327 (SPAN-05)."""
    positional = read(samples.positional(samples.NIFTY, "NSCCL 20260625I"))
    markup = read(samples.markup(samples.NIFTY))
    # 2234.01 has more digits than record B's five
    assert_same(positional.contracts, markup.contracts, but=("price_range",))
    contracts = markup.contracts
    np.testing.assert_array_equal(contracts.array[0], samples.NIFTY_FUTURE)
    assert (contracts.price[0], contracts.price_range[0], contracts.period[0]) == (24051.80, 2234.01, "20260630")
    assert contracts.array[0].max() * 75 == pytest.approx(168_327.0)


def test_a_clearing_house_of_which_nothing_is_kept(read: Read) -> None:
    """A house without a limit on net option value is still the one house of the file."""
    whole = samples.markup(samples.NIFTY)
    assert_same(read(whole.replace(b"<capAnov>0</capAnov>", b"")).contracts, read(whole).contracts)


def test_the_russell_options_in_both_formats(read: Read) -> None:
    """Options and the 80 % credit of SPAN-03; a rate is a share in both formats."""
    items = tuple(item._replace(decimals=2) for item in samples.RUSSELL)
    positional, markup = read(samples.positional(items)), read(samples.markup(items))
    assert_same(positional.contracts, markup.contracts)
    whole = positional.contracts.array * np.array([[100], [-80]])  # the example is long TF and short RF
    np.testing.assert_allclose(whole, [samples.TF_CALL, samples.RF_CALL], atol=0.5)
    assert positional.inter_spreads[0].rate == markup.inter_spreads[0].rate == 0.8
    legs = positional.inter_spreads[0].legs
    assert [(leg.combined, leg.ratio, leg.side) for leg in legs] == [("TF", 1, "A"), ("RF", 1, "B")]
    assert not positional.inter_spreads[0].flat


def test_parameters_of_the_positional_format(read: Read) -> None:
    """Header, tiers, spreads, delivery, minimum; records of other types are read over."""
    span = read(samples.positional(samples.SUGAR, more=["X Z", "Q 1", "Q 2", ""]))
    assert span.business_date == dt.date(2010, 3, 2)
    sugar = span.combined["SB"]
    tiers = [(tier.number, tier.start, tier.end) for tier in sugar.tiers]
    assert tiers == [(1, "201005", "201007"), (2, "201010", "201110")]
    assert [(spread.priority, spread.charge) for spread in sugar.intra_spreads] == [(1, 200.0), (2, 100.0)]
    assert [(leg.tier, leg.ratio, leg.side) for leg in sugar.intra_spreads[1].legs] == [(2, 1.0, "A"), (2, 1.0, "B")]
    assert [(one.period, one.consumed, one.outright) for one in sugar.deliveries] == [("201005", 100.0, 200.0)]
    assert (sugar.short_option_minimum, sugar.short_option_method, sugar.wfpr_method) == (100.0, "max", "SCANRANGE_CAP")
    assert sugar.limits_net_option_value


def test_parameters_of_the_xml_format(read: Read) -> None:
    """Spreads between periods, tiers, rates."""
    span = read(samples.markup(samples.NIFTY))
    assert span.business_date == dt.date(2026, 6, 25)
    nifty = span.combined["NIFTY"]
    legs = [(leg.period, leg.ratio, leg.side) for leg in nifty.intra_spreads[0].legs]
    assert legs == [("20260630", 1, "A"), ("20260707", 1, "B")]
    assert nifty.intra_spreads[0].charge == 425.0
    assert [(tier.number, tier.start, tier.end) for tier in nifty.tiers] == [(1, "202606", "202607")]
    assert (nifty.short_option_minimum, nifty.short_option_method) == (0.0, "gross")
    assert [(one.period, one.consumed, one.outright) for one in nifty.deliveries] == [("202606", 100.0, 200.0)]


def test_the_tree_of_an_nse_file(read: Read) -> None:
    """Spot, future and options on spot as NSE Clearing nests them, with links that name no exchange."""

    def array(first: float) -> str:
        return "<ra><r>1</r>" + f"<a>{first}</a>" * 16 + "<d>0.8453</d></ra><ra><r>2</r><a>9</a></ra>"

    scan = "<scanRate><r>1</r><priceScan>2234.01</priceScan><volScan>0.04</volScan></scanRate>"
    under = "<undC><exch>NSE</exch><pfId>490</pfId><cId>1</cId><s>B</s></undC>"
    body = f"""<spanFile><pointInTime><date>20260625</date><clearingOrg><ec>NSCCL</ec><capAnov>1</capAnov>
      <ccDef><cc>NIFTY</cc><currency>INR</currency>
        <pfLink><pfId>490</pfId><pfType>PHY</pfType></pfLink><pfLink><pfId>491</pfId><sc>0.5</sc></pfLink>
        <pfLink><pfId>492</pfId></pfLink></ccDef>
      <exchange><exch>NSE</exch>
        <phyPf><pfId>490</pfId><pfCode>NIFTY</pfCode><valueMeth>EQTY</valueMeth><cvf>1.00</cvf>
          <phy><cId>1</cId><pe>00000000</pe><p>24050.35</p><d>0.0</d>{scan}</phy></phyPf>
        <futPf><pfId>491</pfId><pfCode>NIFTY</pfCode><cvf>1.00</cvf>
          <fut><cId>1</cId><pe>20260630</pe><p>24051.80</p><d>1</d>{under}{scan}{array(8.72)}</fut></futPf>
        <oopPf><pfId>492</pfId><pfCode>NIFTY</pfCode><valueMeth>EQTY</valueMeth><cvf>1.00</cvf>
          <undPf><pfCode>NIFTY</pfCode></undPf><series><pe>20260630</pe><v>0.40289</v>{under}{scan}
            <opt><cId>1</cId><k>24000.00</k><o>C</o><p>260.05</p><d>0.8</d><v>0.4029</v>{array(1.5)}</opt></series></oopPf>
      </exchange></clearingOrg></pointInTime></spanFile>"""
    span = read(body.encode())
    contracts = span.contracts
    assert contracts.kind.tolist() == [SPOT, FUTURE, CALL]
    assert contracts.period.tolist() == ["", "20260630", "20260630"]
    assert contracts.delta.tolist() == [0.0, 0.8453, 0.8453]
    assert contracts.delta_scaling.tolist() == [1.0, 0.5, 1.0]
    assert contracts.premium.tolist() == [False, False, True]
    assert contracts.combined.tolist() == [0, 0, 0]
    assert contracts.price_range.tolist() == [2234.01] * 3
    assert np.isnan(contracts.array[0]).all()
    assert contracts.array[2].tolist() == [1.5] * 16
    assert span.combined["NIFTY"].limits_net_option_value


def test_signs_locators_and_exponents_of_the_positional_format(read: Read) -> None:
    """Everything that moves a decimal point or turns a sign."""
    content = samples.positional(samples.SUGAR).decode("latin-1")
    content = content.replace("SB        OOF0+", "SB        OOF1-")  # array values in tens
    lines = content.split("\r\n")
    lines = [text[:33] + "-01" + text[36:] if text.startswith("P ") and text[15:18] == "FUT" else text for text in lines]
    lines = [text.ljust(168)[:165] + "02-" if text.startswith("B ") and text[15:18] == "FUT" else text for text in lines]
    put = next(n for n, text in enumerate(lines) if text.startswith("82") and text[28] == "P")
    lines[put] = lines[put].ljust(154)[:117] + "--" + lines[put].ljust(154)[119:134] + "01-" + "00000050000000" + "03+"
    contracts = read("\r\n".join(lines).encode("latin-1")).contracts
    assert contracts.array[1].tolist() == [10.0 * value for value in samples.SUGAR_PUT]
    assert contracts.price.tolist() == [22640.0, -1.87, 0.93]
    assert contracts.price_range[0] == pytest.approx(23.0)
    assert contracts.strike[1] == -23.25
    assert contracts.value_factor.tolist() == [1120.0, 5000.0, 1120.0]


def test_a_settlement_price_in_high_precision(read: Read) -> None:
    """A price that record 82 has no room for."""
    lines = samples.positional(samples.SUGAR).decode("latin-1").split("\r\n")
    first = next(n for n, text in enumerate(lines) if text.startswith("81"))
    lines[first] = lines[first].ljust(108) + "00012345678901" + "Y"
    assert read("\r\n".join(lines).encode("latin-1")).contracts.price[0] == 123456789.01


def test_spreads_between_months_and_flat_credits(read: Read) -> None:
    """Record E, and a flat and scanning-based record 6."""
    more = [
        samples.line((1, "E "), (3, "SB"), (9, "00003"), (14, "0000150"), (21, "1005   010000A"), (35, "1007   020000B")),
        samples.line(
            (1, "6 "),
            (3, "ALL"),
            (6, "0002"),
            (10, "0012345"),
            (17, "NYB TF    0010000A"),
            (35, "NYBNRF    0010000B"),
            (89, "04"),
            (94, "N"),
            (95, "SB"),
            (101, "F"),
            (111, "0010000"),
            (122, "Y"),
            (123, "00111000022200"),
        ),
    ]
    span = read(samples.positional(samples.SUGAR, more=more))
    spread = span.combined["SB"].intra_spreads[-1]
    assert [(leg.period, leg.ratio, leg.side) for leg in spread.legs] == [("201005", 1.0, "A"), ("201007", 2.0, "B")]
    flat = span.inter_spreads[1]
    assert (flat.flat, flat.rate, flat.method) == (True, 123.45, "04")
    assert [leg.combined for leg in flat.legs] == ["TF", "RF", "SB"]


def test_what_is_not_known_is_nan(read: Read) -> None:
    """No number is made up where records 2 or P are missing."""
    lines = samples.positional(samples.SUGAR).decode("latin-1").split("\r\n")
    kept = [text for text in lines if not (text.startswith("P ") and text[15:18] == "OOF") and not text.startswith("2 ")]
    span = read("\r\n".join(kept).encode("latin-1"))
    assert np.isnan(span.contracts.price).tolist() == [False, True, True]
    assert span.contracts.combined.tolist() == [-1, -1, -1]
    other = "\r\n".join(lines).replace("         FUT ", "         ABC ")
    assert len(read(other.encode("latin-1")).contracts) == 2  # product types that no margin is made of are read over


def test_contracts_are_found_by_product_and_by_combined_commodity(read: Read) -> None:
    """By the day on which the file says that they expire, and not by guessing."""
    later = samples.NIFTY[0]._replace(day="07", expiry="20260607")
    span = read(samples.markup((*samples.NIFTY, later)))
    find = Lookup(span).find
    assert find("NIFTY", FUTURE, dt.date(2026, 6, 7)) == (1, "")
    with pytest.raises(
        MarginError, match=r"no contract NIFTY future that expires on 2026-06-08: the nearest are NSE NIFTY future 20260607"
    ):
        find("NIFTY", FUTURE, dt.date(2026, 6, 8))
    with pytest.raises(MarginError, match="no contract NIFTY call 24000: check"):
        find("NIFTY", CALL, dt.date(2026, 6, 30), 24000.0)
    weekly = tuple(item._replace(product="W5" if item.right else "SB") for item in samples.SUGAR)
    assert Lookup(read(samples.positional(weekly))).find("SB", PUT, dt.date(2010, 4, 15), 23.25).row == 1


def test_contracts_without_an_expiry_are_found_by_their_month(read: Read) -> None:
    """Where record B is missing the month is all that is known, and several of one day are told apart by it."""
    lines = samples.positional(samples.SUGAR).decode("latin-1").split("\r\n")
    undated = Lookup(read("\r\n".join(text for text in lines if not text.startswith("B ")).encode("latin-1")))
    assert undated.find("SB", FUTURE, dt.date(2010, 5, 20)) == (0, "found by its month: the file gives no expiry of it")
    with pytest.raises(MarginError, match="no contract SB future that expires on 2010-04-30: the nearest are NYB SB future 201005"):
        undated.find("SB", FUTURE, dt.date(2010, 4, 30))
    twins = [samples.SUGAR[0]._replace(month=month, expiry="20100430") for month in ("201004", "201005")]
    found = Lookup(read(samples.positional(twins))).find("SB", FUTURE, dt.date(2010, 4, 30))
    assert found == (0, "one of several of this expiry, told by its month")
    apart = [each._replace(expiry="20100630") for each in twins]
    with pytest.raises(MarginError, match="has 2 contracts for SB"):
        Lookup(read(samples.positional(apart))).find("SB", FUTURE, dt.date(2010, 6, 30))


# printed price, decimals, alignment code, whether an option; price. Futures: settlements of 2 January 2019 of corn, wheat, soybeans,
# ten-year notes and thirty-year bonds, which are also their printed closes. An option of 12 7/8 cents. The others have no price.
ALIGNED = {
    "corn 375 3/4": (3757, 3, "0", False, 3.7575),
    "wheat 506 3/4": (5067, 3, "0", False, 5.0675),
    "soybeans 907": (9070, 3, "0", False, 9.07),
    "corn option 12 7/8": (127, 3, "0", True, 0.12875),
    "strike of 375 cents": (375, 2, "0", False, 3.75),
    "notes 122-06": (122060, 3, "C", False, 122.1875),
    "bonds 146-24": (146240, 3, "C", False, 146.75),
    "notes 122-06 3/4": (122067, 3, "C", False, 122 + 6.75 / 32),
    "a digit of no eighth": (3754, 3, "0", False, math.nan),
    "33 of 32": (122330, 3, "C", False, math.nan),
    "an unknown code": (3757, 3, "K", False, math.nan),
}


@pytest.mark.parametrize("name", ALIGNED)
def test_prices_that_are_no_decimals(read: Read, name: str) -> None:
    """The alignment codes of record P: quarters and eighths of a cent, and 32nds; what cannot be read is no price."""
    printed, decimals, code, option, expected = ALIGNED[name]
    item = samples.SUGAR[1 if option else 0]._replace(price=printed / 100)
    lines = samples.positional([item]).decode("latin-1").split("\r\n")
    at = next(n for n, text in enumerate(lines) if text.startswith("P "))
    lines[at] = lines[at][:33] + f"{decimals:03}002{code} " + lines[at][41:]
    np.testing.assert_allclose(read("\r\n".join(lines).encode("latin-1")).contracts.price, [expected], rtol=1e-15)


def test_compressed_files_and_progress(tmp_path: Path) -> None:
    """Zip and gzip are told by content, progress ends at the size of the file."""
    content = samples.markup(samples.NIFTY)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nsccl.spn", content)
    for name, data in (("a.gz", gzip.compress(content)), ("a.zip", packed.getvalue()), ("a.spn", content)):
        seen: list[tuple[int, int]] = []
        (tmp_path / name).write_bytes(data)
        span = read_span_file(tmp_path / name, lambda done, size, seen=seen: seen.append((done, size)))  # type: ignore[misc]
        assert len(span.contracts) == 1
        assert seen[-1] == (len(data), len(data))
        assert seen == sorted(seen)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    with pytest.raises(MarginError, match="has 2 files in it"):
        read_span_file(tmp_path / "two.zip")
    with pytest.raises(MarginError, match="cannot be opened"):
        read_span_file(tmp_path / "none.spn")


def test_content_is_bounded_even_when_compressed(tmp_path: Path) -> None:
    """A small file cannot become a large one."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"<spanFile>" + b"<x/>\n" * 2_000_000))
    with pytest.raises(MarginError, match="more than 4 MB of content"):
        read_span_file(path, most=4_000_000)


DANGERS = {
    "external document type": '<!DOCTYPE spanFile SYSTEM "file:///etc/passwd">',
    "external entity": '<!DOCTYPE spanFile [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "billion laughs": '<!DOCTYPE spanFile [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>",
    "parameter entity": '<!DOCTYPE spanFile [<!ENTITY % x SYSTEM "http://localhost/x.dtd"> %x;]>',
}


@pytest.mark.parametrize("name", DANGERS)
def test_document_types_and_entities_are_refused(read: Read, name: str) -> None:
    """Before anything is expanded or opened."""
    content = b"<?xml version='1.0'?>\n" + DANGERS[name].encode() + b"<spanFile><ec>&j;</ec></spanFile>"
    assert "line 2: the file declares a document type" in message(read, content)


def test_an_entity_of_no_declaration_is_refused(read: Read) -> None:
    """With the element that it is in."""
    said = message(read, samples.markup(samples.NIFTY).replace(b"<ec>NSCCL", b"<ec>&unknown;"))
    assert "undefined entity" in said
    assert "spanFile/pointInTime/clearingOrg/ec" in said


FAULTS: dict[str, tuple[Callable[[bytes, bytes], bytes], str]] = {
    "neither format": (lambda pa2, spn: b"hello", "neither a SPAN file"),
    "empty": (lambda pa2, spn: b"", "neither a SPAN file"),
    "another XML": (lambda pa2, spn: b"<a><b/></a>", "does not begin with spanFile"),
    "deep": (lambda pa2, spn: b"<spanFile>" + b"<a>" * 50, "nested deeper"),
    "number": (lambda pa2, spn: spn.replace(b"24051.80", b"24O51.80"), "futPf: p must be a number, not '24O51.80'"),
    "value": (lambda pa2, spn: spn.replace(b"<a>2244.36", b"<a>2_44.36"), "a must be a number, not '2_44.36'"),
    "fifteen values": (lambda pa2, spn: spn.replace(b"<a>1568.00</a>", b""), "must have 16 values, not 15"),
    "date": (lambda pa2, spn: spn.replace(b"<date>20260625", b"<date>20261325"), "date must be YYYYMMDD"),
    "side": (lambda pa2, spn: spn.replace(b"<rs>A", b"<rs>X"), "rs of a leg must be A or B"),
    "minimum method": (lambda pa2, spn: spn.replace(b"GROSS", b"GRASS"), "somMeth of NIFTY must be GROSS or MAX"),
    "cut XML": (lambda pa2, spn: spn[:-300], "the file is cut off or damaged"),
    "two dates": (
        lambda pa2, spn: spn.replace(b"</spanFile>", b"<pointInTime><date>1</date></pointInTime></spanFile>"),
        "must be one pointInTime, not 2",
    ),
    "no contract": (lambda pa2, spn: spn.replace(b"futPf", b"xxxPf"), "no contract with a risk array"),
    "encoding": (lambda pa2, spn: spn.replace(b'"1.0"?', b'"1.0" encoding="klingon"?'), "unknown encoding"),
    "digit": (lambda pa2, spn: pa2.replace(b"00767-", b"0O767-"), "value3 of the 81 record (columns 67–71) is no number: '0O767'"),
    "sign": (lambda pa2, spn: pa2.replace(b"00767-", b"00767*"), "sign3 of the 81 record (columns 72–72) is no sign: '*'"),
    "cut line": (lambda pa2, spn: pa2[:-60], "the file is cut off or"),
    "half pair": (lambda pa2, spn: pa2[: pa2.rindex(b"82NYB")], "has no second record after it"),
    "other key": (lambda pa2, spn: pa2.replace(b"82NYBSB        SB", b"82NYBSX        SB", 1), "is of another contract"),
    "second alone": (
        lambda pa2, spn: pa2 + b"\r\n".join(samples.line((1, "82"), (3, "NYB")).encode() for _ in "ab"),
        "a 82 record without its first record",
    ),
    "right": (lambda pa2, spn: pa2.replace(b"OOFP", b"OOFX"), "must be C or P, not 'X'"),
    "format": (lambda pa2, spn: pa2.replace(b"U2", b"UP", 1), "the header says format 'UP'"),
    "header date": (lambda pa2, spn: pa2.replace(b"20100302S", b"2010AA02S", 1), "business date (columns 9–16) is no date"),
    "locator": (lambda pa2, spn: pa2.replace(b"002002", b"99A002"), "price_decimals of the P record (columns 34–36)"),
    "no arrays": (lambda pa2, spn: pa2[: pa2.index(b"81NYB")], "ends without a risk array"),
    "endless line": (lambda pa2, spn: b"0 " + b"x" * 200_000, "the line does not end"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_with_their_place(read: Read, name: str) -> None:
    """One message, with the line."""
    make, expected = FAULTS[name]
    said = message(read, make(samples.positional(samples.SUGAR), samples.markup(samples.NIFTY)))
    assert expected in said
    assert "line " in said or "neither" in said


@pytest.mark.parametrize("form", ["positional", "markup"])
def test_damaged_files_are_read_or_refused_but_never_crash(read: Read, form: str) -> None:
    """Cut off, bytes changed, runs replaced: only MarginError."""
    content = getattr(samples, form)((*samples.SUGAR,))
    rng = random.Random(20260625)
    refused = 0
    for case in range(600):
        damaged = bytearray(content[: rng.randrange(len(content))] if case % 3 == 0 else content)
        for _ in range(rng.randrange(1, 6) if case % 3 else 0):
            at = rng.randrange(len(damaged))
            if case % 3 == 1:
                damaged[at] = rng.randrange(256)
            else:
                damaged[at : at + rng.randrange(40)] = bytes(rng.randrange(256) for _ in range(rng.randrange(40)))
        try:
            read(bytes(damaged))
        except MarginError as error:
            refused += 1
            text = str(error)
            assert any(word in text for word in ("line ", "element", "neither", "no header")), text
    assert refused > 300


def test_fifty_thousand_contracts_of_both_formats_are_equal(tmp_path: Path) -> None:
    """A file as large as a clearing house's own is read whole, from either format."""
    items = samples.many(50_000)
    results = []
    for name, content in (("a.pa2", samples.positional(items)), ("a.spn", samples.markup(items))):
        (tmp_path / name).write_bytes(content)
        span = read_span_file(tmp_path / name)
        assert len(span.contracts) == 50_001
        results.append(span)
    assert_same(results[0].contracts, results[1].contracts)
    lookup = Lookup(results[0])
    row = next(row for row in range(len(results[0].contracts)) if results[0].contracts.name(row) == "SB put 201101 1")
    day = dt.datetime.strptime(str(results[0].contracts.expiry[row]), "%Y%m%d").date()
    assert lookup.find("SB", PUT, day, 1.0).row == row


def test_layouts_do_not_overlap() -> None:
    """No two fields of a record share a column, and each record names its source."""
    for record in LAYOUTS.values():
        used: set[int] = set()
        for field in record.fields:
            columns = set(range(field.start, field.start + field.length))
            assert not columns & used, (record.id, field.name)
            used |= columns
        assert record.source


def test_without_record_b_ranges_are_nan(read: Read) -> None:
    """A future without record B has no ranges and the delta scaling of 1."""
    lines = samples.positional(samples.SUGAR).decode("latin-1").split("\r\n")
    kept = [text for text in lines if not text.startswith("B ")]
    contracts = read("\r\n".join(kept).encode("latin-1")).contracts
    assert math.isnan(contracts.price_range[0])
    assert contracts.delta_scaling.tolist() == [1.0, 1.0, 1.0]
