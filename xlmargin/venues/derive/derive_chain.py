"""Derive: a ticker holds the vol and the forward of an option under `option_pricing`."""

from __future__ import annotations

from xlmargin.venues.quotes import ChainKeys

PRICING = "option_pricing"
KEYS = ChainKeys(
    name="instrument_name",
    forward="forward_price",
    vol=("iv",),
    price=("mark_price",),
    indexes=("index_price",),
    times=("timestamp",),
    chain="public/get_ticker",
)
