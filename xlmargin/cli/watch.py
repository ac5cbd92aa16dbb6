"""The command `xlmargin watch`: an account followed in real time, recorded, with alerts."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlmargin.cli.feed import add_place, add_stream, add_venue, connection_of, open_sheets, stream_of
from xlmargin.errors import MarginError

if TYPE_CHECKING:
    from xlmargin.live.feed import Connection
    from xlmargin.live.watch import Hook, Record, Screen, WatchedFiles
    from xlmargin.margin.parameters import Rules


ANSWERED, FAULTY = 0, 1
MOST_ROWS = 5_000  # of the Market range that a watch makes for itself: no sheet bounds it
WEBHOOK = "XLMARGIN_WEBHOOK"


def add_watch(commands: Any) -> None:
    """Add the command to a parser's commands."""
    watch = commands.add_parser(
        "watch",
        help="follow an account in real time, record it, and raise alerts",
        description="Equity, margins, usage, headroom and the nearest liquidation at every answer of a venue and at every "
        "change of the book's file. Each reading is recorded in a SQLite file beside the book; an alert is raised once per "
        "crossing of a threshold (warning, margin call, liquidation) and when the numbers are stale, and not again after a "
        "restart. Alerts reach each hook at least once.",
    )
    watch.add_argument("book", type=Path, help="workbook, CSV file of positions, or a venue's answer (.json)")
    watch.add_argument(
        "--equity",
        metavar="NUMBER|CSV",
        help="equity, or a CSV file of balances: Currency, Amount, Haircut; left out, the workbook's range balances",
    )
    watch.add_argument("--method", help="the workbook's own where left out")
    watch.add_argument("--market", type=Path, metavar="FILE", help="market range, or a chain as a venue or a vendor gives it (CSV, JSON)")
    watch.add_argument("--parameters", type=Path, metavar="CSV", help="values that override the method's own")
    add_venue(watch, None)
    watch.add_argument("--interval", type=float, default=5.0, help="seconds between two answers of the venue (default 5)")
    add_stream(watch)
    watch.add_argument("--once", action="store_true", help="one reading, then end; exit code 1 where it is not of current data")
    watch.add_argument("--record", type=Path, metavar="FILE", help="where the readings are recorded (default: BOOK.watch.sqlite)")
    watch.add_argument("--export", type=Path, metavar="CSV", help="only write the recorded readings to a CSV file")
    watch.add_argument(
        "--sheet",
        action="store_true",
        help="also write the last readings into the range monitor of the workbook, which is open in a program",
    )
    add_place(watch)
    _add_alerts(watch)
    watch.set_defaults(run=_watch)


def _add_alerts(watch: argparse.ArgumentParser) -> None:
    watch.add_argument("--desktop", action="store_true", help="alerts as notifications on this desktop")
    watch.add_argument(
        "--webhook",
        metavar="URL",
        default=os.environ.get(WEBHOOK, ""),
        help=f"POST alerts as JSON to this address (or {WEBHOOK}, which no list of processes shows)",
    )
    watch.add_argument(
        "--command",
        metavar="'PROGRAM ARGUMENT …'",
        help="run a program at each alert, without a shell; "
        "XLMARGIN_TEXT, XLMARGIN_ALERTS, XLMARGIN_EQUITY, XLMARGIN_USAGE and so on stand in its environment",
    )
    watch.add_argument("--stale-after", type=float, metavar="SECONDS", help="age of the numbers that raises an alert (default 60)")
    watch.add_argument(
        "--rearm",
        type=float,
        metavar="FRACTION",
        help="an alert is ready again when the usage is this far below its threshold (default 0.05)",
    )


def _watch(options: argparse.Namespace) -> int:
    from xlmargin.live.watch import Record, record_of
    from xlmargin.live.watch.export import export

    path = options.record or record_of(options.book)
    if options.export is not None:
        print(f"{export(path, options.export):,} readings in {options.export}")
        return ANSWERED
    if not (math.isfinite(options.interval) and options.interval > 0.0):
        raise MarginError(f"--interval must be above 0 seconds, not {options.interval:g}")
    if options.stream and (options.venue is None or options.book.suffix.lower() == ".json"):
        raise MarginError("--stream needs the prices of a venue: add --venue, and give a book that is no venue's answer")
    inputs, rules = _inputs(options), _rules(options)
    hooks = _hooks(options, rules.number("hook_limit"))
    with ExitStack() as last:
        connection = None
        if options.venue is not None and options.book.suffix.lower() != ".json":
            connection = connection_of(options, private=False)
            last.callback(connection.close)
        record = Record(path, [hook.name for hook in hooks], int(rules.number("hook_waiting")))
        last.callback(record.close)
        return _watched(options, inputs, rules, hooks, connection, record, last)


def _watched(
    options: argparse.Namespace,
    inputs: WatchedFiles,
    rules: Rules,
    hooks: list[Hook],
    connection: Connection | None,
    record: Record,
    last: ExitStack,
) -> int:
    """Watch until a signal."""
    from xlmargin.live.watch import Delivery, Monitor, Watch, screen

    shown: Screen = screen(options.book.name)
    last.callback(shown.close)
    delivery = Delivery(record, hooks, rules, shown.say)
    last.callback(delivery.close, rules.number("hook_limit"), patient=options.once)
    followers: tuple[Monitor, ...] = ()
    if options.sheet:
        followers = (Monitor(lambda: open_sheets(options.book, options.libreoffice, excel=options.excel), record, shown.say),)
        last.callback(followers[0].close)
    watch: Watch
    feed = None if connection is None else _feed(options, inputs, connection, lambda: watch.needs())
    watch = Watch(inputs, record, shown, feed=feed, interval=options.interval, rules=rules, alarmed=delivery, followers=followers)

    def end(*_: object) -> None:
        """End running work in order at the first signal; a second signal ends at once."""
        for known in (signal.SIGINT, signal.SIGTERM):
            signal.signal(known, signal.default_int_handler)
        watch.stop()
        if connection is not None:
            connection.end()

    for known in (signal.SIGINT, signal.SIGTERM):
        last.callback(signal.signal, known, signal.signal(known, end))
    return ANSWERED if watch.run(once=options.once) or not options.once else FAULTY


def _feed(options: argparse.Namespace, inputs: WatchedFiles, connection: Connection, needs: Any) -> Any:
    """The venue's quotes, completed by the book's own market."""
    from xlmargin.live.feed import Feed, venue_module

    module = venue_module(options.venue)
    return Feed(
        lambda wanted: module.quotes(connection.call, wanted),
        needs,
        interval=options.interval,
        before=lambda: inputs.snapshot.ranges.market,
        most_rows=MOST_ROWS,
        stream=stream_of(options, connection.venue),
        least=options.least,
    )


def _inputs(options: argparse.Namespace) -> WatchedFiles:
    """The files that the command line names."""
    from xlmargin.live.watch import Files, WatchedFiles
    from xlmargin.methods import method_name

    equity: float | Path | None = None
    if options.equity is not None:
        try:
            equity = float(options.equity.replace(",", ""))
        except ValueError:
            equity = Path(options.equity)
    if isinstance(equity, float) and not math.isfinite(equity):
        raise MarginError(f"--equity must be a number or a CSV file of balances, not {options.equity}")
    if options.method:
        method_name(options.method)
    return WatchedFiles(Files(options.book, equity, options.market, options.parameters, options.method, options.venue))


def _rules(options: argparse.Namespace) -> Rules:
    """The parameters of the watch, with those of the command line."""
    import time

    from xlmargin.live.watch import watch_rules
    from xlmargin.margin.parameters import Override

    given = (("stale_after", "--stale-after", options.stale_after), ("rearm_below", "--rearm", options.rearm))
    rules = watch_rules(time.time())
    for name, option, value in given:
        known = rules.get(name)
        if value is not None and not known.least <= value <= known.most:
            raise MarginError(f"{option} must be from {known.least:g} to {known.most:g} {known.unit}, not {value:g}")
    return rules.override([Override("", name, value, 0) for name, _, value in given if value is not None])


def _hooks(options: argparse.Namespace, limit: float) -> list[Hook]:
    """The hooks that the command line names."""
    from xlmargin.live.watch import command, desktop, webhook

    hooks = [desktop(limit)] if options.desktop else []
    if options.webhook:
        hooks.append(webhook(options.webhook, limit))
    if options.command is not None:
        try:
            words = shlex.split(options.command, posix=os.name == "posix")
        except ValueError as error:
            raise MarginError(f"--command cannot be read ({error}): close every quotation mark") from None
        hooks.append(command(words, limit))
    return hooks
