"""What pages are tested with besides a browser: our questionnaires, and the API of the served demo."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Final
from urllib.error import HTTPError

from app.fhir.resource import Resource, decode, encode
from tests.process import Process

OURS: Final = Path(__file__).parents[2] / "medmij_profiles" / "questionnaires"


def ours(name: str) -> Resource:
    """One of our questionnaires, as it is published."""
    found: Resource = decode((OURS / f"Questionnaire-{name}.json").read_bytes())
    return found


def ours_in_use() -> list[str]:
    """The ids of those that can be filled in: not the shells."""
    found = (decode(path.read_bytes()) for path in sorted(OURS.glob("*.json")))
    return [each["id"] for each in found if each["status"] == "active"]


def reset(process: Process) -> None:
    """Put a served sandbox back to its seeds."""
    with urllib.request.urlopen(urllib.request.Request(f"{process.url}/sandbox/reset", method="POST")) as answer:
        assert answer.status == 204


def tell(process: Process, method: str, path: str, body: Resource | None = None, *, token: str) -> Resource:
    """One request to the API that goes well; the resource that is answered."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    headers["Prefer"] = "return=representation"
    content = None if body is None else encode(body)
    asked = urllib.request.Request(f"{process.address}/{path}", content, headers, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            found: Resource = decode(answer.read())
            return found
    except HTTPError as error:
        raise AssertionError(error.read().decode()) from error
