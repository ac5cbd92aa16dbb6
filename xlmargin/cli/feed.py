"""The commands `xlmargin feed` and `xlmargin reconcile`: live data into a workbook, and a venue's own margins next to ours."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlmargin.errors import MarginError, existing_file
from xlmargin.faces.libreoffice import PIPE

if TYPE_CHECKING:
    from xlmargin.live.feed import Connection, Stream, Theirs
    from xlmargin.live.feed.sheets import Sheets


ANSWERED, ALARMED = 0, 1
VENUES = "deribit, okx, bybit, binance"


def add_feed(commands: Any) -> None:
    """Add the commands to a parser's commands."""
    feed = commands.add_parser(
        "feed",
        help="write a venue's live quotes into a workbook that is open",
        description="Write a venue's live spots, forwards and vols into the market range of a workbook. "
        "Read-only keys, where positions or margins are asked for, come from XLMARGIN_<VENUE>_KEY and "
        "XLMARGIN_<VENUE>_SECRET (OKX also _PASSWORD) or the system keyring.",
    )
    feed.add_argument("workbook", type=Path)
    add_venue(feed)
    feed.add_argument("--interval", type=float, default=5.0, help="seconds between refreshes (default 5)")
    add_stream(feed)
    feed.add_argument("--positions", action="store_true", help="also let the positions range follow the venue's own positions")
    feed.add_argument("--margins", action="store_true", help="also keep the venue's own margins, for xlmargin reconcile")
    feed.add_argument("--once", action="store_true", help="refresh once and end; exit code 1 where nothing fresh came")
    where = add_place(feed)
    where.add_argument("--file", action="store_true", help="no program has it open: recalculate and replace the file itself")
    feed.set_defaults(run=_feed)
    compare = commands.add_parser(
        "reconcile",
        help="our margins beside the venue's own",
        description="Our margins beside the venue's own, with an alarm beyond a tolerance; exit code 1 where there is one.",
    )
    compare.add_argument("book", type=Path, help="workbook, or CSV file of positions")
    add_venue(compare)
    compare.add_argument(
        "--answers",
        type=Path,
        metavar="JSON",
        help="a saved account answer of the venue, instead of the last one that `feed --margins` kept, or of asking the venue",
    )
    compare.add_argument("--market", type=Path, metavar="CSV")
    compare.add_argument("--method", help="ours; left out, the one that models the account's margin")
    compare.add_argument("--tolerance", type=float, default=0.01, help="fraction (default 0.01)")
    compare.add_argument("--json", action="store_true", help="for machines")
    compare.set_defaults(run=_reconcile)


def add_place(command: argparse.ArgumentParser) -> Any:
    """Add where a workbook is open; returns the group of options, of which one may be given."""
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--libreoffice",
        nargs="?",
        const=PIPE,
        metavar="PIPE",
        help="the workbook is open in LibreOffice (the default but on Windows): by `xlmargin open --libreoffice`, "
        f"or started with --accept='pipe,name={PIPE};urp;'",
    )
    where.add_argument("--excel", action="store_true", help="the workbook is open in Excel (the default on Windows)")
    return where


def add_venue(command: argparse.ArgumentParser, default: str | None = "deribit") -> None:
    """Add which venue is asked, and where."""
    said = f"default {default}" if default else "left out: the book's own market, read again when the files change"
    command.add_argument("--venue", default=default, help=f"{VENUES} ({said})")
    command.add_argument(
        "--url",
        default=os.environ.get("XLMARGIN_FEED_URL", ""),
        help="a testnet or proxy in the place of the venue's address (or XLMARGIN_FEED_URL)",
    )


def add_stream(command: argparse.ArgumentParser) -> None:
    """Add whether prices are streamed."""
    command.add_argument(
        "--stream",
        action="store_true",
        help="also refresh as soon as the venue streams a new price of an "
        "underlying; --interval is then the longest time without a refresh",
    )
    command.add_argument(
        "--least", type=float, default=1.0, metavar="SECONDS", help="between two refreshes that a stream must leave (default 1)"
    )


def stream_of(options: argparse.Namespace, venue: str) -> Stream | None:
    """The stream of a venue's prices, None where none is asked for."""
    from xlmargin.live.feed import Stream

    if not (math.isfinite(options.least) and options.least > 0.0):
        raise MarginError(f"--least must be above 0 seconds, not {options.least:g}")
    return Stream(venue, options.url) if options.stream and not options.once else None  # one refresh waits for no price


def connection_of(options: argparse.Namespace, *, private: bool) -> Connection:
    """A connection to the venue, with keys only where something private is asked for."""
    from xlmargin.live.feed import Connection, find_keys, venue_module
    from xlmargin.live.feed.keys import NO_KEYS

    venue_module(options.venue)
    name = options.venue.strip().lower()
    keys = find_keys(name) if private else NO_KEYS
    if private and not keys:
        raise MarginError(
            f"positions and margins of {name} need read-only keys: set XLMARGIN_{name.upper()}_KEY and "
            f"XLMARGIN_{name.upper()}_SECRET, or put them into the system keyring"
        )
    return Connection(name, options.url, keys)


def open_sheets(workbook: Path, pipe: str | None, *, excel: bool, file: bool = False) -> Sheets:
    """The place of a workbook.

    Args:
        pipe: on which its LibreOffice listens; None where the workbook is not said to be open in one
        excel: it is open in Excel
        file: nothing has it open

    Raises:
        MarginError: there is no such file, or the program or the workbook in it is not found
    """
    from xlmargin.live.feed.sheets import ExcelSheets, FileSheets, LibreOfficeSheets, excel_book

    existing_file(workbook)
    if file:
        return FileSheets(workbook)
    if excel or (os.name == "nt" and not pipe):
        return ExcelSheets(excel_book(workbook))
    return LibreOfficeSheets(workbook, pipe or PIPE)


def _feed(options: argparse.Namespace) -> int:
    from xlmargin.live.feed import FeedDesk
    from xlmargin.live.feed.store import keep, store_of

    if not (math.isfinite(options.interval) and options.interval > 0.0):
        raise MarginError(f"--interval must be above 0 seconds, not {options.interval:g}")
    connection = connection_of(options, private=options.positions or options.margins)
    stream = stream_of(options, connection.venue)
    sheets = open_sheets(options.workbook, options.libreoffice, excel=options.excel, file=options.file)
    store = store_of(options.workbook)
    try:
        desk = FeedDesk(
            sheets,
            connection.venue,
            connection.call,
            interval=options.interval,
            positions=options.positions,
            keep=(lambda rows: keep(store, rows)) if options.margins else None,
            say=lambda line: print(line, flush=True),
            stream=stream,
            least=options.least,
        )
    except MarginError:
        sheets.close()
        raise

    def end(*_: object) -> None:
        """End running work in order at the first signal; a second signal ends at once."""
        for known in (signal.SIGINT, signal.SIGTERM):
            signal.signal(known, signal.default_int_handler)
        desk.feed.stop()
        connection.end()

    before = {known: signal.signal(known, end) for known in (signal.SIGINT, signal.SIGTERM)}
    try:
        return ANSWERED if desk.run(once=options.once) or not options.once else ALARMED
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)
        connection.close()


def _reconcile(options: argparse.Namespace) -> int:
    from xlmargin.files.books import read_ranges
    from xlmargin.live.feed import our_margins, reconcile

    if not 0.0 <= options.tolerance < 1.0:
        raise MarginError(f"--tolerance must be a fraction from 0 to below 1, not {options.tolerance:g}")
    ranges = read_ranges(options.book, options.market)
    theirs = _theirs(options)
    if not theirs:
        raise MarginError("the answer holds no margin: save an account answer of the venue")
    rows = reconcile(our_margins(theirs, ranges.positions, ranges.market, ranges.parameters, options.method), theirs, options.tolerance)
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            cells = [f"{cell:,.8g}" if isinstance(cell, float) else cell for cell in row]
            numbers = "".join(f"{cell:>17}" for cell in cells[2:5])
            print(f"{cells[0]:<28} {cells[1]:<20}{numbers}  {cells[6]:<6} {cells[5]}".rstrip())
    return ALARMED if any(row[-1] == "ALARM" for row in rows[1:]) else ANSWERED


def _theirs(options: argparse.Namespace) -> list[Theirs]:
    """The venue's margins: saved, kept, or asked for now."""
    from xlmargin.live.feed import venue_module
    from xlmargin.live.feed.store import kept, store_of
    from xlmargin.methods.json_shape import read_json

    module = venue_module(options.venue)
    if options.answers is not None:
        return module.theirs_of(read_json(options.answers))
    found = kept(store_of(options.book), options.venue.strip().lower())
    return found or module.theirs(connection_of(options, private=True).call)
