"""The contract of a SPAN file that a position is in: by the day on which the file says that it expires."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from xlmargin.book.contracts import KIND_NAMES
from xlmargin.errors import MarginError
from xlmargin.methods.span.file.model import SpanFile

NEAREST = 3  # contracts that a message names


class Found(NamedTuple):
    """A contract of the file: its row, and how it was found where its expiry alone does not say."""

    row: int
    how: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Contracts of a file by name; building it costs a pass over them, finding one does not."""

    file: SpanFile
    by_product: dict[tuple[str, int, float], list[int]] = field(default_factory=dict)
    by_combined: dict[tuple[str, int, float], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        contracts, codes = self.file.contracts, tuple(self.file.combined)
        strikes = np.where(np.isnan(contracts.strike), 0.0, contracts.strike).tolist()
        columns = zip(contracts.product.tolist(), contracts.kind.tolist(), strikes, contracts.combined.tolist())
        for row, (product, kind, strike, combined) in enumerate(columns):
            self.by_product.setdefault((product, kind, strike), []).append(row)
            if combined >= 0:
                self.by_combined.setdefault((codes[combined], kind, strike), []).append(row)

    def find(self, code: str, kind: int, day: dt.date | None = None, strike: float = math.nan) -> Found:
        """One contract.

        The month in a contract's name is often not the month in which it expires, so the file's own expiry decides. Only a
        contract of which the file gives none, or several of one expiry, are told apart by the month.

        Args:
            code: product, or combined commodity where no product of that name has the contract
            kind: SPOT, FUTURE, CALL or PUT
            day: expiry, None of what has none
            strike: of options

        Raises:
            MarginError: the file has no such contract, or more than one
        """
        key = (code, kind, 0.0 if math.isnan(strike) else strike)
        of_name = [rows for rows in (self.by_product.get(key), self.by_combined.get(key)) if rows]
        for rows in of_name:
            found = self._among(code, rows, day)
            if found is not None:
                return found
        wanted = " ".join([code, KIND_NAMES[kind], "" if math.isnan(strike) else f"{strike:.15g}"]).strip()
        if not of_name or day is None:
            raise MarginError(f"{self.file.source} has no contract {wanted}: check the product, the expiry and the strike")
        raise MarginError(
            f"{self.file.source} has no contract {wanted} that expires on {day}: the nearest are "
            f"{self._nearest(sorted({row for rows in of_name for row in rows}), day)}; type the expiry of the one that is held"
        )

    def _among(self, code: str, rows: list[int], day: dt.date | None) -> Found | None:
        """The one of some contracts that expires on a day, None where none does."""
        expiries, periods = self.file.contracts.expiry, self.file.contracts.period
        if day is None:
            return self._only(code, [row for row in rows if not periods[row]], "")
        month = f"{day:%Y%m}"
        exact = [row for row in rows if expiries[row] == f"{day:%Y%m%d}"]
        if len(exact) > 1:
            exact = [row for row in exact if periods[row].startswith(month)] or exact
            return self._only(code, exact, "one of several of this expiry, told by its month")
        undated = [row for row in rows if not expiries[row] and periods[row].startswith(month)]
        return self._only(code, exact, "") or self._only(code, undated, "found by its month: the file gives no expiry of it")

    def _only(self, code: str, rows: list[int], how: str) -> Found | None:
        """The one contract that is left, None where there is none.

        Raises:
            MarginError: there are several
        """
        if len(rows) > 1:
            shown = ", ".join(map(self.describe, rows[:NEAREST]))
            raise MarginError(
                f"{self.file.source} has {len(rows)} contracts for {code} ({shown}{', …' if len(rows) > NEAREST else ''}): "
                "type the product's code of the file as the underlying, or the day on which the contract expires"
            )
        return Found(rows[0], how) if rows else None

    def _nearest(self, rows: list[int], day: dt.date) -> str:
        """The contracts that expire next to a day, in words."""
        contracts = self.file.contracts

        def apart(row: int) -> int:
            """Days between; of a contract without an expiry, roughly, from the middle of its month."""
            text = (str(contracts.expiry[row]) or str(contracts.period[row])[:6] + "15")[:8]
            try:
                return abs((dt.datetime.strptime(text, "%Y%m%d").date() - day).days)
            except ValueError:
                return day.toordinal()

        return ", ".join(map(self.describe, sorted(rows, key=apart)[:NEAREST]))

    def describe(self, row: int) -> str:
        """A contract as statements and messages name it: `NYM NG future 201810 (FUT), expiry 2018-09-26`."""
        contracts, expiry = self.file.contracts, str(self.file.contracts.expiry[row])
        name = f"{contracts.exchange[row]} {contracts.name(row)} ({contracts.family[row]})".strip()
        return f"{name}, expiry {expiry[:4]}-{expiry[4:6]}-{expiry[6:]}" if expiry else name
