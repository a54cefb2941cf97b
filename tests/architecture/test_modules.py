"""How the code is cut: sizes, imports without effects, and files that name nobody's machine."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.postgresql import CHECKOUT

MODULE_LINES: Final = 420  # "about 400"
FUNCTION_LINES: Final = 60
MODULES: Final = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for folder in ("app", "benchmarks")
    for path in (CHECKOUT / folder).rglob("*.py")
)
SERVING: Final = ("app.main", "app.server", "app.database", "app.audit", "app.auth", "app.fhir")

# A bracket in each, so that this file does not name them either.
NAMES_A_MACHINE: Final = re.compile(
    r"py[p]i\.org|python[h]osted\.org|np[m]js\.(org|com)|(deb|security)\.de[b]ian\.org"
    r"|(?<![\w.-])/(wo[r]k|fa[r]m)/|(?<![\w.-])/ro[o]t/\.",
    re.IGNORECASE,
)

WATCH: Final = """
import importlib, json, os, sys

effects = []
def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ours = isinstance(path, str) and path.startswith(sys.argv[1]) and not path.startswith(sys.prefix)
        if writes or ours and not path.endswith((".py", ".pyc")):
            effects.append(f"opens {path}")
    elif event.startswith(("socket.", "sqlite3.", "subprocess.", "os.mkdir", "os.system", "os.remove", "os.rename")):
        effects.append(f"{event} {arguments}")

sys.addaudithook(watch)
for name in sys.argv[2:]:
    importlib.import_module(name)
print(json.dumps({"effects": effects, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(*names: str) -> dict[str, list[str]]:
    """What importing ``names`` did, and the top-level modules that were there afterwards, in a process of its own."""
    command = [sys.executable, "-B", "-c", WATCH, str(CHECKOUT), *names]
    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result: dict[str, list[str]] = json.loads(ran.stdout)
    return result


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.parametrize("path", MODULES)
def test_a_module_is_one_concept(path: str) -> None:
    source = (CHECKOUT / path).read_text()
    assert len(source.splitlines()) <= MODULE_LINES
    long = {node.name: lines for node in functions(ast.parse(source)) if (lines := length(node)) > FUNCTION_LINES}
    assert not long, f"functions of more than {FUNCTION_LINES} lines"


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def test_importing_the_service_does_nothing() -> None:
    modules = [module_name(path) for path in MODULES if path.startswith("app/") and not path.endswith("__main__.py")]
    assert imported(*modules)["effects"] == []


def test_the_serving_path_does_without_slow_models() -> None:
    loaded = imported(*SERVING)["modules"]
    assert set(loaded).isdisjoint({"fhir", "fhir_core", "fhirpathpy"})


def test_no_file_names_a_registry_or_a_machine() -> None:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    named = []
    for file in filter(None, files):
        path = CHECKOUT / file
        if path.is_file() and b"\0" not in (content := path.read_bytes())[:8192]:
            lines = content.decode(errors="replace").splitlines()
            named += [f"{file}:{number}" for number, line in enumerate(lines, 1) if NAMES_A_MACHINE.search(line)]
    assert named == []


def test_what_a_request_may_see_is_read_in_one_way() -> None:
    def imports(path: str) -> bool:
        tree = ast.parse((CHECKOUT / path).read_text())
        found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        return any(
            node.module == "app.server.store.read" and any(name.name == "read" for name in node.names) for node in found
        )

    of_requests = [each for each in MODULES if each.startswith(("app/server/interactions/", "app/careplan/"))]
    assert [each for each in of_requests if imports(each)] == ["app/server/interactions/stored.py"]
