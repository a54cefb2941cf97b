"""The floor: the least a FHIR server can do for six interactions. https://hl7.org/fhir/R4/http.html

Frozen: ``FLOOR_VERSION`` is in every report and is raised only in a commit of its own that says why. It is what a good
engineer writes who needs no authentication, audit, history, paging of ``$everything``, conditional request or other
generality: raw ASGI, three tables, five statements, and answers made by joining stored bytes. It is honest where it
counts: every write is decoded with decimals kept, validated by the service's own table validator, indexed under seven
keys, stamped, and on disk before the answer.

Version 2 adds six searches in ``floor_searches.py``, because the service has them now and nothing was beside it. The
six interactions here are version 1's, statement for statement and row for row.

Durability. SQLite: WAL and ``synchronous=FULL``; the writes that arrive in one turn of the event loop share one
inline commit (a dozen lines, and without them the floor would pay an fsync per request that the service shares).
PostgreSQL: one statement per write, committed by the server with its fsync on.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import asyncpg
import msgspec
import uvicorn

from app.fhir import definitions as fhir_definitions
from app.fhir.validation import validate

FLOOR_VERSION = "2"

Resource = dict[str, Any]
Answer = tuple[int, bytes, str | None]
"""Status, body, Location."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
encode = msgspec.json.Encoder(decimal_format="number").encode
DEFINITIONS = fhir_definitions.load("4.0.1")
LAST = 2**63 - 1
DATE, VALUE_QUANTITY = 1, 2
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

TABLES = """
CREATE TABLE resource (n INTEGER PRIMARY KEY, patient BIGINT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (type, id));
CREATE INDEX resource_patient ON resource (patient, n);
CREATE TABLE token (patient BIGINT NOT NULL, value BIGINT NOT NULL, date BIGINT NOT NULL, n BIGINT NOT NULL,
    PRIMARY KEY (patient, value, date, n)) WITHOUT ROWID;
CREATE TABLE span (patient BIGINT NOT NULL, param SMALLINT NOT NULL, low DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (patient, param, low, high, n)) WITHOUT ROWID;
"""
POSTGRESQL_TYPES = {"INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"', " WITHOUT ROWID": ""}
READ = "SELECT body FROM resource WHERE type = $1 AND id = $2"
SEARCH = """
SELECT token.date, token.n, resource.id, resource.body FROM token JOIN resource ON resource.n = token.n
WHERE token.patient = $1 AND token.value = $2 AND token.date >= $3 AND (token.date, token.n) < ($4, $5)
ORDER BY token.date DESC, token.n DESC LIMIT $6"""
EVERYTHING = "SELECT type, id, body FROM resource WHERE patient = $1 ORDER BY n"
HIGHEST = "SELECT coalesce(max(n), 0) FROM resource"
SQLITE = {sql: sql.replace("$", "?") for sql in (READ, SEARCH, EVERYTHING, HIGHEST)}
WRITE = """
WITH resources AS (INSERT INTO resource SELECT * FROM
        unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])),
    tokens AS (INSERT INTO token SELECT * FROM unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
        ON CONFLICT DO NOTHING)
INSERT INTO span SELECT * FROM unnest($10::bigint[], $11::smallint[], $12::float8[], $13::float8[], $14::bigint[])"""


class Rows:
    """What one request writes: rows of the three tables, in the order of their columns."""

    __slots__ = ("resources", "spans", "tokens")

    def __init__(self) -> None:
        self.resources: list[tuple[int, int, str, str, bytes]] = []
        self.tokens: list[tuple[int, int, int, int]] = []
        self.spans: list[tuple[int, int, float, float, int]] = []


class Sqlite:
    """One connection, used inline: a statement here is shorter than a hop to a thread."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "mmap_size = 1073741824"):
            self._connection.execute(f"PRAGMA {pragma}")
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'resource'").fetchone():
            self._connection.executescript(TABLES)
        self._waiting: list[tuple[Rows, asyncio.Future[None]]] = []

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Any]:
        """Rows as tuples."""
        return self._connection.execute(SQLITE[sql], binds).fetchall()

    async def write(self, rows: Rows) -> None:
        """Join the commit at the end of this turn of the event loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((rows, done))
        if len(self._waiting) == 1:
            loop.call_soon(self._commit)
        await done

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        execute, executemany = self._connection.execute, self._connection.executemany
        try:
            execute("BEGIN IMMEDIATE")
            for rows, _ in waiting:
                executemany("INSERT INTO resource VALUES (?, ?, ?, ?, ?)", rows.resources)
                executemany("INSERT OR IGNORE INTO token VALUES (?, ?, ?, ?)", rows.tokens)
                executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?)", rows.spans)
            execute("COMMIT")
        except sqlite3.Error as error:
            self._connection.rollback()
            for _, done in waiting:
                done.set_exception(error)
        else:
            for _, done in waiting:
                done.set_result(None)

    async def tidy(self) -> None:
        """ANALYZE, and the write-ahead log moved into the file."""
        self._connection.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")

    async def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Postgres:
    """Eight connections; each request takes an idle one for one statement."""

    def __init__(self) -> None:
        self._idle: asyncio.LifoQueue[asyncpg.Connection[Any]] = asyncio.LifoQueue()

    async def open(self, url: str) -> Postgres:
        """Connect, and make the tables where they are not there yet."""
        for _ in range(8):
            self._idle.put_nowait(await asyncpg.connect(url))
        if (await self.fetch("SELECT to_regclass('resource') IS NULL"))[0][0]:
            tables = TABLES
            for own, theirs in POSTGRESQL_TYPES.items():
                tables = tables.replace(own, theirs)
            for table in tables.split(";"):
                await self.fetch(table)
        return self

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Any]:
        """Rows as records; prepared once per connection by the driver's cache."""
        connection = await self._idle.get()
        try:
            return await connection.fetch(sql, *binds)
        finally:
            self._idle.put_nowait(connection)

    async def write(self, rows: Rows) -> None:
        """One statement, one round trip, committed when it returns."""
        columns = [
            *(list(zip(*rows.resources, strict=True)) or [()] * 5),
            *(list(zip(*rows.tokens, strict=True)) or [()] * 4),
            *(list(zip(*rows.spans, strict=True)) or [()] * 5),
        ]
        await self.fetch(WRITE, *columns)

    async def tidy(self) -> None:
        """VACUUM ANALYZE."""
        await self.fetch("VACUUM ANALYZE")

    async def close(self) -> None:
        """Close the connections."""
        while not self._idle.empty():
            await self._idle.get_nowait().close()


async def open_database(url: str) -> Sqlite | Postgres:
    """``sqlite:///path`` or a PostgreSQL address."""
    return Sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else await Postgres().open(url)


def hashed(text: str) -> int:
    """A signed 64-bit hash: what a patient or a token is in the tables."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def microseconds(date: str) -> int:
    """Microseconds since 1970 of a FHIR date or dateTime; a date without a zone counts as UTC."""
    moment = datetime.fromisoformat(date if len(date) > 7 else (date + "-01-01")[:10])
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def extract(resource: Resource, patient: int, n: int, rows: Rows) -> None:
    """Seven keys of an Observation: code and category, each with and without system; status; date; value-quantity."""
    text = resource.get("effectiveDateTime")
    date = microseconds(text) if text else 0
    tokens = rows.tokens
    for parameter, concepts in (("code", (resource["code"],)), ("category", resource.get("category", ()))):
        for concept in concepts:
            for coding in concept.get("coding", ()):
                code = coding.get("code", "")
                tokens.append((patient, hashed(f"{parameter}|{coding.get('system', '')}|{code}"), date, n))
                tokens.append((patient, hashed(f"{parameter}|{code}"), date, n))
    tokens.append((patient, hashed(f"status|{resource['status']}"), date, n))
    if text:
        rows.spans.append((patient, DATE, date, date, n))
    quantity = resource.get("valueQuantity")
    if quantity and "value" in quantity:
        value = float(quantity["value"])
        rows.spans.append((patient, VALUE_QUANTITY, value, value, n))


def outcome(status: int, code: str, diagnostics: str) -> Answer:
    """An error as the standard has it."""
    issue = {"severity": "error", "code": code, "diagnostics": diagnostics}
    return status, encode({"resourceType": "OperationOutcome", "issue": [issue]}), None


def searchset(links: dict[str, str], entries: Iterator[bytes]) -> Answer:
    """A Bundle made by joining bytes."""
    link = encode([{"relation": relation, "url": url} for relation, url in links.items()])
    body = b'{"resourceType":"Bundle","type":"searchset","link":%b,"entry":[%b]}' % (link, b",".join(entries))
    return 200, body, None


class Floor:
    """The application. ``base`` is the address it answers under, such as ``http://127.0.0.1:8000/fhir``."""

    def __init__(self, url: str, base: str) -> None:
        self._url, self._base = url, base
        self._entry = b'{"fullUrl":"%b/%%b/%%b","resource":%%b,"search":{"mode":"match"}}' % base.encode()
        self._database: Sqlite | Postgres
        self._number: Iterator[int]

    async def open(self) -> None:
        """Connect; the next row number follows the highest stored."""
        self._database = await open_database(self._url)
        self._number = itertools.count((await self._database.fetch(HIGHEST))[0][0] + 1)

    async def close(self) -> None:
        """Disconnect."""
        await self._database.close()

    async def load(self, lines: Iterable[bytes]) -> int:
        """Store the resources of NDJSON lines under their own ids; the number stored."""
        rows, now = Rows(), datetime.now(UTC).isoformat(timespec="milliseconds")
        for line in lines:
            resource = decode(line)
            self._stamp(resource, now)
            self._add(resource, rows)
        await self._database.write(rows)
        await self._database.tidy()
        return len(rows.resources)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        try:
            status, body, location = await self._answer(scope, receive)
        except (LookupError, ValueError, msgspec.MsgspecError) as error:
            status, body, location = outcome(400, "invalid", repr(error))
        headers = [(b"content-type", b"application/fhir+json"), (b"content-length", b"%d" % len(body))]
        if location:
            headers.append((b"location", location.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.open()
            else:
                await self.close()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        path = scope["path"].split("/")[2:]
        if scope["method"] == "POST":
            message = await receive()
            body = message["body"]
            while message.get("more_body"):
                message = await receive()
                body += message["body"]
            if path == ["Observation"]:
                return await self._create(body)
            return await self._transaction(body) if not path else outcome(404, "not-found", scope["path"])
        if len(path) == 2:
            found = await self._database.fetch(READ, *path)
            return (200, found[0][0], None) if found else outcome(404, "not-found", scope["path"])
        if path == ["Observation"]:
            return await self._search(scope["query_string"])
        if len(path) == 3 and path[2] == "$everything":
            rows = await self._database.fetch(EVERYTHING, hashed(path[1]))
            entries = (self._entry % (type.encode(), id.encode(), body) for type, id, body in rows)
            return searchset({"self": f"{self._base}/{'/'.join(path)}"}, entries)
        return (200, b"{}", None) if scope["path"] == "/health" else outcome(404, "not-found", scope["path"])

    async def _search(self, query: bytes) -> Answer:
        parameters = {}
        for part in query.split(b"&"):
            name, _, text = part.partition(b"=")
            parameters[name.decode()] = (unquote_to_bytes(text) if b"%" in text else text).decode()
        patient = hashed(parameters["patient"].removeprefix("Patient/"))
        parameter = "code" if "code" in parameters else "category"
        count = int(parameters.get("_count", 50))
        since = microseconds(parameters["date"].removeprefix("ge")) if "date" in parameters else 0
        before = (int(part) for part in parameters.get("_before", f"{LAST}.{LAST}").split("."))
        value = hashed(f"{parameter}|{parameters[parameter]}")
        rows = await self._database.fetch(SEARCH, patient, value, since, *before, count + 1)
        links = {"self": f"{self._base}/Observation?{query.decode()}"}
        if len(rows) > count:
            rows = rows[:count]
            own = query.decode().partition("&_before=")[0]
            links["next"] = f"{self._base}/Observation?{own}&_before={rows[-1][0]}.{rows[-1][1]}"
        return searchset(links, (self._entry % (b"Observation", id.encode(), body) for _, _, id, body in rows))

    async def _create(self, body: bytes) -> Answer:
        resource = decode(body)
        if issues := validate(resource, DEFINITIONS):
            return outcome(422, issues[0].code, issues[0].diagnostics)
        rows = Rows()
        resource["id"] = os.urandom(15).hex()
        self._stamp(resource, datetime.now(UTC).isoformat(timespec="milliseconds"))
        stored = self._add(resource, rows)
        await self._database.write(rows)
        return 201, stored, f"{self._base}/Observation/{resource['id']}/_history/1"

    async def _transaction(self, body: bytes) -> Answer:
        bundle = decode(body)
        if issues := validate(bundle, DEFINITIONS):
            return outcome(422, issues[0].code, issues[0].diagnostics)
        rows, now, answers = Rows(), datetime.now(UTC).isoformat(timespec="milliseconds"), []
        for entry in bundle["entry"]:
            if entry["request"] != {"method": "POST", "url": "Observation"}:
                return outcome(422, "not-supported", "the floor's transaction creates Observations only")
            resource = entry["resource"]
            resource["id"] = os.urandom(15).hex()
            self._stamp(resource, now)
            self._add(resource, rows)
            answers.append(
                b'{"response":{"status":"201 Created","location":"Observation/%b/_history/1","etag":"W/\\"1\\"",'
                b'"lastModified":"%b"}}' % (resource["id"].encode(), now.encode())
            )
        await self._database.write(rows)
        return 200, b'{"resourceType":"Bundle","type":"transaction-response","entry":[%b]}' % b",".join(answers), None

    def _stamp(self, resource: Resource, now: str) -> None:
        resource["meta"] = {**resource.get("meta", {}), "versionId": "1", "lastUpdated": now}

    def _add(self, resource: Resource, rows: Rows) -> bytes:
        type, n = resource["resourceType"], next(self._number)
        owner = resource["id"] if type == "Patient" else resource["subject"]["reference"].removeprefix("Patient/")
        patient, body = hashed(owner), encode(resource)
        rows.resources.append((n, patient, type, resource["id"], body))
        if type == "Observation":
            extract(resource, patient, n, rows)
        return body


async def load_file(floor: Floor, file: Path) -> int:
    """Load an NDJSON file; the number of resources stored."""
    await floor.open()
    with file.open("rb") as lines:
        stored = await floor.load(lines)
    await floor.close()
    return stored


def main(application: type[Floor]) -> None:
    """Run with ``--database URL (--load FILE | --port N)``."""
    parser = argparse.ArgumentParser(description=f"The benchmark's floor, version {FLOOR_VERSION}.")
    parser.add_argument("--database", required=True)
    parser.add_argument("--load", type=Path)
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    if arguments.load:
        print(asyncio.run(load_file(application(arguments.database, ""), arguments.load)))
        return
    floor = application(arguments.database, f"http://127.0.0.1:{arguments.port}/fhir")
    uvicorn.run(floor, port=arguments.port, loop="uvloop", http="httptools", access_log=False, log_level="warning")
