"""A venue's own initial and maintenance margin of an account, as the venue gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from xlmargin.venues.quotes import VenueAnswer


class Theirs(NamedTuple):
    """The requirement of a venue for an account.

    Attributes:
        venue: lower case
        account: the venue's name of it, "" where the answer has none
        currency: of the amounts
        initial, maintenance: required, +
        time: seconds since 1970 UTC, NaN where the answer does not say
        method: ours that models it
        lines: its parts that the venue gives, by the path that our statement has for them, in the order of the calculation
    """

    venue: str
    account: str
    currency: str
    initial: float
    maintenance: float
    time: float
    method: str
    lines: Mapping[str, float] = {}

    @classmethod
    def of(cls, row: Any, initial: str, maintenance: str, **told: Any) -> Theirs:
        """The margins that a row of an account answer has under two keys.

        Args:
            told: the other attributes; without an account where the answer has none

        Raises:
            VenueError: one is missing, blank or no number
        """
        return cls(initial=signed_number(row, initial), maintenance=signed_number(row, maintenance), **{"account": "", **told})


def signed_number(row: Any, key: str) -> float:
    """A number of an account answer, written as a number or as text.

    Raises:
        VenueError: it is missing, blank or no number
    """
    return VenueAnswer(row).number(key)
