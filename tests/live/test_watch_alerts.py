"""An alert is raised once per crossing, stands while the account hovers at its threshold, and is ready again well below it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watch_help import reference

from xlmargin.desk.account import standing
from xlmargin.live.watch import AlertBasis, Levels, step, watch_rules

LEVELS = Levels(0.8, 0.05, 60.0)
MARGINS = st.floats(0.0, 2_000.0)
READINGS = st.lists(
    st.tuples(
        st.floats(-500.0, 3_000.0) | st.sampled_from([0.0, 1_000.0, 1_250.0]),
        MARGINS | st.sampled_from([0.0, 1_000.0]),
        MARGINS,
        st.floats(0.0, 120.0),
        st.booleans(),
    ),
    max_size=40,
)


def _path(usages: list[float], equity: float = 1_000.0) -> list[tuple[str, ...]]:
    """The alerts of an account whose usage takes these values, maintenance at 80 % of initial, by reading."""
    raised: frozenset[str] = frozenset()
    found = []
    for usage in usages:
        now = standing(equity, usage * equity, 0.8 * usage * equity, LEVELS.warning_usage)
        raised, new = step(raised, AlertBasis(now.equity, now.initial, now.maintenance, now.status), 0.0, LEVELS)
        found.append(new)
    return found


def test_hovering_at_a_threshold_is_one_alert() -> None:
    """Between the threshold and 0.05 below it nothing is repeated; from there on the next crossing counts."""
    assert _path([0.79, 0.80, 0.79, 0.81, 0.76, 0.80, 0.75, 0.80]) == [(), ("warning",), (), (), (), (), (), ("warning",)]


def test_a_jump_crosses_every_threshold_on_its_way() -> None:
    """From nothing to beyond maintenance: all three, the gravest first; on the way back each is ready below its own."""
    assert _path([0.1, 1.3, 1.22, 1.26, 0.94, 1.01, 1.3]) == [
        (),
        ("liquidation", "margin call", "warning"),
        (),
        (),
        (),
        ("margin call",),
        ("liquidation",),
    ]


def test_no_numbers_leave_the_alerts_of_the_margin_as_they_are() -> None:
    """A reading that failed neither raises nor readies them; stale data are told by their age alone, once."""
    raised, new = step({"warning"}, None, 59.9, LEVELS)
    assert (raised, new) == ({"warning"}, ())
    raised, new = step(raised, None, 60.0, LEVELS)
    assert (raised, new) == ({"warning", "stale"}, ("stale",))
    assert step(raised, None, 61.0, LEVELS)[1] == ()
    raised, _ = step(raised, None, 0.0, LEVELS)
    assert step(raised, None, 60.0, LEVELS)[1] == ("stale",)


@given(READINGS)
def test_any_path_raises_what_a_plain_automaton_raises(path: list[Any]) -> None:
    """Whatever equity, margins and age do, also where maintenance is above initial or equity is gone."""
    raised: frozenset[str] = frozenset()
    seen, readings = [], []
    for n, (equity, initial, maintenance, age, known) in enumerate(path):
        now = standing(equity, initial, maintenance, LEVELS.warning_usage)
        readings.append((n, equity, initial, maintenance, now.status, age) if known else (n, None, None, None, None, age))
        before = raised
        raised, new = step(raised, AlertBasis(equity, initial, maintenance, now.status) if known else None, age, LEVELS)
        assert set(new) == raised - before
        seen += [(n, kind) for kind in new]
    assert sorted(seen) == reference(readings, *LEVELS)


@pytest.mark.parametrize(("name", "value"), [("rearm_below", 0.05), ("stale_after", 60.0)])
def test_the_defaults_stand_in_the_parameter_file(name: str, value: float) -> None:
    """Each with its unit and its reason; values as the README says."""
    known = watch_rules(0.0).get(name)
    assert known.value == value
    assert known.unit
    assert "desk's own" in known.source
