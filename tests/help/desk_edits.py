"""A desk at work on the template: random edits of every input area, some of them wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

from xlmargin.engine import Workbook
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.headings import heading_key

ROWS, USED = 40, 14
FRONT, BACK, QUARTER = 46204.0, 46234.0, 46262.0  # 1 July, 31 July and 28 August 2026, the sample's expiries
Edit = tuple[str, str, Any]
Names = dict[str, tuple[str, str]]
TABLES = (
    "positions",
    "market",
    "parameters",
    "trades",
    "balances",
    "limits",
    "positions_before",
    "market_before",
    "theirs",
    "monitor",
    "history",
)

WRONG = ("ten", "5", "BTC-99XXX26-1-C", "−", "#N/A as text")


class Places:
    """The cells of the template by heading, for any layout."""

    def __init__(self, file: Path, book: Workbook) -> None:
        self.names = named_cells(file)
        self.columns = {name: dict(self._headings(book, name)) for name in TABLES}
        both = self._headings(book, "parameters")  # the values, and on their right the scenarios, which have an Underlying too
        split = [key for key, _ in both].index("scenario")
        self.columns["parameters"] = {key: column for key, column in both[:split] if key != "unit"}  # which is no cell to type in
        self.columns["scenarios"], self.names["scenarios"] = dict(both[split:]), self.names["parameters"]

    def _headings(self, book: Workbook, name: str) -> list[tuple[str, str]]:
        sheet, area = self.names[name]
        left = range_boundaries(area)[0]
        header = book.values(sheet, area)[0]
        return [(heading_key(cell), get_column_letter(left + n)) for n, cell in enumerate(header) if cell]

    def cell(self, name: str, row: int, heading: str) -> tuple[str, str]:
        """Sheet and cell of a heading in a row of a named range; row 1 is the first below the header."""
        sheet, area = self.names[name]
        top = coordinate_to_tuple(area.split(":")[0])[0]
        return sheet, f"{self.columns[name][heading_key(heading)]}{top + row}"

    def row(self, name: str, row: int, **cells: Any) -> list[Edit]:
        """A whole row: the given cells, the others cleared."""
        keyed = {heading_key(heading): value for heading, value in cells.items()}
        return [(*self.cell(name, row, heading), keyed.get(heading)) for heading in self.columns[name]]


class Editor:
    """A desk at work: small edits of the sheets, some of them wrong, each of which a later one may undo."""

    def __init__(self, places: Places, chance: random.Random, methods: Sequence[str]) -> None:
        self.places, self.chance, self.methods = places, chance, list(methods)
        self.sheet, area = places.names["positions"]
        self.top = coordinate_to_tuple(area.split(":")[0])[0]
        self.touched: set[int] = set()
        self.kinds = (
            [self._quantity] * 3
            + [self._option] * 3
            + [
                self._instrument,
                self._cleared,
                self._vol,
                self._side,
                self._market,
                self._market,
                self._parameter,
                self._scenario,
                self._method,
                self._account,
                self._words,
                self._trade,
                self._trade,
                self._balance,
                self._limit,
                self._switch,
                self._other_method,
                self._yesterday,
                self._venue,
                self._reading,
                self._number,
                self._close,
            ]
        )

    def edit(self, *, broken: bool) -> list[Edit]:
        """The next edit; a book without a margin is mended with an even chance."""
        if broken and self.chance.random() < 0.5:
            edit = self._mended()
        else:
            edit = self.chance.choice(self.kinds)()
        self.touched |= {coordinate_to_tuple(cell)[0] for sheet, cell, _ in edit if sheet == self.sheet}
        return edit

    def _position(self, heading: str, value: Any) -> list[Edit]:
        return [(*self.places.cell("positions", self.chance.randint(1, USED), heading), value)]

    def _quantity(self) -> list[Edit]:
        some = round(self.chance.gauss(0, 5), 3)
        return self._position("Quantity", self.chance.choice([0.0, 1.0, -1.0, 0.1, -25.0, some]))

    def _option(self) -> list[Edit]:
        coin, scale = self.chance.choice([("BTC", 70_000.0), ("ETH", 3_500.0), ("SOL", 150.0)])
        return self.places.row(
            "positions",
            self.chance.randint(1, ROWS),
            Underlying=coin,
            Type=self.chance.choice(["call", "put", "P", "C"]),
            Strike=round(scale * self.chance.uniform(0.6, 1.5), 1),
            Quantity=round(self.chance.gauss(0, 3), 2),
            Expiry=self.chance.choice([FRONT, BACK, QUARTER, QUARTER + 30, "2026-08-28", "31JUL26"]),
            IV=round(self.chance.uniform(0.2, 1.5), 4),
            Forward=self.chance.choice([None, scale * 1.01]),
        )

    def _instrument(self) -> list[Edit]:
        name = self.chance.choice(
            [
                "BTC-31JUL26-72000-C",
                "BTC-PERPETUAL",
                "ETH-1JUL26-3400-P",
                "SOL_USDC-28AUG26",
                "BTC_USDC-31JUL26-60000-P",
                "ETH-28AUG26",
                "ETH-PERPETUAL",
            ]
        )
        return self.places.row(
            "positions", self.chance.randint(1, ROWS), Instrument=name, IV=0.61, Quantity=self.chance.choice([-3.0, 2.0, 0.5])
        )

    def _cleared(self) -> list[Edit]:
        return self.places.row("positions", self.chance.randint(1, USED))

    def _vol(self) -> list[Edit]:
        return self._position("IV", self.chance.choice([None, 0.5, 0.85, 1.2]))

    def _side(self) -> list[Edit]:
        return self._position("Side", self.chance.choice([None, "sell", "buy"]))

    def _account(self) -> list[Edit]:
        return self._position("Account", self.chance.choice(["Desk 1", "Desk 2", None]))

    def _words(self) -> list[Edit]:
        heading = self.chance.choice(["Quantity", "Strike", "Type", "Expiry", "Instrument"])
        return [(*self.places.cell("positions", self.chance.randint(1, 8), heading), self.chance.choice(WRONG))]

    def _market(self) -> list[Edit]:
        return self.chance.choice(
            [
                [(*self.places.cell("market", 1, "Spot"), round(self.chance.uniform(50_000, 90_000), 2))],
                [(*self.places.cell("market", 2, "Spot"), round(self.chance.uniform(2_500, 4_500), 2))],
                [(*self.places.cell("market", self.chance.randint(4, 7), "IV"), round(self.chance.uniform(0.3, 0.9), 3))],
                self.places.row("market", self.chance.randint(9, 30), Underlying="ETH", Expiry=BACK, IV=0.66, Rate=0.03),
                self.places.row("market", 31, Underlying="SOL", Expiry=FRONT, IV=0.9, Forward=151.0),
            ]
        )

    def _parameter(self) -> list[Edit]:
        wanted = [("price_scan_range", 0.16), ("vol_scan_range", 0.4), ("extreme_cover", 0.3), ("price_scan", 1.0)]
        parameter, value = self.chance.choice(wanted)
        method = self.chance.choice(["SPAN", None])
        return self.places.row("parameters", 7, Method=method, Parameter=parameter, Value=value, Underlying="ETH")

    def _scenario(self) -> list[Edit]:
        cells = {"Price move": self.chance.choice([-0.35, 0.0, 0.15]), "Vol move": self.chance.choice([0.5, -0.2])}
        name, coin = self.chance.choice(["Fall", "Slump"]), self.chance.choice(["BTC", None])
        return self.places.row("scenarios", self.chance.randint(5, 9), Scenario=name, Underlying=coin, Days=1.0, Weight=1.0, **cells)

    def _method(self) -> list[Edit]:
        names = [*self.methods, "span", "SPAN", "SPAN", "stress", "NOSUCH"]
        return [(*self.places.names["method"], self.chance.choice(names))]

    def _in(self, name: str, rows: int, heading: str, *values: Any) -> list[Edit]:
        return [(*self.places.cell(name, self.chance.randint(1, rows), heading), self.chance.choice(values))]

    def _trade(self) -> list[Edit]:
        row = self.chance.randint(1, 4)
        return self.chance.choice(
            [
                self._in("trades", 2, "Quantity", 0.0, -1.5, 2.25, "two", None),
                self.places.row("trades", row),
                self.places.row("trades", row, Underlying="SOL", Type="put", Strike=140.0, Expiry=BACK, Quantity=-30.0, IV=0.8),
                self.places.row("trades", row, Instrument="BTC-PERPETUAL", Quantity=round(self.chance.gauss(0, 1), 3)),
            ]
        )

    def _balance(self) -> list[Edit]:
        return self.chance.choice(
            [
                self._in("balances", 2, "Amount", 0.05, 1_000.0, -250.0, round(self.chance.uniform(0, 9_000), 2)),
                self._in("balances", 2, "Haircut", 0.0, 0.15, 15.0, None),
                self.places.row("balances", 3, Currency=self.chance.choice(["ETH", "USDC", "XYZ"]), Amount=0.7, Account="Desk 2"),
                self.places.row("balances", 3),
            ]
        )

    def _limit(self) -> list[Edit]:
        kind = self.chance.choice(["Margin usage", "Maintenance margin", "Delta", "Gamma", "Theta", "Notional", "Concentration"])
        row = self.places.row(
            "limits",
            self.chance.randint(6, 10),
            **{"Limit on": kind, "Limit": self.chance.uniform(0, 3)},
            Coin=self.chance.choice(["BTC", "SOL", None]),
        )
        return self.chance.choice([row, self._in("limits", 8, "Limit", 0.0, 0.4, 1_500.0, None)])

    def _switch(self) -> list[Edit]:
        name = self.chance.choice(["contributions_wanted", "liquidation_wanted"])
        most = [(*self.places.names["most_rows_at_once"], float(self.chance.randint(5, 20)))]
        return self.chance.choice([[(*self.places.names[name], self.chance.choice(["on", "off", "auto"]))], most])

    def _other_method(self) -> list[Edit]:
        names = [*self.methods, None, "NOSUCH"]
        return [(*self.places.names[f"whatif_method_{self.chance.randint(1, 3)}"], self.chance.choice(names))]

    def _yesterday(self) -> list[Edit]:
        return self.chance.choice(
            [
                self._in("positions_before", 8, "Quantity", 1.0, -0.5, 3.0),
                self._in("market_before", 3, "Spot", 68_000.0, 3_300.0, 151.0),
                self._in("market_before", 1, "As of", 46172.5, 46173.0, 47000.0),
                self.places.row("positions_before", self.chance.randint(6, 9)),
            ]
        )

    def _venue(self) -> list[Edit]:
        return self.places.row(
            "theirs",
            self.chance.randint(1, 4),
            Venue="deribit",
            Maintenance=900.0,
            Time=46174.0,
            Account=self.chance.choice([None, "Desk 1", "X"]),
            Initial=self.chance.choice([2260.18, 0.03]),
            Currency=self.chance.choice(["USD", "USDC", "BTC", "DOGE", None]),
        )

    def _reading(self) -> list[Edit]:
        cells = dict(
            zip(
                ("Time", "Equity", "Initial margin", "Maintenance margin", "Usage", "Headroom", "Status"),
                (46174.0 + self.chance.random(), 3_700.0, 2_300.0, 2_300.0, 0.62, 1_400.0, "OK"),
            )
        )
        return self.places.row("monitor", self.chance.randint(1, 5), **cells)

    def _number(self) -> list[Edit]:
        name, values = self.chance.choice(
            [
                ("grid_days", (0.0, 1.0, 7.0)),
                ("var_confidence", (0.95, 0.99)),
                ("var_horizon", (1.0, 5.0)),
                ("limits_warn_from", (0.5, 0.9)),
                ("reconcile_tolerance", (0.0, 0.05)),
                ("rulebook", ("OKX", "FINRA", "SEC")),
                ("feed_status", ("live, 2 s old", "no feed")),
            ]
        )
        return [(*self.places.names[name], self.chance.choice(values))]

    def _close(self) -> list[Edit]:
        return self._in("history", 200, "BTC", 66_000.0, 71_000.0)

    def _mended(self) -> list[Edit]:
        """Good rows in place of those edited since the last mending, and the first method."""
        rows = [
            self.places.row(
                "positions",
                row - self.top,
                Underlying="BTC",
                Type="put",
                Strike=60_000.0 + 100.0 * row,
                Expiry=FRONT,
                Quantity=-1.0,
                IV=0.55,
            )
            for row in sorted(self.touched)
        ]
        self.touched = set()
        parameters = self.places.row("parameters", 7)
        sound = [self.places.row("trades", 1), (*self.places.cell("balances", 1, "Haircut"), 0.0)]
        return [*(edit for row in rows for edit in row), *parameters, *sound[0], *sound[1:], (*self.places.names["method"], "SPAN")]
