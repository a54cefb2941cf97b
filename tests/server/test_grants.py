"""What was granted ends when it is withdrawn, narrowed or expires: from the next request on, reads and writes alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.auth.grants import RAISE_STAMP, NewGrant, withdraw, write_grant
from app.auth.tokens import hash_token
from app.fhir.resource import Resource
from app.server.access import FOREVER
from app.server.tables import INSERT_PERMIT
from tests.builders import deleted, goal, observation, patient, posted, put, transaction
from tests.server.service import Caller, Service, ids, link

HOUR = 3_600_000_000

# Each asks about Goal/kept of Patient/anna.
REQUESTS: dict[str, tuple[str, str, Resource | None]] = {
    "read": ("GET", "/Goal/kept", None),
    "vread": ("GET", "/Goal/kept/_history/1", None),
    "history": ("GET", "/Goal/kept/_history", None),
    "search": ("GET", "/Goal", None),
    "search by id": ("GET", "/Goal?_id=kept", None),
    "search in the compartment": ("GET", "/Patient/anna/Goal", None),
    "search of a catalogue type": ("GET", "/Medication", None),
    "everything": ("GET", "/Patient/anna/$everything", None),
    "patient": ("GET", "/Patient/anna", None),
    "create": ("POST", "/Goal", goal()),
    "conditional create": ("POST", "/Goal", goal()),
    "update": ("PUT", "/Goal/kept", goal(id="kept")),
    "update as create": ("PUT", "/Goal/new", goal(id="new")),
    "delete": ("DELETE", "/Goal/kept", None),
    "transaction": ("POST", "/", transaction(posted(goal()), put(goal(id="kept")))),
    "transaction that deletes": ("POST", "/", transaction(deleted("Goal/kept"))),
}
requests = pytest.mark.parametrize("name", REQUESTS)


async def ask(caller: Caller, name: str) -> tuple[int, str]:
    method, address, body = REQUESTS[name]
    condition = {"If-None-Exist": "lifecycle-status=proposed"} if name == "conditional create" else None
    answer = await caller.send(method, address, body, condition)
    return answer.status_code, answer.text


def recipient(token: str) -> str:
    """As the sandbox names the recipient of a token."""
    return f"sandbox:{hash_token(token).hex()}"


@pytest.fixture
async def warm(service: Service, operator: Caller) -> Caller:
    """Anna, whose access is known to this process already."""
    await operator.keep(goal(id="kept"))
    anna = service.caller("anna")
    assert (await anna.get("/Goal/kept")).status_code == 200
    return anna


@pytest.fixture
def at(service: Service) -> Iterator[Callable[[int], None]]:
    """Moves the server's clock by some microseconds."""
    server, clock = service.server, service.server.clock
    yield lambda by: object.__setattr__(server, "clock", lambda: clock() + by)
    object.__setattr__(server, "clock", clock)


async def untouched(operator: Caller) -> None:
    assert await operator.found("/Goal") == ["kept"]
    assert (await operator.get("/Goal/kept")).headers["etag"] == 'W/"1"'


@requests
async def test_a_withdrawal_holds_from_the_next_request(
    service: Service, warm: Caller, operator: Caller, name: str
) -> None:
    async with service.database.write() as writer:
        await withdraw(writer, recipient("anna"))
    status, text = await ask(warm, name)
    assert status in ((200, 404) if "search" in name else (403, 404, 422)), text
    assert '"id":"kept"' not in text
    await untouched(operator)


@requests
async def test_a_grant_that_is_taken_back_holds_from_the_next_request(
    service: Service, warm: Caller, operator: Caller, name: str
) -> None:
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM access_grant WHERE recipient = $1", recipient("anna"))
    status, _ = await ask(warm, name)
    assert status == 401
    await untouched(operator)


@requests
async def test_a_grant_ends_when_it_expires(
    service: Service, warm: Caller, operator: Caller, at: Callable[[int], None], name: str
) -> None:
    async with service.database.write() as writer:
        expires = service.server.clock() + HOUR
        await writer.execute("UPDATE access_grant SET expires = $1 WHERE recipient = $2", expires, recipient("anna"))
    assert (await warm.get("/Goal/kept")).status_code == 200
    at(2 * HOUR)
    status, _ = await ask(warm, name)
    assert status == 401
    await untouched(operator)


async def test_an_expiry_that_is_moved_forward_holds_without_a_new_stamp(service: Service, warm: Caller) -> None:
    async with service.database.write() as writer:
        await writer.execute("UPDATE access_grant SET expires = 1 WHERE recipient = $1", recipient("anna"))
    for name in REQUESTS:
        assert (await ask(warm, name))[0] == 401, name


@pytest.mark.parametrize("since", [-HOUR, HOUR])
async def test_a_permit_holds_from_and_until_when_it_says(
    service: Service, warm: Caller, at: Callable[[int], None], since: int
) -> None:
    begin = service.server.clock() + since
    async with service.database.write() as writer:
        await writer.execute(
            "UPDATE permit SET since = $1, until = $2 WHERE recipient = $3", begin, begin + 2 * HOUR, recipient("anna")
        )
        await writer.execute("UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = $1", recipient("anna"))
    for moment in (0, HOUR // 2, HOUR + HOUR // 2, 3 * HOUR + HOUR // 2):
        at(moment)
        expected = 200 if since <= moment < since + 2 * HOUR else 404
        assert (await warm.get("/Goal/kept")).status_code == expected, moment
        assert (await warm.found("/Goal") == ["kept"]) == (expected == 200)


async def test_narrower_labels_hold_from_the_next_request(service: Service, warm: Caller) -> None:
    await warm.keep(observation(id="weight"))
    labels = service.server.labels.bits(["measurements"])
    async with service.database.write() as writer:
        await writer.execute("UPDATE permit SET labels = $1 WHERE recipient = $2", labels, recipient("anna"))
        await writer.execute("UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = $1", recipient("anna"))
    assert await warm.found("/Goal") == []
    assert await warm.found("/Observation") == ["weight"]
    assert (await warm.get("/Goal/kept")).status_code == 404
    assert (await warm.put("/Goal/kept", goal(id="kept"))).status_code == 403


async def test_a_wider_permit_holds_from_the_next_request(service: Service, warm: Caller) -> None:
    restricted = service.caller("anna-measurements")
    assert await restricted.found("/Goal") == []
    async with service.database.write() as writer:
        await writer.execute("UPDATE permit SET labels = -1 WHERE recipient = $1", recipient("anna-measurements"))
        await writer.execute(
            "UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = $1", recipient("anna-measurements")
        )
    assert await restricted.found("/Goal") == ["kept"]


async def test_a_withdrawal_holds_in_the_middle_of_a_walk(service: Service, practice: Caller, anna: Caller) -> None:
    for _ in range(3):
        await anna.create(goal())
    await practice.create(goal("Patient/bram"))
    first = await practice.bundle("/Goal?_count=2&_sort=_lastUpdated")
    following = link(first, "next")
    assert following is not None
    async with service.database.write() as writer:
        await writer.execute(
            "DELETE FROM permit WHERE recipient = $1 AND patient = $2",
            recipient("practice"),
            await service.key_of("anna"),
        )
        await writer.execute("UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = $1", recipient("practice"))
    rest = await practice.pages(following)
    subjects = {entry["resource"]["subject"]["reference"] for page in rest for entry in page.get("entry", ())}
    assert subjects == {"Patient/bram"}
    assert len([id for page in rest for id in ids(page)]) == 1


async def test_an_operator_whose_grant_is_taken_back_registers_nobody(service: Service, operator: Caller) -> None:
    for body in (patient(), transaction(posted(patient()))):
        service_operator = service.caller("operator")
        assert (await service_operator.get("/Patient/anna")).status_code == 200
        async with service.database.write() as writer:
            await writer.execute("DELETE FROM access_grant WHERE recipient = $1", recipient("operator"))
        address = "/" if body["resourceType"] == "Bundle" else "/Patient"
        assert (await service_operator.post(address, body)).status_code == 401
        assert (await service_operator.put("/Patient/carla", patient("carla"))).status_code == 401
        await service.reset()
    assert sorted(await operator.found("/Patient")) == ["anna", "bram"]


async def test_one_recipients_withdrawal_is_not_anothers(service: Service, warm: Caller, practice: Caller) -> None:
    assert await practice.found("/Goal") == ["kept"]
    async with service.database.write() as writer:
        await withdraw(writer, recipient("anna"))
    assert await practice.found("/Goal") == ["kept"]


async def test_a_new_grant_works_at_once(service: Service, warm: Caller) -> None:
    caller = service.caller("fresh")
    assert (await caller.get("/Goal/kept")).status_code == 401
    key = await service.key_of("anna")
    grant = NewGrant(
        hash=hash_token("fresh"),
        recipient="test:fresh",
        scopes="patient/Goal.rs",
        tenant=1,
        purpose="own-use",
        patients=[key],
        patient=key,
        expires=FOREVER,
    )
    async with service.database.write() as writer:
        await write_grant(writer, grant)
    assert (await caller.get("/Goal/kept")).status_code == 200
    assert (await caller.get("/Patient/anna")).status_code == 403


async def test_permits_for_another_purpose_do_not_count(service: Service, warm: Caller) -> None:
    async with service.database.write() as writer:
        await writer.execute("UPDATE permit SET purpose = 'treatment' WHERE recipient = $1", recipient("anna"))
        await writer.execute("UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = $1", recipient("anna"))
    assert (await warm.get("/Goal/kept")).status_code == 404


async def test_the_token_itself_is_not_stored(service: Service) -> None:
    rows = await service.database.fetch("SELECT * FROM access_grant")
    assert len(rows) > 5
    for row in rows:
        assert all(value not in (b"anna", "anna-observations", b"anna-observations") for value in row)


@requests
async def test_the_first_permit_of_a_caller_without_patients_holds_from_the_next_request(
    service: Service, operator: Caller, name: str
) -> None:
    await operator.keep(goal(id="kept"))
    system = NewGrant(hash_token("system"), "organization:new", "system/*.cruds", 1, "treatment")
    async with service.database.write() as writer:
        await write_grant(writer, system)
    caller = service.caller("system")
    before, _ = await ask(caller, name)
    assert before in (200, 403, 404, 422)
    async with service.database.write() as writer:
        row = (system.recipient, await service.key_of("anna"), "treatment", "", 2**62 - 1, 31, 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [row])
        await writer.execute(RAISE_STAMP, system.recipient)
    after, said = await ask(caller, name)
    assert after in (200, 201, 204), said
