"""JSON in which no name of an object stands twice, so that nobody else reads something else in what was signed.

https://www.rfc-editor.org/rfc/rfc7519#section-4 https://www.rfc-editor.org/rfc/rfc8259#section-4
"""

from __future__ import annotations

import json
from typing import Any


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object in ``content``. Raises ``ValueError`` for anything else."""
    try:
        found = json.loads(content, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error
    if not isinstance(found, dict):
        raise ValueError("It is no JSON object.")  # noqa: TRY004 - of what was read, not of what was given
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A name stands twice.")
    return found
