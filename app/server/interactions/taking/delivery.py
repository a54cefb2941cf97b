"""What one source gives in one write: what it gave before is updated, and the rest is new.

The source's own names are kept beside, in the tables of ``app/server/intake/tables.py``; what refers by them is
rewritten to where things are stored. https://hl7.org/fhir/R4/http.html#trules; MODEL 3
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from app.database import Writer
from app.errors import Invalid, Issue
from app.fhir.literals import REFERENCE
from app.fhir.resource import parse_reference
from app.fhir.scopes import Action
from app.server.ids import key_of
from app.server.intake import tables
from app.server.intake.delivering import Given, Source, given_as
from app.server.intake.matching import Known, Matching, Whose, best
from app.server.intake.provenance import Arrival, delivery_provenance
from app.server.interactions.taking.clashes import clashes, issue_of
from app.server.messages import Request
from app.server.rules import Change, ChangeSet, barred
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.execute import Overtaken
from app.server.store.prepare import finish, fresh_id
from app.server.store.sameness import says

if TYPE_CHECKING:
    from app.server.interactions.transaction.order import Entry
    from app.server.interactions.transaction.placing import Places

SLICE: Final = 500
"""Names that are looked up at a time; others have their turn in between."""
_LATE: Final = "The same source has just delivered this; send it again."
_ERASED: Final = 2
_GONE: Final = Issue(
    "informational",
    "This was removed at the person's request, and is not taken in again.",
    severity="information",
)


@dataclass(slots=True)
class Part:
    """One entry that is matched: whose, how the source names it (``names``: by type and key), what it is again (None:
    it is new), and which of its names are known already; ``own``: what has its id was written by the source itself,
    outside its deliveries;
    ``erased``: it was removed at the person's request, under names of which nothing else is known any more.
    """

    patient: int
    given: Given
    names: Sequence[tuple[str, str]]
    known: Known | None = None
    there: AbstractSet[tuple[str, str]] = frozenset()
    draft: Draft | None = None
    own: bool = False
    erased: bool = False


class Delivery:
    """See ``Around`` in ``app/server/store/execute.py``. ``whole``: it is a delivery of its own, with a Provenance;
    else one entry of a batch, which has one together.
    """

    compared = True

    def __init__(self, server: FhirServer, request: Request, source: Source, *, whole: bool = True) -> None:
        self.source = source
        self.parts: dict[int, Part] = {}
        self.beside: dict[tuple[str, str], int] = {}
        """What is written besides the entries, by type and id, and the version that it was when it was looked at."""
        self.ended = False
        self._under: tuple[int, str, Sequence[tuple[str, str]]] | None = None
        self._server = server
        self._request = request
        self._whole = whole
        self._given: dict[int, Given] = {}
        self._matching = Matching(server.registry, server.database.dialect, source)
        self._wanted: dict[int, list[tuple[str, str]]] = {}
        self._taken: dict[int, Mapping[tuple[str, str], Whose]] = {}
        self._expected: dict[int, tuple[list[str], Draft]] = {}

    def note(self, entries: Iterable[Entry]) -> None:
        """Remember how the source names what is to be matched, before it loses its id."""
        for entry in entries:
            if _is_plain(entry) and entry.resource is not None:
                self._given[entry.index] = given_as(entry.resource, full_url=entry.full_url, named=entry.id)

    async def meet(self, entries: Sequence[Entry], places: Places) -> None:
        """Match, in place: an entry becomes the update of what it is again; one whose id is another source's is made
        under an id of ours. Raises ``Invalid`` for entries that cannot be told apart.
        """
        by_patient: dict[int, dict[int, Given]] = defaultdict(dict)
        for index, given in self._given.items():
            if index in places and places[index][0] > 0:
                by_patient[places[index][0]][index] = given
        unclear = clashes(
            (index, str(places[index][0]), given) for index, given in self._given.items() if index in places
        )
        if unclear:
            issues = tuple(issue_of(index, first) for index, first in unclear.items())
            raise Invalid("The delivery has entries that cannot be told apart; nothing was stored.", issues=issues)
        for patient, givens in by_patient.items():
            known: dict[tuple[str, str], Known] = {}
            named = {index: each.names() for index, each in givens.items()}
            for names in _slices(chain.from_iterable(named.values())):
                known |= await self._matching.known(self._server.database, patient, names)
                await asyncio.sleep(0)
            for index, given in givens.items():
                own = named[index]
                was, there = best(own, known, identified=bool(given.id)), known.keys() & own
                self.parts[index] = Part(patient, given, own, was, there)
        await self._refuse_taken(entries)
        await self._leave_erased(entries)
        for entry in entries:
            part = self.parts.get(entry.index)
            if part is not None and part.known is not None:
                entry.method, entry.id = "update", part.known.id
                if entry.resource is not None:
                    entry.resource["id"] = entry.id

    async def _refuse_taken(self, entries: Sequence[Entry]) -> None:
        """Two sources may both send ``Observation/1``: the id is whose it was first, the other's is one of ours."""
        wanted: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            part = self.parts.get(entry.index)
            if part is not None and part.known is None and entry.method == "update" and key_of(entry.id) is None:
                wanted[part.patient].append(entry)
        for patient, listed in wanted.items():
            taken: dict[tuple[str, str], Whose] = {}
            self._wanted[patient] = [(each.type, each.id) for each in listed]
            for names in _slices(self._wanted[patient]):
                taken |= await self._matching.taken(self._server.database, patient, names)
                await asyncio.sleep(0)
            self._taken[patient] = taken
            for entry in listed:
                part, whose = self.parts[entry.index], taken.get((entry.type, entry.id))
                part.own, part.erased = whose is Whose.OWN, whose is Whose.ERASED
                if whose is Whose.OTHERS and entry.resource is not None:
                    entry.method, entry.id = "create", ""
                    entry.resource.pop("id", None)

    async def _leave_erased(self, entries: Sequence[Entry]) -> None:
        """What the person had removed is not taken in again, by whatever name it comes; the rest is."""
        coming: dict[int, list[tuple[Part, Change]]] = defaultdict(list)
        for entry in entries:
            part = self.parts.get(entry.index)
            if part is None or entry.resource is None or (part.known is not None and part.known.deleted == _ERASED):
                continue
            was = None if part.known is None or part.known.deleted else part.known.body
            fresh = part.known is None and entry.method == "create"
            entry_id = entry.id if part.known is None else part.known.id
            coming[part.patient].append((part, Change(entry.type, entry_id, was, entry.resource, fresh)))
        access, now, registry = self._request.access, self._request.now, self._server.registry
        for patient, listed in coming.items():
            changes = ChangeSet(patient, access, now, registry, [change for _, change in listed])
            for place in await barred(self._server.rules, changes, self._server.database):
                listed[place][0].erased = True

    async def names(self, entries: Sequence[Entry], named: Mapping[str, str]) -> dict[str, str]:
        """What the source's own names stand for, by what may stand in a reference: those of this delivery, and those
        of earlier ones that it refers to. ``named``: what is known already.
        """
        found: dict[str, str] = {}
        for entry in entries:
            given = self._given.get(entry.index)
            if given is not None and given.id and given.id != entry.id:
                found.setdefault(f"{given.type}/{given.id}", f"{entry.type}/{entry.id}")
        texts_of: dict[int, dict[str, None]] = defaultdict(dict)
        for place, entry in enumerate(entries):
            part = self.parts.get(entry.index)
            if part is None or entry.resource is None:
                continue
            if place % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            referred = [value[REFERENCE] for value, member in entry.literals if member == REFERENCE]
            texts_of[part.patient].update(dict.fromkeys(referred))
        for patient, listed in texts_of.items():
            unknown = [text for text in listed if text not in found and text not in named]
            texts = {text: name for text in unknown if (name := self._own_name(text)) is not None}
            for names in _slices(texts.values()):
                known = await self._matching.known(self._server.database, patient, names, bodies=False)
                found |= {
                    text: f"{name[0]}/{known[name].id}"
                    for text, name in texts.items()
                    if name in known and _is_meant(text, known[name]) and known[name].deleted != _ERASED
                }
        return {text: target for text, target in found.items() if text != target}

    def _own_name(self, text: str) -> tuple[str, str] | None:
        """The key of what a reference may name in the source's own words."""
        literal = parse_reference(text)
        if literal is None or literal.type not in self._server.registry.stored or literal.type == "Patient":
            return None
        if literal.base == self._server.base or literal.version is not None or key_of(literal.id) is not None:
            return None
        return literal.type, f"id:{literal.id}"

    def draft(self, entry: Entry, place: tuple[int, bool]) -> Draft | None:
        """The draft of a matched entry; None for one that is not matched."""
        part = self.parts.get(entry.index)
        if part is None or entry.resource is None:
            return None
        patient, owned = place
        known, resource = part.known, entry.resource
        if part.erased:
            return Draft("update", entry.type, "", patient, None, fresh=True, unchanged=True, remarks=Remarks((_GONE,)))
        if known is not None and known.deleted == _ERASED:
            return Draft(
                *("update", entry.type, known.id, patient, None),
                unchanged=True,
                version=known.version,
                updated=known.updated,
                body=b"",
                remarks=Remarks((_GONE,)),
            )
        resource.setdefault("meta", {}).setdefault("source", self.source.uri)
        if known is None and not part.own:
            fresh = entry.method == "create"
            part.draft = Draft(entry.method, entry.type, entry.id, patient, resource, fresh=fresh, owned=owned)  # type: ignore[arg-type]
            return finish(self._server, part.draft)
        if known is None:
            part.draft = Draft("update", entry.type, entry.id, patient, resource, owned=owned, right=Action.CREATE)
            return finish(self._server, part.draft)
        draft = Draft("update", entry.type, known.id, patient, resource, owned=owned, right=Action.CREATE)
        part.draft = finish(self._server, draft)
        if known.body is not None and not known.deleted and says(draft, known.version, known.updated, known.body):
            draft.unchanged, draft.version, draft.updated, draft.body = True, known.version, known.updated, known.body
        return draft

    def under(self, patient: int, request: str, gone: Sequence[tuple[str, str]]) -> None:
        """The whole is the complete answer to ``request``, and has these (type, id) no longer."""
        self._under = patient, request, gone

    async def locked(self, writer: Writer) -> None:
        """Raises ``Overtaken`` where another delivery of this source was faster."""
        by_patient: dict[int, list[Part]] = defaultdict(list)
        for part in self.parts.values():
            by_patient[part.patient].append(part)
        for patient, parts in by_patient.items():
            names = chain.from_iterable(each.names for each in parts)
            known = await self._matching.known(writer, patient, names, bodies=False)
            for part in parts:
                now = best(part.names, known, identified=bool(part.given.id))
                if part.there != known.keys() & part.names:
                    raise Overtaken(_LATE)
                if (now and now.state) != (part.known and part.known.state):
                    raise Overtaken(_LATE)
        for patient, wanted in self._wanted.items():
            if await self._matching.taken(writer, patient, wanted) != self._taken[patient]:
                raise Overtaken(_LATE)
        if self.beside and self._under is not None:
            versions = await self._matching.versions(writer, self._under[0], self.beside)
            if versions != self.beside:
                raise Overtaken(_LATE)

    async def stored(self, writer: Writer) -> None:
        """Keep by what names the source knows what was written."""
        self.ended = True
        new: dict[tuple[int, str, str], tuple[Any, ...]] = {}
        for part in self.parts.values():
            draft = part.draft
            if draft is None or draft.refusal is not None:
                continue
            if draft.unchanged and part.known is None and not part.own:
                continue
            number = self._server.registry.number(draft.type)
            for _, key in part.names:
                if (draft.type, key) in part.there:
                    continue
                row = (part.patient, self.source.key, number, key, draft.id, part.given.url)
                new.setdefault((part.patient, draft.type, key), row)
        await writer.alter([(tables.INSERT_DELIVERED, list(new.values())), *self._batches_under()])

    def _batches_under(self) -> list[tuple[Any, list[tuple[Any, ...]]]]:
        if self._under is None:
            return []
        patient, asked, gone = self._under
        number, key = self._server.registry.number, self.source.key
        drafts = [each.draft for each in self.parts.values() if each.draft is not None]
        given = {(each.type, each.id) for each in drafts if each.refusal is None}
        return [
            (tables.DELETE_UNDER, [(patient, key, asked, number(kind), name) for kind, name in gone]),
            (tables.INSERT_UNDER, [(patient, key, asked, number(kind), name) for kind, name in sorted(given)]),
        ]

    def expect(self, drafts: Iterable[Draft]) -> None:
        """Make the Provenance, which may have thousands of targets, before anything is locked: as it is to be when
        nobody else is faster.
        """
        versions = {id(each.draft): each.known.version for each in self.parts.values() if each.known is not None}
        targets: dict[int, list[str]] = defaultdict(list)
        for each in drafts:
            if _is_accounted(each) and not each.unchanged:
                before = versions.get(id(each), self.beside.get((each.type, each.id), 0))
                targets[each.patient].append(f"{each.type}/{each.id}/_history/{before + 1}")
        if self._whole:
            for patient, listed in targets.items():
                made = account_of(self._server, self._request, self.source, patient, listed)
                self._expected[patient] = listed, made

    def accounts(self, written: Sequence[Draft]) -> Sequence[Draft]:
        """The Provenance of what this delivery wrote in one partition."""
        given = [each for each in written if _is_accounted(each)]
        if not self._whole or not given:
            return ()
        patient, recorded = given[0].patient, given[0].updated
        targets = [f"{each.type}/{each.id}/_history/{each.version}" for each in given]
        expected, made = self._expected.get(patient, ((), None))
        if made is None or expected != targets or recorded != self._request.now:
            made = account_of(self._server, self._request, self.source, patient, targets, recorded=recorded)
        for each in given:
            made.labels |= each.labels  # those of what it refers to
        return (made,)


def _is_accounted(draft: Draft) -> bool:
    return draft.patient > 0 and not draft.patched and draft.resource is not None


def account_of(
    server: FhirServer, request: Request, source: Source, patient: int, targets: Sequence[str], *, recorded: int = 0
) -> Draft:
    """The same for versions that are written already; their data categories are found when it is."""
    received = request.body if request.received is None else request.received.body
    arrival = Arrival(source.name, request.access.fhir_user, received)
    resource = delivery_provenance(server.canonical_base, arrival, targets, recorded or request.now)
    made = Draft("create", "Provenance", fresh_id(server, patient), patient, resource, fresh=True, right=Action.CREATE)
    return finish(server, made)


def _is_plain(entry: Entry) -> bool:
    """Whether the source means it by its own names, and by nothing else."""
    return (
        entry.method in ("create", "update")
        and entry.type != "Patient"
        and entry.none_exist is None
        and entry.query is None
        and entry.if_match is None
        and not entry.if_none_match
        and (entry.method == "create" or key_of(entry.id) is None)
    )


def _is_meant(text: str, known: Known) -> bool:
    """An address elsewhere is the source's only if that is the one that it gave."""
    return "://" not in text or known.url == text


def _slices(names: Iterable[tuple[str, str]]) -> Iterable[list[tuple[str, str]]]:
    waiting = iter(dict.fromkeys(names))
    while some := list(islice(waiting, SLICE)):
        yield some
