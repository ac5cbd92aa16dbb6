"""Portfolio margin of crypto options books, for spreadsheets."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
