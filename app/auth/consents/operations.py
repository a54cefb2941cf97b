"""``Consent/$grant``, ``Consent/<id>/$withdraw`` and ``Patient/$pair``: how permissions change over the API.

https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from typing import Any, Final

from app.auth.consents import service
from app.auth.consents.allowances import CONTENT, actions_named, labels_of
from app.auth.consents.deciding import check_fresh, check_own, decider, represents
from app.auth.consents.directory import Recipient, find_recipient, recipient_known_as
from app.auth.consents.pairing import Number, Pairing
from app.auth.consents.provider import PrivacyConsents
from app.auth.consents.resource import ID_PREFIX, RECIPIENT, resource_id
from app.auth.consents.text import Terms, consent_text
from app.auth.recipients import app, parts
from app.auth.recipients import organization as organization_recipient
from app.auth.roles import Role
from app.config import CANONICAL_BASE
from app.database import Writer
from app.errors import Forbidden, Invalid, NotFound, Unprocessable
from app.fhir.dates import bounds
from app.fhir.resource import encode, parse_reference
from app.fhir.scopes import Action
from app.server.access import FOREVER, OWN_USE, SELECT_PATIENT_ID
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.read import check_guard
from app.server.tables import PATIENT

_METHOD: Final = "api"
_RETURN: Final = Parameter("return", "out", 1, "1", "Consent", "The permission as it is now.")
GRANT_PARAMETERS: Final = (
    Parameter(
        "recipient",
        "in",
        0,
        "1",
        "Reference",
        "Who gets the permission: an Organization, or by identifier (URA, AGB, or what an earlier permission names).",
    ),
    Parameter("app", "in", 0, "1", "string", "In place of recipient: the client_id of an app that people use."),
    Parameter(
        "category",
        "in",
        0,
        "*",
        "code",
        "The data categories; all but permissions when none is named. permissions gives insight in permissions and in"
        " the access log, to a person or an organisation: never to an app.",
    ),
    Parameter("action", "in", 1, "*", "code", "see, add, change."),
    Parameter(
        "purpose",
        "in",
        0,
        "1",
        "code",
        "own-use for an app or person and treatment for an organisation when not said; or a secondary purpose.",
    ),
    Parameter("period", "in", 0, "1", "Period", "From now until it is withdrawn when not said."),
    Parameter("language", "in", 0, "1", "code", "nl or en: the language of the text that is kept; nl when not said."),
    Parameter("consent", "in", 0, "1", "id", "The permission that this one replaces, as a new version of it."),
    _RETURN,
)
WITHDRAW_PARAMETERS: Final = (
    Parameter("reason", "in", 0, "1", "string", "Why; only the person sees it."),
    _RETURN,
)
PAIR_PARAMETERS: Final = (
    Parameter("code", "in", 1, "1", "string", "The one-time code that the patient gave to the organisation."),
    Parameter("identifier", "in", 1, "1", "Identifier", "The patient's number in the organisation's own system."),
    Parameter("patient", "out", 1, "1", "Reference", "The Patient, whom Patient?identifier= finds from now on."),
)


class ConsentOperations:
    """The handlers. ``consents`` renders the answers."""

    def __init__(self, consents: PrivacyConsents, pairing: Pairing) -> None:
        self._consents = consents
        self._pairing = pairing

    async def grant(self, server: FhirServer, request: Request, _: Target) -> Answer:
        """Give a permission, or make one anew. Raises ``Forbidden`` for who may not decide."""
        access, now = request.access, request.now
        patient = decider(access)
        check_fresh(access, now)
        inputs = inputs_of(server, request, GRANT_PARAMETERS)
        recipient = await self._recipient(server, request, inputs)
        purpose = inputs.first("purpose") or ("treatment" if recipient.kind == "organization" else OWN_USE)
        categories = inputs.all("category")
        since, until = _period(inputs.first("period"), now)
        terms = Terms(
            recipient.name,
            purpose,
            labels_of(categories) if categories else CONTENT,
            actions_named(inputs.all("action")),
            since,
            until,
        )
        check_own(access, terms.labels, terms.actions)
        language = inputs.first("language") or "nl"
        if language not in ("nl", "en"):
            raise Unprocessable("language is nl or en.", "code-invalid")
        text = consent_text(terms, language=language, now=now, representative=represents(access))
        replaced = inputs.first("consent")

        async def work(writer: Writer) -> str:
            await service.lock(writer, patient)
            await check_guard(writer, access, now)
            if replaced is not None and await service.find(writer, patient, _consent_id(replaced)) is None:
                raise NotFound(f"Consent/{replaced} is not known.")
            return await service.give(
                writer,
                patient=patient,
                tenant=access.tenant,
                recipient=recipient.key,
                recipient_name=recipient.name,
                purpose=purpose,
                labels=terms.labels,
                actions=terms.actions,
                since=since,
                until=until,
                given_by=access.person,
                method=_METHOD,
                language=language,
                text=text.text,
                text_version=text.version,
                now=now,
                consent_id=None if replaced is None else _consent_id(replaced),
            )

        return await self._answer(server, patient, await server.database.transact(work), "$grant")

    async def withdraw(self, server: FhirServer, request: Request, target: Target) -> Answer:
        """End a permission. Raises ``Forbidden`` for who may not decide, ``NotFound``."""
        access, now = request.access, request.now
        patient = decider(access)
        check_fresh(access, now)
        reason = inputs_of(server, request, WITHDRAW_PARAMETERS).first("reason") or ""
        if not self._consents.owns(target.id) or target.patient_id not in (None, access.patient_id):
            raise NotFound(f"Consent/{target.id} is not known.")

        async def work(writer: Writer) -> str:
            await service.lock(writer, patient)
            await check_guard(writer, access, now)
            ended = await service.withdraw(
                writer,
                patient=patient,
                consent_id=_consent_id(target.id),
                given_by=access.person,
                method=_METHOD,
                now=now,
                reason=reason[:500],
            )
            return ended.id

        return await self._answer(server, patient, await server.database.transact(work), "$withdraw")

    async def pair(self, server: FhirServer, request: Request, _: Target) -> Answer:
        """Exchange a code. Raises ``Forbidden`` for who is no organisation's system, and what ``Pairing.exchange``
        does.
        """
        access = request.access
        kind, organization = parts(access.recipient)
        if access.kind != "system" or access.role != Role.ORGANIZATION or kind != "organization":
            raise Forbidden("Pairing is for the system of an organisation, with its own token.")
        inputs = inputs_of(server, request, PAIR_PARAMETERS)
        given: dict[str, Any] = inputs.first("identifier")
        system, value = given.get("system"), given.get("value")
        if not isinstance(system, str) or not isinstance(value, str):
            raise Invalid("identifier has a system and a value.", "required")
        await check_guard(server.database, access, request.now)
        patient = await self._pairing.exchange(
            server.database,
            organization=organization,
            tenant=access.tenant,
            code=inputs.first("code"),
            number=Number(system, value),
            now=request.now,
        )
        rows = await server.database.fetch(SELECT_PATIENT_ID, patient, PATIENT)
        reference = f"Patient/{rows[0][0]}"
        found = {"name": "patient", "valueReference": {"reference": reference}}
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": [found]}),
            interaction="$pair",
            type="Patient",
            patients=(patient,),
            resources=(reference,),
            wrote=True,
        )

    async def _recipient(self, server: FhirServer, request: Request, inputs: Inputs) -> Recipient:
        """Raises ``Invalid`` unless one is named, ``Unprocessable`` where it is not known."""
        reference, client, tenant = inputs.first("recipient"), inputs.first("app"), request.access.tenant
        if (reference is None) == (client is None):
            raise Invalid("Name who gets the permission: by recipient or by app.", "required")
        if client is not None:
            return await find_recipient(server.database, tenant, app(client))
        identifier = reference.get("identifier")
        literal = parse_reference(str(reference.get("reference", "")).removeprefix(server.base))
        if literal is not None and literal.type == "Organization" and not literal.base:
            return await find_recipient(server.database, tenant, organization_recipient(literal.id))
        if not isinstance(identifier, dict):
            raise Invalid("recipient is an Organization, or has an identifier.", "required")
        return await recipient_known_as(
            server.database,
            tenant,
            str(identifier.get("system", "")),
            str(identifier.get("value", "")),
            own_system=f"{server.canonical_base}/{RECIPIENT}",
        )

    async def _answer(self, server: FhirServer, patient: int, consent_id: str, interaction: str) -> Answer:
        found = await self._consents.read(server.database, (patient,), resource_id(consent_id))
        assert found is not None, "it was written a moment ago"
        return Answer(
            200,
            found.body,
            [(b"etag", b'W/"%d"' % found.version)],
            interaction=interaction,
            type="Consent",
            patients=(patient,),
            resources=(f"Consent/{found.id}",),
            wrote=True,
        )


def consent_operations(consents: PrivacyConsents, pairing: Pairing) -> tuple[Operation, ...]:
    """For the server's registry."""
    handlers = ConsentOperations(consents, pairing)
    return (
        Operation(
            "grant",
            frozenset({"type"}),
            frozenset({"Consent"}),
            Action.CREATE,
            f"{CANONICAL_BASE}/OperationDefinition/Consent-grant",
            "Give somebody a permission: who, which data, to do what, what for, until when. In the person's own session"
            " with a second factor that was just given; no app can.",
            handlers.grant,
            affects_state=True,
            parameters=GRANT_PARAMETERS,
        ),
        Operation(
            "withdraw",
            frozenset({"instance"}),
            frozenset({"Consent"}),
            Action.UPDATE,
            f"{CANONICAL_BASE}/OperationDefinition/Consent-withdraw",
            "Withdraw a permission. It holds from the next statement on, for access and refresh tokens alike. In the"
            " person's own session with a second factor that was just given; no app can.",
            handlers.withdraw,
            affects_state=True,
            parameters=WITHDRAW_PARAMETERS,
        ),
        Operation(
            "pair",
            frozenset({"type"}),
            frozenset({"Patient"}),
            Action.READ,
            f"{CANONICAL_BASE}/OperationDefinition/Patient-pair",
            "Exchange the one-time code of a patient for the Patient, and link the organisation's own patient number to"
            " it: from then on that finds the patient, for that organisation only. For the systems of organisations.",
            handlers.pair,
            affects_state=True,
            parameters=PAIR_PARAMETERS,
        ),
    )


def _consent_id(text: str) -> str:
    return text.removeprefix(ID_PREFIX)


def _period(period: dict[str, Any] | None, now: int) -> tuple[int, int]:
    """From when until when, in µs; what began before now begins now. Raises ``Invalid`` for what is no date."""
    since, until = now, FOREVER
    for name, value in (period or {}).items():
        if name in ("start", "end") and isinstance(value, str):
            first, after = bounds(value)
            since, until = (max(since, first), until) if name == "start" else (since, min(after, FOREVER))
    return since, until
