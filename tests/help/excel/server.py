"""The process with the stand-in: answers requests on its standard streams until they end."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import traceback
from typing import Any

from excel import fakecom
from excel.protocol import Answer, Cells, Imported


def call(xlwings: Any, module: str, name: str, arguments: tuple[Any, ...]) -> Answer:
    """One call of a wrapper through xlwings' CallUDF."""
    book = fakecom.Book()
    given = tuple(fakecom.argument(book, value) for value in arguments)
    caller = fakecom.Range(book, Cells(((None,),)))
    said, raised, variant = io.StringIO(), "", None
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            variant = fakecom.to_variant(xlwings.com_server.XLPython().CallUDF(module, name, given, book, caller))
        except Exception:
            raised = traceback.format_exc()
    return Answer(variant, said.getvalue(), raised)


def imported(xlwings: Any, modules: str, trusted: bool) -> Imported:
    """The action of the button Import Functions."""
    book = fakecom.Book(trusted=trusted)
    with contextlib.redirect_stdout(io.StringIO()):
        xlwings.import_udfs(modules, book)
    run = book.Application.run
    vba = run[0][1] if run else book.VBProject.VBComponents.modules["xlwings_udfs"]
    return Imported(vba, tuple(book.Application.options), bool(run))


def main() -> None:
    """Serve."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    xlwings = fakecom.install()
    while True:
        try:
            what, *rest = pickle.load(requests)
        except EOFError:
            return
        pickle.dump((call if what == "call" else imported)(xlwings, *rest), answers)
        answers.flush()


if __name__ == "__main__":
    main()
