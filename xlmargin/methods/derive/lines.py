"""The statement of one market under Derive's portfolio margin, down to the sheet row."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from xlmargin.book.contracts import SPOT
from xlmargin.margin.statement import TOTAL, Line, above, given, largest, less, not_modelled, parameter, times, total, worst
from xlmargin.margin.valuation import Case
from xlmargin.methods.derive.black import YEAR
from xlmargin.methods.derive.market import MEANT, MarketHoldings
from xlmargin.methods.derive.pmrm import V1Result
from xlmargin.pricing.arrays import Floats, Ints

DAYS_A_YEAR = 365.0


class Statement:
    """The lines of one market."""

    def __init__(self, market: MarketHoldings, case: Case) -> None:
        self.market, self.case, self.name = market, case, market.name
        self.found = market.result(case.scenarios)
        self.v1 = isinstance(self.found, V1Result)
        self.u = case.names.index(self.name)

    def parameter(self, label: str, name: str) -> Line:
        """A number of the rulebook as a line."""
        return parameter(self.case.rules, label, f"v1_{name}" if self.v1 else name, self.name)

    # ---- totals

    @cached_property
    def factor(self) -> Line:
        """The factor of the worst loss in initial margin."""
        plain = self.parameter("Initial factor", "im_factor")
        if not self.found.peg:
            return plain
        below = less(
            "Below the threshold",
            (self.parameter("Threshold", "peg_loss_threshold"), given("Stable coin", self.market.stable, "parameter stable_price")),
        )
        return total("Factor", (plain, times("Depeg", (below, self.parameter("Factor per unit", "peg_loss_factor")))))

    @cached_property
    def worst(self) -> Line:
        """The worst scenario, the forward contingency one of them."""
        return worst("Worst scenario", self.losses(), status=self.case.status(self.u))

    @cached_property
    def initial(self) -> Line:
        """Initial margin of this market; of a coin that is collateral alone its haircut."""
        if not self.market.own_market:
            return total(self.name, (above(self.collateral), self.collateral_initial))
        unsure = not_modelled("Low confidence", "every feed is taken as sure: the venue adds to initial margin where not")
        if self.v1:
            return total(self.name, (times("Loss", (self.v1_loss, self.factor)), unsure))
        loss = times("Scenario loss", (self.worst, self.factor))
        extras = (*(self.charge(*terms) for terms in self.charged("im")), self.collateral_initial)
        return total(self.name, (loss, *self.contingencies, *extras, unsure))

    @cached_property
    def maintenance(self) -> Line:
        """Maintenance margin of this market."""
        if not self.market.own_market:
            return total(f"{self.name} maintenance", (self.collateral,))
        if self.v1:
            return total(f"{self.name} maintenance", (above(self.v1_loss),))
        loss = times("Scenario loss", (above(self.worst), self.parameter("Maintenance factor", "mm_factor")))
        return total(f"{self.name} maintenance", (loss, *(above(line) for line in self.contingencies)))

    @cached_property
    def v1_loss(self) -> Line:
        """PMRM v1: the worst scenario and the static contingencies."""
        book = self.found.book
        coins = given("Coins at spot", np.abs(book.collateral).sum(axis=1) * book.spot, "amount × spot")
        perp, option = (self.charge(*terms) for terms in self.charged("mm"))
        return total("Worst loss", (self.worst, perp, option, times("Coins", (coins, self.parameter("Rate", "base")))))

    # ---- contingencies

    def charged(self, stage: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """Label and parameter of the contingencies of perpetuals and short options."""
        prefix, word = ("mm_", "") if stage == "mm" else ("im_extra_", ", initial")
        return (f"Perpetuals{word}", f"{prefix}perp"), (f"Short options{word}", f"{prefix}short_option")

    def charge(self, label: str, parameter: str) -> Line:
        """A contingency of perpetuals or short options: their size at spot × its rate."""
        if parameter.endswith("perp"):
            size = given("Perpetuals at spot", self.found.perps, "long and short alike × spot")
        else:
            size = times(
                "Short options at spot",
                (
                    given("Short options", self.found.naked, "per expiry and strike, less long ones, calls and puts alike"),
                    given("Spot", self.found.book.spot, "the market's"),
                ),
            )
        return times(label, (size, self.parameter("Rate", parameter)))

    def haircut(self, label: str, parameter: str) -> Line:
        """A contingency of the coin as collateral."""
        if not len(self.market.coins):
            return given(label, 0.0, "no coin is held")
        value = given("Coins", np.abs(self.found.collateral_values).sum(axis=1), "amount × spot, in stable coins")
        return times(label, (value, self.parameter("Haircut", parameter)))

    @cached_property
    def collateral(self) -> Line:
        """The contingency of the coin as collateral, of maintenance and initial margin alike."""
        return self.haircut("Collateral", "mm_haircut")

    @cached_property
    def collateral_initial(self) -> Line:
        """The addition of initial margin to it."""
        return self.haircut("Collateral, initial", "im_extra_haircut")

    @cached_property
    def contingencies(self) -> tuple[Line, ...]:
        """Contingencies of maintenance and initial margin alike."""
        return (*(self.charge(*terms) for terms in self.charged("mm")), self.collateral)

    # ---- scenarios

    def losses(self) -> list[Line]:
        """The loss in each scenario that this market has, down to the sheet row."""
        scenarios = self.case.scenarios
        labels = [f"Scenario {name}: {text}" for name, text in zip(scenarios.names, scenarios.descriptions)]
        lines = [
            Line(labels[s], 0.0 - self.found.pnl[:, s], TOTAL, lambda a, s=s: self.scenario(s, a), below="")  # type: ignore[misc]
            for s in np.flatnonzero(scenarios.weight[:-1, self.u]).tolist()
        ]
        return [*lines, Line(labels[-1], 0.0 - self.found.basis, TOTAL, self.basis)]

    def rows(self, a: int, instruments: Ints) -> list[int]:
        """Position rows of one account in some instruments."""
        book = self.case.book
        return np.flatnonzero((book.account == a) & ~book.order & np.isin(book.instrument, instruments)).tolist()

    def scenario(self, s: int, a: int) -> tuple[Line, ...]:
        """The loss of one account in one scenario: its perpetuals and coins row by row, its options by expiry."""
        moves, held, lines = self.found.moves, self.case.held, []
        for p in self.rows(a, np.concatenate([self.market.perps, self.market.coins])):
            k = int(self.case.book.instrument[p])
            coin = held.kind[k] == SPOT
            lines.append(
                self.row(
                    p,
                    float(held.spot[k]) / self.market.stable if coin else float(held.forward[k]),
                    "spot in stable coins" if coin else "price",
                    given("Share lost", (1.0 - moves.spot[s]) * moves.weight[s], "− price move × weight"),
                )
            )
        return (*lines, *(self.expiry(s, a, e) for e in self.held(a)))

    def held(self, a: int) -> list[int]:
        """Expiries in which an account has rows."""
        return [e for e, mine in enumerate(self.found.book.members) if self.rows(a, self.market.options[mine])]

    def row(self, p: int, value: float, how: str, *more: Line) -> Line:
        """Quantity × value per unit of one sheet row."""
        place = f"positions row {self.case.book.row[p]}"
        return times(
            f"Row {self.case.book.row[p]}: {self.case.book.names[p]}",
            (
                given("Quantity", self.case.book.units[p], "units of the underlying", source=place),
                given("Value per unit", value, how, source=place),
                *more,
            ),
            source=place,
        )

    def valued(self, label: str, a: int, e: int, values: Floats, how: str) -> Line:
        """The options of one account and expiry at values per unit (K,)."""
        mine = self.found.book.members[e]
        where = {int(k): float(values[i]) for k, i in zip(self.market.options[mine], mine)}
        return total(label, [self.row(p, where[int(self.case.book.instrument[p])], how) for p in self.rows(a, self.market.options[mine])])

    def expiry_name(self, e: int) -> str:
        """An expiry in days."""
        return f"Expiry in {self.found.book.seconds[e] / YEAR * DAYS_A_YEAR:.6g} days"

    def expiry(self, s: int, a: int, e: int) -> Line:
        """The loss of the options of one account and expiry in one scenario."""
        found, skew = self.found, bool(self.found.is_skew[s])
        now = self.valued("At mark", a, e, found.marks, "Black-76 at the mark vol")
        after = times(
            "After the scenario",
            (
                self.valued("Value", a, e, found.units[:, s], f"Black-76, {MEANT[found.moves.vol[s]]}"),
                given("Discount", found.factors[a, s, e], "pos_ parameters of a positive value, neg_ of a negative one"),
            ),
        )
        loss = less("Loss", (now, after))
        if skew:
            loss = largest("Loss either way", (loss, less("Gain", (above(after), above(now)))))
        return times(self.expiry_name(e), (loss, given("Weight", found.moves.weight[s], "of the scenario")))

    def basis(self, a: int) -> tuple[Line, ...]:
        """The forward contingency of one account, expiry by expiry."""
        found, lines = self.found, []
        for e in self.held(a):
            now = self.valued("At mark", a, e, found.marks, "Black-76 at the mark vol")
            up, down = (
                self.valued("Value", a, e, found.basis_units[:, n], f"Black-76, forward × {move:.6g}")
                for n, move in enumerate((found.terms.spot_up, found.terms.spot_down))
            )
            loss = worst("Loss", (less("Forward up", (now, up)), less("Forward down", (now, down))))
            rate = total(
                "Share that counts",
                (
                    self.parameter("Fixed", "add_factor"),
                    times("By time", (self.parameter("Per year", "mult_factor"), given("Years", float(found.years[e]), "to expiry"))),
                ),
            )
            lines.append(times(self.expiry_name(e), (loss, rate)))
        return tuple(lines)
