"""What comes in in STU3: checked against STU3's own definitions, then put into R4. https://hl7.org/fhir/STU3/validation.html

The server checks the R4 form again. What is wrong in STU3 is told all at once, in the words of who sent it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from app.errors import Issue, MethodNotAllowed, NotFound, Unprocessable, ZelfregieError
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, walk_dicts
from app.fhir.stu3 import R4_TYPES, Translator
from app.fhir.stu3.special.documents import timestamp
from app.fhir.validation import validate
from app.server.interactions.entries import check_count
from app.server.messages import Refused
from app.server.stu3.addresses import Addresses
from app.server.stu3.answers import Asked
from app.server.stu3.large import Large, has_many
from app.server.stu3.turns import Turns

Url = Callable[[str, str], tuple[str, Asked]]
"""From method and ``entry.request.url`` to that of R4, and what is to be known when the answer leaves. Raises."""
Condition = Callable[[str, str], str]
"""From a type of STU3 and a query to the query of R4. Raises ``Invalid``."""
_ERRORS: Final = frozenset({"error", "fatal"})
_REQUESTS: Final = frozenset({"batch", "transaction"})
_ADDRESSES: Final = ("reference", "url")
_SOMETHING: Final = "urn:uuid:00000000-0000-4000-8000-000000000000"
"""In place of a reference that is a search, while the rest is checked."""
_ONE: Final = "Bundle.entry[0]"
_SOME: Final = 100
"""Entries, without their resources, that are looked at in one turn."""
_EMPTY: Final = "bdl-5"
"""That an entry has something, which is known of one whose resource is looked at by itself."""


@dataclass(slots=True)
class Taken:
    """A Bundle in R4. ``refused`` are the entries of a batch that could not be put so, ``asked`` what is to be known of
    the others, ``types`` the types of STU3 of all.
    """

    bundle: Resource
    refused: dict[int, Refused] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One Bundle that is being taken. ``names``: what the addresses of entries have become; ``own``: there may be
    addresses of this base in it; ``searches``: references may be searches; ``sound``: nothing is wrong with the entries
    around their resources.
    """

    kind: str
    taken: Taken
    url: Url
    condition: Condition
    own: bool
    searches: bool
    sound: bool
    names: dict[str, str] = field(default_factory=dict)


class Bodies:
    """Takes bodies in for one base."""

    def __init__(self, addresses: Addresses, translator: Translator, definitions: Definitions, large: Large) -> None:
        self._addresses = addresses
        self._large = large
        self._translator = translator
        self._definitions = definitions

    def resource(self, given: Resource, *, own: bool, condition: Condition | None = None) -> Resource:
        """One resource in R4. ``own``: there may be addresses of this base in it; ``condition``: it may refer by
        searches, as in a transaction. Raises ``NotFound`` for a type without a table, and ``Unprocessable`` with all
        that is wrong with the structure.
        """
        kind = given.get("resourceType")
        if isinstance(kind, str) and kind in self._definitions.resource_types and kind not in R4_TYPES:
            raise NotFound(f"'{kind}' is not a resource type that is taken here in STU3.", "not-supported")
        searches = [] if condition is None else _searches(given)
        for each, _ in searches:
            each["reference"] = _SOMETHING
        issues = self._issues(given)
        for each, text in searches:
            each["reference"] = text
        if issues:
            raise Unprocessable("The resource is not valid FHIR STU3.", issues=tuple(issues))
        made = self._translator.to_r4(given)
        if condition is not None and searches:
            _conditional(made, condition)
        if own:
            self._to_server(made)
        return made

    async def bundle(
        self, given: Resource, url: Url, condition: Condition, *, own: bool, searches: bool = True
    ) -> Taken:
        """A Bundle that is posted to be carried out or taken in. ``searches``: there may be references in it that are
        searches. Raises ``Unprocessable`` with all that is wrong of all
        entries, except for a batch, whose entries are refused one by one.
        """
        kind = given.get("type")
        entries = given.get("entry", [])
        around = {name: value for name, value in given.items() if name != "entry"} if entries else given
        issues = self._issues(around)
        if issues or not isinstance(entries, list):
            raise Unprocessable("The Bundle is not valid FHIR STU3.", issues=tuple(issues or self._issues(given)))
        check_count(str(kind), len(entries))
        taken = Taken({**given, **_dated(given), **({"entry": []} if entries else {})})
        turns = Turns()
        sound = await self._are_sound(entries, str(kind), turns)
        reading = _Reading(str(kind), taken, url, condition, own, searches and kind == "transaction", sound)
        wrong: list[Issue] = []
        for index, entry in enumerate(entries):
            await turns.take()
            try:
                made = await self._large.do(partial(self._entry, index, entry, reading), large=has_many(entry))
            except ZelfregieError as error:
                if kind == "batch":
                    taken.refused[index] = Refused(error)
                else:
                    wrong += _placed(error, f"Bundle.entry[{index}]").all_issues()
                made = _without_resource(entry)
            taken.bundle["entry"].append(made)
        if wrong:
            raise Unprocessable(
                f"The {kind} has entries that cannot be taken; nothing was stored.", issues=tuple(wrong)
            )
        if reading.names:
            _renamed(taken.bundle, reading.names)
        return taken

    def _entry(self, index: int, entry: Any, reading: _Reading) -> Any:
        """One entry in R4. Raises with places that begin at its resource, or at the entry."""
        if not reading.sound:
            self._check_around(entry, reading.kind)
        made: dict[str, Any] = dict(entry)
        resource = made.get("resource")
        if isinstance(resource, dict):
            reading.taken.types[index] = str(resource.get("resourceType"))
        problems: list[ZelfregieError] = []
        if reading.kind in _REQUESTS:
            asked: dict[str, Any] = dict(made["request"])
            try:
                reading.taken.asked[index] = _requested(asked, reading.url, reading.condition)
            except ZelfregieError as error:
                problems.append(_at(error, "entry.request"))
            made["request"] = asked
        if "resource" in made:
            try:
                made["resource"] = self.resource(
                    resource if isinstance(resource, dict) else {},
                    own=reading.own,
                    condition=reading.condition if reading.searches else None,
                )
            except ZelfregieError as error:
                problems.append(error)
        if problems:
            raise _together(problems)
        if "fullUrl" in made:
            made["fullUrl"] = self._addresses.url_to_r4(made["fullUrl"])
            if made["fullUrl"] != entry["fullUrl"]:
                reading.names[entry["fullUrl"]] = made["fullUrl"]
        return made

    async def _are_sound(self, entries: Sequence[Any], kind: str, turns: Turns) -> bool:
        """Whether nothing at all is wrong with the entries around their resources; where something may be, each is
        looked at by itself.
        """
        for start in range(0, len(entries), _SOME):
            await turns.take()
            if self._issues(_around([_without_resource(each) for each in entries[start : start + _SOME]], kind)):
                return False
        return True

    def _check_around(self, entry: Any, kind: str) -> None:
        alone = _without_resource(entry)
        issues = [each for each in self._issues(_around([alone], kind)) if each.rule != _EMPTY or alone is entry]
        if issues:
            listed = [
                replace(each, expression=tuple(f"entry{one.removeprefix(_ONE)}" for one in each.expression))
                for each in issues
            ]
            raise Unprocessable("The entry cannot be carried out.", issues=tuple(listed))

    def _issues(self, resource: Resource) -> list[Issue]:
        return [each for each in validate(resource, self._definitions) if each.severity in _ERRORS]

    def _to_server(self, resource: Resource) -> None:
        """What is an address on this base is one on the server's."""
        for each in walk_dicts(resource):
            for member in _ADDRESSES:
                text = each.get(member)
                if isinstance(text, str):
                    each[member] = self._addresses.own_to_r4(text)


def _searches(resource: Resource) -> list[tuple[Resource, str]]:
    """The references that are searches, and their texts."""
    found = [(each, each.get("reference")) for each in walk_dicts(resource)]
    return [(each, text) for each, text in found if isinstance(text, str) and "?" in text]


def _conditional(resource: Resource, condition: Condition) -> None:
    """Conditional references, ``Type?query``, in R4's words."""
    for each in walk_dicts(resource):
        text = each.get("reference")
        if isinstance(text, str) and "?" in text:
            kind, _, query = text.partition("?")
            if kind in R4_TYPES:
                each["reference"] = f"{R4_TYPES[kind]}?{condition(kind, query)}"


def _renamed(bundle: Resource, names: Mapping[str, str]) -> None:
    """References to entries whose address has the name of a type of R4 now."""
    for each in walk_dicts(bundle):
        text = each.get("reference")
        if isinstance(text, str) and text in names:
            each["reference"] = names[text]


def _requested(asked: dict[str, Any], url: Url, condition: Condition) -> Asked:
    """Put what an entry asks for into R4, in place. Raises."""
    if asked.get("method") == "PATCH":
        raise MethodNotAllowed("A resource is not patched in STU3; update it, or patch it in R4 at /fhir.")
    given: str = asked["url"]
    asked["url"], known = url(asked["method"], given)
    if "ifNoneExist" in asked:
        kind = given.partition("?")[0].rstrip("/").rpartition("/")[2]
        asked["ifNoneExist"] = condition(kind, asked["ifNoneExist"])
    return known


def _around(entries: list[Any], kind: str) -> Resource:
    """A Bundle of entries without their resources. What the type asks of the whole was looked at: here a document needs
    no identifier.
    """
    return {"resourceType": "Bundle", "type": kind if kind in _REQUESTS else "collection", "entry": entries}


def _without_resource(entry: Any) -> Any:
    """The entry itself where it has none."""
    if not isinstance(entry, dict) or "resource" not in entry:
        return entry
    return {name: value for name, value in entry.items() if name != "resource"}


def _dated(bundle: Resource) -> Resource:
    """When a document was made, which R4 demands and STU3 says in its Composition: of a date, when that day began."""
    entries = bundle.get("entry") or [{}]
    composition = entries[0].get("resource") if isinstance(entries[0], dict) else None
    if bundle.get("type") != "document" or not isinstance(composition, dict):
        return {}
    when = timestamp(bundle) or composition.get("date")
    if not isinstance(when, str):
        return {}
    return {"timestamp": when if "T" in when else f"{(when + '-01-01')[:10]}T00:00:00Z"}


def _at(error: ZelfregieError, place: str) -> ZelfregieError:
    """The same problem, at an element of the entry."""
    return replace(error, issues=tuple(replace(each, expression=(place,)) for each in error.all_issues()))


def _together(errors: list[ZelfregieError]) -> ZelfregieError:
    """One refusal with the problems of all; the first one says what kind it is."""
    first = errors[0]
    return replace(first, issues=tuple(each for error in errors for each in error.all_issues()))


def _placed(error: ZelfregieError, place: str) -> ZelfregieError:
    """The same with places inside a Bundle: ``Observation.status`` is ``Bundle.entry[3].resource.status`` there."""
    issues = [
        replace(each, expression=tuple(_inside(one, place) for one in each.expression) or (place,))
        for each in error.all_issues()
    ]
    return replace(error, issues=tuple(issues))


def _inside(expression: str, place: str) -> str:
    first, dot, rest = expression.partition(".")
    if first == "entry" or first.startswith("http"):
        return f"{place}{dot}{rest}" if first == "entry" else place
    inner = place if place.endswith(".resource") else f"{place}.resource"
    return f"{inner}{dot}{rest}"
