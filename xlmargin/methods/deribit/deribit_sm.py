"""Deribit's standard margin: the formula that most venues share, with futures at a rate that grows with their size."""

from __future__ import annotations

from xlmargin.methods.standard import standard

NEEDS_VOL = False
COINS_STAY = True  # the rates are of the value at which a position was opened, as printed liquidation prices reckon

requirement = standard.margin_by()
