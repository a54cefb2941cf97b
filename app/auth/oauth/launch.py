"""EHR launch: a person opens an app from here, and the app finds out in which record by a secret that counts once.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.auth import tickets
from app.auth.oauth.clients import Client
from app.auth.oauth.redirects import answer
from app.database import Database, Writer
from app.errors import Unprocessable

KIND: Final = "launch"
SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Launch:
    """Who opened an app, and in which record ("" for none)."""

    account: str
    patient_id: str


NOT_LAUNCHED: Final = Launch("", "")


async def open_app(writer: Writer, client: Client, *, account: str, patient_id: str, base: str, now: int) -> str:
    """Where the browser goes to open ``client``. Raises ``Unprocessable`` for a client that is not opened from here."""
    if not client.launch_uri or not client.is_active:
        raise Unprocessable("This app is not opened from here.", "not-supported")
    data = {"client": client.id, "patient": patient_id}
    secret = await tickets.issue(writer, KIND, now=now, seconds=SECONDS, account=account, data=data)
    return answer(client.launch_uri, {"iss": base, "launch": secret})


async def take_launch(database: Database, secret: str, client: str, *, now: int) -> Launch | None:
    """What was opened, the first time that this client asks in time; None otherwise."""
    ticket = await tickets.take(database, KIND, secret, now=now)
    if ticket is None or ticket.data["client"] != client:
        return None
    return Launch(ticket.account, ticket.data["patient"])
