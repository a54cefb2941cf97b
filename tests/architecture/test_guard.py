"""Every statement over what patients have is limited to who may see it: it carries the guard, or it is listed here with
the reason why it does without. DESIGN 2, "How a request flows".
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from typing import Any, Final, TypeGuard

import pytest

from tests.architecture.test_modules import MODULES, module_name
from tests.postgresql import CHECKOUT

WITHIN: Final = ("app/server/store/", "app/server/search/")
"""Where statements are composed of parts; every interaction's tests are about what those answer."""
OVER_RESOURCES: Final = re.compile(r"\b(FROM|JOIN) (resource|history)\b")
GUARD: Final = "FROM access_grant g WHERE g.hash ="
LOCKED: Final = "read by a rule under the lock of the partition, which the guard opened"
SERVICE: Final = "the service's own, for nobody who calls: an order, an import, a timer or an upkeep"
LOG_IN: Final = "before there is a grant: the service finds out who somebody is"
NAMES_PATIENT: Final = "the id of a Patient whose partition the caller was found to reach, asked by what has the guard"
BEFORE_WRITE: Final = "tells the service what is stored of what is written next, which the guard opens; nobody is told"
CATALOGUE: Final = "of the catalogues, which a whole tenant may read"
RUN: Final = "what the service's own result of a run is made of, which its labels show to who may see it"
WITHOUT: Final[dict[str, str]] = {
    "app.auth.accounts.persons._BODY": LOG_IN,
    "app.auth.organizations.log_in._STORED": LOG_IN,
    "app.auth.publishing._STORED": SERVICE,
    "app.auth.publishing._VERSIONS": SERVICE,
    "app.auth.rights.contents._SHARED": "of the catalogue, which a whole tenant may read; named by what was read",
    "app.auth.rights.erasing._IDS": SERVICE,
    "app.auth.rights.sources._ENTERED": "tells who entered what the caller has just read under the guard",
    "app.auth.sandbox._ANY_RESOURCE": SERVICE,
    "app.careplan.due._PLANS": SERVICE,
    "app.careplan.due._TASKS": SERVICE,
    "app.careplan.experience._THERE": LOCKED,
    "app.careplan.loading._NUMBERS": SERVICE,
    "app.careplan.loading._PLANS": SERVICE,
    "app.careplan.measuring_rhythm._RUNS": SERVICE,
    "app.careplan.proposals.closing._ABOUT": LOCKED,
    "app.careplan.proposals.closing._GOALS": LOCKED,
    "app.careplan.proposals.closing._VERSION": LOCKED,
    "app.careplan.revision._OBSERVED": LOCKED,
    "app.careplan.revision._VERSIONS": LOCKED,
    "app.careplan.rules._PLAN": f"{LOCKED}; $apply reads what it names again, guarded",
    "app.careplan.tasks._TASK": LOCKED,
    "app.measurements.importing.storing._BODY": BEFORE_WRITE,
    "app.measurements.importing.storing._THERE": BEFORE_WRITE,
    "app.measurements.protocols.gathering._EVER": RUN,
    "app.measurements.protocols.gathering._GOALS": RUN,
    "app.measurements.protocols.gathering._ONE": RUN,
    "app.measurements.protocols.gathering._READINGS": RUN,
    "app.measurements.protocols.gathering._RESULTS": RUN,
    "app.measurements.protocols.rounds._ERASED": SERVICE,
    "app.measurements.protocols.rounds._OVER": SERVICE,
    "app.measurements.protocols.rounds._TASK": SERVICE,
    "app.measurements.protocols.rounds._THERE": SERVICE,
    "app.questionnaires.answers.amending._STORED": LOCKED,
    "app.questionnaires.answers.intake._STORED": BEFORE_WRITE,
    "app.questionnaires.asking.intake._STORED": BEFORE_WRITE,
    "app.questionnaires.asking.people._MADE_BY": LOCKED,
    "app.questionnaires.asking.reading._ASKED": LOCKED,
    "app.questionnaires.asking.shape._IN_CATALOGUE": CATALOGUE,
    "app.questionnaires.counting._RESPONSES": SERVICE,
    "app.questionnaires.installing.keeping._QUESTIONNAIRES": SERVICE,
    "app.questionnaires.installing.keeping._check_free": SERVICE,
    "app.questionnaires.library._BODY": CATALOGUE,
    "app.questionnaires.library._FOUND": CATALOGUE,
    "app.questionnaires.scoring.loading._RESPONSES": SERVICE,
    "app.questionnaires.scoring.results._RESULTS": LOCKED,
    "app.questionnaires.scoring.results._VERSION": LOCKED,
    "app.server.access.SELECT_PATIENT_ID": NAMES_PATIENT,
    "app.server.intake.delivering._BODY": "what an organisation of the catalogue is called, for a guarded write",
    "app.server.intake.matching._KNOWN": BEFORE_WRITE,
    "app.server.intake.matching._TAKEN": BEFORE_WRITE,
    "app.server.intake.matching._VERSIONS": BEFORE_WRITE,
    "app.server.interactions.addresses._SELECT_OWNERS": NAMES_PATIENT,
    "app.server.interactions.everything._SEEN_REFERENCES": "a part of a statement that carries the guard",
    "app.server.interactions.taking.absence._UNDER": BEFORE_WRITE,
    "app.server.interactions.taking.persons._BODY": "of a person whom the caller may see; told is only what differs",
    "app.server.reindexing.labels._CURRENT": SERVICE,
    "app.server.reindexing.labels._VERSIONS": SERVICE,
    "app.server.reindexing.lookups._KEYS": SERVICE,
    "app.server.reindexing.lookups._ROWS": SERVICE,
    "app.server.reindexing.rows._BODIES": SERVICE,
    "app.server.reindexing.rows._PRESENT": SERVICE,
    "app.server.reindexing.state._TYPES": SERVICE,
}


def texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The strings of a module's value, each by the name of that value."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(name, each)
    elif isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        for each in value:
            yield from texts(name, each)


def is_set(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def statements() -> Iterator[tuple[str, str]]:
    """Every whole statement that a module holds and that reads resources, by module and name."""
    for path in MODULES:
        if not path.startswith("app/") or path.startswith(WITHIN) or path.endswith("__main__.py"):
            continue
        name = module_name(path)
        source = ast.parse((CHECKOUT / path).read_text())
        own = {target.id for node in source.body for target in ast.walk(node) if is_set(target)}
        held = vars(importlib.import_module(name))
        for at, value in ((each, held[each]) for each in sorted(own & held.keys())):
            for place, text in texts(f"{name}.{at}", value):
                if text.lstrip().startswith(("SELECT", "WITH")) and OVER_RESOURCES.search(text):
                    yield place, text


def literals() -> Iterator[tuple[str, str]]:
    """What functions say of resources in SQL, as it stands in the source, by module and function."""
    for path in MODULES:
        if not path.startswith("app/") or path.startswith(WITHIN):
            continue
        for function in ast.walk(ast.parse((CHECKOUT / path).read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            parts = {part for node in ast.walk(function) if isinstance(node, ast.JoinedStr) for part in node.values}
            for node in ast.walk(function):
                if node in parts:
                    continue
                if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                    text = ast.unparse(node)
                    if OVER_RESOURCES.search(text) and "SELECT" in text:
                        yield f"{module_name(path)}.{function.name}", text


def test_every_statement_over_resources_carries_the_guard_or_says_why_not() -> None:
    bare = {place for place, text in statements() if GUARD not in text and "{guard}" not in text}
    bare |= {place for place, text in literals() if "GUARD}" not in text.upper() and "guarded(" not in text}
    assert sorted(bare - WITHOUT.keys()) == [], "give these the guard, or list them with the reason"
    assert sorted(WITHOUT.keys() - bare) == [], "these are guarded now, or gone"


def test_the_guard_is_written_in_one_place() -> None:
    written = re.compile(r"EXISTS \(SELECT 1 FROM access_grant")
    assert [each for each in MODULES if written.search((CHECKOUT / each).read_text())] == ["app/server/access.py"]


@pytest.mark.parametrize("reason", sorted(set(WITHOUT.values())))
def test_a_reason_says_something(reason: str) -> None:
    assert len(reason.split()) > 4
