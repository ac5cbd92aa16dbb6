"""Contracts of the XML format: portfolios (product families) of an exchange and their content."""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import CALL, FUTURE, PUT, SPOT
from xlmargin.methods.span.file.model import SCENARIOS, Contracts
from xlmargin.methods.span.file.periods import day_of, period_of
from xlmargin.methods.span.file.xml_nodes import Malformed, Node, first_text, floats, nodes, number
from xlmargin.pricing.arrays import Floats

# Element of a product family -> (family, element of a contract in it). Source: the PC-SPAN 4.00 tree.
PORTFOLIOS = {
    "phyPf": ("PHY", "phy"),
    "equityPf": ("STOCK", "equity"),
    "futPf": ("FUT", "fut"),
    "cmbPf": ("CMB", "cmb"),
    "oofPf": ("OOF", "opt"),
    "oopPf": ("OOP", "opt"),
    "oocPf": ("OOC", "opt"),
    "ooePf": ("OOE", "opt"),
}
CONTRACTS = tuple(dict.fromkeys(element for _, element in PORTFOLIOS.values()))
OPTION_FIELDS = ("o", "k", "p", "d", "cvf")
RIGHTS = {"C": CALL, "P": PUT}
NOT_GIVEN = (math.nan,) * SCENARIOS


class _Series(NamedTuple):
    """The common properties of the options of one series; of all else, one contract."""

    portfolio: str
    product: str
    family: str
    period: str
    expiry: str
    future: tuple[str, str]
    value_factor: float
    price_range: float
    delta_scaling: float
    premium: bool


class Portfolios:
    """Collects the contracts of all exchanges of a file."""

    def __init__(self) -> None:
        self._series: list[_Series] = []
        self._exchanges: list[str] = []  # of each series, as far as their exchanges have ended
        self._links: dict[tuple[str, str], tuple[str, float]] = {}
        self._futures: dict[tuple[str, str], str] = {}  # period of each, by its portfolio and number in it
        self._which, self._kind = array("q"), array("q")
        self._strike, self._price, self._delta, self._factor, self._values = (array("d") for _ in range(5))

    def __len__(self) -> int:
        return len(self._which)

    def link(self, code: str, node: Node) -> None:
        """Note which portfolios a combined commodity takes in."""
        for link in nodes(node, "pfLink"):
            key = (first_text(link, "exch"), first_text(link, "pfId"))
            self._links.setdefault(key, (code, number(link, "sc")))

    def close_exchange(self, name: str) -> None:
        """Give all portfolios since the last exchange to this one."""
        self._exchanges += [name] * (len(self._series) - len(self._exchanges))

    def compact(self, node: Node) -> Node:
        """An option element with no more than is needed once its series ends: its fields, `array` and `composite`."""
        return {name: node[name] for name in OPTION_FIELDS if name in node} | _risk_array(node)

    def add(self, element: str, node: Node) -> None:
        """The contracts of one portfolio element.

        Raises:
            Malformed: a number or option right that cannot be
        """
        family, contract = PORTFOLIOS[element]
        if contract == "opt":
            for series in nodes(node, "series"):
                self._series.append(_series(family, node, series))
                for option in nodes(series, "opt"):
                    right = first_text(option, "o")
                    if right not in RIGHTS:
                        raise Malformed(f"o of an option must be C or P, not {right!r}; download the file again")
                    self._contract(RIGHTS[right], number(option, "k"), option)
        else:
            for item in nodes(node, contract):
                self._series.append(_series(family, node, item))
                if family == "FUT":
                    self._futures[first_text(node, "pfId"), first_text(item, "cId")] = self._series[-1].period
                self._contract(SPOT if family in ("PHY", "STOCK") else FUTURE, math.nan, item | _risk_array(item))

    def _contract(self, kind: int, strike: float, item: Node) -> None:
        """One contract of the series that came last."""
        composite = item["composite"][0]
        self._which.append(len(self._series) - 1)
        self._kind.append(kind)
        self._strike.append(strike)
        self._price.append(number(item, "p"))
        self._delta.append(number(item, "d") if math.isnan(composite) else composite)
        self._factor.append(number(item, "cvf", self._series[-1].value_factor))
        self._values.extend(item["array"][0])

    def contracts(self, codes: tuple[str, ...]) -> Contracts:
        """All contracts as columns."""
        self.close_exchange("")
        which = np.array(self._which)
        index = {code: n for n, code in enumerate(codes)}
        links = [self._linked(exchange, one) for exchange, one in zip(self._exchanges, self._series)]
        scaling = [
            next(factor for factor in (one.delta_scaling, linked, 1.0) if not math.isnan(factor))
            for one, (_, linked) in zip(self._series, links)
        ]

        def text(name: str) -> NDArray[np.str_]:
            values: NDArray[np.str_] = np.array([getattr(one, name) for one in self._series], np.str_)[which]
            return values

        def floating(name: str) -> Floats:
            values: Floats = np.array([getattr(one, name) for one in self._series], np.float64)[which]
            return values

        return Contracts(
            np.array(self._exchanges, np.str_)[which],
            text("product"),
            text("family"),
            np.array(self._kind),
            text("period"),
            np.array([self._futures.get(one.future) or one.period for one in self._series], np.str_)[which],
            text("expiry"),
            np.array(self._strike),
            np.array(self._price),
            np.array(self._factor),
            floating("price_range"),
            np.array(self._delta),
            np.array(scaling, np.float64)[which],
            floating("premium").astype(np.bool_),
            np.array(self._values).reshape(len(which), SCENARIOS),
            np.array([index.get(code, -1) for code, _ in links], np.int64)[which],
        )

    def _linked(self, exchange: str, one: _Series) -> tuple[str, float]:
        """Combined commodity and delta scaling of a portfolio; some files leave the exchange out of their links."""
        return self._links.get((exchange, one.portfolio)) or self._links.get(("", one.portfolio)) or ("", math.nan)


def _series(family: str, portfolio: Node, series: Node) -> _Series:
    """A series of options, or a single contract, in its portfolio."""
    scan = next(nodes(series, "scanRate"), {})
    period = period_of(first_text(series, "pe"))
    under = next(nodes(series, "undC"), {}) if family == "OOF" else {}
    return _Series(
        first_text(portfolio, "pfId"),
        first_text(portfolio, "pfCode"),
        family,
        period,
        day_of(first_text(series, "setlDate"), period),
        (first_text(under, "pfId"), first_text(under, "cId")),
        number(series, "cvf", number(portfolio, "cvf")),
        number(scan, "priceScan"),
        number(series, "sc"),
        family.startswith("OO") and first_text(portfolio, "valueMeth") in ("", "EQTY"),
    )


def _risk_array(node: Node) -> Node:
    """Risk array and composite delta of a contract element (`array`, `composite`); the first is of the core requirement."""
    first = next(nodes(node, "ra"), {})
    values = floats(first.get("a", []), "a")
    if values and len(values) != SCENARIOS:
        raise Malformed(f"a risk array must have {SCENARIOS} values, not {len(values)}; download the file again")
    return {"array": [values or NOT_GIVEN], "composite": [number(first, "d")]}
