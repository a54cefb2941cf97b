"""What of ``docs/care-plan.md`` is made from the tables, and its example, whose requests are sent to a service.

A request is a block ``http``: its first line, the headers ``As`` (who sends it, where no token does) and others, and a
body. The line before it says what is kept of the answer, and which members of it are shown. Ids stand under the names
that they were kept by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from app.careplan.cycle import events
from app.careplan.names import Names
from app.careplan.operations import care_plan_operations
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from tests.careplan.actors import actor
from tests.postgresql import CHECKOUT
from tests.server.service import Caller, Service
from tests.web.browsing import Time

PAGE: Final = CHECKOUT / "docs" / "care-plan.md"
BEGIN: Final = 1_800_000_000_000_000
"""When the example begins: 15 January 2027, 8:00."""
_SOURCE: Final = CHECKOUT / "app" / "careplan"
_PHASES: Final = ("plan", "do", "check", "act")
_OF_PLAN: Final = ("resourceType", "id", "basedOn", "status", "intent", "title", "author")
_ID: Final = re.compile(r"(?<![\w-])[0-9a-z]{13}-[0-9a-z]{16}(?![\w-])")
_BLOCK: Final = re.compile(
    r"<!-- (?P<said>(?:keep|show)[^>]*)-->\n```http\n(?P<request>.*?)\n```\n+```json\n(?P<answer>.*?)\n```", re.DOTALL
)


def picture() -> str:
    """The cycle as a diagram, from ``cycle.yaml``."""
    rows: dict[str, Any] = yaml.safe_load((_SOURCE / "cycle.yaml").read_text("utf-8"))["events"]
    lines = ["```mermaid", "stateDiagram-v2", "  state open {"]
    stays = [code for code, row in rows.items() if row["to"] == "same" and not _rests(code, row)]
    for code, row in rows.items():
        if row["to"] == "same" or row["from"] == ["-"]:
            continue
        lines += [f"    {phase} --> {row['to']}: {_label(code, row)}" for phase in row["from"]]
        if "then" in row:
            lines.append(f"    {row['to']} --> {row['then']}: every goal decided, next cycle")
    lines.append("  }")
    lines += [f"  [*] --> {row['to']}: {_label(code, row)}" for code, row in rows.items() if row["from"] == ["-"]]
    lines.append(f"  open --> open: {', '.join(_name(each) for each in stays)}")
    for code, row in rows.items():
        if row.get("status") == "on-hold":
            lines.append(f"  open --> on_hold: {_label(code, row)}")
        elif row.get("held") == "only":
            lines.append(f"  on_hold --> open: {_label(code, row)}")
        elif row.get("held") == "also":
            lines += [f"  {state} --> [*]: {_label(code, row)}" for state in ("open", "on_hold")]
    return "\n".join([*lines, "```"])


def _rests(code: str, row: Mapping[str, Any]) -> bool:
    return code == "close" or "status" in row or "held" in row


def _name(code: str) -> str:
    return code if code == "change" else f"${code}"


def _label(code: str, row: Mapping[str, Any]) -> str:
    sides = {"patient": "person", "care": "care", "carer": "carer"}
    who = [sides[each] for each in row["by"]] + [f"{sides[each]} by mouth" for each in row.get("mouth", ())]
    return f"{_name(code)} ({', '.join(who)})"


def cycle() -> str:
    """Every event of the cycle in words."""
    lines = ["| event | from | to | by | what it is |", "|---|---|---|---|---|"]
    for code, row in events().items():
        phases = "all four" if set(row.phases) == set(_PHASES) else ", ".join(row.phases)
        held = {"no": "", "only": ", on hold only", "also": ", also on hold"}[row.held]
        to = (row.to or "same") + (f"; {row.then} of the next cycle once every goal is decided" if row.then else "")
        by = [*sorted(row.by, reverse=True), *(f"{each} by word of mouth" for each in sorted(row.mouth))]
        what = f"{row.words['en']['does']} *{row.words['nl']['name']}.*"
        lines.append(f"| `{_name(code)}` | {phases}{held} | {to} | {', '.join(by)} | {what} |")
    return "\n".join(lines)


def refusals() -> str:
    """Every rule with its text in both languages."""
    texts = yaml.safe_load((_SOURCE / "refusals.yaml").read_text("utf-8"))
    rows = [f"| `plan-{code}` | {_cell(text['en'])} | {_cell(text['nl'])} |" for code, text in texts.items()]
    return "\n".join(["| rule | English | Dutch |", "|---|---|---|", *rows])


def operations() -> str:
    """Every operation as it is registered."""
    lines = ["| operation | what it does | parameters |", "|---|---|---|"]
    for each in care_plan_operations(Names(CANONICAL_BASE)):
        given = ", ".join(f"`{one.name}`" for one in each.parameters if one.use == "in") or "–"
        way = "POST" if each.affects_state else "GET or POST"
        for kind in sorted(each.types):
            place = f"{kind}/<id>" if "instance" in each.levels else kind
            lines.append(f"| {way} `{place}/${each.name}` | {_cell(each.description)} | {given} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").strip()


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "picture": picture,
    "cycle": cycle,
    "operations": operations,
    "refusals": refusals,
}


def with_tables(text: str) -> str:
    """The page with what is made from the tables made anew."""
    for name, table in TABLES.items():
        found = re.search(rf"<!-- {name}: [^>]*-->\n.*?<!-- end -->", text, re.DOTALL)
        assert found is not None, name
        head = found[0].partition("\n")[0]
        text = text.replace(found[0], f"{head}\n{table()}\n<!-- end -->")
    return text


@dataclass(slots=True)
class Example:
    """The example while it is played. ``kept`` are ids by name, ``pace`` the seconds from one request to the next."""

    service: Service
    time: Time
    kept: dict[str, str] = field(default_factory=dict)
    pace: int = 60
    _callers: dict[str, Caller] = field(default_factory=dict)

    async def page(self, text: str) -> str:
        """The page with the answers that the service gives."""
        found, at = [], 0
        for block in _BLOCK.finditer(text):
            answer = await self._answer(block["request"], block["said"])
            found += [text[at : block.start("answer")], answer]
            at = block.end("answer")
        return "".join([*found, text[at:]])

    async def _answer(self, request: str, said: str) -> str:
        head, _, body = request.partition("\n\n")
        first, *lines = self._filled(head).splitlines()
        method, _, address = first.partition(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        caller = await self._caller(headers.pop("as", ""))
        self.time.move(self.pace)
        place = address.removeprefix("/fhir") if address.startswith("/fhir") else f"http://zelfregie.test{address}"
        answer = await caller.send(method, place, self._filled(body).encode() or None, headers)
        if answer.headers["content-type"].startswith("application/pdf"):
            return f"// {answer.status_code} {answer.headers['content-type']}"
        resource = decode(answer.content)
        orders = dict(_orders(said))
        for name, path in orders.get("keep", {}).items():
            self.kept[name] = str(_at(resource, path)).rpartition("/")[2]
        shown = _shown(resource, list(orders.get("show", {})))
        return f"// {answer.status_code}\n{self._masked(encode(shown).decode())}"

    async def _caller(self, name: str) -> Caller:
        """Who sends a request; nobody with a token of their own where the page does not say."""
        if not name:
            return self.service.caller("")
        if name not in self._callers:
            who = {"Anna's app": "app", "the practice": "system"}[name]
            self._callers[name] = await actor(self.service, who)
        return self._callers[name]

    def _filled(self, text: str) -> str:
        for name, value in self.kept.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _masked(self, text: str) -> str:
        for name, value in self.kept.items():
            text = text.replace(value, f"{{{name}}}")
        return _written(json.loads(_ID.sub("{…}", text)), 0)


def _orders(said: str) -> Iterator[tuple[str, dict[str, str]]]:
    """``keep plan=id, goal=goal.0.reference; show status, goal``."""
    for each in said.strip().split("; "):
        verb, _, rest = each.partition(" ")
        yield verb, {part.partition("=")[0]: part.partition("=")[2] for part in rest.split(", ")}


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if step.isdecimal() else value[step]
    return value


def _shown(resource: Resource, members: list[str]) -> Any:
    if not members:
        return resource
    shown = {name: _brief(resource[name]) for name in ("resourceType", *members) if name in resource}
    return shown if len(shown) == len(resource) else {**shown, "…": "…"}


def _brief(value: Any) -> Any:
    """Without translations and manifests, and without whole resources but for what they say themselves."""
    if isinstance(value, list):
        return [_brief(each) for each in value if not _is_manifest(each)]
    if not isinstance(value, dict):
        return value
    found = {name: _brief(each) for name, each in value.items() if name[0] != "_"}
    if found.get("name") in ("return", "proposal") and "resource" in found:
        kept = {name: found["resource"][name] for name in _OF_PLAN if name in found["resource"]}
        return {**found, "resource": {**kept, "…": "…"}}
    return found


def _is_manifest(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("url", "")).endswith(("/manifest", "/proposal-base"))


def _written(value: Any, depth: int) -> str:
    """JSON in which what fits on a line is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + 2 * depth <= 108 or not isinstance(value, (dict, list)):
        return line
    inner = "  " * (depth + 1)
    if isinstance(value, dict):
        listed = value.items()
        parts = [f'{inner}"{name}": {_written(each, depth + 1)}' for name, each in listed]
        return "{\n" + ",\n".join(parts) + "\n" + "  " * depth + "}"
    parts = [f"{inner}{_written(each, depth + 1)}" for each in value]
    return "[\n" + ",\n".join(parts) + "\n" + "  " * depth + "]"
