"""The embedded spreadsheet engine: opens a workbook, calls our functions, and writes values back into the file."""

from __future__ import annotations

from xlmargin.engine.host import Workbook
from xlmargin.engine.patch import Report, patch, recalculated

__all__ = ["Report", "Workbook", "patch", "recalculated"]
