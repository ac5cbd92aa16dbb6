"""Commands about a rulebook: its numbers beside a venue's own configuration, and what a file of answers confirms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import udfs
from xlmargin.cli import main
from xlmargin.methods import PARAMS_FILES, known_methods, method_named, rules_of
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

Run = Callable[..., tuple[int, str, str]]
DAY = 1_795_000_000.0  # in November 2026


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code of a command, what it printed, and what it complained about."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return command


def model(folder: Path, **btc: float) -> Path:
    """An answer of Deribit's pme/simulate that says of BTC what is given, and of the rest what the rulebook ships."""
    rules = rules_of("DERIBIT", DAY)
    pair = {"price_range": rules.number("price_range", "BTC"), **btc}
    own = {
        name: rules.number(name, "BTC")
        for name in ("extended_dampener", "annualised_move_risk", "min_annualised_move", "pnl_offset", "max_offsetable_pnl")
    }
    general = {name: rules.number(name) for name in ("mm_factor", "buckets_count")}
    path = folder / "model.json"
    parameters = {"currency_pair": {"btc_usd": pair}, "currency": {"btc": own}, "general": general}
    path.write_text(json.dumps({"result": {"model_params": parameters}}), encoding="utf-8")
    return path


# ---------------------------------------------------------------- parameters


def test_parameters_are_those_of_the_function(run: Run) -> None:
    """Every number of a rulebook, for people and for machines, in any case of its name."""
    code, out, err = run("parameters", "gate", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == FUNCTIONS["PM_PARAMETERS"].call("GATE")
    code, out, err = run("parameters", "gate")
    assert (code, err) == (0, "")
    assert re.search(r"^BTC +initial_rate +0\.15 ", out, re.MULTILINE)


def test_what_a_saved_configuration_has_otherwise_is_shown(run: Run, tmp_path: Path) -> None:
    """The one number that differs, beside ours; and nothing beside it."""
    ours = rules_of("DERIBIT", DAY).get("price_range", "BTC")
    file = model(tmp_path, price_range=0.19)
    code, out, err = run("parameters", "DERIBIT", "--from", file, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        ["Underlying", "Parameter", "Shipped", "In the file", "Unit", "Source"],
        ["BTC", "price_range", ours.value, 0.19, ours.unit, ours.source],
    ]
    code, out, err = run("parameters", "DERIBIT", "--from", file)
    assert (code, err) == (0, "")
    assert re.search(rf"^BTC +price_range +{ours.value} +0\.19 ", out, re.MULTILINE)


def test_a_configuration_that_is_the_shipped_one_says_so(run: Run, tmp_path: Path) -> None:
    """One row with the count of what was compared."""
    code, out, err = run("parameters", "DERIBIT", "--from", model(tmp_path), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)[1][:2] == ["none", "all 8 values of the file are the shipped ones"]


@pytest.mark.parametrize(
    ("method", "text", "told"),
    [
        ("NOSUCH", "{}", "no method 'NOSUCH': the methods are SPAN, "),
        ("AEVO", "{}", "AEVO reads no saved configuration: the methods that do are "),
        ("DERIBIT", None, "answer.json"),
        ("DERIBIT", "{", "is not JSON (line 1, column 2: "),
        ("DERIBIT", "{}", "carries no model_params as Deribit's pme/simulate answers do"),
        ("DERIBIT", '{"model_params": {"currency_pair": {"btc_usd": {"price_range": "wide"}}}}', "answer.json: carries no model_params"),
    ],
)
def test_a_fault_of_a_configuration_is_one_line(run: Run, tmp_path: Path, method: str, text: str | None, told: str) -> None:
    """What, where, how to mend; no number and no traceback."""
    file = tmp_path / "answer.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    code, out, err = run("parameters", method, "--from", file)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_a_number_out_of_bounds_is_named(run: Run, tmp_path: Path) -> None:
    """A percent that a file gives as a whole number is refused as one typed beside the positions is."""
    code, out, err = run("parameters", "DERIBIT", "--from", model(tmp_path, price_range=19.0))
    assert (code, out) == (2, "")
    assert "price_range must be a fraction between" in err


def test_the_methods_that_read_a_configuration_are_named(run: Run, tmp_path: Path) -> None:
    """Those whose module has the hook, which are those whose file has a parameter for it."""
    (tmp_path / "answer.json").write_text("{}", encoding="utf-8")
    readers = [name for name in known_methods() if method_named(name).saved is not None]
    assert "DERIBIT" in readers
    assert readers == [name for name in known_methods() if not set(PARAMS_FILES).isdisjoint(rules_of(name, DAY).names)]
    assert (
        run("parameters", "AEVO", "--from", tmp_path / "answer.json")[2].strip().endswith(f"the methods that do are {', '.join(readers)}")
    )


# ---------------------------------------------------------------- verify


@pytest.mark.parametrize(
    ("method", "file", "count"),
    [
        ("DERIBIT_SM", "vectors/venue_examples.json", 8),
        ("OKX", "vectors/venue_examples.json", 2),
        ("DERIBIT", "vectors/venue_examples.json", 1),
        ("SPAN", "data/nse_span_risk_arrays_20260625.json", 1),
    ],
)
def test_verify_says_apart_what_the_answers_confirm_and_what_the_numbers_are(
    run: Run, shared: Path, method: str, file: str, count: int
) -> None:
    """Answers confirm the formula; today's numbers have a day and a source of their own. The counts stand last."""
    code, out, err = run("verify", method.lower(), shared / file)
    *_, evidence, last = out.splitlines()
    assert (code, err, last) == (0, "", f"{count} match, 0 differ")
    rules = rules_of(method, DAY)
    assert evidence == f"{method}: formula verified on {count} of {count} answers of this file; the shipped numbers are {rules.numbers}"
    assert re.fullmatch(r"parameters of \d{4}-\d\d-\d\d from \S.*", rules.numbers)


def test_the_list_of_methods_says_the_same(run: Run) -> None:
    """PM_METHODS gives the number of answers, what they are, and the day and the source of the numbers."""
    heading, *rows = FUNCTIONS["PM_METHODS"].call()
    for row in rows:
        rules = rules_of(row[0], DAY)
        evidence = str(row[heading.index("Evidence")])
        count = rules.meta.answers
        formula = "formula" if not count else f"formula verified on {count} answer{'s' * (count > 1)}"
        assert evidence.startswith(f"{formula}: ")
        assert evidence.endswith(f"; {rules.numbers}")
