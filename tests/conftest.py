"""What the tests share: a running LibreOffice, the reference data, and how many examples a law is tried on."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from calc import Calc
from hypothesis import is_hypothesis_test, seed, settings
from venue_stub import VenueStub

from xlmargin.errors import MarginError
from xlmargin.faces.libreoffice import find_libreoffice

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "workbook/xlmargin.xlsx"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
IN_CI = os.environ.get("CI") == "true"
SEEDS = pytest.StashKey[list[int]]()

settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)  # two busy cores must not make a law fail
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that have the tests of random examples draw others than those of every run."""
    parser.addoption("--seeds", type=int, default=0, metavar="N", help="draw N new sets of random examples, by seeds that are printed")
    parser.addoption(
        "--seed", type=int, action="append", default=[], metavar="S", help="draw those of a printed seed again, for the same test files"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seeds."""
    config.stash[SEEDS] = [*config.getoption("--seed"), *(secrets.randbelow(10**9) for _ in range(config.getoption("--seeds")))]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the seeds, which --seed repeats."""
    if config.stash[SEEDS]:
        terminalreporter.write_line(f"random examples of {' '.join(f'--seed {number}' for number in config.stash[SEEDS])}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of random examples once per seed, where there are any."""
    seeds: list[int] = metafunc.config.stash[SEEDS]
    if seeds and is_hypothesis_test(metafunc.function):
        metafunc.fixturenames.append("drawn")
        metafunc.parametrize("drawn", seeds, ids=lambda number: f"seed {number}", indirect=True)


@pytest.fixture
def drawn(request: pytest.FixtureRequest) -> None:
    """Draw the examples of a test by a seed."""
    seed(request.param)(request.function)


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
