"""Deribit's standard margin: the formula that most venues share, with futures at a rate that grows with their size."""

from __future__ import annotations

from xlmargin.methods.standard import standard

NEEDS_VOL = False

requirement = standard.margin_by()
