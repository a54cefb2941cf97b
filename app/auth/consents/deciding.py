"""Who may decide about a person's permissions: that person, or who represents them, in a session of their own. Never
an app, a carer, a professional or a system (MODEL 5).
"""

from __future__ import annotations

from typing import Final

from app.auth.consents.allowances import PERMISSIONS
from app.auth.roles import Role
from app.errors import Forbidden
from app.fhir.scopes import LETTERS, Action
from app.server.access import Access

_DECIDERS: Final = frozenset({Role.PATIENT, Role.REPRESENTATIVE})
_HOW: Final = (
    " The person decides, or who represents them: on the page My permissions, or with the token of five minutes that"
    " POST /session/token gives after a second factor."
)


def decider(access: Access) -> int:
    """The patient about whose record this caller may decide. Raises ``Forbidden`` saying who may."""
    if access.kind != "session" or access.role not in _DECIDERS or access.patient is None:
        raise Forbidden("This token cannot give or withdraw permissions." + _HOW)
    if access.denied_labels(access.patient, Action.CREATE) & PERMISSIONS:
        raise Forbidden("You may not decide about the permissions of this record." + _HOW)
    return access.patient


def check_fresh(access: Access, now: int) -> None:
    """Raises ``Forbidden`` when the second factor was not given just now."""
    if access.fresh <= now:
        raise Forbidden("Give your second factor again first; it counts for five minutes." + _HOW)


def check_own(access: Access, labels: int, actions: int) -> None:
    """Nobody gives what they do not have. Raises ``Forbidden``."""
    assert access.patient is not None, "decider has looked"
    for action in LETTERS.values():
        if actions & action and access.denied_labels(access.patient, action) & labels:
            raise Forbidden("You cannot give others more than you may do yourself in this record.")


def represents(access: Access) -> bool:
    """Whether the caller decides on somebody's behalf."""
    return access.role == Role.REPRESENTATIVE
