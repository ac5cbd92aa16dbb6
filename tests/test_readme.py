"""The README and the page of each room say what is so: sessions run, tables name what there is, links and commands lead somewhere."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import methods_table
import pytest

import udfs
from xlmargin import cli
from xlmargin.faces.excel.wrapper import MESSAGE, RESTART
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

ROOT = Path(__file__).resolve().parents[1]
FIRST = ROOT / "README.md"
PAGES = [FIRST, *sorted(ROOT.glob("xlmargin/*/README.md")), ROOT / "workbook/README.md", ROOT / "tests/bench/README.md"]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
TEXT, ALL = TEXTS[FIRST], "\n".join(TEXTS.values())
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = [line.strip() for language, block in BLOCK.findall(ALL) if not language for line in block.splitlines()]
SET_UP = [line.strip() for _, block in BLOCK.findall(TEXT) for line in block.splitlines() if line.startswith("pip install")]
MOST_LINES = 200
LINKED_HOSTS: frozenset[str] = frozenset()  # hosts that a page may name; they need none

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(text: str) -> str:
    """A page without its blocks."""
    return BLOCK.sub("", text)


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first heading is this, without the heading."""
    found: list[list[str]] = []
    lines = iter(prose(TEXT).splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    return found
                found.append([cell.strip() for cell in row.strip("|").split("|")])
    return found


def commands() -> list[list[str]]:
    """The words of every xlmargin command of the README's blocks, comments left out."""
    shown = [words for line in SHELL for words in re.findall(r"(?:^|&& )xlmargin ([^#&]*)", line)]
    return [shlex.split(words) for words in shown]


def sessions(page: Path) -> list[str]:
    """The Python sessions of a page."""
    return [block for language, block in BLOCK.findall(TEXTS[page]) if language == "python"]


def test_the_first_page_shows_a_session_with_a_mistake() -> None:
    """A session without a mistake does not show how one is told."""
    assert len(TEXT.splitlines()) <= MOST_LINES
    assert any("#PM! " in session for session in sessions(FIRST))


@pytest.mark.parametrize("page", [page for page in PAGES if sessions(page)], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_sessions_run(page: Path) -> None:
    """Every line of a Python session gives what is printed below it, the mistake too."""
    for n, session in enumerate(sessions(page)):
        test = doctest.DocTestParser().get_doctest(session, {}, f"session {n + 1}", page.name, 0)
        result = doctest.DocTestRunner().run(test)
        assert result.attempted >= 5
        assert result.failed == 0


def test_the_table_of_functions_is_the_registry() -> None:
    """Each function stands there once, and nothing that is not one."""
    named = [name for row in table("function") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(FUNCTIONS)


def test_every_function_named_anywhere_exists() -> None:
    """Prose and blocks name no function that was renamed or never was; the macros of the workbook for Excel count, too."""
    assert set(re.findall(r"\bPM_[A-Z_]*[A-Z]\b", ALL)) <= {*FUNCTIONS, MESSAGE, RESTART}


def test_the_table_of_methods_is_made_from_the_parameter_files() -> None:
    """Every method has its row, and each says what its file says; `python tests/help/methods_table.py` writes them anew."""
    assert methods_table.written(TEXT) == TEXT


@each_page
def test_links_and_pictures_lead_to_files(page: Path) -> None:
    """What is linked or shown is in the repository."""
    targets = [target for target in re.findall(r"\]\(([^)\s]+)", TEXTS[page]) if not target.startswith("#")]
    assert [target for target in targets if not (page.parent / target.split("#")[0]).exists()] == []


@each_page
def test_files_and_folders_named_are_there(page: Path) -> None:
    """A name in code type that has a slash, or ends like one of our files, is one."""
    names = [name for name in re.findall(r"`([\w./-]+)`", prose(TEXTS[page])) if "/" in name or name.endswith((".py", ".toml"))]
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_page_is_linked_from_the_first() -> None:
    """Nobody has to know that a room has a page."""
    linked = {(ROOT / target).resolve() for target in re.findall(r"\]\(([^)\s]+\.md)\)", TEXT)}
    assert linked == set(PAGES[1:])


def test_every_command_shown_can_be_typed() -> None:
    """The parser takes each line as it stands."""
    assert commands()
    for words in commands():
        assert cli.parser().parse_args(words).run, words


def test_every_command_there_is_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """What the parser offers stands on a page."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    offered = set(re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE))
    assert offered >= {"margin", "demo"}
    assert offered <= {words[0] for words in commands()}


def test_two_set_up_commands_and_ci_runs_the_one_for_the_tests() -> None:
    """One line to run it, one line to test it; the latter is, but for pip's own spelling, the line of .ci/run."""
    assert SET_UP == ["pip install . && xlmargin demo", "pip install '.[test]' && python -m pytest -n auto --dist loadfile"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("python -m pip", "pip").replace(" --quiet", "")
    assert SET_UP[1] in ci.splitlines()


def test_set_up_stands_at_the_top() -> None:
    """Nobody scrolls for it: within the first thirty lines, with a session that shows a mistake right behind."""
    lines = TEXT.splitlines()
    assert max(lines.index(command) for command in SET_UP) < 30
    assert lines.index("```python") < 30


def test_nothing_of_one_machine_or_of_a_registry_is_named() -> None:
    """No path of a computer, no host, no module that needs a licence."""
    assert re.findall(r"(?<![\w.])/(?:work|home|root|tmp|usr|opt|Users)/|\b[A-Z]:\\", ALL) == []
    hosts = re.findall(r"\b(?:[\w-]+\.)+(?:org|com|io|net|dev|app|cloud)\b", ALL)
    assert set(hosts) <= LINKED_HOSTS
    assert "xlwings.pro" not in ALL
