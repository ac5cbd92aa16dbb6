"""A workbook in the browser, served on this machine only and calculated by the embedded engine."""

from __future__ import annotations

from xlmargin.web.opening import serve
from xlmargin.web.server import Server
from xlmargin.web.session import Session

__all__ = ["Server", "Session", "serve"]
