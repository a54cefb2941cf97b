"""A transaction from its Bundle to its answer: all entries that write, as one, and then those that read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from app.errors import Invalid, Unprocessable, ZelfregieError
from app.fhir.resource import Resource
from app.server import bsn
from app.server.interactions.carrying_out import Find
from app.server.interactions.entries import answer_to
from app.server.interactions.taking.whole import Taking
from app.server.interactions.transaction.conditional_references import resolve_searches
from app.server.interactions.transaction.drafting import Drafted, draft_entries
from app.server.interactions.transaction.order import Order, read_entries
from app.server.interactions.transaction.profiles import (
    check_entries,
    complete_entries,
    flag_entries,
    of_entry,
)
from app.server.interactions.transaction.references import point_elsewhere
from app.server.interactions.transaction.refusals import Refusals
from app.server.interactions.transaction.response import response
from app.server.interactions.transaction.turns import validate_in_turns
from app.server.interactions.write import bundle_of, json_of
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.changes import Remarks
from app.server.store.execute import Overtaken, execute, settle
from app.server.store.prepare import finish
from app.server.store.read import check_guard

MOST_TRIES: Final = 8
"""How often a transaction is made anew when others change what its patches and conditions build on."""


async def transaction(
    server: FhirServer,
    request: Request,
    bundle: Resource,
    find: Find,
    *,
    may_hold_bsn: bool,
    again: Callable[[], Awaitable[Resource]] | None = None,
) -> Answer:
    """``POST [base]`` with a Bundle of type transaction. Nothing is stored when it raises. ``again`` makes the Bundle
    anew, where it is not the body itself.
    """
    taking = await Taking.of(server, request, bundle, may_hold_bsn=may_hold_bsn)
    issues = await validate_in_turns(bundle, server.definitions)
    remarks = await check_entries(server, request, bundle, Remarks((*issues, *taking.told)))
    if any(issue.severity in ("error", "fatal") for issue in remarks.issues):
        text = "The transaction is not valid FHIR R4, or not as its profiles have it; nothing was stored."
        raise Unprocessable(text, issues=remarks.issues)
    tries = 1
    while True:
        try:
            order, drafted = await _write(server, request, bundle, find, remarks, taking)
            break
        except Overtaken:
            if tries == MOST_TRIES:
                raise
            await settle(server)
        tries += 1
        # What was rewritten in it was meant for what is not any more.
        bundle = (await bundle_of(request, server.definitions))[0] if again is None else await again()
        if may_hold_bsn:
            bsn.mask(bundle)
        complete_entries(server, request, bundle)
    answers: dict[int, Answer] = {}
    size = 0
    for each in order.readings:
        answers[each.index] = await answer_to(server, request, each.own, find, before=size)
        size += len(answers[each.index].body)
    return await response(server, request, order, drafted, answers)


async def _write(
    server: FhirServer, request: Request, bundle: Resource, find: Find, remarks: Remarks, taking: Taking
) -> tuple[Order, Drafted]:
    flag_entries(server, bundle, remarks)
    order = read_entries(server, request, bundle, find)
    body = json_of(request)
    if await resolve_searches(server, request, order.entries, body):
        body = None
    delivery = taking.delivery(server, request)
    drafted = await draft_entries(
        server, request, order.entries, body=body, delivery=delivery, delivered=taking.persons
    )
    if remarks.issues:
        _remark(drafted, remarks)
    drafts = list(drafted.drafts.values())
    if delivery is not None:
        drafts += await taking.absent(server, request, delivery, drafts)
        delivery.expect(drafts)
    if not order.entries:
        await check_guard(server.database, request.access, request.now)
    try:
        await execute(
            server,
            request.access,
            drafts,
            now=request.now,
            request=request.id,
            conditions=drafted.conditions,
            redirect=_redirecting(server, drafted),
            around=delivery,
        )
        if delivery is not None and not delivery.ended:  # nothing had changed, and there was nothing to lock
            async with server.database.write() as writer:
                await delivery.stored(writer)
    except ZelfregieError:
        _check_patched(order, drafted)
        refusals = Refusals()
        for index, draft in drafted.drafts.items():
            if draft.refusal is not None:
                refusals.add(index, draft.refusal)
        refusals.check("The transaction has entries that cannot be carried out; nothing was stored.")
        raise
    return order, drafted


def _redirecting(server: FhirServer, drafted: Drafted) -> Callable[[Mapping[str, str]], None]:
    drafts = drafted.drafts.values()

    def redirect(found: Mapping[str, str]) -> None:
        """Others refer to what conditions found, and may not change it as well."""
        taken = {(each.patient, each.type, each.id) for each in drafts if each.unchanged and each.method == "create"}
        for draft in drafts:
            if draft.unchanged or draft.resource is None:
                continue
            if not draft.fresh and (draft.patient, draft.type, draft.id) in taken:
                raise Invalid(
                    f"{draft.type}/{draft.id} is meant by several entries; a transaction changes a resource once.",
                    "duplicate",
                )
            if point_elsewhere(draft.resource, found):
                finish(server, draft)

    return redirect


def _check_patched(order: Order, drafted: Drafted) -> None:
    """Raises ``Overtaken`` where what failed is not the caller's condition, but that somebody else was faster."""
    for entry in order.entries:
        draft = drafted.drafts.get(entry.index)
        before = None if draft is None else draft.before
        if entry.method != "patch" or entry.if_match is not None or draft is None or before is None:
            continue
        if before.deleted or before.version != draft.if_match:
            raise Overtaken(f"Others keep changing {draft.type}/{draft.id}; send the transaction again.")


def _remark(drafted: Drafted, remarks: Remarks) -> None:
    """What is said without refusing is said of the entry that it is about."""
    for index, draft in drafted.drafts.items():
        own = of_entry(remarks, index, draft.type)
        draft.remarks = Remarks((*draft.remarks.issues, *own.issues), (*draft.remarks.flagged, *own.flagged))
