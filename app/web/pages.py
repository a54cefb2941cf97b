"""The pages, from templates: what this server is, and what it serves. https://jinja.palletsprojects.com

They say nothing of anybody's data, need no script, and meet WCAG 2.2 AA (https://www.w3.org/TR/WCAG22/).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.config import RELEASED, VERSION
from app.fhir.scopes import NAMES
from app.server.search.dates import PREFIXES
from app.server.search.description import FORMS
from app.server.server import FhirServer
from app.web import contents

_HERE: Final = Path(__file__).parent
INTERACTIONS: Final = {
    "read": "GET /{type}/{id}",
    "vread": "GET /{type}/{id}/_history/{version}",
    "update": "PUT /{type}/{id}",
    "patch": "PATCH /{type}/{id}",
    "delete": "DELETE /{type}/{id}",
    "history-instance": "GET /{type}/{id}/_history",
    "history-type": "GET /{type}/_history",
    "create": "POST /{type}",
    "search-type": "GET /{type}?…",
    "transaction": "POST /",
    "batch": "POST /",
    "search-system": "GET /?…",
    "history-system": "GET /_history",
}
"""How each interaction is written."""


@cache
def environment() -> Environment:
    """The templates, escaped by default."""
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(name: str) -> bytes:
    """A file that the pages use. Raises FileNotFoundError."""
    return (_HERE / "assets" / name).read_bytes()


def _page(template: str, server: FhirServer, **values: Any) -> str:
    base = server.base.rstrip("/")
    return environment().get_template(template).render(base=base, version=VERSION, released=RELEASED, **values)


def home(server: FhirServer, language: str, *, sandbox: bool, known: bool = False) -> str:
    """What one can do here and how to start, in HTML. ``known``: this browser has the cookie of a log-in."""
    return _page(f"home.{language}.html", server, language=language, sandbox=sandbox, known=known)


def documentation(server: FhirServer) -> str:
    """Everything that is served, in HTML."""
    return _page(
        "docs.html",
        server,
        language="en",
        types=list(contents.types(server)),
        system=contents.system_interactions(),
        conditional=contents.conditional_methods(),
        operations=[each for each in server.operations.every() if each.offers("system", "")],
        addresses=contents.addresses,
        written=INTERACTIONS,
        forms=FORMS,
        prefixes=PREFIXES,
        needs=NAMES,
    )
