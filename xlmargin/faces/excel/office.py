"""The facts about Office in the registry of Windows and the files of this machine; every fact is plain data elsewhere."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

APP_PATH = r"SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\excel.exe"
SECURITY = r"Software\Microsoft\Office\16.0\Excel\Security"
POLICY = r"Software\Policies\Microsoft\Office\16.0\Excel\Security"
LOCATIONS = SECURITY + r"\Trusted Locations"
MACHINES = {0x014C: 32, 0x8664: 64, 0xAA64: 64}  # of a program's header: x86, x64, ARM64
HEADER_OFFSET = 0x3C
MOST_LOCATIONS = 100


@dataclass(frozen=True, slots=True)
class Trust:
    """The settings of Excel's trust; None where nothing is set and its own defaults hold."""

    macros: int | None = None  # VBAWarnings: 1 all run, 2 asks, 3 signed ones only, 4 none
    macros_by_policy: bool = False
    project_access: bool = False  # AccessVBOM
    locations: tuple[tuple[str, bool], ...] = ()  # folder, and whether its subfolders count


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a Windows machine: Excel's program, its bits, and its trust."""

    program: Path | None = None
    bits: int | None = None
    trust: Trust = field(default_factory=Trust)


def program_bits(path: Path) -> int | None:
    """32 or 64, from the header of a Windows program; None where it cannot be read.

    Source: Microsoft PE format, section COFF file header
    """
    try:
        with path.open("rb") as program:
            start = program.read(HEADER_OFFSET + 4)
            (place,) = struct.unpack_from("<I", start, HEADER_OFFSET)
            program.seek(place)
            signature, machine = struct.unpack("<4sH", program.read(6))
    except (OSError, struct.error):
        return None
    return MACHINES.get(machine) if start[:2] == b"MZ" and signature == b"PE\0\0" else None


def zone_of(path: Path) -> int | None:
    """The security zone that Windows has marked a file with: 3 is the internet, 4 restricted; None where it has no mark."""
    try:
        text = Path(f"{path}:Zone.Identifier").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == "zoneid" and value.strip().isdigit():
            return int(value)
    return None


def find_excel() -> Path | None:
    """Excel's program on this machine."""
    if sys.platform != "win32":
        return None
    import winreg

    for root in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
        if isinstance(path := _value(root, APP_PATH, ""), str) and path:
            return Path(path.strip('"'))
    return None


def gather() -> Facts:
    """The facts of this machine; nothing but on Windows."""
    if sys.platform != "win32":
        return Facts()
    import winreg

    user = winreg.HKEY_CURRENT_USER
    program = find_excel()
    policy = _value(user, POLICY, "VBAWarnings")
    chosen = policy if isinstance(policy, int) else _value(user, SECURITY, "VBAWarnings")
    locations = []
    for n in range(MOST_LOCATIONS):
        folder = _value(user, rf"{LOCATIONS}\Location{n}", "Path")
        if isinstance(folder, str):
            locations.append((folder, _value(user, rf"{LOCATIONS}\Location{n}", "AllowSubfolders") == 1))
    trust = Trust(
        chosen if isinstance(chosen, int) else None, isinstance(policy, int), _value(user, SECURITY, "AccessVBOM") == 1, tuple(locations)
    )
    return Facts(program, program_bits(program) if program else None, trust)


def _value(root: int, key: str, name: str) -> object:
    """One value of the registry, or None."""
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(root, key) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return None
