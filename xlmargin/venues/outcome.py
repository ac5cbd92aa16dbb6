"""Our numbers against a venue's: the tolerance, the first that differs, and the message on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.pricing.arrays import Floats

TIGHT = 1e-15  # tolerance of a fit: as near as doubles allow
RELATIVE, ABSOLUTE = 1e-12, 1e-14  # bounds of the rounding of double-precision sums


class Outcome(NamedTuple):
    """One case: its name, whether every number matches, and a message with the first that does not."""

    name: str
    matches: bool
    text: str


def allowed(ours: float, theirs: float, relative: float, absolute: float = 0.0) -> float:
    """The allowed difference of two numbers: a share of the larger, and an absolute amount added to it near 0."""
    return absolute + relative * max(abs(ours), abs(theirs))


def differ(ours: float, theirs: float, relative: float, absolute: float = 0.0) -> bool:
    """Whether two numbers differ by more than is allowed; a value that is no number differs from everything."""
    return not abs(ours - theirs) <= allowed(ours, theirs, relative, absolute)


class Comparison:
    """Our numbers of one case against a venue's, one by one.

    Attributes:
        relative: tolerance as a share of the larger number
        absolute: amount added to it
        shown: format of numbers in messages
    """

    def __init__(self, name: str) -> None:
        self.name, self.relative, self.absolute, self.shown = name, RELATIVE, ABSOLUTE, ".12g"
        self._count, self._off, self._notes = 0, list[str](), list[str]()

    def number(self, label: str, ours: float, theirs: float, absolute: float | None = None) -> None:
        """Compare one number.

        Args:
            absolute: tolerance of this number where it is another than that of the case
        """
        extra = self.absolute if absolute is None else absolute
        text = f"{label}: ours {ours:{self.shown}}, theirs {theirs:{self.shown}}"
        self._add(
            f"{text} (tolerance {allowed(ours, theirs, self.relative, extra):.3g})" if differ(ours, theirs, self.relative, extra) else ""
        )

    def word(self, label: str, ours: str, theirs: str) -> None:
        """Compare one word."""
        self._add(f"{label}: ours {ours}, theirs {theirs}" if ours != theirs else "")

    def fail(self, text: str) -> None:
        """Something that could not be compared, for which the case does not match."""
        self._add(text)

    def _add(self, off: str) -> None:
        self._count += 1
        if off:
            self._off.append(off)

    def note(self, text: str) -> None:
        """Note a part of the case that was not compared; the same once."""
        if text not in self._notes:
            self._notes.append(text)

    def outcome(self) -> Outcome:
        """The case as one line: the first number that differs, or the count of matches, and the parts left out."""
        told = [f"{self._count} numbers match{self._within}", *self._notes]
        if self._off:
            more = [f"{len(self._off) - 1} more of {self._count} differ"] if len(self._off) > 1 else []
            told = [self._off[0], *more, *self._notes]
        return Outcome(self.name, not self._off, "; ".join(told))

    @property
    def _within(self) -> str:
        """The tolerance where it is wider than rounding."""
        widest = self.relative or self.absolute
        return f" within {widest:g}" if widest > RELATIVE else ""


def outcome_of(name: str, compare: Callable[[Comparison], None]) -> Outcome:
    """The outcome of a case, whatever is wrong with it."""
    compared = Comparison(name)
    try:
        compare(compared)
    except MarginError as error:
        compared.fail(f"cannot be recomputed: {error}")
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # raised by a calculation on numbers far from any market
        compared.fail(f"cannot be recomputed: {type(error).__name__}: {error}")
    return compared.outcome()


def nearest_to(ours: Callable[[Floats], Floats], theirs: Floats, start: Floats) -> tuple[float, ...]:
    """The unprinted numbers, each positive, at which ours are nearest to a venue's in the sense of least squares.

    Args:
        ours: our numbers (N,) at unprinted ones (M,)
        theirs: the venue's numbers (N,)
        start: where the search begins (M,)
    """
    from scipy.optimize import least_squares  # late: most answers print all that they rest on

    size = float(np.abs(theirs).max(initial=0.0)) or 1.0

    def apart(at: Floats) -> Floats:
        return (ours(at) - theirs) / size

    found = least_squares(apart, start, "3-point", (start * 1e-2, start * 1e2), x_scale=start, ftol=TIGHT, xtol=TIGHT, gtol=TIGHT)
    return tuple(found.x.tolist())
