"""Deribit's standard margin: the form that most venues share, futures at a rate that grows with their size."""

from __future__ import annotations

from xlmargin.methods.standard import standard

NEEDS_VOL = False

requirement = standard.margin_by()
