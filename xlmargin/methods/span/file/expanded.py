"""CME's expanded positional format (.pa2): one record a line, fields by column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.methods.span.file.expanded_contracts import contracts_of
from xlmargin.methods.span.file.layout import ARRAY_RECORDS, DELIVERY_TABLE, RECORDS, RecordLayout, parse_field, too_short
from xlmargin.methods.span.file.model import CombinedCommodity, DeliveryCharge, InterSpread, IntraSpread, SpanFile, SpreadLeg, Tier
from xlmargin.methods.span.file.periods import period_of, short_month
from xlmargin.methods.span.file.records import Parsed
from xlmargin.methods.span.file.risk_arrays import RiskArrays
from xlmargin.methods.span.file.source import SpanContent

LONGEST_LINE = 1 << 16
WFPR = {"1": "NORMAL", "2": "SCANRANGE_CAP", "3": "SCANRANGE"}
ACCOUNT_TYPES = ("member", "hedger", "speculator")
EVERY_MONTH, TIERED_SCANNING, TIERED_MINIMUM = "02", ("10", "21", "22"), "30"  # methods of record S
OPTIONAL = "N"  # a leg that a scanning-based spread can be formed without


def read_expanded(source: SpanContent, blocks: Iterable[bytes]) -> SpanFile:
    """A SPAN file in the expanded positional format.

    Args:
        source: origin named in messages
        blocks: its content

    Raises:
        MarginError: with the line, where a record is cut off, or holds values that its layout does not allow

    Source: CME, Risk Parameter File Layouts for the Positional Formats.
    """
    records: dict[str, list[Parsed]] = {name: [] for name in RECORDS}
    arrays = RiskArrays(source)
    last = 0
    for last, text in _lines(source, blocks):
        name = text[:2].decode("latin-1").strip()
        if name in ARRAY_RECORDS:
            arrays.add(last, text)
            if len(arrays.texts) >= 20_000:
                arrays.flush()
        elif name in RECORDS:
            records[name].append(parse_record(source, RECORDS[name], last, text))
    arrays.flush(last=True)
    if not arrays.done:
        source.fail(
            last,
            "the file ends without a risk array (records 81 to 84): it is cut off, or not a SPAN file of the "
            "expanded format; download it again",
        )
    return _assembled(source, records, arrays)


def _lines(source: SpanContent, blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers from 1, without line ends."""
    number, tail = 0, b""
    for block in blocks:
        lines = (tail + block).split(b"\n")
        tail = lines.pop()
        for text in lines:
            number += 1
            yield number, text.rstrip(b"\r")
        if len(tail) > LONGEST_LINE:
            source.fail(number + 1, "the line does not end: this is not a SPAN file of the expanded format")
    if tail:
        yield number + 1, tail.rstrip(b"\r")


def parse_record(source: SpanContent, record: RecordLayout, line: int, text: bytes) -> Parsed:
    """The fields of a line by its layout."""
    if len(text) < record.least:
        source.fail(line, too_short(record, text))
    values: dict[str, str | float] = {}
    shown = text.decode("latin-1")
    for field in record.fields:
        try:
            values[field.name] = parse_field(field, shown)
        except ValueError as error:
            source.fail(line, f"{record.place(field)} is no number: {str(error)!r}; download the file again")
    return Parsed(line, shown, values)


def _assembled(source: SpanContent, records: dict[str, list[Parsed]], arrays: RiskArrays) -> SpanFile:
    headers = records["0"]
    if not headers:
        raise MarginError(f"{source.name} has no header (record 0): it is cut off at its beginning; download it again")
    header = headers[0]
    if header.text_of("file_format") not in ("U2", ""):
        source.fail(
            header.line,
            f"the header says format {header.text_of('file_format')!r}, and only U2, the expanded "
            "format, is read: get the expanded (.pa2) or the XML (.spn) file of the day",
        )
    combined = _combined(source, records, header.text_of("limits_option_value") == "Y")
    return SpanFile(
        source.name,
        _date(source, header),
        combined,
        tuple(sorted((_inter(record) for record in records["6"]), key=lambda spread: spread.priority)),
        contracts_of(source, records, tuple(combined), arrays.result()),
    )


def _date(source: SpanContent, header: Parsed) -> dt.date:
    text = header.text_of("date")
    try:
        return dt.datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        source.fail(header.line, f"the header's business date (columns 9–16) is no date: {text!r}; download the file again")


def _combined(source: SpanContent, records: dict[str, list[Parsed]], limits: bool) -> dict[str, CombinedCommodity]:
    """Combined commodities from records 2, 3, 4, S, C and E, each of which may come more than once for one."""
    codes = dict.fromkeys(record.text_of("combined") for record in records["2"])
    by = {name: _grouped(records[name]) for name in ("2", "3", "4", "S", "C", "E")}
    result = {}
    for code in codes:
        two, three, four, tiers = (by[name].get(code, []) for name in ("2", "3", "4", "S"))
        result[code] = CombinedCommodity(
            code,
            int(two[0].count_of("exponent")),
            tuple(_tiers(three, 4)),
            (*_intra(code, by["C"].get(code, []), "tier"), *_intra(code, by["E"].get(code, []), "month")),
            tuple(_deliveries(source, four)),
            four[0].count_of("minimum") if four else 0.0,
            "max" if four and four[0].text_of("minimum_method") == "1" else "gross",
            next((WFPR[r.text_of("wfpr")] for r in tiers if r.text_of("wfpr") in WFPR), "NORMAL"),
            limits or two[0].text_of("limits_option_value") == "Y",
            _by_account(three),
            tuple(_scanning_tiers(tiers)),
            any(record.text_of("method") == TIERED_MINIMUM for record in tiers),
            _adjustments(four),
        )
    return result


def _by_account(records: list[Parsed]) -> dict[str, float]:
    """A factor for each type of account from the first record that gives any; those that are blank or 0 are left out."""
    given = ({name: record.count_of(name) for name in ACCOUNT_TYPES if record.count_of(name)} for record in records)
    return next(filter(None, given), {})


def _adjustments(records: list[Parsed]) -> tuple[str, ...]:
    """The adjustment factors of record 4 that are not 1, in words."""
    odd = [f"{factor:g} for a {name}" for name, factor in _by_account(records).items() if factor != 1.0]
    return (f"adjustment factor {', '.join(odd)} (record 4, columns 70-78)",) if odd else ()


def _scanning_tiers(records: list[Parsed]) -> Iterator[Tier]:
    """The tiers of record S that are scanned apart; other records of that type are about spreads or minimums."""
    for record in records:
        if record.text_of("method") == EVERY_MONTH:
            yield Tier(0, "", "")
        elif record.text_of("method") in TIERED_SCANNING:
            yield from _tiers([record], 5)


def _grouped(records: list[Parsed]) -> dict[str, list[Parsed]]:
    result: dict[str, list[Parsed]] = {}
    for record in records:
        result.setdefault(record.text_of("combined"), []).append(record)
    return result


def _tiers(records: list[Parsed], most: int) -> Iterator[Tier]:
    for record in records:
        for n in range(1, most + 1):
            if number := record.count_of(f"tier{n}"):
                yield Tier(
                    int(number),
                    period_of(record.text_of(f"start{n}"), record.text_of(f"start_day{n}")),
                    period_of(record.text_of(f"end{n}"), record.text_of(f"end_day{n}")),
                )


def _intra(code: str, records: list[Parsed], leg_field: str) -> list[IntraSpread]:
    """Spreads of records C (legs are tiers) or E (legs are months); one that has more legs continues in further records."""
    result: dict[int, IntraSpread] = {}
    for record in records:
        priority = int(record.count_of("priority"))
        legs = tuple(_intra_legs(code, record, leg_field))
        before = result.get(priority)
        result[priority] = IntraSpread(
            priority, before.charge if before else record.count_of("charge"), (*(before.legs if before else ()), *legs)
        )
    return [result[priority] for priority in sorted(result)]


def _intra_legs(code: str, record: Parsed, leg_field: str) -> Iterator[SpreadLeg]:
    for n in range(1, 9 if leg_field == "tier" else 5):
        if side := record.text_of(f"side{n}"):
            tier = int(record.count_of(f"tier{n}")) if leg_field == "tier" else 0
            period = "" if leg_field == "tier" else short_month(record.text_of(f"month{n}"), record.text_of(f"day{n}"))
            yield SpreadLeg(code, tier, period, record.count_of(f"ratio{n}"), side)


def _deliveries(source: SpanContent, records: list[Parsed]) -> Iterator[DeliveryCharge]:
    for record in records:
        if record.text_of("method") == "10":
            table = parse_record(source, DELIVERY_TABLE, record.line, record.line_text.encode("latin-1"))
            for n in (1, 2):
                if month := period_of(table.text_of(f"month{n}"), table.text_of(f"day{n}")):
                    yield DeliveryCharge(month, table.count_of(f"consumed{n}"), table.count_of(f"outright{n}"))


def _inter(record: Parsed) -> InterSpread:
    """Record 6; the rate is a percentage, or money where the credit method is F, and then with two decimals."""
    flat = record.text_of("credit") == "F"
    legs = [
        SpreadLeg(
            record.text_of(f"combined{n}"),
            int(record.count_of(f"tier{n}")),
            "",
            record.count_of(f"ratio{n}"),
            record.text_of(f"side{n}"),
            record.text_of(f"required{n}") != OPTIONAL,
        )
        for n in range(1, 5)
        if record.text_of(f"combined{n}")
    ]
    if target := record.text_of("target"):
        legs.append(SpreadLeg(target, 0, "", record.count_of("target_ratio"), "", record.text_of("target_required") != OPTIONAL))
    return InterSpread(int(record.count_of("priority")), record.text_of("method"), flat, _rate(record.number_of("rate"), flat), tuple(legs))


def _rate(printed: float, flat: bool) -> float:
    return float(np.round(printed * 100.0, 2)) if flat else printed / 100.0
