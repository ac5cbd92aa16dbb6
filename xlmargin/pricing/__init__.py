"""Option formulas on arrays: no market, no files."""

from __future__ import annotations
