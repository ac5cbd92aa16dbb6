"""Aevo's standard margin: the formula that most venues share, with a higher maintenance rate."""

from __future__ import annotations

from xlmargin.methods.standard import standard

NEEDS_VOL = False

requirement = standard.margin_by()
