"""Value at risk and expected shortfall: the quantile convention, full revaluation, filters, floors, parts that add up."""

from __future__ import annotations

import datetime as dt
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from udfs import PM_COMPARE, PM_ES, PM_EXPLAIN, PM_LINE, PM_MARGIN, PM_RISK_ARRAY, PM_SCENARIOS, PM_VAR
from xlmargin.scenarios.tails import components, ewma_vols, tail_count, tail_value, worst_window
from xlmargin.sheet.ranges.history import read_history

Rows = list[list[Any]]

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
MARKET = [["Underlying", "Spot"], ["BTC", 100_000.0], ["ETH", 3_000.0]]
BOOK = [
    HEADER,
    ["BTC", "call", 105_000.0, 20.0, -2.0, 0.50],
    ["BTC", "put", 90_000.0, 60.0, 1.0, 0.55],
    ["ETH", "put", 2_800.0, 30.0, -10.0, 0.70],
    ["ETH", "perp", None, None, 5.0, None],
]
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
ONE_COIN = [HEADER, ["BTC", "spot", None, None, 1.0, None]]


def dated(heads: list[str], columns: Any) -> Rows:
    """A history range, a day per row up to 2025-12-31."""
    rows = [list(map(float, row)) for row in columns]
    last = dt.date(2025, 12, 31)
    return [["Date", *heads], *([(last - dt.timedelta(len(rows) - 1 - n)).isoformat(), *row] for n, row in enumerate(rows))]


def walk(returns: Any, heads: list[str] | None = None) -> Rows:
    """A history with these returns, (N, U)."""
    returns = np.atleast_2d(returns)
    closes = 100.0 * np.vstack([np.ones(returns.shape[1]), np.cumprod(1.0 + returns, axis=0)])
    return dated(heads or ["BTC", "ETH"][: returns.shape[1]], closes)


RANDOM = np.random.default_rng(7).standard_t(4, (300, 2)) * (0.02, 0.03)
HISTORY = walk(RANDOM)


def losses_1_to_500() -> Rows:
    """A history that moves one coin at 100,000 by losses of 1 to 500, in a jumbled order."""
    order = np.random.default_rng(3).permutation(500) + 1.0
    return walk(-order[:, None] / 100_000.0)


@pytest.mark.parametrize(
    ("function", "confidence", "expected"),
    [(PM_VAR, 0.99, 496.0), (PM_ES, 0.99, 498.0), (PM_ES, 0.992, 498.5), (PM_VAR, 0.95, 476.0), (PM_VAR, 0.998, 500.0)],
)
def test_order_statistics(function: Any, confidence: float, expected: float) -> None:
    """Of losses 1..500 the 5th worst is 496, the mean of 5 is 498, of 4 is 498.5 (worked-examples VAR)."""
    assert function(ONE_COIN, losses_1_to_500(), confidence, None, MARKET) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("count", "confidence", "tail"),
    [(500, 0.99, 5), (100, 0.99, 1), (29, 0.99, 1), (1000, 0.975, 25), (250, 0.99, 2), (10, 0.9, 1), (199, 0.99, 1), (200, 0.99, 2)],
)
def test_tail_count(count: int, confidence: float, tail: int) -> None:
    """K = max(1, floor(n (1 − α) + 1e-9)): whole numbers are not lost to rounding (methodologies section 4)."""
    assert tail_count(count, confidence) == tail


@pytest.mark.parametrize(("confidence", "mean", "expected"), [(0.99, False, 2.3263), (0.975, True, 2.3378), (0.99, True, 2.6652)])
def test_normal_tail(confidence: float, mean: bool, expected: float) -> None:
    """Of evenly spread normal losses: VaR99 2.3263, ES97.5 2.3378, ES99 2.6652 (worked-examples VAR)."""
    losses = ndtri((np.arange(400_000) + 0.5) / 400_000)
    assert float(tail_value(losses, tail_count(len(losses), confidence), mean=mean)) == pytest.approx(expected, abs=1e-4)


def test_linear_book_in_closed_form() -> None:
    """Spot and perpetuals: the k-th worst of the quantities times prices times returns."""
    book = [HEADER, ["BTC", "spot", None, None, 1.5, None], ["ETH", "perp", None, None, -20.0, None]]
    losses = np.sort(-(1.5 * 100_000.0 * RANDOM[:, 0] - 20.0 * 3_000.0 * RANDOM[:, 1]))[::-1]
    assert PM_VAR(book, HISTORY, 0.99, None, MARKET) == pytest.approx(losses[2], rel=1e-9)
    assert PM_ES(book, HISTORY, 0.95, None, MARKET) == pytest.approx(losses[:15].mean(), rel=1e-9)


def black(call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Black-76 by the error function, one option."""
    if years <= 0.0 or vol <= 0.0:
        return max(0.0, forward - strike if call else strike - forward)
    root = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / root + root / 2.0
    normal = [0.5 * math.erfc(-d / math.sqrt(2.0)) for d in (d1, d1 - root)]
    value = forward * normal[0] - strike * normal[1]
    return value if call else value - forward + strike


def slow_losses(moves: Any, vol_moves: Any, days: float) -> list[float]:
    """Losses of BOOK, option by option and day by day."""
    spots = {"BTC": 100_000.0, "ETH": 3_000.0}
    result = []
    for price, vol in zip(moves, vol_moves):
        loss = 0.0
        for coin, kind, strike, dte, quantity, iv in BOOK[1:]:
            u = ["BTC", "ETH"].index(coin)
            after = spots[coin] * (1.0 + price[u])
            if kind == "perp":
                loss -= quantity * (after - spots[coin])
                continue
            left = max(0.0, dte - days) / 365.0
            loss -= quantity * (
                black(kind == "call", after, strike, left, iv * (1.0 + vol[u]))
                - black(kind == "call", spots[coin], strike, dte / 365.0, iv)
            )
        result.append(loss)
    return sorted(result, reverse=True)


NO_VOL = np.zeros_like(RANDOM)


def test_slow_loop_agrees() -> None:
    """Full revaluation with a day's decay equals a loop over days and positions that shares no code."""
    losses = slow_losses(RANDOM, NO_VOL, 1.0)
    assert PM_VAR(BOOK, HISTORY, None, None, MARKET) == pytest.approx(losses[2], rel=1e-9)
    assert PM_ES(BOOK, HISTORY, None, None, MARKET) == pytest.approx(sum(losses[:3]) / 3, rel=1e-9)


def test_slow_loop_agrees_on_vols() -> None:
    """Vol columns move each underlying's vols by their own relative change, together with its price."""
    vols = 0.5 * np.cumprod(1.0 + np.vstack([np.zeros(2), np.clip(-1.5 * RANDOM, -0.3, 0.3)]), axis=0)
    rows = [[*row, *map(float, vol)] for row, vol in zip(HISTORY[1:], vols)]
    losses = slow_losses(RANDOM, vols[1:] / vols[:-1] - 1.0, 1.0)
    answer = PM_VAR(BOOK, [["Date", "BTC", "ETH", "BTC IV", "eth iv %"], *rows], None, None, MARKET)
    assert answer == pytest.approx(losses[2], rel=1e-9)


def test_vols_move_by_tenor() -> None:
    """Between two tenors the move runs with the log of the days; beyond them it is that of the nearest."""
    history = dated(["BTC", "BTC IV 7", "BTC IV 30", "BTC IV 90d"], [[100, 0.5, 0.5, 0.5], [100, 0.9, 0.7, 0.6], [100, 0.9, 0.7, 0.6]])
    between = (math.log(20.0) - math.log(7.0)) / (math.log(30.0) - math.log(7.0))
    for days, move in ((3.0, 0.8), (7.0, 0.8), (20.0, 0.8 + between * (0.4 - 0.8)), (30.0, 0.4), (90.0, 0.2), (400.0, 0.2)):
        loss = black(True, 100_000.0, 100_000.0, (days - 1) / 365, 0.5 * (1 + move)) - black(True, 100_000.0, 100_000.0, days / 365, 0.5)
        short = [HEADER, ["BTC", "call", 100_000.0, days, -1.0, 0.5]]
        assert PM_VAR(short, history, 0.5, None, MARKET) == pytest.approx(loss, rel=1e-9)
        if days >= 30.0:  # the expansion knows no product of vega and time
            quick = PM_VAR(short, history, 0.5, None, MARKET, [["valuation", "delta_gamma"]])
            assert quick == pytest.approx(loss, rel=0.05)


@pytest.mark.parametrize("log", [False, True])
def test_filter_rescales_to_the_vol_of_today(log: bool) -> None:
    """Returns are multiplied by tomorrow's EWMA vol over that of their own day (Hull and White 1998)."""
    decay, seen = 0.94, np.log1p(RANDOM[:, 0]) if log else RANDOM[:, 0]
    variance = [float(np.mean(seen**2))]
    for value in seen:
        variance.append(decay * variance[-1] + (1.0 - decay) * float(value) ** 2)
    scaled = [float(value) * math.sqrt(variance[-1] / before) for value, before in zip(seen, variance)]
    moves = [math.expm1(value) if log else value for value in scaled]
    answer = PM_VAR(ONE_COIN, HISTORY, None, None, MARKET, [["decay", decay], ["returns", "log" if log else "relative"]])
    assert answer == pytest.approx(sorted(-100_000.0 * move for move in moves)[-3], rel=1e-9)


def test_filter_of_a_quiet_past_is_quiet() -> None:
    """A history whose returns are all of one size is left as it is by any filter, and a flat one stays flat."""
    sign = np.where(np.arange(100) % 3, 1.0, -1.0)[:, None] * 0.01
    assert ewma_vols(sign, 0.97) == pytest.approx(0.01)
    assert PM_VAR(ONE_COIN, walk(np.zeros((100, 1))), None, None, MARKET, [["decay", 0.97]]) == 0.0


def test_horizons() -> None:
    """Overlapping moves compound rows; the square root scales one-day moves; both let as many days pass."""
    closes = np.array([row[1] for row in HISTORY[1:]])
    weekly = np.sort(1.0 - closes[5:] / closes[:-5])[::-1]
    assert PM_VAR(ONE_COIN, HISTORY, 0.99, 5, MARKET) == pytest.approx(100_000.0 * weekly[1], rel=1e-9)
    root = [["horizon_method", "square_root"]]
    assert PM_VAR(ONE_COIN, HISTORY, 0.99, 4, MARKET, root) == pytest.approx(2.0 * PM_VAR(ONE_COIN, HISTORY, 0.99, 1, MARKET), rel=1e-9)
    losses = slow_losses(np.maximum(RANDOM * 2.0, -1.0), NO_VOL, 4.0)
    assert PM_VAR(BOOK, HISTORY, 0.99, 4, MARKET, root) == pytest.approx(losses[2], rel=1e-9)
    assert PM_VAR(ONE_COIN, HISTORY, 0.99, 2.5, MARKET) == (
        "#PM! horizon_days 2.5 is no whole number of days, which overlapping moves need: set horizon_method to square_root"
    )


def test_article_28_options() -> None:
    """Buffer × 1.25, a quarter on the worst window in a row, a floor by the long past (Regulation (EU) 153/2013)."""
    losses = -100_000.0 * RANDOM[:, 0]
    recent = np.sort(losses[-100:])[-1]
    window = max(float(np.sort(losses[n : n + 50])[-1]) for n in range(251))
    base = [["lookback", 100]]
    assert PM_VAR(ONE_COIN, HISTORY, None, None, MARKET, base) == pytest.approx(recent, rel=1e-9)
    assert PM_VAR(ONE_COIN, HISTORY, None, None, MARKET, [*base, ["buffer", 0.25]]) == pytest.approx(1.25 * recent)
    assert PM_VAR(ONE_COIN, HISTORY, None, None, MARKET, [*base, ["stress_weight", 0.25], ["stress_days", 50]]) == (
        pytest.approx(0.75 * recent + 0.25 * window, rel=1e-9)
    )
    long = float(np.sort(losses)[-3])
    for last in (100, 150, 199):
        mine = [["lookback", last], ["floor_years", 10]]
        expected = max(float(losses[-last:].max()), long)
        assert PM_VAR(ONE_COIN, HISTORY, None, None, MARKET, mine) == pytest.approx(expected, rel=1e-9)
    half = [["lookback", 100], ["floor_years", 0.5]]
    assert PM_VAR(ONE_COIN, HISTORY, None, None, MARKET, half) == pytest.approx(
        max(float(losses[-100:].max()), float(losses[-183:].max())), rel=1e-9
    )
    tail = worst_window(losses[None], 50, 0.99, mean=True)[0]
    assert losses[tail : tail + 50].max() == window


def test_components_add_up() -> None:
    """Component VaR and component ES add up to the measure; incremental is the measure less that without the row."""
    for method, function in (("VAR", PM_VAR), ("ES", PM_ES)):
        statement = PM_EXPLAIN(BOOK, MARKET, method, None, HISTORY)
        at = next(n for n, row in enumerate(statement) if row[1] == "Components")
        parts = [row for row in statement[at + 1 : at + 5] if row[0] == 1.0]
        assert sum(row[2] for row in parts) == pytest.approx(function(BOOK, HISTORY, None, None, MARKET), rel=1e-9)
        without = function([BOOK[0], *BOOK[2:]], HISTORY, None, None, MARKET)
        told = f"incremental {function(BOOK, HISTORY, None, None, MARKET) - without:,.2f}"
        assert told in parts[0][3]
    losses = np.random.default_rng(1).standard_normal((5, 400))
    found = components(losses, 0.99, mean=False)
    assert found.component.sum() == pytest.approx(np.sort(losses.sum(axis=0))[-4])
    assert found.standalone[2] == pytest.approx(np.sort(losses[2])[-4])


def test_worst_days_are_told_with_their_dates() -> None:
    """A trader asks which day: the worst ones stand in the statement, the worst first."""
    statement = PM_EXPLAIN(ONE_COIN, MARKET, "VAR", [["worst_days", 3]], HISTORY)
    at = next(n for n, row in enumerate(statement) if row[1] == "Worst days")
    days = statement[at + 1 : at + 4]
    worst = np.argsort(RANDOM[:, 0])[:3]
    assert [row[1].split(":")[0] for row in days] == [HISTORY[int(n) + 2][0] for n in worst]
    assert [row[2] for row in days] == pytest.approx((-100_000.0 * RANDOM[worst, 0]).tolist())
    array = PM_RISK_ARRAY(ONE_COIN, MARKET, "VAR", None, HISTORY)
    assert array[int(worst[0]) + 1][0] == days[0][1].split(":")[0]
    assert len(array) == 301


def test_es_is_at_least_var() -> None:
    """The mean of the tail is at least its smallest loss, and a book that cannot lose needs nothing."""
    for confidence in (0.9, 0.95, 0.99):
        assert PM_ES(BOOK, HISTORY, confidence, None, MARKET) >= PM_VAR(BOOK, HISTORY, confidence, None, MARKET) > 0.0
    assert PM_VAR(ONE_COIN, walk(np.full((100, 1), 0.01)), None, None, MARKET) == 0.0
    assert PM_ES(ONE_COIN, walk(np.full((100, 1), 0.01)), None, None, MARKET) == 0.0


def test_monte_carlo_is_seeded_and_near_the_closed_form() -> None:
    """Drawn moves are the same for the same seed; one coin's VaR is the lognormal quantile of its vol."""
    asked = [["approach", "monte_carlo"], ["vol", 0.6], ["trials", 100_000]]
    answer = PM_MARGIN(ONE_COIN, MARKET, "VAR", asked)
    spread = 0.6 / math.sqrt(365.0)
    exact = -100_000.0 * math.expm1(-2.326348 * spread - 0.5 * spread**2)
    assert answer == pytest.approx(exact, rel=0.02)
    assert PM_VAR(ONE_COIN, None, None, None, MARKET, asked) == answer
    assert PM_VAR(ONE_COIN, None, None, None, MARKET, [*asked, ["seed", 2]]) not in (answer, None)


def test_drawn_moves_take_the_vols_of_the_book_and_the_correlation_of_the_past() -> None:
    """Without a given vol, that of the option nearest the money; correlations come from a history where there is one."""
    asked = [["approach", "monte_carlo"], ["trials", 20_000]]
    array = PM_RISK_ARRAY(BOOK, MARKET, "VAR", asked)
    assert len(array) == 20_001
    full = PM_MARGIN(BOOK, MARKET, "VAR", asked)
    assert full == pytest.approx(PM_MARGIN(BOOK, MARKET, "VAR", [*asked, ["BTC.vol", 0.50], ["ETH.vol", 0.70]]), rel=1e-9)
    assert PM_MARGIN(BOOK, MARKET, "VAR", asked, HISTORY) != full
    assert PM_MARGIN(BOOK, MARKET, "VAR", [*asked, ["valuation", "delta_gamma"]]) == pytest.approx(full, rel=0.1)


def test_delta_gamma_of_a_linear_book_is_full_revaluation() -> None:
    """Without options the expansion is exact."""
    book = [HEADER, ["BTC", "spot", None, None, 1.5, None], ["ETH", "perp", None, None, -20.0, None]]
    asked = [["valuation", "delta_gamma"]]
    assert PM_VAR(book, HISTORY, None, None, MARKET, asked) == pytest.approx(PM_VAR(book, HISTORY, None, None, MARKET))


def spoilt(row: int, column: int, cell: Any) -> Rows:
    """The history with one cell changed; row counted from the header as 1."""
    rows = [list(cells) for cells in HISTORY]
    rows[row - 1][column] = cell
    return rows


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (None, "#PM! VAR needs a history: give as history a range with the heading Date and one column of closes per underlying"),
        (
            [["Date", "BTC"], ["2024-01-01", 1.0]],
            "#PM! history row 1: no column ETH: name the column of its closes ETH, or add it (the headings found are: Date, BTC)",
        ),
        (
            spoilt(9, 0, "2023-01-01"),
            "#PM! history row 9: Date 2023-01-01 is not after the row above, 2025-03-12: sort the "
            "history by date, oldest first, one row a day",
        ),
        (spoilt(9, 0, None), "#PM! history row 9: Date must be given"),
        (spoilt(9, 0, "soon"), "#PM! history row 9: Date must be a date such as 2025-06-27 or 27JUN25, not the text 'soon'"),
        (spoilt(7, 1, None), "#PM! history row 7: BTC is blank: fill it, or remove the row"),
        (spoilt(7, 2, 0.0), "#PM! history row 7: ETH must be above 0, not 0"),
        (spoilt(7, 2, -5.0), "#PM! history row 7: ETH must be above 0, not -5"),
        (spoilt(7, 2, "ten"), "#PM! history row 7: ETH must be a number, not 'ten'"),
        (spoilt(7, 2, "#N/A"), "#PM! history row 7: ETH holds the error #N/A: mend the formula in that cell"),
        (HISTORY[:2], "#PM! the history has 1 usable rows, too few for one move over 1 rows: give more"),
        (
            spoilt(9, 0, "2025-03-12 12:00"),
            "#PM! history row 9: Date 2025-03-12 12:00 UTC is the second of its UTC day, after 2025-03-12 00:00 UTC: give one row "
            "a day, such as the last of each",
        ),
        (
            HISTORY[:101],
            "#PM! VAR at a confidence of 0.99 needs at least 100 moves and the history has 99: give more days, or a lower confidence",
        ),
        (
            [HISTORY[0], *HISTORY[1::7]],
            "#PM! history rows 2 to 44: the closes lie 7 days apart (the median step), and a move from row to row counts as that of "
            "one day: give daily closes, one row a day",
        ),
        (
            [[*HISTORY[0], "BTC IV"], *([*row, 55.0] for row in HISTORY[1:])],
            "#PM! history row 2: BTC IV must be a fraction (0.55 is 55 %), not 55",
        ),
        (
            [[*HISTORY[0], "BTC close"], *([*row, row[1]] for row in HISTORY[1:])],
            "#PM! history row 1: the columns BTC and BTC close both hold the closes of BTC: remove one of them",
        ),
    ],
)
def test_mistakes_in_the_history_are_told(history: Any, text: str) -> None:
    """A missing range, a missing column, dates out of order, blanks and bad closes: by row, with the cure."""
    assert PM_VAR(BOOK, history, None, None, MARKET) == text


def test_a_history_may_not_go_beyond_the_valuation() -> None:
    """Rows of the valuation's own day count, later ones are refused with the valuation time."""
    market = [[*MARKET[0], "As of"], [*MARKET[1], "2025-12-31T08:00:00Z"], [*MARKET[2], None]]
    assert PM_VAR(BOOK, HISTORY, None, None, market) > 0.0
    market[1][2] = "2025-12-30T23:00:00Z"
    assert PM_VAR(BOOK, HISTORY, None, None, market) == (
        "#PM! history row 302: Date 2025-12-31 is after the valuation time, 2025-12-30 23:00 UTC: remove the row, or mend the date or As of"
    )


@pytest.mark.parametrize("heading", ["BTC close", "btc_close", "BTC-USD", "BTCUSDT", "BTC/USD", "BTC-PERPETUAL"])
def test_the_heading_of_closes(heading: str) -> None:
    """The name of the underlying, also as vendors write its pair with the dollar."""
    history = [[cell if cell != "BTC" else heading for cell in HISTORY[0]], *HISTORY[1:]]
    assert PM_VAR(BOOK, history, None, None, MARKET) == PM_VAR(BOOK, HISTORY, None, None, MARKET)
    twice = [[*history[0], "BTC_USDC"], *([*row, row[1]] for row in HISTORY[1:])]
    told = PM_VAR(BOOK, twice, None, None, MARKET)
    assert ("both hold the closes of BTC" in str(told)) == ("close" not in heading)


def test_business_days_are_daily() -> None:
    """Steps of one and three days are those of a market that rests on weekends; the statement says how many days count."""
    weekdays = [row for row in HISTORY[1:] if dt.date.fromisoformat(row[0]).weekday() < 5]
    statement = PM_EXPLAIN(ONE_COIN, MARKET, "VAR", None, [HISTORY[0], *weekdays])
    rule = next(row[3] for row in statement if row[1] == "Smallest of the tail")
    assert rule.endswith(
        f"the 2 worst of {len(weekdays) - 1} moves, 0.99 over 1 days; closes of {len(weekdays)} days, {weekdays[0][0]} to {weekdays[-1][0]}"
    )


@pytest.mark.parametrize(
    ("confidence", "horizon", "parameters", "text"),
    [
        (99.0, None, None, "#PM! confidence must be a fraction from 0.5 to 0.99999, such as 0.99, not 99"),
        (None, 0.0, None, "#PM! horizon_days must be a number of days from 0.01 to 250, not 0"),
        (0.95, None, [["confidence", 0.99]], "#PM! parameters row 1: confidence is also given as an argument: give it once"),
        (
            None,
            None,
            [["approach", "monte_carlo"], ["decay", 0.97]],
            "#PM! decay is about the past, which drawn moves do not have: leave it out, or set approach to historical",
        ),
    ],
)
def test_mistakes_in_the_arguments_are_told(confidence: Any, horizon: Any, parameters: Any, text: str) -> None:
    """Percent for a fraction, no horizon, one thing said twice, options that contradict each other."""
    assert PM_VAR(BOOK, HISTORY, confidence, horizon, MARKET, parameters) == text


def test_a_history_starts_where_all_columns_do() -> None:
    """Rows before the first close of a held coin are left out; columns that nobody holds may say anything."""
    rows: Rows = [[*HISTORY[0], "source"], *([row[0], row[1], None if n < 100 else row[2], "yahoo"] for n, row in enumerate(HISTORY[1:]))]
    assert len(read_history(rows, ("BTC", "ETH"), NOW).dates) == 201
    assert len(read_history(rows, ("BTC",), NOW).dates) == 301


def test_compare_takes_methods_that_can_answer() -> None:
    """Without a history VAR and ES are left out of the default list; asked for by name they say what they need."""

    def methods(*asked: Any) -> dict[str, list[Any]]:
        return {row[0]: row for row in PM_COMPARE(BOOK, MARKET, *asked)[1:]}

    assert not {"VAR", "ES"} & set(methods())
    assert methods(None, None, HISTORY)["VAR"][1] == PM_MARGIN(BOOK, MARKET, "VAR", None, HISTORY)
    assert methods("SPAN, VAR")["VAR"][-1].startswith("VAR needs a history")
    assert str(PM_SCENARIOS("VAR")).startswith("#PM! VAR needs a history")
    assert PM_LINE(BOOK, "VAR", MARKET, "VAR", None, HISTORY) == PM_MARGIN(BOOK, MARKET, "VAR", None, HISTORY)


def test_many_scenarios_fit_into_memory() -> None:
    """1,000 options under 2,000 days with vols by tenor: the answer's own array (16 MB) and blocks, not all at once."""
    coins = np.random.default_rng(2)
    book = [
        HEADER,
        *(["BTC", "call" if n % 2 else "put", 60_000.0 + 80.0 * n, 5.0 + n % 7 * 20, float(coins.normal()), 0.5] for n in range(1_000)),
    ]
    moves = walk(coins.normal(0.0, 0.03, (2_000, 1)))
    history = [
        ["Date", "BTC", "BTC IV 7", "BTC IV 90"],
        *([*row, 0.5 + 0.1 * math.sin(n), 0.5 + 0.05 * math.sin(n)] for n, row in enumerate(moves[1:])),
    ]
    tracemalloc.start()
    try:
        assert PM_VAR(book, history, None, None, MARKET) > 0.0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120e6
