"""From a line to a draft, checked as a measurement is that is sent by itself, before anything is locked.

What is costly to check is the same for all lines of one shape, and is checked once: structure, profiles, and what
features ask. Number and time are looked at for every line. https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.errors import Issue, Unprocessable
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.measurements.importing.building import (
    Shape,
    Template,
    device_number,
    device_of,
    id_of,
    shape_of,
    template_of,
)
from app.measurements.importing.lines import Device, Line, Taken
from app.measurements.limits import findings_of
from app.server.access import APP, Access
from app.server.ids import write_key
from app.server.intake.findings import Finding, completed
from app.server.search.index import Alike
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.frame import frame
from app.server.store.prepare import check_resource, finish, flag

_MOST_SHAPES: Final = 2_000
_TYPE: Final = "Observation"
_VARYING: Final = frozenset(
    {"effectiveDateTime", "valueQuantity", "valueInteger", "component", "note"}
)  # fmt: skip
"""What lines of one shape say differently; the tags of one that is flagged besides."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose record it is: partition and id of the Patient; ``source``: the format of the file."""

    patient: int
    patient_id: str
    source: str

    @property
    def subject(self) -> Resource:
        """The reference."""
        return {"reference": f"Patient/{self.patient_id}"}


@dataclass(slots=True)
class Named:
    """A line with a measurement, and the id that follows from it."""

    line: Line
    taken: Taken
    id: str


@dataclass(slots=True)
class Ready:
    """A line that can be written. ``findings``: what its values are flagged for."""

    named: Named
    draft: Draft
    findings: Sequence[Finding]


@dataclass(slots=True)
class _Checked:
    """A shape: its template, with the labels that all of it have; or why none of it can be stored."""

    template: Template
    alike: Alike
    labels: int = 0
    refused: Sequence[Issue] = ()


class Preparing:
    """Of one file, for one caller. ``new_devices``: those that are to be made with what refers to them."""

    def __init__(self, server: FhirServer, access: Access, target: Target) -> None:
        self.new_devices: dict[Device, Draft] = {}
        self._server = server
        self._access = access
        self._target = target
        self._key = write_key(target.patient)
        self._indexer = server.indexer(_TYPE)
        self._shapes: dict[Shape, _Checked] = {}
        self._devices: dict[Device, Resource] = {}

    async def ready(self, named: Named) -> Ready | Sequence[Issue]:
        """The draft of a create, or why there is none."""
        taken = named.taken
        shape = shape_of(taken)
        checked = self._shapes.get(shape)
        template = await self._template(taken) if checked is None else checked.template
        resource = template.filled(taken)
        findings = self._findings(template, taken, resource)
        refused = [each.issue for each in findings if each.issue.severity in ("error", "fatal")]
        if refused:
            return refused
        if checked is None:
            checked = await self._check(template, resource, shape)
        if checked.refused:
            return checked.refused
        flagged = [each for each in findings if each.flags]
        draft = Draft("create", _TYPE, named.id, self._target.patient, resource, fresh=True, owned=True)
        if findings:
            draft.remarks = Remarks(tuple(each.issue for each in findings), tuple(flagged))
            flag(self._server, resource, draft.remarks)
        draft.labels = checked.labels
        draft.rows = checked.alike.rows(resource) if not flagged else self._indexer.rows(resource, owned=True)
        draft.frame = frame(resource, draft.id)
        return Ready(named, draft, flagged)

    def _findings(self, template: Template, taken: Taken, resource: Resource) -> Sequence[Finding]:
        """What there is to say of number and time; most are within every limit, which is quickly seen."""
        now = self._server.clock()
        if template.usual is not None and taken.at is not None and taken.at <= now:
            low, high = template.usual
            if low <= next(iter(taken.values.values())) <= high:
                return ()
        return list(findings_of(resource, self._server.canonical_base, now=now))

    async def _template(self, taken: Taken) -> Template:
        device = None if taken.device is None else await self._device(taken.device)
        source = "" if self._access.kind == APP else self._target.source
        template = template_of(taken, self._server.canonical_base, self._target.subject, device, source)
        completed(self._server.intake, self._access, template.whole)
        return template

    async def _check(self, template: Template, resource: Resource, shape: Shape) -> _Checked:
        """Check one Observation as it is checked when it is sent by itself; what has its shape is like it."""
        checked = _Checked(template, self._indexer.alike(resource, owned=True, varying=_VARYING))
        server, target = self._server, self._target
        whole = {**resource, "meta": dict(resource["meta"])}
        try:
            await check_resource(
                server, server.database, self._access, whole, may_hold_bsn=False, patient=target.patient
            )
        except Unprocessable as error:
            checked.refused = error.all_issues()
        checked.labels = finish(server, Draft("create", _TYPE, "none", target.patient, resource, owned=True)).labels
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        self._shapes[shape] = checked
        return checked

    async def _device(self, device: Device) -> Resource:
        """A reference to a device, which is made when it is first seen; without the right to make one, its name and
        identifier.
        """
        known = self._devices.get(device)
        if known is not None:
            return known
        target, server, access = self._target, self._server, self._access
        number = device_number(device)
        resource = device_of(device, number, server.canonical_base, target.subject)
        made: Resource = {"display": device.name, "identifier": resource["identifier"][0]}
        if access.scopes.allow("Device", Action.CREATE) and access.scopes.narrowed is None:
            await check_resource(server, server.database, access, resource, may_hold_bsn=False, patient=target.patient)
            resource_id = id_of(number, self._key)
            draft = finish(
                server, Draft("create", "Device", resource_id, target.patient, resource, fresh=True, owned=True)
            )
            if not draft.labels & access.denied_labels(target.patient, Action.CREATE):
                made = {"reference": f"Device/{resource_id}", **made}
                self.new_devices[device] = draft
        if len(self._devices) >= _MOST_SHAPES:
            self._devices.clear()
        self._devices[device] = made
        return made
