"""Who measured: a person who enters a measurement of their own measured it themselves, unless it says otherwise.

``performer`` is the patient then, but for what claims a profile that is not that of the kind, which may want it
otherwise; and of what an app sends ``meta.source`` names the app, so that others can tell what
was measured at home and by what it came (MODEL 3). https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Callable

from app.fhir.resource import Resource
from app.measurements.confirming import is_the_person
from app.measurements.kinds import kind_of, part_of
from app.measurements.writing import R4
from app.server.access import APP, Access

Complete = Callable[[Access, Resource], None]


def performer_of(canonical_base: str) -> Complete:
    """For the intake: fills in, in place, what is not said."""

    def complete(access: Access, observation: Resource) -> None:
        part = part_of(observation, canonical_base)
        kind = kind_of(observation, canonical_base) or (None if part is None else part[0])
        if kind is None or not kind.home or not is_the_person(access):
            return
        claimed = observation.get("meta", {}).get("profile", ())
        if "performer" not in observation and kind.profiles.items() >= {(R4, each) for each in claimed}:
            observation["performer"] = [{"reference": f"Patient/{access.patient_id}"}]
        if access.kind == APP and access.client:
            meta = observation.setdefault("meta", {})
            meta.setdefault("source", f"{canonical_base}/NamingSystem/recipient#{access.client}")

    return complete
