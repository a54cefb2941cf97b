"""One intended change of one resource, from the request to what is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from app.errors import Issue, ZelfregieError
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.intake.findings import Finding
from app.server.search.rows import Rows
from app.server.store.frame import Frame

Method = Literal["create", "update", "delete"]
_ACTIONS: Final = {"create": Action.CREATE, "update": Action.UPDATE, "delete": Action.DELETE}


@dataclass(frozen=True, slots=True)
class Before:
    """The current row of the resource, deleted or not."""

    n: int
    version: int
    seq: int
    updated: int
    date: int
    deleted: bool
    labels: int
    flags: int
    keys: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Remarks:
    """What there is to say of a resource that is taken in: ``issues`` for who sent it, and of these what it is
    ``flagged`` for.
    """

    issues: tuple[Issue, ...] = ()
    flagged: tuple[Finding, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """The codes that it is flagged with, each once."""
        return tuple(dict.fromkeys(code for each in self.flagged for code in each.flags))

    def joined(self, found: Iterable[Finding], *, lenient: bool) -> Remarks:
        """With what was found; ``lenient``: an error among it does not refuse the resource."""
        said, flagged = list(self.issues), list(self.flagged)
        for each in found:
            refused = each.issue.severity in ("error", "fatal")
            said.append(replace(each.issue, severity="warning") if refused and lenient else each.issue)
            if each.flags and (lenient or not refused):
                flagged.append(each)
        return Remarks(tuple(said), tuple(flagged))


NO_REMARKS: Final = Remarks()


@dataclass(slots=True)
class Draft:
    """What the caller wants, placed and validated. ``fresh``: the id was just made here, so nothing can have it.

    ``if_match``: the version that must be the current one. ``if_none_match``: there must be none; ``unmatched``: the
    same, because a condition did not find what has this id. ``created`` and ``before`` are known once the partition is
    locked; ``unchanged`` is set when nothing had to be written (a conditional create that found its match, a delete of
    what is gone). ``remarks`` are what validation says without refusing; ``refusal`` is why it could not be written.
    ``patched``: ``if_match`` is the version that a patch was applied to, and none that its sender named. ``right``:
    what the caller must be allowed where that is not what ``method`` says, since an operation changes as a consequence
    what its caller may not change at will. ``first``: the version with which what is new begins, as a load
    keeps those of where it comes from. ``aside``: the ``Type/id`` of a working copy that is deleted with it, "" for
    none.
    """

    method: Method
    type: str
    id: str
    patient: int
    resource: Resource | None = None
    fresh: bool = False
    if_match: int | None = None
    if_none_match: bool = False
    unmatched: bool = False
    owned: bool = False
    birth: bool = False
    frame: Frame | None = None
    rows: Rows | None = None
    labels: int = 0
    before: Before | None = None
    unchanged: bool = False
    version: int = 0
    updated: int = 0
    body: bytes | None = None
    remarks: Remarks = NO_REMARKS
    refusal: ZelfregieError | None = None
    right: int | None = None
    first: int = 1
    patched: bool = False
    aside: str = ""

    @property
    def action(self) -> int:
        """What the caller must be allowed to do with the resource."""
        return _ACTIONS[self.method] if self.right is None else self.right

    @property
    def named(self) -> tuple[str, ...]:
        """What the access log names of it, once it is written."""
        version = (f"{self.type}/{self.id}/_history/{self.version}",) if self.version else ()
        return (*version, self.aside) if self.aside else version

    @property
    def created(self) -> bool:
        """There was nothing, or something deleted, under this id."""
        return self.before is None or self.before.deleted
