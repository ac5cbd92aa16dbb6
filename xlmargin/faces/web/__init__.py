"""A workbook in the browser, served on this machine only and calculated by the embedded engine."""

from __future__ import annotations

from xlmargin.faces.web.opening import serve
from xlmargin.faces.web.server import Server
from xlmargin.faces.web.session import Session

__all__ = ["Server", "Session", "serve"]
