"""The position builder's answer for one option, whose greeks tell the forward and the vol that it does not print."""

from __future__ import annotations

import math

import numpy as np

from xlmargin.methods import rules_of
from xlmargin.methods.json_shape import Node
from xlmargin.pricing.arrays import Floats
from xlmargin.venues.outcome import Comparison, nearest_to

SAME = 5e-6  # of a greek: they are some seconds older than the answer, and gamma and vega hang on the time that is left
REQUIREMENTS = ("mr1", "mr2", "mr3", "mr4", "mr5", "mr6", "mr7")


def option_answer(data: Node, compared: Comparison) -> None:
    """The sums of an answer, and the gamma and vega that its delta and theta imply.

    Args:
        data: `inputs` with instId, pos, ctMult, ts_ms and days; `answer` as the venue sent it, in coin
    """
    given, answer = data.node("inputs"), data.node("answer")
    part = {key: answer.number(key) for key in REQUIREMENTS}
    risk = max(part["mr1"], part["mr2"], part["mr6"]) + part["mr3"] + part["mr4"] + part["mr5"]
    ratio = rules_of("OKX", given.number("ts_ms") / 1000.0).number("imr_ratio")
    compared.number("mmr", max(risk, part["mr7"]), answer.number("mmr"))
    compared.number("imr", ratio * answer.number("mmr"), answer.number("imr"))
    _greeks(given, answer, compared)
    compared.note("mr1, mr6 and mr7 are taken as printed: the shocks of 2022 are not known")


def _greeks(given: Node, answer: Node, compared: Comparison) -> None:
    """Compare gamma and vega at the forward and the vol that give the printed delta and theta; and tell of MR2."""
    *_, strike, kind = given.text("instId").split("-")
    units, years = given.number("pos") * given.number("ctMult"), given.number("days") / 365.0
    theirs = np.array([answer.number(key) for key in ("delta", "theta")])
    start = answer.number("notionalUsd") / abs(units)

    def ours(at: Floats) -> Floats:
        return units * _in_coin(float(at[0]), float(at[1]), float(strike), years, kind == "C")[:2]

    forward, vol = nearest_to(ours, theirs, np.array([start, 0.8]))
    *_, gamma, vega, price = (units * _in_coin(forward, vol, float(strike), years, kind == "C")).tolist()
    compared.relative = SAME
    compared.number("gamma", gamma, answer.number("gamma"))
    compared.number("vega", vega, answer.number("vega"))
    later = units * _in_coin(forward, vol, float(strike), years - 1.0 / 365.0, kind == "C")[4]
    compared.note(
        f"mr2 {answer.number('mr2'):.6g} is not compared: a day changes the value by {later - price:+.6g}, and its rule is not known"
    )


def _in_coin(forward: float, vol: float, strike: float, years: float, call: bool) -> Floats:
    """Delta, theta a day, gamma, vega a point and price of one long option in coin, as OKX adjusts them by its price (5,)."""
    from xlmargin.pricing import black

    total = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / total + 0.5 * total
    density = math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    price = float(black.price(call, forward, strike, years, vol)) / forward
    delta = float(black.black_delta(call, forward, strike, years, vol)) - price
    gamma = density / total - 2.0 * delta  # forward² × the second derivative of price / forward
    return np.array([delta, -density * vol / (2.0 * math.sqrt(years)) / 365.0, gamma, density * math.sqrt(years) / 100.0, price])
