"""LibreOffice Calc as a face of the PM_ functions: the add-in it loads, and a private session driven from Python."""

from __future__ import annotations

from xlmargin.faces.libreoffice.addin import python_folders, write_addin, write_oxt
from xlmargin.faces.libreoffice.locate import PIPE, Installation, find_libreoffice
from xlmargin.faces.libreoffice.office_session import Calc, CalcWorkbook, Guest, Value

__all__ = [
    "PIPE",
    "Calc",
    "CalcWorkbook",
    "Guest",
    "Installation",
    "Value",
    "find_libreoffice",
    "python_folders",
    "write_addin",
    "write_oxt",
]
