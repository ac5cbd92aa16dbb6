"""What the tests share: a running LibreOffice, the reference data, and how many examples a law is tried on."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings
from venue_stub import VenueStub

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import Calc, find_libreoffice

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = ("127.0.0.1", "::1", "localhost")
IN_CI = os.environ.get("CI") == "true"

settings.register_profile("local", deadline=None)  # two busy cores must not make a law fail
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "local")


def missing(reason: str) -> NoReturn:
    """Skip on a developer's machine; fail where everything must be there."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """A socket to any other machine fails the test."""
    connect = socket.socket.connect

    def loopback(self: socket.socket, address: Any) -> Any:
        assert self.family == socket.AF_UNIX or address[0] in LOOPBACK, f"a test wanted to reach {address}"
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", loopback)
        yield


@pytest.fixture
def stub() -> Iterator[VenueStub]:
    """Venues on this machine, without faults as long as none is asked for."""
    with VenueStub() as running:
        yield running


@pytest.fixture(scope="session")
def calc() -> Iterator[Calc]:
    """A running LibreOffice Calc with the PM_ functions."""
    try:
        find_libreoffice()
    except MarginError as error:
        missing(str(error))
    with Calc() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of a Chromium, for pages to be tried in."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    return program or missing("Chromium is not installed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        missing(f"the reference data is not there ({folder})")
    return folder
