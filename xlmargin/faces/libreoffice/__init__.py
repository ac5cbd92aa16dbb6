"""LibreOffice Calc as a face of the PM_ functions: the add-in it loads, and a private session driven from Python."""

from __future__ import annotations

from xlmargin.faces.libreoffice.addin import python_folders, write_addin, write_oxt
from xlmargin.faces.libreoffice.guest import Guest, OpenWorkbook, Value
from xlmargin.faces.libreoffice.locate import PIPE, Installation, find_libreoffice

__all__ = ["PIPE", "Guest", "Installation", "OpenWorkbook", "Value", "find_libreoffice", "python_folders", "write_addin", "write_oxt"]
