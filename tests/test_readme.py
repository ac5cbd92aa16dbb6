"""The README says what is so: its session runs, its tables name what there is, its links and commands lead somewhere."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

import udfs
from xlmargin import cli
from xlmargin.faces.excel.wrapper import MESSAGE, RESTART
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
SHELL = [line.strip() for language, block in BLOCKS if not language for line in block.splitlines()]
# what stands before any further section: what it is, how to run it, how to test it
SET_UP = [line for line in SHELL if line.startswith("pip install")]
LINKED_HOSTS: frozenset[str] = frozenset()  # hosts that the README may name; it needs none


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first heading is this, without the heading."""
    found: list[list[str]] = []
    lines = iter(PROSE.splitlines())
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


def test_the_session_runs() -> None:
    """Every line of the Python session gives what is printed below it, the mistake too."""
    sessions = [block for language, block in BLOCKS if language == "python"]
    assert sessions
    for n, session in enumerate(sessions):
        test = doctest.DocTestParser().get_doctest(session, {}, f"README session {n + 1}", "README.md", 0)
        result = doctest.DocTestRunner().run(test)
        assert result.attempted >= 5
        assert result.failed == 0
    assert any("#PM! " in session for session in sessions), "a session without a mistake does not show how one is told"


def test_the_table_of_functions_is_the_registry() -> None:
    """Each function stands there once, and nothing that is not one."""
    named = [name for row in table("function") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(FUNCTIONS)


def test_every_function_named_anywhere_exists() -> None:
    """Prose and blocks name no function that was renamed or never was; the macros of the workbook for Excel count, too."""
    assert set(re.findall(r"\bPM_[A-Z_]*[A-Z]\b", TEXT)) <= {*FUNCTIONS, MESSAGE, RESTART}


def test_the_methods_named_exist() -> None:
    """The table of methods promises none that is not there."""
    named = {name for row in table("method") for name in re.findall(r"`(\w+)`", row[0])}
    there = {row[0] for row in FUNCTIONS["PM_METHODS"].call()[1:]}
    assert named
    assert named <= there


def test_links_and_pictures_lead_to_files() -> None:
    """What is linked or shown is in the repository."""
    targets = [target for target in re.findall(r"\]\(([^)\s]+)", TEXT) if not target.startswith("#")]
    assert [target for target in targets if not (ROOT / target.split("#")[0]).exists()] == []


def test_files_and_folders_named_are_there() -> None:
    """A name in code type that has a slash, or ends like one of our files, is one."""
    names = [name for name in re.findall(r"`([\w./-]+)`", PROSE) if "/" in name or name.endswith((".py", ".toml"))]
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_modules_of_the_house_are_there() -> None:
    """Each name at the left of the list of modules is a module or a folder of the project."""
    (block,) = (block for _, block in BLOCKS if block.startswith("errors "))
    names = [name for line in block.splitlines() for name in re.split(r"\s{2,}|; ", line)[0].split(", ")]
    assert len(names) >= 15
    for name in names:
        stem = name.strip().rstrip("/").removesuffix(".py")
        places = [ROOT / f"{stem}.py", ROOT / stem, ROOT / "xlmargin" / f"{stem}.py", ROOT / "xlmargin" / stem]
        assert any(place.exists() for place in places), name


def test_every_command_shown_can_be_typed() -> None:
    """The parser takes each line as it stands."""
    assert commands()
    for words in commands():
        assert cli.parser().parse_args(words).run, words


def test_every_command_there_is_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """What the parser offers stands in the README."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    offered = set(re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE))
    assert offered >= {"margin", "demo"}
    assert offered <= {words[0] for words in commands()}


def test_two_set_up_commands_and_ci_runs_the_one_for_the_tests() -> None:
    """One line to run it, one line to test it; the latter is, but for pip's own spelling, the line of .ci/run."""
    assert SET_UP == ["pip install . && xlmargin demo", "pip install '.[test]' && python -m pytest"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("python -m pip", "pip").replace(" --quiet", "")
    assert SET_UP[1] in ci.splitlines()


def test_set_up_stands_at_the_top() -> None:
    """Nobody scrolls for it: within the first thirty lines, with a session that shows a mistake right behind."""
    lines = TEXT.splitlines()
    assert max(lines.index(command) for command in SET_UP) < 30
    assert lines.index("```python") < 30


def test_nothing_of_one_machine_or_of_a_registry_is_named() -> None:
    """No path of a computer, no host, no module that needs a licence."""
    assert re.findall(r"(?<![\w.])/(?:work|home|root|tmp|usr|opt|Users)/|\b[A-Z]:\\", TEXT) == []
    hosts = re.findall(r"\b(?:[\w-]+\.)+(?:org|com|io|net|dev|app|cloud)\b", TEXT)
    assert set(hosts) <= LINKED_HOSTS
    assert "xlwings.pro" not in TEXT
