"""What was born here as it leaves under a base of a data service in R4: a goal as nl-core-TreatmentObjective has room
for it. What was received is given as it came. MODEL 2, "Profiles"
"""

from __future__ import annotations

from collections.abc import Sequence

from app.bgz.zib2017.mapping import is_privacy_consent
from app.careplan.names import Names
from app.careplan.views import goal_view
from app.fhir.resource import Resource
from app.server.messages import Request


class Zib2020Views:
    """The port ``Views`` of ``app/server/border.py``, for R4."""

    def __init__(self, canonical_base: str) -> None:
        self._names = Names(canonical_base)
        self._own = f"{canonical_base}/"

    async def seen(self, resources: Sequence[Resource], request: Request) -> Sequence[Resource | None]:
        """A goal that claims one of our profiles is narrowed; a privacy Consent does not leave."""
        del request
        return [self._one(each) for each in resources]

    def _one(self, resource: Resource) -> Resource | None:
        if is_privacy_consent(resource):
            return None
        claimed = resource.get("meta", {}).get("profile", ())
        if resource.get("resourceType") == "Goal" and any(str(each).startswith(self._own) for each in claimed):
            return goal_view(resource, self._names)
        return resource
