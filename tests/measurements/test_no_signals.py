"""No evaluator of signals is in this code base (MODEL 5, "Medical-device line"): limits are for typing errors, targets
are counted, and nothing tells a person to act.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from app.main.definitions import every_operation
from tests.postgresql import CHECKOUT

APP: Final = CHECKOUT / "app"
OF_LIMITS: Final = frozenset({"hard", "unlikely"})
COMPARES: Final = "measurements/limits.py"
"""What comes in is held against limits there, by itself; by the thousand where imports come in; and nothing else is."""
IMPORTS: Final = "measurements/importing/"
MAY_READ: Final = frozenset({COMPARES, "measurements/kinds.py"})
INTERPRETATION: Final = "v3-ObservationInterpretation"
ACTING: Final = re.compile(
    r"\b(neem contact op|raadpleeg|slik|verhoog|verlaag|stop met|te hoog|te laag|afwijkend|alarm|gevaarlijk"
    r"|contact your|take (?:more|less)|too high|too low|abnormal|dangerous)\b",
    re.IGNORECASE,
)


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        yield path.relative_to(APP).as_posix(), ast.parse(path.read_text("utf-8"))


def uses(tree: ast.AST, names: frozenset[str]) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in names}


def test_only_what_comes_in_is_held_against_a_limit() -> None:
    imports = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "app.measurements.kinds"
        and any(each.name == "Limit" for each in node.names)
    }
    assert {each for each in imports if not each.startswith(IMPORTS)} == {COMPARES}
    readers = {name for name, tree in modules() if name.startswith("measurements/") and uses(tree, OF_LIMITS)}
    assert {each for each in readers if not each.startswith(IMPORTS)} <= MAY_READ | shows_limits()
    assert COMPARES in readers


def shows_limits() -> set[str]:
    """Modules that print the table of limits, and call no ``holds``."""
    return {
        name
        for name, tree in modules()
        if name.startswith(("measurements/", "cli/", "web/"))
        and uses(tree, OF_LIMITS)
        and not uses(tree, frozenset({"holds"}))
    }


def test_nothing_in_the_service_writes_an_interpretation() -> None:
    written = [
        path.relative_to(APP).as_posix()
        for path in sorted([*APP.rglob("*.py"), *APP.rglob("*.yaml"), *APP.rglob("*.html")])
        if INTERPRETATION in path.read_text("utf-8")
    ]
    assert written == []


def test_statistics_and_targets_know_no_limit_and_no_flag_but_that_of_a_mistake() -> None:
    for path in [*(APP / "measurements" / "statistics").glob("*.py"), APP / "measurements" / "targets.py"]:
        assert not uses(ast.parse(path.read_text("utf-8")), OF_LIMITS | {"holds_limit"}), path.name


def test_no_operation_evaluates_signals() -> None:
    names = {each.name for each in every_operation()}
    assert names.isdisjoint({"evaluate-signals", "alert", "alarm", "triage", "advice", "notify"})


@pytest.mark.parametrize("path", [APP / "measurements" / "statistics" / "texts.yaml"], ids=lambda path: Path(path).name)
def test_what_is_said_of_figures_is_neutral(path: Path) -> None:
    def texts(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for each in value.values():
                yield from texts(each)
        elif isinstance(value, list):
            for each in value:
                yield from texts(each)
        else:
            yield str(value)

    listed = list(texts(yaml.safe_load(path.read_text("utf-8"))))
    assert len(listed) > 40
    assert [each for each in listed if ACTING.search(each)] == []
