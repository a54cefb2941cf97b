"""The page of the data services, made from their data: ``python -m app.medmij.documentation`` writes it.

https://catalogus.medmij.nl/overzicht/actueel/actuele-catalogus
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.medmij.services import Codes, Service, load_services

PAGE: Final = Path(__file__).parents[2] / "docs" / "medmij-services.md"
MARK: Final = "<!-- made: python -m app.medmij.documentation -->"
_DIRECTIONS: Final = {"retrieve": "*Verzamelen*: it is asked", "send": "*Delen*: it is sent"}


def page() -> str:
    """What stands between the two marks."""
    services = load_services()
    lines = ["| id | service | FHIR | direction | requests | confirmed |", "|---|---|---|---|---|---|"]
    for each in services.values():
        asked = len(each.rows) + len(each.bundles)
        confirmed = sum(row.confirmed for row in each.rows) + sum(each.bundles.values())
        said = "all" if confirmed == asked else f"{confirmed} of {asked}" if confirmed else "no"
        name = f"[{each.names['nl']}](#{_anchor(each)})"
        lines.append(f"| {each.id} | {name} | {each.fhir} | {each.direction} | {asked} | {said} |")
    return "\n".join([*lines, *(line for each in services.values() for line in _section(each)), ""])


def _anchor(service: Service) -> str:
    return f"service-{service.id}"


def _section(service: Service) -> Iterator[str]:
    yield from ("", f"## Service {service.id}", "")
    version = f"FHIR {service.fhir}" + (f", role `{service.role}`" if service.role else "")
    companion = f" Its companion is {service.companion}." if service.companion else ""
    yield f"{service.names['nl']} ({service.names['en']}), {version}. {_DIRECTIONS[service.direction]}.{companion}"
    yield f"Source: {service.source}."
    if service.rows:
        yield from ("", "| § | what | request | profiles | confirmed |", "|---|---|---|---|---|")
    for row in service.rows:
        request = _code(row.written)
        if row.added:
            request += f"; {', '.join(row.added)} may be left out"
        if row.limited:
            request += f"; always limited by {_codes(row.limited)}"
        if row.brought:
            request += f"; always with {', '.join(_code('='.join(each)) for each in row.brought)}"
        profiles = ", ".join(f"`{each.rpartition('/')[2]}`" for each in row.profiles)
        confirmed = "yes" if row.confirmed else f"no: {row.source}"
        yield f"| {row.section} | {row.names['nl']} ({row.names['en']}) | {request} | {profiles} | {confirmed} |"
    readings = [
        f"{name} ({_codes(each.only)})" if each.only else f"{name} (named by a {each.within})" if each.within else name
        for name, each in service.readings.items()
    ]
    if readings:
        yield from ("", f"Read by id: {', '.join(readings)}.")
    yield from _sent(service)


def _sent(service: Service) -> Iterator[str]:
    bundles = [
        f"{name} ({'confirmed' if confirmed else 'not confirmed'})" for name, confirmed in service.bundles.items()
    ]
    if bundles:
        yield from ("", f"Bundles: {', '.join(bundles)}{', of its reads and searches' if service.takes_reads else ''}.")
    if not service.writings:
        return
    yield from ("", "| method | type | outside of a Bundle | what |", "|---|---|---|---|")
    for each in service.writings:
        what = "; ".join(filter(None, (_codes(each.only), each.note))) or "–"
        yield f"| {each.method} | {each.type} | {'yes' if each.alone else 'no'} | {what} |"


def _codes(codes: Codes) -> str:
    return "; ".join(f"{name} {', '.join(_code(each) for each in values)}" for name, values in codes.items())


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"


def whole(written: str) -> str:
    """The page as it is written, with what is made in its place."""
    before, _, after = written.partition(MARK)
    return f"{before}{MARK}\n{page()}{MARK}{after.partition(MARK)[2]}"


if __name__ == "__main__":
    PAGE.write_text(whole(PAGE.read_text("utf-8")), "utf-8")
