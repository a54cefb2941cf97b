"""Opening the history of the plan that an address names, as far as the caller may see the plan at all."""

from __future__ import annotations

from app.careplan.history import History, Place
from app.careplan.names import Names
from app.careplan.plan import is_plan
from app.database import Reader
from app.errors import NotFound
from app.fhir.resource import decode
from app.server.messages import Request, Target
from app.server.server import FhirServer
from app.server.store.read import read


async def history_of(server: FhirServer, reader: Reader, request: Request, target: Target, names: Names) -> History:
    """Raises ``NotFound``, also for another CarePlan, and ``Gone`` for a plan that was erased."""
    stored = await read(
        reader,
        request.access,
        "CarePlan",
        target.id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
    )
    if not is_plan(decode(stored.body), names):
        raise NotFound(f"CarePlan/{target.id} is not an individual care plan.", "business-rule")
    return History(server, reader, request, Place(stored.patient, target.id))
