"""LibreOffice Calc as a face of the PM_ functions: the add-in it loads, and a private session driven from Python."""

from __future__ import annotations

from xlmargin.faces.libreoffice.addin import python_folders, write_addin, write_oxt
from xlmargin.faces.libreoffice.locate import PIPE, Installation, find_libreoffice
from xlmargin.faces.libreoffice.office_session import Calc, Guest, Value, Workbook

__all__ = ["PIPE", "Calc", "Guest", "Installation", "Value", "Workbook", "find_libreoffice", "python_folders", "write_addin", "write_oxt"]
