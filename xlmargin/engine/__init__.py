"""The embedded spreadsheet behind an interface of our own."""

from __future__ import annotations

from xlmargin.engine.host import Workbook
from xlmargin.engine.looks import Look, Looks
from xlmargin.engine.patch import Report, patch, recalculated

__all__ = ["Look", "Looks", "Report", "Workbook", "patch", "recalculated"]
