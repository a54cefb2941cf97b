"""Puts the seeded state back before a test: what a test may have touched, and the shared catalogue, which is most of
what is stored, only when somebody wrote in it. ``POST /sandbox/reset`` puts back all of it, which takes three times as
long.

Triggers tell: whatever is written under the catalogue's key, by whichever door, leaves a mark in the same transaction.
https://www.sqlite.org/lang_createtrigger.html, https://www.postgresql.org/docs/current/sql-createtrigger.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.audit.tables import audit, audit_head, audit_patient
from app.auth.sandbox import _INSTRUMENTS, _TABLES, _at_once
from app.database import Database, Writer
from app.database.metadata import metadata
from app.measurements.importing.tables import import_job
from app.questionnaires.tables import instrument
from app.server.ids import CATALOGUE

_MARKED: Final = "SELECT 1 FROM catalogue_written LIMIT 1"
_MARKS: Final = "CREATE TABLE IF NOT EXISTS catalogue_written (mark integer)"
_UNMARK: Final = "DELETE FROM catalogue_written"
_MARK: Final = "INSERT INTO catalogue_written SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM catalogue_written)"
_MARKING: Final = (
    "CREATE OR REPLACE FUNCTION catalogue_is_written() RETURNS trigger LANGUAGE plpgsql"
    f" AS 'BEGIN {_MARK}; RETURN NULL; END'"
)
_WHEN: Final = {
    "INSERT": f"NEW.patient = {CATALOGUE}",
    "UPDATE": f"NEW.patient = {CATALOGUE} OR OLD.patient = {CATALOGUE}",
    "DELETE": f"OLD.patient = {CATALOGUE}",
}
assert {import_job.name, instrument.name} <= metadata.tables.keys()  # their modules are those that nobody else imports
OF_PATIENTS: Final = [
    name for name in _TABLES if (key := metadata.tables[name].columns.get("patient")) is not None and not key.nullable
]
"""Those of which every row has the key of a patient, or of a catalogue."""
OTHERS: Final = [name for name in _TABLES if name not in OF_PATIENTS]
_ANY_LOG: Final = f"SELECT 1 FROM {audit_head.name} LIMIT 1"
_EMPTY_LOG: Final = [f"DELETE FROM {each.name}" for each in (audit, audit_patient, audit_head)]
_EMPTY: Final = [
    *(f'DELETE FROM "{name}" WHERE patient {side} {CATALOGUE}' for name in OF_PATIENTS for side in "<>"),
    *(f'DELETE FROM "{name}"' for name in OTHERS),
]
_FILL: Final = [
    *(f'INSERT INTO "{name}" SELECT * FROM "seed_{name}" WHERE patient <> {CATALOGUE}' for name in OF_PATIENTS),
    *(f'INSERT INTO "{name}" SELECT * FROM "seed_{name}"' for name in OTHERS),
]
_RESTORING: Final = {"sqlite": [*_EMPTY, *_FILL], "postgresql": [_at_once(_EMPTY), _at_once(_FILL)]}


def _triggers(dialect: str) -> Iterator[str]:
    made, done = (
        ("CREATE TRIGGER IF NOT EXISTS", f"BEGIN {_MARK}; END")
        if dialect == "sqlite"
        else ("CREATE OR REPLACE TRIGGER", "EXECUTE FUNCTION catalogue_is_written()")
    )
    for table in OF_PATIENTS:
        for change, when in _WHEN.items():
            yield f'{made} "written_{change}_{table}" AFTER {change} ON "{table}" FOR EACH ROW WHEN ({when}) {done}'
    for change in ("INSERT", "UPDATE"):  # what was published, as the service keeps it
        published = "NEW.name = 'published'"
        yield f'{made} "written_{change}_setting" AFTER {change} ON setting FOR EACH ROW WHEN ({published}) {done}'


async def watch(database: Database) -> None:
    """Mark from now on that the catalogue was written, which it was not since it was put back."""
    async with database.write() as writer:
        await writer.execute(_MARKS)
        if database.dialect == "postgresql":
            await writer.execute(_MARKING)
        for trigger in _triggers(database.dialect):
            await writer.execute(trigger)
        await writer.execute(_UNMARK)


async def restored(database: Database) -> bool:
    """Put back all but the catalogue; does nothing and answers False when that was written."""

    async def put_back(writer: Writer) -> bool:
        if database.dialect == "postgresql":
            await writer.execute("LOCK TABLE partition IN SHARE ROW EXCLUSIVE MODE")
        if await writer.fetch(_MARKED):
            return False
        await _put_back(writer, database.dialect)
        return True

    return await database.transact(put_back)  # again where somebody in the background was in the way


async def empty_log(database: Database) -> None:
    """Remove what ``POST /sandbox/reset`` leaves as it is."""
    if await database.fetch(_ANY_LOG):
        async with database.write() as writer:
            for statement in _EMPTY_LOG:
                await writer.execute(statement)


async def _put_back(writer: Writer, dialect: str) -> None:
    await writer.execute(_INSTRUMENTS)
    for statement in _RESTORING[dialect]:
        await writer.execute(statement)
