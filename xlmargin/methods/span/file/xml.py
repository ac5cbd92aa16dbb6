"""PC-SPAN XML (.spn, file format 4.00), read as a stream of elements."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NoReturn
from xml.parsers import expat

from xlmargin.methods.span.file.model import CombinedCommodity, InterSpread, SpanFile
from xlmargin.methods.span.file.source import SpanContent
from xlmargin.methods.span.file.xml_commodities import combined_commodity, inter_spread
from xlmargin.methods.span.file.xml_contracts import CONTRACTS, PORTFOLIOS, Portfolios
from xlmargin.methods.span.file.xml_nodes import Malformed, Node, first_text, nodes

DEEPEST = 32
PROLOGUE = 1 << 12
LONGEST_TEXT = 1 << 16
ENCODING = re.compile(rb"<\?xml[^>]*\bencoding\s*=")
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

# The elements whose content is kept; all others are read over. Source: the tree of PC-SPAN 4.00 files, as an independent
# parser of Australian and New Zealand files and a published description of an NSE Clearing file give it.
_NAMES = """
    spanFile pointInTime date clearingOrg capAnov ccDef cc riskExponent wfprMeth somMeth val intraTiers somTiers tier tn sPe
    ePe rate spotRate pe sprd outr pfLink exch pfId pfCode sc dSpread hSpread spread chargeMeth tLeg pLeg sLeg rs i
    interSpreads exchange valueMeth cvf p d scanRate priceScan ra a series opt o k setlDate scanTiers adjRate r isRequired undC cId sSpread
"""
SCANNING_SPREADS = ("hSpread", "sSpread")
KEPT = frozenset(_NAMES.split()) | {*PORTFOLIOS, *CONTRACTS}


def read_xml(source: SpanContent, blocks: Iterable[bytes]) -> SpanFile:
    """A SPAN file in XML.

    No document type is accepted, and so no entity of the file's own and none from outside is ever expanded.

    Args:
        source: origin named in messages
        blocks: its content

    Raises:
        MarginError: with the line and the element, where the file is cut off, no XML, or has an invalid value
    """
    return _Reader(source).read(blocks)


class _Reader:
    """Builds nodes from the parser's events, hands the large ones over as soon as they end, and forgets them."""

    def __init__(self, source: SpanContent) -> None:
        self._source = source
        self._names: list[str] = []
        # children so far of each open element, None where it has none; the first is around the root
        self._nodes: list[Node | None] = [None]
        self._portfolios = Portfolios()
        self._combined: dict[str, CombinedCommodity] = {}
        self._inter: list[InterSpread] = []
        self._take: dict[str, Callable[[Node], None]] = {
            "ccDef": self._take_combined,
            "interSpreads": self._take_inter,
            "opt": self._take_option,
            "exchange": self._take_exchange,
            **dict.fromkeys(PORTFOLIOS, self._take_portfolio),
        }

    def read(self, blocks: Iterable[bytes]) -> SpanFile:
        """The whole file."""
        stream = iter(blocks)
        head = next(stream, b"").lstrip()
        declared = head.startswith(MARKS) or ENCODING.match(head[:PROLOGUE])
        # files without a declaration come in Latin-1; XML's own default would refuse their accents
        self._parser = parser = expat.ParserCreate(None if declared else "iso-8859-1")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        self._listen(parser)
        try:
            parser.Parse(head)
            for block in stream:
                parser.Parse(block)
            parser.Parse(b"", True)
            return self._assembled()
        except expat.ExpatError as error:
            inside = f" inside {self._place()}" if self._names else ""
            self._source.fail(error.lineno, f"{expat.ErrorString(error.code)}{inside}: the file is cut off or damaged; download it again")
        except Malformed as fault:
            self._fail(str(fault))
        except (LookupError, UnicodeError, ValueError) as error:
            self._fail(f"the text cannot be read ({error})")

    def _listen(self, parser: expat.XMLParserType) -> None:
        """Set the parser's handlers; they are closures because attribute look-ups would take half of the time."""
        names, open_nodes, take, kept, text = self._names, self._nodes, self._take, KEPT, ""

        def start(name: str, _: dict[str, str]) -> None:
            nonlocal text
            names.append(name)
            open_nodes.append(None)
            if len(names) > DEEPEST:
                raise Malformed("elements are nested deeper than in any SPAN file")
            text = ""

        def characters(data: str) -> None:
            nonlocal text
            if text and len(text) > LONGEST_TEXT:
                raise Malformed("the text is longer than any of a SPAN file")
            text += data

        def end(name: str) -> None:
            nonlocal text
            node = open_nodes[-1]
            if name in kept:
                if node is not None and name in take:
                    take[name](node)
                else:
                    around = open_nodes[-2]
                    if around is None:
                        around = open_nodes[-2] = {}
                    value = text.strip() if node is None else node
                    if name in around:
                        around[name].append(value)
                    else:
                        around[name] = [value]
            names.pop()
            open_nodes.pop()
            text = ""

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = characters

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> NoReturn:
        self._fail(
            "the file declares a document type, which no SPAN file does and which could name entities: it is "
            "refused; get it from the clearing house again"
        )

    def _place(self) -> str:
        """The element being read: `spanFile/…/opt`."""
        return "/".join(self._names)

    def _fail(self, problem: str) -> NoReturn:
        place = f"in {self._place()}: " if self._names else ""
        self._source.fail(self._parser.CurrentLineNumber, place + problem)

    def _take_combined(self, node: Node) -> None:
        combined = combined_commodity(node)
        self._combined[combined.code] = combined
        self._portfolios.link(combined.code, node)

    def _take_inter(self, node: Node) -> None:
        self._inter += [inter_spread(spread, scanning=False) for spread in nodes(node, "dSpread")]
        for name in SCANNING_SPREADS:
            self._inter += [inter_spread(spread, scanning=True) for spread in nodes(node, name)]

    def _take_option(self, node: Node) -> None:
        series = self._nodes[-2]
        if series is not None:
            series.setdefault("opt", []).append(self._portfolios.compact(node))

    def _take_portfolio(self, node: Node) -> None:
        self._portfolios.add(self._names[-1], node)

    def _take_exchange(self, node: Node) -> None:
        self._portfolios.close_exchange(first_text(node, "exch"))

    def _assembled(self) -> SpanFile:
        root = self._nodes[0] or {}
        if "spanFile" not in root:
            raise Malformed("the file does not begin with spanFile: give the clearing house's .spn file")
        moment = _only(_only(root, "spanFile"), "pointInTime")
        org = _only(moment, "clearingOrg")
        if not len(self._portfolios):
            raise Malformed("there is no contract with a risk array")
        limits = first_text(org, "capAnov") == "1"
        return SpanFile(
            self._source.name,
            _date(first_text(moment, "date")),
            self._limited() if limits else self._combined,
            tuple(sorted(self._inter, key=lambda spread: spread.priority)),
            self._portfolios.contracts(tuple(self._combined)),
        )

    def _limited(self) -> dict[str, CombinedCommodity]:
        """Combined commodities under a limit on net option value that the whole file sets."""
        return {code: replace(combined, limits_net_option_value=True) for code, combined in self._combined.items()}


def _only(node: Node, name: str) -> Node:
    """The one child of that name, empty where nothing in it is kept."""
    found = node.get(name, [])
    if len(found) != 1:
        raise Malformed(f"there must be one {name}, not {len(found)}: give the file of one day and one clearing house")
    return found[0] if isinstance(found[0], dict) else {}


def _date(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        raise Malformed(f"date must be YYYYMMDD, not {text!r}") from None
