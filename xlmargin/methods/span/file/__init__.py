"""SPAN risk parameter files of clearing houses: CME's expanded positional format (.pa2) and PC-SPAN XML (.spn)."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.methods.span.file.expanded import read_expanded
from xlmargin.methods.span.file.lookup import Found, Lookup
from xlmargin.methods.span.file.model import CombinedCommodity, Contracts, InterSpread, SpanFile
from xlmargin.methods.span.file.source import MOST_BYTES, Progress, open_source
from xlmargin.methods.span.file.xml import read_xml

__all__ = ["CombinedCommodity", "Contracts", "Found", "InterSpread", "Lookup", "SpanFile", "read_span_file"]

MARKUP = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_span_file(path: Path | str, progress: Progress | None = None, most: int = MOST_BYTES) -> SpanFile:
    """A SPAN file, plain or in a .zip or .gz, in either of the two formats, recognised by its content.

    Args:
        path: file
        progress: called with (bytes read, bytes in all) as the file is read
        most: bytes of content that are read before it is refused

    Raises:
        MarginError: with the line, where the file is cut off, damaged, or something else than a SPAN file
    """
    with open_source(Path(path), progress, most) as source:
        blocks = source.blocks()
        first = next(blocks, b"")
        content = chain((first,), blocks)
        if first.lstrip().startswith(MARKUP):
            return read_xml(source, content)
        if first[:2] == b"0 ":
            return read_expanded(source, content)
    raise MarginError(
        f"{source.name} is neither a SPAN file of the expanded format, which begins with a record 0, nor an "
        "XML one: give the clearing house's .pa2 or .spn file"
    )
