"""Opening the history of the plan that an address names, as far as the caller may see the plan at all."""

from __future__ import annotations

from app.careplan.history import History, Place
from app.careplan.names import Names
from app.careplan.plan import is_plan
from app.careplan.refusals import refused
from app.careplan.shallow import member, shallow
from app.database import Reader
from app.errors import NotFound
from app.server.interactions.stored import stored_for
from app.server.messages import Request, Target
from app.server.server import FhirServer


async def history_of(server: FhirServer, reader: Reader, request: Request, target: Target, names: Names) -> History:
    """Raises ``NotFound``, also for another CarePlan, and ``Gone`` for a plan that was erased."""
    stored = await stored_for(server, request, "CarePlan", target.id, patient_id=target.patient_id, reader=reader)
    if not is_plan({"category": member(shallow(stored.body), "category") or ()}, names):
        raise refused(NotFound, "other-plan", id=str(target.id))
    return History(server, reader, request, Place(stored.patient, target.id))
