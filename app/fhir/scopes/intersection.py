"""What is granted: asked ∩ registered. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

Nothing is granted that is not in both. A scope that a query narrows narrows the other one too.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.fhir.definitions import Definitions
from app.fhir.scopes.checking import check_each
from app.fhir.scopes.grammar import EVERY_TYPE, Scope, read_scopes
from app.fhir.scopes.narrowing import both, implies


def intersect(asked: str, registered: str, definitions: Definitions) -> str:
    """The scopes to grant, as SMART v2 writes them; "" where the two have nothing in common.

    What ``asked`` has and ``registered`` has not is left out, as OAuth allows
    (https://www.rfc-editor.org/rfc/rfc6749#section-3.3). Raises ``Invalid`` for a scope in ``asked`` that could not be
    honoured, whoever asked for it: OAuth's ``invalid_scope``.
    """
    words, wanted = read_scopes(asked)
    known_words, known = read_scopes(registered)
    check_each(wanted, definitions)
    found = _united(each for mine in wanted for each in (_common(mine, other) for other in known) if each is not None)
    kept = [each for each in found if not any(_covers(other, each) for other in found if other != each)]
    check_each(kept, definitions)
    return " ".join((*(word for word in words if word in set(known_words)), *sorted(map(str, kept))))


def _common(first: Scope, second: Scope) -> Scope | None:
    """What both allow; None where that is nothing."""
    actions = first.actions & second.actions
    if first.level != second.level or not actions:
        return None
    if first.type != second.type and EVERY_TYPE not in (first.type, second.type):
        return None
    resource_type = second.type if first.type == EVERY_TYPE else first.type
    return Scope(first.level, resource_type, actions, both(first.query, second.query))


def _united(scopes: Iterable[Scope]) -> list[Scope]:
    """Those that differ only in their actions as one."""
    found: dict[tuple[object, ...], Scope] = {}
    for scope in scopes:
        key = scope.level, scope.type, scope.query
        known = found.get(key)
        actions = scope.actions | (known.actions if known else 0)
        found[key] = Scope(scope.level, scope.type, actions, scope.query)
    return list(found.values())


def _covers(whole: Scope, part: Scope) -> bool:
    """Whether ``whole`` allows all that ``part`` does; of two that allow the same, the wider type and query count."""
    return (
        whole.level == part.level
        and whole.type in (part.type, EVERY_TYPE)
        and part.actions & ~whole.actions == 0
        and implies(part.query, whole.query)
    )
