"""docs/consent.md says what the tables say, and names the parameters that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from app.auth.consents.allowances import CATEGORIES
from app.auth.consents.operations import GRANT_PARAMETERS
from app.auth.consents.provider import PrivacyConsents
from app.auth.consents.purposes import CODE_SYSTEM, PURPOSES
from tests.postgresql import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "consent.md"


def purposes() -> str:
    rows = [
        f"| `{each.key}` | {each.names['nl']} | {each.names['en']} | `{each.code}` of"
        f" {'v3-ActReason' if each.system else f'`<canonical base>/{CODE_SYSTEM}`'} |"
        f" {'yes' if each.secondary else 'no'} |"
        for each in PURPOSES.values()
    ]
    return "\n".join(["| key | Dutch | English | code | secondary, off by default |", "|---|---|---|---|---|", *rows])


def categories() -> str:
    rows = [f"| `{name}` | {each.dutch} | {each.english} |" for name, each in CATEGORIES.items()]
    return "\n".join(["| key | Dutch | English |", "|---|---|---|", *rows])


def page_with(text: str) -> str:
    """The page with its tables made anew."""
    for name, table in (("purposes", purposes()), ("categories", categories())):
        text = re.sub(
            rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end -->)", lambda found, table=table: f"{found[1]}{table}\n{found[2]}",  # type: ignore[misc]
            text, flags=re.DOTALL,
        )  # fmt: skip
    return text


def test_the_tables_are_those_of_the_data() -> None:
    text = PAGE.read_text()
    assert text == page_with(text), "make them anew: python -m tests.consents.test_documentation"


def test_every_parameter_is_named() -> None:
    text = PAGE.read_text()
    for each in (*PrivacyConsents.parameters - {"scope"}, *(one.name for one in GRANT_PARAMETERS if one.use == "in")):
        assert f"`{each}`" in text, each


if __name__ == "__main__":
    Path(PAGE).write_text(page_with(PAGE.read_text()))
