"""The headings of a range: other names, invisible characters, two headings of one meaning."""

from __future__ import annotations

import pytest
from range_books import MARKET, margin, option


@pytest.mark.parametrize(
    ("heading", "others"),
    [
        ("Quantity", "Qty, Size, Amount, net_qty, Position, pos"),
        ("Strike", "K, Strike Price, strike_price, Exercise Price, Strike (USD)"),
        ("Expiry", "Maturity, Expiration, Expiration Date, Exp Date, Exp. Date, expiry_date"),
        ("Type", "C/P, CP, Put/Call, Call/Put, option_type, Right"),
        ("IV", "Implied Vol, Implied Volatility, IV\u200b, Impl\u00adied Vol, Sigma"),
        ("Underlying", "Underlying Symbol, UnderlyingSymbol, Coin, base_currency, \ufeffUnderlying, Under\nlying"),
    ],
)
def test_other_names_of_a_heading_mean_the_same(heading: str, others: str) -> None:
    """The usual other names of a heading count as the heading."""
    header, row = option()
    meant = margin([header, row], MARKET)
    assert isinstance(meant, float)
    for other in others.split(", "):
        assert margin([[other if cell == heading else cell for cell in header], row], MARKET) == meant, other


@pytest.mark.parametrize("heading", ["Direction", "posSide", "Position Side", "Quantity Direction", "Buy/Sell", "Action", "Long/Short"])
def test_a_direction_under_any_name_gives_the_sign(heading: str) -> None:
    """A positive quantity beside a short direction is short."""
    assert margin(option(**{heading: "Short"}), MARKET) == margin(option(Quantity=-1.0), MARKET)


def test_two_headings_of_one_meaning_are_refused() -> None:
    """A heading beside another name of it could say two things."""
    told = "#PM! positions row 1: Quantity and Qty mean the same, Quantity: remove or rename all but one of these columns"
    assert margin(option(Qty=1.0), MARKET) == told
