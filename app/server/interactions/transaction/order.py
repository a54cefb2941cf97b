"""The entries of a transaction as they are meant, and every problem in how they are put.
https://hl7.org/fhir/R4/bundle.html#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.errors import Forbidden, Invalid, Issue, ZelfregieError
from app.fhir.literals import Place, literals_in
from app.fhir.resource import Resource
from app.server.interactions.carrying_out import Find
from app.server.interactions.entries import check_count, own_request, split_url
from app.server.interactions.preconditions import if_match, if_none_match
from app.server.interactions.transaction.refusals import in_entry
from app.server.messages import Request, Target
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import Condition
from app.server.store.prepare import check_type
from app.server.urls import Form, locate

Method = Literal["create", "update", "patch", "delete"]
_METHODS: Final[dict[str, Method]] = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ONE: Final = frozenset({Form.INSTANCE, Form.TYPE, Form.COMPARTMENT})


@dataclass(slots=True)
class Entry:
    """One entry that writes. ``id`` is given by the url or made for a create, and empty where ``query``, the search in
    the url, is to find it.

    ``patient_id``: the Patient before it in the url; ``if_none_match``: it may only make; ``none_exist`` is the query
    of ifNoneExist; ``birth``: it makes a new person; ``own``: the request that a patch stands for; ``drafted``: what an
    entry comes to that is found by a search or changes what is stored, with the condition it is judged by; ``asked``:
    the names of the parameters of its searches, also of those that stand in its references.
    """

    index: int
    method: Method
    type: str
    id: str
    resource: Resource | None
    full_url: str
    patient_id: str | None = None
    query: str | None = None
    if_match: int | None = None
    if_none_match: bool = False
    none_exist: str | None = None
    birth: bool = False
    own: Request | None = None
    drafted: tuple[Draft | None, Condition | None] | None = None
    asked: Sequence[str] = ()
    _literals: list[Place] | None = None

    @property
    def literals(self) -> list[Place]:
        """Where the resource, whose objects stay the same from now on, may name others."""
        if self._literals is None:
            self._literals = [] if self.resource is None else literals_in(self.resource)
        return self._literals


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry that is answered from what the others leave; ``method`` tells GET from HEAD."""

    index: int
    method: str
    own: Request


@dataclass(frozen=True, slots=True)
class Order:
    """All entries of a transaction, each kind in the order of the request."""

    entries: list[Entry]
    readings: list[Reading]
    count: int


def read_entries(server: FhirServer, request: Request, bundle: Resource, find: Find) -> Order:
    """The entries of a valid transaction Bundle. Raises ``Invalid`` with every problem, or ``Forbidden``."""
    given: Sequence[dict[str, Any]] = bundle.get("entry", ())
    check_count("transaction", len(given))
    order = Order([], [], len(given))
    issues: list[Issue] = []
    forbidden = True
    for index, entry in enumerate(given):
        try:
            if "request" not in entry:
                raise Invalid("An entry of a transaction needs a request with method and url.", "required")
            if entry["request"]["method"] in _METHODS:
                each = _entry(server, request, index, entry)
                if each is not None:
                    order.entries.append(each)
                    continue
            order.readings.append(_reading(server, request, index, entry, find))
        except ZelfregieError as error:
            issues += in_entry(index, error)
            forbidden = forbidden and isinstance(error, Forbidden)
    doubles = _doubles(order.entries)
    issues += doubles
    if issues:
        kind = Forbidden if forbidden and not doubles else Invalid
        raise kind("The transaction has entries that cannot be carried out; nothing was stored.", issues=tuple(issues))
    return order


def _reading(server: FhirServer, request: Request, index: int, entry: dict[str, Any], find: Find) -> Reading:
    """What can be known to fail fails before anything is written."""
    own = own_request(server, request, entry)
    find(server, own)
    return Reading(index, entry["request"]["method"], own)


def _entry(server: FhirServer, request: Request, index: int, entry: dict[str, Any]) -> Entry | None:
    """An entry that writes; None for an operation that only answers."""
    asked, resource = entry["request"], entry.get("resource")
    verb, url = asked["method"], asked["url"]
    if verb == "POST" and url in server.registry.stored:  # nearly all entries of nearly all transactions
        form, target, query = Form.TYPE, Target(url), ""
    else:
        path, query = split_url(server, url)
        form, target = locate(server, path)
    if form is Form.OPERATION and verb == "POST":
        if server.operations.find(target).affects_state:
            raise Invalid(
                f"${target.operation} changes what is stored, which it does on its own and not as part of a"
                " transaction; call it alone or in a batch.",
                "not-supported",
            )
        return None
    _check_url(server, verb, form, target, query)
    server.providers.check_address(target.type, target.id)
    method = _METHODS[verb]
    if (resource is None) != (method == "delete"):
        raise Invalid(f"A {verb} {'has no' if method == 'delete' else 'needs a'} resource.", "required")
    made = Entry(
        index, method, target.type, target.id, resource, entry.get("fullUrl", ""), target.patient_id, query or None
    )
    if resource is not None and method != "patch":
        check_type(server, resource, target.type)
        if target.id and resource.get("id") != target.id:
            raise Invalid("The resource must carry the id that the url names.", "value", kind="another-id")
    if len(asked) > 2:
        _preconditions(made, asked)
    if method == "patch":
        made.own = own_request(server, request, entry)
    return made


def _check_url(server: FhirServer, verb: str, form: Form, target: Target, query: str) -> None:
    """Raises ``Invalid`` where the url is not of the form that the method takes."""
    name = target.type or "Type"
    if form is Form.SYSTEM and verb == "POST":
        raise Invalid(
            "A batch or transaction cannot stand inside another; put its entries beside the others.", "not-supported"
        )
    if form not in _ONE or target.compartment is not None or target.type not in server.registry.stored:
        fits = False
    elif verb == "POST":
        fits = form is not Form.INSTANCE and not query
    else:
        fits = (form is Form.INSTANCE) != bool(query)
    if not fits:
        expected = name if verb == "POST" else f"{name}/<id> or {name}?<search>"
        raise Invalid(f"The url of a {verb} is {expected}.", "value")


def _preconditions(entry: Entry, asked: dict[str, Any]) -> None:
    """What the request of an entry wants to hold. Raises ``Invalid`` for what its method cannot ask."""
    headers = {
        name: asked[member].encode("latin-1", "replace")
        for member, name in (("ifMatch", b"if-match"), ("ifNoneMatch", b"if-none-match"))
        if member in asked
    }
    wrong = [
        member
        for member, methods in (
            ("ifModifiedSince", ()),
            ("ifNoneExist", ("create",)),
            ("ifMatch", ("update", "patch", "delete")),
            ("ifNoneMatch", ("update",)),
        )
        if member in asked and entry.method not in methods
    ]
    if wrong:
        raise Invalid(f"request.{wrong[0]} cannot be asked of a {asked['method']}.", "not-supported")
    entry.if_match, entry.if_none_match = if_match(headers), if_none_match(headers)
    entry.none_exist = asked.get("ifNoneExist")


def _doubles(entries: Sequence[Entry]) -> list[Issue]:
    seen: dict[tuple[str, str, str | None], int] = {}
    asked: dict[tuple[str, str], int] = {}
    urls: dict[str, int] = {}
    issues = []
    for entry in entries:
        name = (entry.type, entry.id, entry.patient_id)
        if entry.id and name in seen:
            text = (
                f"{entry.type}/{entry.id} is also changed by entry {seen[name]}; a transaction changes a resource once."
            )
            issues.append(Issue("duplicate", text, (f"Bundle.entry[{entry.index}]",)))
        if entry.full_url and entry.full_url in urls:
            text = f"The fullUrl is also that of entry {urls[entry.full_url]}."
            issues.append(Issue("duplicate", text, (f"Bundle.entry[{entry.index}].fullUrl",)))
        if entry.none_exist is not None:
            first = asked.setdefault((entry.type, entry.none_exist), entry.index)
            if first != entry.index:
                text = f"Entry {first} is made on the same condition; a transaction makes a resource once."
                issues.append(Issue("duplicate", text, (f"Bundle.entry[{entry.index}].request.ifNoneExist",)))
        seen.setdefault(name, entry.index)
        urls.setdefault(entry.full_url, entry.index)
    return issues
