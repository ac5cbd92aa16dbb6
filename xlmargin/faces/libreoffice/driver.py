"""The driver: runs under LibreOffice's Python, starts a private soffice and answers JSON lines about its sheets.

It uses the standard library and uno alone, because that Python has nothing else. The first line on standard input
holds the settings; every further line is [verb, arguments...] and is answered by {"ok": ...} or {"problem": text}.
End of input ends the driver, its soffice and their folder, so that nothing is left when the client dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# These modules exist only in LibreOffice's Python, which brings no type hints for them.
import uno
from com.sun.star.beans import PropertyValue

RESTART = 81  # soffice ends with this when it wants to be started again after a first run
EXCEL = 3  # com.sun.star.sheet.AddressConvention.XL_OOX
HEADLESS = ("--headless", "--invisible", "--nodefault")
FORMULA, ERROR = 16, 4  # com.sun.star.sheet.CellFlags.FORMULA, com.sun.star.sheet.FormulaResult.ERROR

SETTING = '<item oor:path="/org.openoffice.{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
SETTINGS = (
    ("Office.Calc/Formula/Load", "OOXMLRecalcMode", "0"),  # always recalculate on load
    ("Office.Calc/Formula/Load", "ODFRecalcMode", "0"),
    ("Office.Common/Misc", "UseDocumentOOoLockFile", "false"),  # a stale lock would make loading fail
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Calc/Formula/Syntax", "Grammar", "1"),  # formulas are typed as Excel writes them
    ("Setup/L10N", "ooLocale", "en-US"),
    ("Setup/L10N", "ooSetupSystemLocale", "en-US"),  # formulas read the same on every machine
)


def properties(**values: Any) -> tuple[Any, ...]:
    """Named values as uno takes them."""
    return tuple(PropertyValue(name, 0, value, 0) for name, value in values.items())


def resolved(pipe: str) -> Any:
    """The component context of the office that listens on a pipe."""
    context = uno.getComponentContext()
    resolver = context.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", context)
    return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")


class Office:
    """A soffice of its own: own profile, own pipe, own process group."""

    def __init__(self, soffice: str, home: str, pipe: str) -> None:
        """Write the profile; `start` starts the program."""
        self.home = Path(home)
        self.pipe = pipe
        profile = self.home / "profile"
        self.write_profile(profile)
        self.command = [
            soffice,
            f"-env:UserInstallation={profile.as_uri()}",
            f"-env:BUNDLED_EXTENSIONS={(self.home / 'extensions').as_uri()}",
            *("--norestore", "--nologo", "--nolockcheck"),
        ]
        self.process: subprocess.Popen[bytes] | None = None
        self.context: Any = None
        self.desktop: Any = None

    def write_profile(self, profile: Path) -> None:
        """The settings a fresh profile starts with."""
        items = "\n".join(SETTING.format(*setting) for setting in SETTINGS)
        names = (
            'xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        )
        user = profile / "user"
        user.mkdir(parents=True, exist_ok=True)
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<oor:items {names}>\n{items}\n</oor:items>\n'
        (user / "registrymodifications.xcu").write_text(text, encoding="utf-8")

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the program in a process group of its own, its output going to a log in its folder."""
        with open(self.home / "soffice.log", "ab") as log:
            return subprocess.Popen(
                [*self.command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home, start_new_session=True
            )

    def register(self, timeout: float) -> None:
        """The first start of a profile, which registers the add-in; it calculates from the second on."""
        self.process = self.launch(*HEADLESS, "--terminate_after_init")
        self.process.wait(timeout)

    def show(self, timeout: float, path: str) -> None:
        """Open a workbook in a window and wait until it is closed; it listens for a feed unless another office does."""
        self.register(timeout)
        with contextlib.suppress(Exception):  # uno has a class for each reason of a failed connection
            resolved(self.pipe)
            self.pipe = ""
        self.process = self.launch("--calc", *([f"--accept=pipe,name={self.pipe};urp;"] if self.pipe else []), path)
        if self.process.wait():
            log = (self.home / "soffice.log").read_text(errors="replace").strip().splitlines() or ["it was ended"]
            raise RuntimeError(log[-1])

    def start(self, timeout: float) -> None:
        """Start and connect."""
        limit = time.monotonic() + timeout
        self.register(timeout)
        self.process = self.launch(*HEADLESS, f"--accept=pipe,name={self.pipe};urp;")
        while self.context is None:
            try:
                self.context = resolved(self.pipe)
            except Exception as error:  # not there yet: uno has a class per reason
                ended = self.process.poll()
                if ended not in (None, RESTART) or time.monotonic() > limit:
                    log = (self.home / "soffice.log").read_text(errors="replace")[-1000:]
                    raise RuntimeError(f"soffice did not start (exit code {ended}): {error} {log}") from error
                time.sleep(0.02)
        self.desktop = self.service("com.sun.star.frame.Desktop")

    def lives(self) -> bool:
        """Whether the office still answers."""
        try:
            self.desktop.getComponents()
        except Exception:  # uno has a class per way of being gone
            return False
        return True

    def service(self, name: str) -> Any:
        """An object of the running office."""
        return self.context.ServiceManager.createInstanceWithContext(name, self.context)

    def stop(self) -> None:
        """End soffice, kindly, then by force, and remove its folder."""
        with contextlib.suppress(Exception):  # an office that is gone cannot be asked to go
            self.desktop.terminate()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10 if self.desktop is not None else 0)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        with contextlib.suppress(OSError):  # left over only after a kill; another office's stays
            os.unlink(f"/tmp/OSL_PIPE_{os.getuid()}_{self.pipe}")
        shutil.rmtree(self.home, ignore_errors=True)


class GuestOffice(Office):
    """The user's own soffice, which is neither started nor ended here."""

    def __init__(self, pipe: str) -> None:
        """The pipe on which it listens."""
        self.pipe = pipe
        self.process = self.context = self.desktop = None

    def start(self, timeout: float) -> None:
        """Connect, once."""
        try:
            self.context = resolved(self.pipe)
        except Exception as error:  # uno has a class per reason
            raise RuntimeError(f"no LibreOffice listens on the pipe {self.pipe}") from error
        self.desktop = self.service("com.sun.star.frame.Desktop")

    def stop(self) -> None:
        """Leave it running."""


class SheetVerbs:
    """The verbs a client can use; a document is named by the number that open gave it."""

    def __init__(self, desktop: Any, descriptions: Any) -> None:
        """The office's desktop and its list of cell functions."""
        self.desktop = desktop
        self.descriptions = descriptions
        self.documents: dict[int, Any] = {}
        self.parsers: dict[int, Any] = {}
        self.opened = 0

    def attach(self, path: str) -> int:
        """Give a number to a workbook that is open already."""
        components = self.desktop.getComponents().createEnumeration()
        found = []
        while components.hasMoreElements():
            document = components.nextElement()
            if hasattr(document, "Sheets") and document.URL.startswith("file:"):
                found.append(os.path.realpath(uno.fileUrlToSystemPath(document.URL)))
                if found[-1] == os.path.realpath(path):
                    return self.numbered(document)
        raise ValueError(f"{path} is not open there; open are {', '.join(found) or 'no workbooks'}")

    def numbered(self, document: Any) -> int:
        """The number by which a document is asked for."""
        self.opened += 1
        self.documents[self.opened] = document
        parser = document.createInstance("com.sun.star.sheet.FormulaParser")
        parser.CompileEnglish = True
        parser.FormulaConvention = EXCEL
        self.parsers[self.opened] = parser
        return self.opened

    def sheet(self, document: int, sheet: str) -> Any:
        """A sheet by name."""
        sheets = self.documents[document].Sheets
        if not sheets.hasByName(sheet):
            raise ValueError(f"no sheet '{sheet}'; there are {', '.join(sheets.ElementNames)}")
        return sheets.getByName(sheet)

    def cells(self, document: int, sheet: str, where: str) -> Any:
        """A range of cells by address."""
        try:
            return self.sheet(document, sheet).getCellRangeByName(where)
        except uno.getClass("com.sun.star.uno.RuntimeException"):  # it answers nothing more
            raise ValueError(f"'{where}' is not a range of sheet '{sheet}'; write it like A1:C3") from None

    def names(self, document: int) -> list[str]:
        """The defined names of the workbook."""
        return list(self.documents[document].NamedRanges.ElementNames)

    def place(self, document: int, name: str) -> list[str] | None:
        """Sheet and area ("A1:C3") of a defined name; None where it is missing, or no range of cells."""
        names = self.documents[document].NamedRanges
        cells = names.getByName(name).getReferredCells() if names.hasByName(name) else None
        return cells and [cells.Spreadsheet.Name, cells.AbsoluteName.rpartition(".")[2].replace("$", "")]

    def get(self, document: int, sheet: str, where: str) -> list[list[Any]]:
        """Values, None for empty cells, {"error", "code"} for errors; few calls, because each crosses processes."""
        cells = self.cells(document, sheet, where)
        rows: list[list[Any]] = [list(row) for row in cells.getDataArray()]
        area = cells.RangeAddress
        for empty in cells.queryEmptyCells().RangeAddresses:
            for row in range(empty.StartRow, empty.EndRow + 1):
                for column in range(empty.StartColumn, empty.EndColumn + 1):
                    rows[row - area.StartRow][column - area.StartColumn] = None
        for wrong in cells.queryFormulaCells(ERROR).RangeAddresses:
            for row in range(wrong.StartRow - area.StartRow, wrong.EndRow - area.StartRow + 1):
                for column in range(wrong.StartColumn - area.StartColumn, wrong.EndColumn - area.StartColumn + 1):
                    cell = cells.getCellByPosition(column, row)
                    rows[row][column] = {"error": cell.String, "code": cell.getError()}
        return rows

    def formulas(self, document: int, sheet: str) -> dict[str, str]:
        """Every formula by its address, an array formula once under its range."""
        page = self.sheet(document, sheet)
        found: dict[str, str] = {}
        for block in page.queryContentCells(FORMULA).RangeAddresses:
            for row in range(block.StartRow, block.EndRow + 1):
                for column in range(block.StartColumn, block.EndColumn + 1):
                    cell = page.getCellByPosition(column, row)
                    place = cell
                    if cell.FormulaLocal.startswith("{"):
                        place = page.createCursorByRange(cell)
                        place.collapseToCurrentArray()
                    name = place.AbsoluteName.rpartition(".")[2].replace("$", "")
                    if name not in found:
                        found[name] = self.as_excel_writes(document, cell, is_array=place is not cell)
        return found

    def as_excel_writes(self, document: int, cell: Any, *, is_array: bool) -> str:
        """The formula of a cell with Excel's separators and sheet references."""
        tokens = cell.getArrayTokens() if is_array else cell.getTokens()
        text = "=" + self.parsers[document].printFormula(tokens, cell.CellAddress)
        return f"{{{text}}}" if is_array else text

    def set(self, document: int, sheet: str, where: str, rows: list[list[Any]]) -> None:
        """Values at once, then the formulas among them."""
        cells = self.cells(document, sheet, where)
        area = cells.RangeAddress
        height, width = area.EndRow - area.StartRow + 1, area.EndColumn - area.StartColumn + 1
        if len(rows) != height or any(len(row) != width for row in rows):
            raise ValueError(f"{where} has {height} rows of {width} cells; give as many values")
        formulas = []
        data = []
        for y, row in enumerate(rows):
            data.append(tuple("" if value is None or _is_formula(value) else value for value in row))
            formulas += [(x, y, value) for x, value in enumerate(row) if _is_formula(value)]
        cells.setDataArray(tuple(data))
        for x, y, text in formulas:
            cells.getCellByPosition(x, y).FormulaLocal = text


def _is_formula(value: object) -> bool:
    return isinstance(value, str) and value.startswith("=")


def reason(error: Exception) -> str:
    """One line of an error, without a full stop; uno's errors name their class in the text already."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(" .:")


def main(verbs: type[SheetVerbs] = SheetVerbs) -> None:
    """Start as the first line says, answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not disturb the answers

    def answer(**content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    settings = json.loads(sys.stdin.readline())
    timeout, show = settings.pop("timeout"), settings.pop("show", None)
    office = Office(**settings) if "soffice" in settings else GuestOffice(**settings)
    try:
        if show:
            office.show(timeout, show)
            answer(ok=True)
            return
        office.start(timeout)
        answer(ok=office.process.pid if office.process else 0)
        sheets = verbs(office.desktop, office.service("com.sun.star.sheet.FunctionDescriptions"))
        for line in sys.stdin:
            verb, *arguments = json.loads(line)
            try:
                answer(ok=getattr(sheets, verb)(*arguments))
            except Exception as error:  # the client must receive it, whatever it is
                if not office.lives():
                    break
                answer(problem=reason(error))
    except Exception as error:  # starting failed
        answer(problem=reason(error))
    finally:
        office.stop()


if __name__ == "__main__":
    main()
