"""VBA projects as [MS-OVBA] describes them: modules of source text in a compound file, read and written."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from xlmargin.faces.excel import compound
from xlmargin.faces.excel.compression import compress, decompress

Kind = Literal["document", "standard", "class"]

CODE_PAGE = "cp1252"
CODE_PAGE_NUMBER, LANGUAGE, WIN32 = 1252, 0x0409, 1
# records of the stream `dir`, [MS-OVBA] 2.3.4.2
SYSKIND, LCID, LCID_INVOKE, PAGE, NAME, DOC, DOC_UNICODE, HELP, HELP_TWICE, CONTEXT, LIB_FLAGS, VERSION, CONSTANTS, CONSTANTS_UNICODE = (
    0x01,
    0x02,
    0x14,
    0x03,
    0x04,
    0x05,
    0x40,
    0x06,
    0x3D,
    0x07,
    0x08,
    0x09,
    0x0C,
    0x3C,
)
REFERENCE_NAME, REFERENCE_NAME_UNICODE, REFERENCE = 0x16, 0x3E, 0x0D
MODULES, COOKIE, END_OF_DIR = 0x0F, 0x13, 0x10
(
    MODULE_NAME,
    MODULE_NAME_UNICODE,
    STREAM,
    STREAM_UNICODE,
    MODULE_DOC,
    MODULE_DOC_UNICODE,
    OFFSET,
    MODULE_CONTEXT,
    MODULE_COOKIE,
    PROCEDURAL,
    OTHER_KIND,
    END_OF_MODULE,
) = 0x19, 0x47, 0x1A, 0x32, 0x1C, 0x48, 0x31, 0x1E, 0x2C, 0x21, 0x22, 0x2B
ANY_COOKIE = b"\xff\xff"
SOURCE_ONLY = bytes.fromhex("cc61ffff000100")  # the stream _VBA_PROJECT of a project that Office is to compile itself
REFERENCES = (
    ("stdole", r"*\G{00020430-0000-0000-C000-000000000046}#2.0#0#C:\Windows\System32\stdole2.tlb#OLE Automation"),
    (
        "Office",
        r"*\G{2DF8D04C-5BFA-101B-BDE5-00AA0044DE52}#2.0#0#C:\Program Files\Common Files\Microsoft Shared\OFFICE16"
        r"\MSO.DLL#Microsoft Office 16.0 Object Library",
    ),
)
BASES = {"ThisWorkbook": "19"}  # the last digits of a document's class; a sheet's are 20
DOCUMENT = """Attribute VB_Name = "{name}"
Attribute VB_Base = "0{{000208{base}-0000-0000-C000-000000000046}}"
Attribute VB_GlobalNameSpace = False
Attribute VB_Creatable = False
Attribute VB_PredeclaredId = True
Attribute VB_Exposed = True
Attribute VB_TemplateDerived = False
Attribute VB_Customizable = True
"""
LINE_OF = {"document": "Document={}/&H00000000", "standard": "Module={}", "class": "Class={}"}


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its name, its source with the attributes that are kept in it, and its kind."""

    name: str
    source: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its modules, and the lines of its stream PROJECT (identity, protection, host) that are not about them."""

    modules: tuple[Module, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def document(name: str, source: str = "") -> Module:
    """The module of the workbook (`ThisWorkbook`) or of a sheet, by its code name."""
    return Module(name, DOCUMENT.format(name=name, base=BASES.get(name, "20")) + source, "document")


def write_project(project: Project) -> bytes:
    """The part vbaProject.bin of a workbook; the same project gives the same bytes.

    Raises:
        UnicodeEncodeError: a source has a character that the code page 1252 has not
    """
    lines = [*project.before[:1], *(LINE_OF[module.kind].format(module.name) for module in project.modules)]
    lines += [*project.before[1:], *project.after, "", "[Workspace]"]
    lines += [f"{module.name}=0, 0, 0, 0, C" for module in project.modules]
    names = (module.name.encode(CODE_PAGE) + b"\0" + module.name.encode("utf-16le") + b"\0\0" for module in project.modules)
    streams = {module.name: compress(_text(module.source)) for module in project.modules}
    return compound.write(
        {
            "PROJECT": _text("\n".join(lines)),
            "PROJECTwm": b"".join(names) + b"\0\0",
            "VBA": {"_VBA_PROJECT": SOURCE_ONLY, "dir": compress(_directory(project.modules)), **streams},
        }
    )


def read_project(data: bytes) -> Project:
    """The project of a vbaProject.bin.

    Raises:
        ValueError: the bytes hold no VBA project
    """
    streams = compound.read(data)
    try:
        modules = tuple(_modules(streams))
        text = streams["PROJECT"].decode(CODE_PAGE)
    except (KeyError, struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError("no VBA project") from error
    head, _, tail = text.partition("[Workspace]")[0].partition("[Host Extender Info]")
    starts = ("Document=", "Module=", "Class=", "BaseClass=", "Package=")
    kept = [line for line in head.splitlines() if line and not line.startswith(starts)]
    documents = {line[9:].partition("/")[0] for line in head.splitlines() if line.startswith("Document=")}
    kinds = tuple(Module(m.name, m.source, "document") if m.name in documents else m for m in modules)
    host = ("", "[Host Extender Info]", *(line for line in tail.splitlines() if line)) if tail else ()
    return Project(kinds, tuple(kept), host)


def _text(source: str) -> bytes:
    return "".join(f"{line}\r\n" for line in source.splitlines()).encode(CODE_PAGE)


def _record(number: int, data: bytes = b"") -> bytes:
    return struct.pack("<HI", number, len(data)) + data


def _directory(modules: Sequence[Module]) -> bytes:
    number = struct.Struct("<I").pack
    parts = [
        _record(SYSKIND, number(WIN32)),
        _record(LCID, number(LANGUAGE)),
        _record(LCID_INVOKE, number(LANGUAGE)),
        _record(PAGE, struct.pack("<H", CODE_PAGE_NUMBER)),
        _record(NAME, b"VBAProject"),
        _record(DOC),
        _record(DOC_UNICODE),
        _record(HELP),
        _record(HELP_TWICE),
        _record(CONTEXT, number(0)),
        _record(LIB_FLAGS, number(0)),
        struct.pack("<HIIH", VERSION, 4, 1, 1),
        _record(CONSTANTS),
        _record(CONSTANTS_UNICODE),
    ]
    for reference, library in REFERENCES:
        path = library.encode(CODE_PAGE)
        parts += [
            _record(REFERENCE_NAME, reference.encode(CODE_PAGE)),
            _record(REFERENCE_NAME_UNICODE, reference.encode("utf-16le")),
            _record(REFERENCE, number(len(path)) + path + bytes(6)),
        ]
    parts += [_record(MODULES, struct.pack("<H", len(modules))), _record(COOKIE, ANY_COOKIE)]
    for module in modules:
        name, wide = module.name.encode(CODE_PAGE), module.name.encode("utf-16le")
        parts += [
            _record(MODULE_NAME, name),
            _record(MODULE_NAME_UNICODE, wide),
            _record(STREAM, name),
            _record(STREAM_UNICODE, wide),
            _record(MODULE_DOC),
            _record(MODULE_DOC_UNICODE),
            _record(OFFSET, number(0)),
            _record(MODULE_CONTEXT, number(0)),
            _record(MODULE_COOKIE, ANY_COOKIE),
            _record(PROCEDURAL if module.kind == "standard" else OTHER_KIND),
            _record(END_OF_MODULE),
        ]
    return b"".join(parts) + _record(END_OF_DIR)


def _records(directory: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 6 <= len(directory):
        number, size = struct.unpack_from("<HI", directory, place)
        size += 2 if number == VERSION else 0  # its size does not count the minor version
        yield number, directory[place + 6 : place + 6 + size]
        place += 6 + size


def _modules(streams: dict[str, bytes]) -> Iterator[Module]:
    name = stream = ""
    offset, kind = 0, "standard"
    for number, data in _records(decompress(streams["VBA/dir"])):
        if number == MODULE_NAME:
            name = data.decode(CODE_PAGE)
        elif number == STREAM_UNICODE:
            stream = data.decode("utf-16le")
        elif number == OFFSET:
            (offset,) = struct.unpack("<I", data)
        elif number in (PROCEDURAL, OTHER_KIND):
            kind = "standard" if number == PROCEDURAL else "class"
        elif number == END_OF_MODULE:
            source = decompress(streams[f"VBA/{stream}"][offset:]).decode(CODE_PAGE)
            yield Module(name, "".join(f"{line}\n" for line in source.splitlines()), "standard" if kind == "standard" else "class")
