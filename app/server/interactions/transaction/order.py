"""The entries of a transaction as they are meant, and every problem in how they are put.
https://hl7.org/fhir/R4/bundle.html#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.errors import Invalid, Issue, ZelfregieError
from app.fhir.resource import Resource
from app.server.ids import FHIR_ID
from app.server.interactions.preconditions import version_of
from app.server.server import FhirServer
from app.server.store.prepare import check_type

MOST_ENTRIES: Final = 5000
Method = Literal["create", "update", "delete"]
_METHODS: Final[dict[str, Method]] = {"POST": "create", "PUT": "update", "DELETE": "delete"}


@dataclass(slots=True)
class Entry:
    """One entry. ``id`` is given for update and delete, and made for a create; ``none_exist`` is the query of
    ifNoneExist; ``birth``: it makes a new person.
    """

    index: int
    method: Method
    type: str
    id: str
    resource: Resource | None
    full_url: str
    if_match: int | None = None
    none_exist: str | None = None
    birth: bool = False


def read_entries(server: FhirServer, bundle: Resource) -> list[Entry]:
    """The entries of a valid transaction Bundle. Raises ``Invalid`` with every problem."""
    given: Sequence[dict[str, Any]] = bundle.get("entry", ())
    if len(given) > MOST_ENTRIES:
        raise Invalid(
            f"A transaction may have {MOST_ENTRIES} entries here; this one has {len(given)}. Send it in parts.",
            "too-long",
        )
    entries: list[Entry] = []
    issues: list[Issue] = []
    for index, entry in enumerate(given):
        try:
            entries.append(_entry(server, index, entry))
        except ZelfregieError as error:
            issues += [Issue(each.code, each.diagnostics, (f"Bundle.entry[{index}]",)) for each in error.all_issues()]
    issues += _doubles(entries)
    if issues:
        raise Invalid(
            "The transaction has entries that cannot be carried out; nothing was stored.", issues=tuple(issues)
        )
    return entries


def _entry(server: FhirServer, index: int, entry: dict[str, Any]) -> Entry:
    request = entry.get("request")
    if request is None:
        raise Invalid("An entry of a transaction needs a request with method and url.", "required")
    verb, url = request["method"], request["url"].removeprefix(server.base).lstrip("/")
    method = _METHODS.get(verb)
    if method is None:
        raise Invalid(f"{verb} inside a transaction is not supported here; POST, PUT and DELETE are.", "not-supported")
    if "?" in url:
        raise Invalid(
            "Conditional update and delete inside a transaction are not supported here; name the id.", "not-supported"
        )
    resource_type, _, resource_id = url.partition("/")
    if resource_type not in server.registry.stored:
        raise Invalid(f"'{resource_type}' is not a resource type that is stored here.", "not-supported")
    if bool(resource_id) == (method == "create") or "/" in resource_id:
        form = resource_type if method == "create" else f"{resource_type}/<id>"
        raise Invalid(f"The url of a {verb} is {form}.", "value")
    if resource_id and FHIR_ID.fullmatch(resource_id) is None:
        raise Invalid("An id is 1 to 64 letters, digits, '-' and '.'.", "value")
    resource = entry.get("resource")
    if (resource is None) != (method == "delete"):
        raise Invalid(f"A {verb} {'has no' if method == 'delete' else 'needs a'} resource.", "required")
    if resource is not None:
        check_type(server, resource, resource_type)
        if method == "update" and resource.get("id") != resource_id:
            raise Invalid("The resource must carry the id that the url names.", "value")
    version = version_of(request["ifMatch"].encode()) if "ifMatch" in request else None
    for member in ("ifNoneMatch", "ifModifiedSince"):
        if member in request:
            raise Invalid(
                f"request.{member} is for GET, which is not supported inside a transaction here.", "not-supported"
            )
    return Entry(
        index,
        method,
        resource_type,
        resource_id,
        resource,
        entry.get("fullUrl", ""),
        version,
        request.get("ifNoneExist"),
    )


def _doubles(entries: Sequence[Entry]) -> list[Issue]:
    seen: dict[tuple[str, str], int] = {}
    urls: dict[str, int] = {}
    issues = []
    for entry in entries:
        name = (entry.type, entry.id)
        if entry.id and name in seen:
            text = (
                f"{entry.type}/{entry.id} is also changed by entry {seen[name]}; a transaction changes a resource once."
            )
            issues.append(Issue("duplicate", text, (f"Bundle.entry[{entry.index}]",)))
        if entry.full_url and entry.full_url in urls:
            text = f"The fullUrl is also that of entry {urls[entry.full_url]}."
            issues.append(Issue("duplicate", text, (f"Bundle.entry[{entry.index}].fullUrl",)))
        seen.setdefault(name, entry.index)
        urls.setdefault(entry.full_url, entry.index)
    return issues
