"""A person typing into a cell of a real LibreOffice, by key events: runs under its Python, one step per line of input.

Arguments: pipe, workbook. Prints one line per step: that the workbook is shown, that a digit is typed and the cell still in
edit mode, the contents of the cell and the workbook after Enter.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import uno
from com.sun.star.awt import KeyEvent

ENTER, DIGIT = 1280, 256  # com.sun.star.awt.Key.RETURN, .NUM0
SETTLE = 0.3


def main() -> None:
    """Show the workbook, type 7, wait, type 5 and Enter."""
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    context = resolver.resolve(f"uno:pipe,name={sys.argv[1]};urp;StarOffice.ComponentContext")
    desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
    toolkit = context.ServiceManager.createInstanceWithContext("com.sun.star.awt.Toolkit", context)
    document = desktop.loadComponentFromURL(Path(sys.argv[2]).as_uri(), "_blank", 0, ())
    frame = document.CurrentController.Frame
    cell = document.Sheets.getByIndex(0).getCellRangeByName("Z30")
    window = frame.getComponentWindow()
    frame.getContainerWindow().setVisible(True)
    frame.activate()
    window.setFocus()
    document.CurrentController.select(cell)
    time.sleep(SETTLE)

    def press(character: str, code: int) -> None:
        event = KeyEvent()
        event.Source, event.KeyChar, event.KeyCode = window, uno.Char(character), code
        toolkit.keyPress(event)
        toolkit.keyRelease(event)
        time.sleep(SETTLE)

    try:
        press("7", DIGIT + 7)
        print(repr(cell.String), flush=True)  # still empty: the cell is in edit mode
        sys.stdin.readline()
        press("5", DIGIT + 5)
        press("\r", ENTER)
        print(repr(cell.String), flush=True)
    finally:
        document.close(True)


if __name__ == "__main__":
    main()
