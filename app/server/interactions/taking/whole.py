"""What is known of a whole delivery before its entries are drafted: who gives it, whom it is about, what it answers.

https://hl7.org/fhir/R4/bundle.html; MODEL 3
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.errors import Issue
from app.fhir.resource import Resource
from app.server import bsn
from app.server.intake.delivering import Source, source_of, with_name
from app.server.interactions.taking.absence import NOTHING_SAID, Answered, answered_in, no_longer_delivered
from app.server.interactions.taking.delivery import Delivery
from app.server.interactions.taking.keeping import keep_delivery, people_in
from app.server.interactions.taking.persons import NOBODY, Delivered, held, persons_in
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.changes import Draft

MASKED = "A BSN was taken out before this was stored; it is not used here."


@dataclass(frozen=True, slots=True)
class Taking:
    """``source`` is None for what no system of an organisation gives. ``told``: what there is to say of entries
    besides; ``answered``: the request that the whole is the complete answer to.
    """

    source: Source | None
    persons: Delivered = NOBODY
    told: tuple[Issue, ...] = ()
    answered: Answered = field(default=NOTHING_SAID)

    @classmethod
    async def of(cls, server: FhirServer, request: Request, bundle: Resource, *, may_hold_bsn: bool) -> Taking:
        """Mask what is a BSN, in place, and see who is meant. Raises ``Unprocessable`` for a delivery that is held."""
        source = source_of(server.base, request.access)
        if source is None:
            if may_hold_bsn:
                bsn.mask(bundle)
            return cls(None)
        source = await with_name(server.database, server.registry, request.access, source)
        told = [*masked_in(bundle)] if may_hold_bsn else []
        persons = await persons_in(server, request, bundle)
        await check_held(server, request, source, persons)
        told += [issue for each in persons.persons.values() for issue in each.differences]
        answered = answered_in(server.base, bundle)
        return cls(source, persons, (*told, *answered.told), answered)

    def delivery(self, server: FhirServer, request: Request) -> Delivery | None:
        """For one try to write it."""
        return None if self.source is None else Delivery(server, request, self.source)

    async def absent(
        self, server: FhirServer, request: Request, delivery: Delivery, drafts: Sequence[Draft]
    ) -> list[Draft]:
        """What the same source gave under the same request, and gives no longer, marked so."""
        return await no_longer_delivered(server, request, delivery, self.answered, drafts)


def masked_in(bundle: Resource) -> Iterable[Issue]:
    """Mask every BSN in a Bundle, in place; what there is to say of the entries that had one."""
    listed = bundle.get("entry")
    numbers = bsn.numbers_in(bundle)
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        if bsn.mask(entry, numbers):
            place = f"Bundle.entry[{index}].resource"
            yield Issue("suppressed", MASKED, (place,), severity="information", kind="bsn-masked")
    bsn.mask(bundle)


async def check_held(server: FhirServer, request: Request, source: Source, persons: Delivered) -> None:
    """Raises ``Unprocessable`` for a delivery about somebody who is not whom is known here, and keeps it for them: only
    where nobody else is in it.
    """
    if request.released or not persons.conflicts:
        return
    body = request.body if request.received is None else request.received.body
    own = {f"Patient/{name}": f"Patient/{each.id}" for each in persons.persons.values() for name in each.names}
    people = {each.patient for each in persons.persons.values()} | await people_in(server, request, body, own)
    kept = False
    if len(people) == 1:
        (patient,) = {each.patient for each in persons.persons.values()}
        refusal = held(persons, kept=True)
        kept = await keep_delivery(server, request, source, refusal.issues, patient=patient)
    raise held(persons, kept=kept)
