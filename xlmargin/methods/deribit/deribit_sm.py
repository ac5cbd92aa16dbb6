"""Deribit's standard margin: the formula that most venues share, with futures at a rate that grows with their size."""

from __future__ import annotations

from xlmargin.methods.standard import standard

NEEDS_VOL = False
# A liquidation price reckons the margin of an inverse contract on the coins that it is today, as an exchange with these formulas
# prints it. Deribit has not published one: on the coins at that price it differs by the rate times the move.
COINS_STAY = True

requirement = standard.margin_by()
