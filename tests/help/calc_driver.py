"""The driver of a private Calc: the commands of the tests beyond those of a guest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "xlmargin/faces/libreoffice"))

from driver import SheetVerbs, main, properties

FILTERS = {"xlsx": "Calc MS Excel 2007 XML", "pdf": "calc_pdf_Export", "ods": "calc8", "xls": "MS Excel 97"}


class Documents(SheetVerbs):
    """Workbooks are opened, looked through, saved and closed."""

    def open(self, path: str) -> int:
        """Load a workbook and give it a number."""
        document = self.desktop.loadComponentFromURL(Path(path).as_uri(), "_blank", 0, properties(Hidden=True))
        if document is None or not hasattr(document, "Sheets"):
            raise ValueError(f"{path} is not a spreadsheet that LibreOffice can read")
        return self.numbered(document)

    def describe(self, function: str) -> dict[str, Any]:
        """A function as the function wizard shows it."""
        if not self.descriptions.hasByName(function):
            raise ValueError(f"no function '{function}' in LibreOffice")
        known = {entry.Name: entry.Value for entry in self.descriptions.getByName(function)}
        arguments = [{"name": given.Name, "help": given.Description} for given in known["Arguments"] or ()]
        return {"name": known["Name"], "summary": known["Description"], "arguments": arguments}

    def sheets(self, document: int) -> list[str]:
        """The names of the sheets."""
        return list(self.documents[document].Sheets.ElementNames)

    def calculate(self, document: int) -> None:
        """Recalculate every formula."""
        self.documents[document].calculateAll()

    def save(self, document: int, path: str, kind: str) -> None:
        """Store a copy."""
        filters = properties(FilterName=FILTERS[kind], Overwrite=True)
        self.documents[document].storeToURL(Path(path).as_uri(), filters)

    def close(self, document: int) -> None:
        """Close and forget a document."""
        del self.parsers[document]
        self.documents.pop(document).close(True)


main(Documents)
