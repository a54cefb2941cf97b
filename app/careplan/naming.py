"""Who somebody is, in a word or two, as far as the caller may know. https://hl7.org/fhir/R4/datatypes.html#HumanName"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.careplan.history import History
from app.careplan.past import Revision
from app.careplan.plan import local
from app.careplan.words import LANGUAGES, Words, filled, table
from app.database import Row
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.store.narrowed import is_within

Named = tuple[str, str]
"""Type and id."""
_PERSONS: Final = frozenset({"Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization"})
_STATEMENT: Final = (
    "SELECT r.patient, r.type, r.id, r.version, r.body FROM resource r WHERE {partitions} AND r.deleted = 0"
    " AND (r.type, r.id) IN (VALUES {rows})"
    f" AND {guarded(3)}"
)
_OWN: Final = "r.patient = $1 AND r.labels & $2 = 0"
_SHARED: Final = "r.patient IN ($1, $2)"


class Who:
    """The people and organisations that revisions name, by their names."""

    def __init__(self, known: Mapping[Named, str]) -> None:
        self._known = known
        self._said: dict[bytes, Words] = {}

    @classmethod
    async def of(cls, history: History, revisions: Iterable[Revision]) -> Who:
        """Those of these revisions that the caller may see."""
        asked: dict[Named, None] = {}
        authors = {revision.agents: revision for revision in revisions}
        for author in [revision.author for revision in authors.values()]:
            for reference in (author.get("who"), author.get("onBehalfOf")):
                found = local(reference)
                if found is not None and found[0] in _PERSONS:
                    asked[found] = None
        allowed = [each for each in asked if history.request.access.scopes.allow(each[0], Action.READ)]
        known = await _names(history, allowed, own=True)
        elsewhere = [each for each in allowed if each not in known and history.server.placement[each[0]].catalogue]
        return cls(known | await _names(history, elsewhere, own=False))

    def did(self, revision: Revision) -> Words:
        """Who did it, and for whom."""
        agents = revision.agents
        said = self._said.get(agents)
        if said is None:
            said = self._said[agents] = self.agent(revision.author)
        return said

    def agent(self, agent: Mapping[str, Any]) -> Words:
        """An agent of a Provenance."""
        who = self._name(agent.get("who"))
        whom = agent.get("onBehalfOf")
        if not isinstance(whom, dict):
            return who
        kind = (local(whom) or (whom.get("type"), ""))[0]
        return filled(table()["of" if kind == "Organization" else "for"], who=who, whom=self._name(whom))

    def _name(self, reference: Any) -> Words:
        found = local(reference)
        given = reference if isinstance(reference, dict) else {}
        name = self._known.get(found) if found is not None else None
        if name is None and isinstance(given.get("display"), str):
            name = given["display"]
        if name is not None:
            return dict.fromkeys(LANGUAGES, name)
        rows: Mapping[str, Words] = table()["who"]
        return rows.get(found[0] if found is not None else given.get("type", "")) or rows[""]


async def _names(history: History, asked: list[Named], *, own: bool) -> dict[Named, str]:
    if not asked:
        return {}
    server, access = history.server, history.request.access
    first = (history.place.patient, access.denied_labels(history.place.patient, Action.READ))
    binds: list[Any] = [*(first if own else access.catalogues), access.hash, access.stamp, history.request.now]
    rows = []
    for kind, resource_id in asked:
        binds.append(resource_id)
        rows.append(f"({server.registry.number(kind)}, ${len(binds)})")
    statement = _STATEMENT.format(partitions=_OWN if own else _SHARED, rows=", ".join(rows))
    found: dict[Named, str] = {}
    for row in await history.reader.fetch(statement, *binds):
        name = await _name_in(history, row)
        if name:
            found[server.registry.type_names[row[1]], row[2]] = name
    return found


async def _name_in(history: History, row: Row) -> str:
    patient, number, resource_id, version, body = row
    server, access = history.server, history.request.access
    at = patient, server.registry.type_names[number], resource_id
    if not await is_within(history.reader, access, server.registry, at, version, body, action=Action.READ):
        return ""
    return name_of(decode(body))


def name_of(resource: Resource) -> str:
    """What a person is called by: the first given name of patients and those close to them, all of the name of
    professionals; empty where there is none.
    """
    kind = resource["resourceType"]
    if kind == "PractitionerRole":
        text = resource.get("practitioner", {}).get("display", "")
        return text if isinstance(text, str) else ""
    if kind == "Organization":
        return str(resource.get("name", ""))
    listed = [each for each in resource.get("name", ()) if isinstance(each, dict)]
    for each in sorted(listed, key=lambda name: name.get("use") not in ("usual", "nickname")):
        given = [str(one) for one in each.get("given", ()) if one]
        if kind in ("Patient", "RelatedPerson") and given:
            return given[0]
        if each.get("text"):
            return str(each["text"])
        whole = " ".join([*map(str, each.get("prefix", ())), *given, str(each.get("family", ""))]).strip()
        if whole:
            return whole
    return ""
