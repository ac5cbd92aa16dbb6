"""Contracts of the XML format: portfolios (product families) of an exchange and what is in them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.names import CALL, FUTURE, PUT, SPOT
from xlmargin.spanfile.model import SCENARIOS, Contracts
from xlmargin.spanfile.periods import day_instant, period_of
from xlmargin.spanfile.xml_nodes import Malformed, Node, first_text, floats, nodes, number

__all__ = ["CONTRACTS", "OPTION_FIELDS", "PORTFOLIOS", "Portfolios"]

# Element of a product family -> (family, element of a contract in it). Source: the PC-SPAN 4.00 tree.
PORTFOLIOS = {"phyPf": ("PHY", "phy"), "equityPf": ("STOCK", "equity"), "futPf": ("FUT", "fut"), "cmbPf": ("CMB", "cmb"),
              "oofPf": ("OOF", "opt"), "oopPf": ("OOP", "opt"), "oocPf": ("OOC", "opt"), "ooePf": ("OOE", "opt")}
CONTRACTS = tuple(dict.fromkeys(element for _, element in PORTFOLIOS.values()))
OPTION_FIELDS = ("o", "k", "p", "v", "d", "cvf")
RIGHTS = {"C": CALL, "P": PUT}
NOT_GIVEN = (math.nan,) * SCENARIOS


class _Row(NamedTuple):
    """One contract; the exchange is filled in when its element ends, and the underlying when all contracts are known."""

    portfolio: str
    product: str
    family: str
    kind: int
    period: str
    expiry: float
    strike: float
    underlying: str
    underlying_contract: tuple[str, str, str]
    currency: str
    price: float
    value_factor: float
    price_range: float
    vol_range: float
    vol: float
    delta: float
    delta_scaling: float
    premium: bool
    contract: str


class Portfolios:
    """Collects the contracts of all exchanges of a file."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._arrays = array("d")
        self._exchanges: list[str] = []
        self._links: dict[tuple[str, str], tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def link(self, code: str, node: Node) -> None:
        """Note which portfolios a combined commodity takes in."""
        for link in nodes(node, "pfLink"):
            key = (first_text(link, "exch"), first_text(link, "pfId"))
            self._links.setdefault(key, (code, number(link, "sc")))

    def close_exchange(self, name: str) -> None:
        """Give all portfolios since the last exchange to this one."""
        self._exchanges += [name] * (len(self._rows) - len(self._exchanges))

    def arrays(self, node: Node) -> dict[str, list[Any]]:
        """The risk array and composite delta of a contract element, compact: `array` and `composite`."""
        first = next(nodes(node, "ra"), {})
        values = tuple(floats(first.get("a", []), "a"))
        if values and len(values) != SCENARIOS:
            raise Malformed(f"a risk array must have {SCENARIOS} values, not {len(values)}; download the file again")
        return {"array": [values or NOT_GIVEN], "composite": [first_text(first, "d")]}

    def add(self, element: str, node: Node) -> None:
        """The contracts of one portfolio element.

        Raises
        ------
        Malformed: a number or option right that cannot be
        """
        family, contract = PORTFOLIOS[element]
        if contract == "opt":
            for series in nodes(node, "series"):
                for option in nodes(series, "opt"):
                    self._rows.append(_row(family, node, series, option))
                    self._arrays.extend(option["array"][0])
        else:
            for item in nodes(node, contract):
                item |= self.arrays(item)
                self._rows.append(_row(family, node, item, item))
                self._arrays.extend(item["array"][0])

    def contracts(self, codes: tuple[str, ...]) -> tuple[Contracts, list[str]]:
        """All contracts as columns, and notes on what they lack."""
        rows, index = self._rows, {code: n for n, code in enumerate(codes)}
        self.close_exchange("")
        links = [self._linked(exchange, row) for exchange, row in zip(self._exchanges, rows)]
        combined = np.array([index.get(code, -1) for code, _ in links], np.int64)
        periods = {(exchange, row.portfolio, row.contract): row.period for exchange, row in zip(self._exchanges, rows)
                   if row.kind in (SPOT, FUTURE)}
        scaling = [row.delta_scaling if row.delta_scaling == row.delta_scaling else (factor if factor == factor else 1.0)
                   for row, (_, factor) in zip(rows, links)]

        under = [periods.get((key[0] or exchange, *key[1:]), "")
                 for exchange, key in zip(self._exchanges, (row.underlying_contract for row in rows))]

        def text(name: str) -> NDArray[np.str_]:
            return np.array([getattr(row, name) for row in rows], np.str_)

        def floating(name: str) -> NDArray[np.float64]:
            return np.array([getattr(row, name) for row in rows], np.float64)

        columns = Contracts(
            np.array(self._exchanges, np.str_), text("product"), text("family"),
            np.array([row.kind for row in rows], np.int64), text("period"), floating("expiry"), floating("strike"),
            text("underlying"), np.array(under, np.str_), text("currency"), floating("price"), floating("value_factor"),
            floating("price_range"), floating("vol_range"), floating("vol"), floating("delta"),
            np.array(scaling, np.float64), np.array([row.premium for row in rows], np.bool_),
            np.array(self._arrays).reshape(len(rows), SCENARIOS), combined)
        return columns, list(_notes(columns))

    def _linked(self, exchange: str, row: _Row) -> tuple[str, float]:
        """Combined commodity and delta scaling of a contract's portfolio."""
        return self._links.get((exchange, row.portfolio)) or self._links.get(("", row.portfolio)) or ("", math.nan)


def _row(family: str, portfolio: Node, series: Node, item: Node) -> _Row:
    """A contract from its portfolio, its series (itself where it is no option) and its own element."""
    kind, strike = SPOT if family in ("PHY", "STOCK") else FUTURE, math.nan
    if "opt" in series:
        right = first_text(item, "o")
        if right not in RIGHTS:
            raise Malformed(f"o of an option must be C or P, not {right!r}; download the file again")
        kind, strike = RIGHTS[right], number(item, "k")
    scan = next(nodes(series, "scanRate"), {})
    under = next(nodes(series, "undC"), {})
    period = period_of(first_text(series, "pe"))
    settles = first_text(series, "setlDate")
    factor = number(item, "cvf", number(series, "cvf", number(portfolio, "cvf")))
    composite = item["composite"][0]
    delta = floats([composite], "d")[0] if composite else number(item, "d")
    return _Row(
        first_text(portfolio, "pfId"), first_text(portfolio, "pfCode"), family, kind, period,
        day_instant(settles if settles.strip("0") else period), strike,
        first_text(next(nodes(portfolio, "undPf"), {}), "pfCode"),
        (first_text(under, "exch"), first_text(under, "pfId"), first_text(under, "cId")), first_text(portfolio, "currency"),
        number(item, "p"), factor, number(scan, "priceScan"), number(scan, "volScan"), number(item, "v"), delta,
        number(series, "sc"), kind in (CALL, PUT) and first_text(portfolio, "valueMeth") in ("", "EQTY"),
        first_text(item, "cId"))


def _notes(contracts: Contracts) -> Iterator[str]:
    empty = int(np.isnan(contracts.array[:, 0]).sum())
    if empty:
        yield f"{empty} contracts have no risk array"
    for product in np.unique(contracts.product[contracts.combined < 0]).tolist():
        count = int((contracts.product[contracts.combined < 0] == product).sum())
        yield f"{product} is in no combined commodity: its {count} contracts have no parameters"
