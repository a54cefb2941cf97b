"""What one line of the access log says: the facts of NEN 7513, as FHIR's AuditEvent has them.

https://hl7.org/fhir/R4/auditevent.html

NEN 7513:2018 asks at least what happened, when, whose record it was, who the user was and who was responsible for
the user. Where each fact is kept:

    fact of the norm                        here                               AuditEvent
    EventTypeCode, EventActionCode          Event.interaction                  subtype, action
    EventDateTime                           Event.at                           recorded
    EventOutcomeIndicator                   Event.status (HTTP)                outcome
    UserID, AlternateUserID, RoleIDCode     Agent.person, .client, .role       agent.who, .altId, .role
    responsible user                        Agent.responsible, .organization   a second agent
    PurposeOfUse                            Agent.purpose                      agent.purposeOfUse
    consent under which it happened         Agent.consent                      agent.policy
    NetworkAccessPointID                    Event.address                      agent.network.address
    AuditSourceID                           the stream (``stream.py``)         source
    the data service of MedMij              Agent.service                      source.site
    ParticipantObjectID                     Event.patients, .resources         entity.what
    ParticipantObjectQuery                  Event.parameters: names only       entity.query is never filled
    trace id                                Event.request                      extension

A line holds numbers, codes and ids. It never holds a person's name, a BSN, clinical content, the value of a search
parameter, or a token: whoever makes an ``Event`` leaves them out.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


class Agent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who acts, on whose behalf and why; the same for every request of one grant. What is not known stays empty.

    ``client`` is the app or system, ``person`` the account that uses it (a pseudonym, not a name), ``responsible`` the
    one on whose behalf (the represented patient, or the professional whose assistant this is), ``organization`` the one
    the person or system belongs to, ``consent`` the id and version of the consent, ``purpose`` a v3-PurposeOfUse code,
    ``service`` the number of the MedMij data service at whose base it was.
    """

    client: str = ""
    person: str = ""
    role: str = ""
    responsible: str = ""
    organization: str = ""
    purpose: str = ""
    consent: str = ""
    service: str = ""

    def sealed(self) -> msgspec.Raw:
        """The JSON of this agent: made once per grant, because it is part of every line."""
        return msgspec.Raw(_encode(_speakable(self)))


# msgspec's structs, because an event is made for every request: a frozen dataclass takes ten times as long to make.
class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One request, granted or refused.

    ``at`` is in microseconds since the epoch. ``request`` is the correlation id that this server made or accepted after
    checking its form. ``interaction`` is a code of http://hl7.org/fhir/restful-interaction, the name of an operation
    with its ``$``, or ``refusal`` when the request was turned away before its interaction was known. ``status`` is the
    HTTP status of the answer. ``patients`` are partition keys; ``resources`` are ``Type/id`` or
    ``Type/id/_history/version``; ``type``, ``parameters`` (names as the registry has them, never values) and ``rows``
    (how many resources were given out) describe a search.
    """

    at: int
    request: str
    interaction: str
    status: int
    agent: msgspec.Raw
    address: str = ""
    patients: tuple[int, ...] = ()
    resources: tuple[str, ...] = ()
    type: str = ""
    parameters: tuple[str, ...] = ()
    rows: int | None = None


def encode_event(event: Event) -> bytes:
    """The facts as one JSON object without line breaks, in UTF-8.

    A text that UTF-8 cannot carry (half of a surrogate pair) is kept with ``?`` in that place: no access goes unlogged
    because of the form of an id.
    """
    try:
        return _encode(event)
    except UnicodeEncodeError:
        return _encode(_speakable(event))


def _speakable(facts: Any) -> Any:
    """The same struct, every text made of characters that UTF-8 can carry."""
    return type(facts)(**{name: _printable(getattr(facts, name)) for name in facts.__struct_fields__})


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return tuple(_printable(item) for item in value) if isinstance(value, tuple) else value


NOBODY: Final = Agent().sealed()
"""The agent of a request that says nothing usable about who it is from."""
