"""Taking back one's own proposal. What was answered already stays answered."""

from __future__ import annotations

from app.careplan.changing import draft_of
from app.careplan.names import Names
from app.careplan.people import author_of
from app.careplan.proposals.proposal import Answered, with_answers
from app.careplan.proposals.reading import UNSEEN, Situation
from app.careplan.refusals import refusal, refused
from app.errors import Conflict
from app.fhir.dates import instant
from app.fhir.scopes import Action
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.changes import Draft


async def withdrawn(server: FhirServer, request: Request, situation: Situation, reason: str, names: Names) -> Draft:
    """The proposal with everything in it taken back that was not answered. Who may add may take back what they added.
    Raises ``Unprocessable`` where it is somebody else's, ``Conflict`` where all of it was answered.
    """
    who = author_of(request.access, situation.patient_id)
    if situation.proposal.resource.get("author") != who:
        raise refusal("not-own-proposal")
    if not situation.is_open:
        raise refused(Conflict, "proposal-answered")
    waiting = [each for each in situation.item_ids if each not in situation.answers and each != UNSEEN]
    answers = [Answered(each, "withdrawn", reason, instant(request.now), who) for each in waiting]
    changed = with_answers(situation.proposal.resource, answers, names, items=())  # also what may not be seen any more
    draft = await draft_of(server, request, situation.patient, changed)
    draft.if_match, draft.right = situation.proposal.version, Action.CREATE
    return draft
