"""What only this service says in ``meta`` stays as it was said, whoever changes the rest of a resource.

* *No longer delivered since*: it is the source that gives a thing again that takes this off, and nobody's change of it.
* What a resource of another version of FHIR claimed to be (``source-profile``): the border through which it came in
  says that, and nobody who writes R4; by it we know what was received and is given back as it came.

https://hl7.org/fhir/R4/resource.html#Meta; MODEL 3 and 4
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from app.fhir.resource import Resource, decode
from app.fhir.stu3.meta import SOURCE_PROFILE
from app.server.access import SERVICE, Access
from app.server.intake.delivering import source_of
from app.server.intake.flags import NO_LONGER_DELIVERED, intake_system, since_extension
from app.server.server import FhirServer
from app.server.store.changes import Draft

_UNDELIVERED: Final = NO_LONGER_DELIVERED.encode()
_CLAIMED: Final = SOURCE_PROFILE.encode()
Finish = Callable[[Draft], object]


class Said:
    """For what one caller writes. ``finish`` makes a draft's bytes and rows of its resource again."""

    def __init__(self, server: FhirServer, access: Access, finish: Finish) -> None:
        self._system = intake_system(server.canonical_base)
        self._since = since_extension(server.canonical_base)
        self._claim = f"{server.canonical_base}/{SOURCE_PROFILE}"
        self._gives = source_of(server.base, access) is not None
        self._claims = access.viewed or access.kind == SERVICE
        self._finish = finish

    @classmethod
    def over(
        cls, drafts: Sequence[Draft], server: FhirServer, access: Access, finish: Finish
    ) -> Callable[[Draft], bool]:
        """Take out of what is new among ``drafts`` whatever its sender cannot say. Gives what does the same for the
        rest, once it is known what is there, and says whether there was any of that.
        """
        said = cls(server, access, finish)
        for draft in drafts:
            if draft.fresh and draft.resource is not None and not said._claims:
                said._keep(draft, {})
        return said.of_present

    def of_present(self, draft: Draft) -> bool:
        """Have a draft say what is said now of what it changes, once that is known; whether there is anything said, or
        there was something that its sender cannot say.
        """
        before = draft.before
        if draft.resource is None or draft.unchanged or draft.fresh:  # what is new was looked at before
            return False
        there = b"" if before is None or before.deleted or before.body is None else before.body
        marked = not self._gives and _UNDELIVERED in there
        claimed = not self._claims and _CLAIMED in there
        if not marked and self._claims:
            return False
        return self._keep(draft, decode(there).get("meta", {}) if marked or claimed else {}) or marked or claimed

    def _keep(self, draft: Draft, stored: Resource) -> bool:
        """Tag and extensions as they are stored, in place of those that were sent; whether those were others."""
        resource = draft.resource
        assert resource is not None, "only a delete has none"
        meta: Resource = resource.get("meta", {})
        made = dict(meta)
        if not self._claims:
            _put(made, "extension", _others(meta, self._is_claim) + _own(stored, self._is_claim))
        if not self._gives and any(map(self._is_mark, stored.get("tag", ()))):
            _put(made, "tag", [each for each in made.get("tag", ()) if not self._is_mark(each)])
            _put(made, "tag", [*made.get("tag", ()), *filter(self._is_mark, stored["tag"])])
            _put(made, "extension", _others(made, self._is_since) + _own(stored, self._is_since))
        contained = self._without_claims(resource)
        if made == meta and not contained:
            return False
        changed = {**resource, **contained, "meta": made}
        if not made:
            del changed["meta"]
        draft.resource, labels = changed, draft.labels
        self._finish(draft)
        draft.labels = labels  # what it refers to may have given it more than it says itself
        return True

    def _without_claims(self, resource: Resource) -> Resource:
        """What is contained, where something of it claims what only a border can say."""
        listed: Sequence[Resource] = () if self._claims else resource.get("contained", ())
        if not any(_own(each.get("meta", {}), self._is_claim) for each in listed):
            return {}
        made = []
        for each in listed:
            meta = dict(each.get("meta", {}))
            _put(meta, "extension", _others(meta, self._is_claim))
            rest = {name: value for name, value in each.items() if name != "meta"}
            made.append({**rest, "meta": meta} if meta else rest)
        return {"contained": made}

    def _is_claim(self, extension: Any) -> bool:
        return bool(extension.get("url") == self._claim)

    def _is_since(self, extension: Any) -> bool:
        return bool(extension.get("url") == self._since)

    def _is_mark(self, tag: Any) -> bool:
        return (tag.get("system"), tag.get("code")) == (self._system, NO_LONGER_DELIVERED)


def _own(meta: Resource, is_one: Callable[[Any], bool]) -> list[Any]:
    return [each for each in meta.get("extension", ()) if is_one(each)]


def _others(meta: Resource, is_one: Callable[[Any], bool]) -> list[Any]:
    return [each for each in meta.get("extension", ()) if not is_one(each)]


def _put(meta: Resource, name: str, listed: list[Any]) -> None:
    if listed:
        meta[name] = listed
    else:
        meta.pop(name, None)
