"""docs/people.md says what the code does."""

from __future__ import annotations

from app.auth.accounts.mandates import Ground, Refusal
from app.auth.roles import Role
from app.web.texts import texts
from tests.people.role_tables import FILE, document


def test_the_tables_of_the_documentation_are_those_of_the_code() -> None:
    written = FILE.read_text("utf-8")
    assert document(written) == written, "run: python -m tests.people.role_tables"


def test_every_role_and_ground_has_its_line() -> None:
    written = FILE.read_text("utf-8")
    assert all(f"| {role} |" in written for role in Role)
    assert all(ground in written for ground in Ground)


def test_every_refusal_of_a_mandate_is_explained_on_the_page() -> None:
    assert {f"people.refusal.{each}" for each in Refusal} <= set(texts())
