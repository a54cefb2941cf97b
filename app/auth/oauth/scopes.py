"""Which scopes a client gets: asked ∩ registered, in one normal form; what the person consents to is taken off later.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
https://www.rfc-editor.org/rfc/rfc6749#section-3.3
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from app.auth.oauth.clients import Client, Users
from app.auth.oauth.refusals import OAuthError, invalid_scope
from app.errors import Invalid
from app.fhir.definitions import Definitions
from app.fhir.scopes import Level, Scope, intersect, read_scopes
from app.server.labels import Labels

OPENID: Final = "openid"
FHIR_USER: Final = "fhirUser"
LAUNCH: Final = "launch"
LAUNCH_PATIENT: Final = "launch/patient"
OFFLINE: Final = "offline_access"
ONLINE: Final = "online_access"
CONTEXT: Final = (OPENID, FHIR_USER, "profile", LAUNCH, LAUNCH_PATIENT, OFFLINE, ONLINE)
"""The scopes that name no resource, in the order in which they are written."""
LEVELS: Final[dict[Users, frozenset[Level]]] = {
    Users.PATIENTS: frozenset({"patient"}),
    Users.PROFESSIONALS: frozenset({"patient", "user"}),
    Users.NONE: frozenset({"system"}),
}
"""Whose data a client may ask for, by who uses it."""
MOST: Final = 150
LONGEST: Final = 6000
_TEXT: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class Granted:
    """Scopes in normal form. ``context``: those that name no resource."""

    context: tuple[str, ...]
    resources: tuple[Scope, ...]

    @property
    def text(self) -> str:
        """As a token response and a grant say it."""
        return " ".join([*self.context, *map(str, self.resources)])

    @property
    def needs_patient(self) -> bool:
        """Whether there must be one patient in context."""
        return LAUNCH_PATIENT in self.context or any(each.level == "patient" for each in self.resources)

    @property
    def refreshes(self) -> bool:
        """Whether it comes with a refresh token."""
        return OFFLINE in self.context or ONLINE in self.context

    @property
    def actions(self) -> int:
        """Every action on any type."""
        union = 0
        for each in self.resources:
            union |= each.actions
        return union

    def within(self, actions: int) -> Granted:
        """Without the actions that are not in ``actions``."""
        kept = (replace(each, actions=each.actions & actions) for each in self.resources)
        return replace(self, resources=tuple(each for each in kept if each.actions))

    def labels(self, labels: Labels, action: int, offered: int) -> int:
        """The data categories, of those ``offered``, that ``action`` is asked for."""
        union = 0
        for each in self.resources:
            if each.actions & action:
                union |= offered if each.type == "*" else labels.possible(each.type, offered)
        return union


def read_granted(text: str) -> Granted:
    """What ``text``, which was decided before, holds."""
    words, resources = read_scopes(text)
    return Granted(tuple(each for each in CONTEXT if each in words), tuple(resources))


def decide(asked: str, client: Client, definitions: Definitions) -> Granted:
    """What ``client`` may be given of ``asked``. What is no scope of ours, or not registered, is passed over, as
    RFC 6749 allows.

    Raises ``OAuthError`` for what looks like a scope for data and cannot be honoured exactly, for another kind of
    client's scopes, for a text beyond any sensible length, and where nothing is left.
    """
    check_form(asked)
    try:
        _refuse_other_levels(read_scopes(asked)[1], client)
        found = read_granted(intersect(asked, client.scopes, definitions))
    except Invalid as error:
        raise _refused(error) from error
    if not found.resources and not set(found.context) - {OFFLINE, ONLINE}:
        raise invalid_scope("Nothing of what is asked for is registered for this client.")
    return found


def narrower(asked: str, had: str, definitions: Definitions) -> Granted:
    """What is asked of what was given before; all of it where nothing is said. Raises ``OAuthError`` for more."""
    if not asked:
        return read_granted(had)
    check_form(asked)
    try:
        found = intersect(asked, had, definitions)
        whole = intersect(asked, asked, definitions)
    except Invalid as error:
        raise _refused(error) from error
    if not found or found != whole:
        raise invalid_scope("More is asked than was given; ask for authorization again.")
    return read_granted(found)


def check_form(text: str) -> None:
    """Raises ``OAuthError`` for what is no list of scopes, or one that no person could judge."""
    if not text:
        raise invalid_scope("Say which scopes are asked for.")
    if len(text) > LONGEST or not _TEXT.fullmatch(text) or text.count(" ") >= MOST:
        raise invalid_scope(f"Scopes are at most {MOST} words with one space between them.")


def _refuse_other_levels(resources: Iterable[Scope], client: Client) -> None:
    allowed = LEVELS[client.users]
    for each in resources:
        if each.level not in allowed:
            raise invalid_scope(f"This client cannot ask for {each.level}/ scopes.")


def _refused(error: Invalid) -> OAuthError:
    """The descriptions of RFC 6749 have no quotes, backslashes or characters beyond ASCII."""
    return invalid_scope(re.sub(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]", "'", str(error))[:300])
