"""Risk arrays by the version of what they follow from: the same instruments under the same scenarios are not valued again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from xlmargin.book.book import Instruments
from xlmargin.margin.parameters import Rules
from xlmargin.memory import Recent, fixed
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.scenarios import Scenarios

ARRAYS = 32
MOST_BYTES = 512_000_000

_arrays: Recent[Floats] = Recent(ARRAYS, MOST_BYTES, lambda array: array.nbytes)


def version_of(how: Any, instruments: Instruments, scenarios: Scenarios, value: Callable[[], Floats]) -> Floats:
    """The risk array of instruments under scenarios, valued only where either has changed.

    Args:
        how: whatever else the array follows from, such as the rulebook
        instruments: K instruments with their market and their time to expiry
        scenarios: S scenarios
        value: values them, (K, S)

    Returns:
        (K, S), gains positive, which cannot be written to
    """
    key = signature(how), signature(instruments), signature(scenarios)
    found = _arrays.get(key)
    return _arrays.put(key, fixed(value())) if found is None else found


def signature(thing: Any) -> Hashable:
    """Everything that a value is made of, equal only for values that are equal bit by bit and type by type.

    Args:
        thing: arrays, dataclasses, tuples, mappings, texts and numbers, nested in any way

    Raises:
        TypeError: it holds something else, of which nobody knows here what it is made of
    """
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, Rules):  # its values; where each of them comes from changes no number
        return (
            Rules,
            thing.meta.name,
            *(tuple((key, signature(held.value)) for key, held in source.items()) for source in (thing.parameters, thing.given)),
        )
    if is_dataclass(thing) and not isinstance(thing, type):
        return type(thing), tuple(signature(getattr(thing, field.name)) for field in fields(thing))
    if isinstance(thing, tuple):
        return tuple, tuple(map(signature, thing))
    if thing is None or type(thing) in (str, int, bool, bytes):
        return type(thing), thing
    if type(thing) is float:
        return float, thing.hex()
    raise TypeError(f"no signature of a {type(thing).__name__}")
