"""The page of a carer or a professional in somebody's record: whose it is, and what they may do there by app."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import Response

from app.auth.accounts.acting import record_of
from app.auth.consents.allowances import ACTIONS
from app.auth.roles import OWN
from app.server.access import FOREVER
from app.web.people.helping import category_names
from app.web.people.visit import Visit


async def show(visit: Visit) -> Response:
    """Whose record, as what, until when, and the data categories of each action. Who decides in a record is sent to
    its permissions.
    """
    access, person = visit.visitor.record, visit.visitor.person
    record = await record_of(visit.site.server, person, access.patient_id, now=visit.now)
    if record is None or record.role in OWN:
        return visit.go("/choose" if record is None else "/permissions")
    language = visit.visitor.language
    allowed = {
        name: category_names(~_denied(access.denied[record.patient], bits), language) for name, bits in ACTIONS.items()
    }
    return visit.page(
        "working",
        record=record,
        allowed={name: names for name, names in allowed.items() if names},
        forever=record.until >= FOREVER,
    )


def _denied(by_action: Mapping[int, int], bits: int) -> int:
    """The labels that are denied for all of an action's letters."""
    denied = -1
    for action, labels in by_action.items():
        if action & bits:
            denied &= labels
    return denied
