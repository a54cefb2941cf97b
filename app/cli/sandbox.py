"""The demo as a sandbox: its seeds and tokens as files, and the lines to try it with."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Final

import yaml

from app.cli.demo import demo_resources, sandbox_accounts, sandbox_tokens
from app.cli.demo.clients import backend_key, sandbox_clients, sandbox_organizations
from app.config import CANONICAL_BASE
from app.fhir.resource import encode

REFERENCE_DATE: Final = datetime.date(2026, 11, 1)
"""The demo's measurements end here: the same day on every machine, so that everybody sees the same."""


BACKEND_KEY: Final = "demo-system.jwk.json"
"""The private key of the demo's backend service, beside the sandbox file."""


def write_demo(folder: Path, canonical_base: str = CANONICAL_BASE) -> Path:
    """Write ``seed.ndjson``, the key of the demo's system, and ``sandbox.yaml``; the sandbox file's path.

    ``canonical_base`` begins the canonicals and systems that are ours in the seeds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resources = list(demo_resources(today=REFERENCE_DATE))
    written, wanted = (encode(each)[1:-1] for each in (CANONICAL_BASE, canonical_base))
    seeds = b"".join(encode(each) + b"\n" for each in resources)
    (folder / "seed.ndjson").write_bytes(seeds.replace(written, wanted))
    path = folder / "sandbox.yaml"
    (folder / BACKEND_KEY).write_text(json.dumps(backend_key().as_dict(private=True)) + "\n")
    content = {
        "seed": ["seed.ndjson"],
        "tokens": sandbox_tokens(resources),
        "accounts": sandbox_accounts(resources),
        "organizations": sandbox_organizations(resources),
        "clients": sandbox_clients(),
    }
    path.write_text(
        "# Synthetic patients only. Made by: zelfregie demo\n"
        + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    )
    return path


def tour(url: str, file: Path) -> str:
    """Lines that work when pasted, and what to log in with, as the sandbox file has it."""
    email, account = next(iter(yaml.safe_load(file.read_text())["accounts"].items()))
    own = 'curl -s -H "Authorization: Bearer demo-anna-proefstra"'
    return "\n".join(
        [
            "",
            "Try it (synthetic patients, sandbox tokens):",
            f'  {own} "{url}/fhir/Patient/anna-proefstra?_pretty=true"',
            f'  {own} "{url}/fhir/CarePlan/anna-plan?_pretty=true"',
            f'  {own} "{url}/fhir/Observation?code=http://loinc.org|29463-7&_sort=-date&_count=3&_pretty=true"',
            f'  {own} "{url}/fhir/Patient/anna-proefstra/\\$everything?_count=20"',
            f'  curl -s -X POST "{url}/sandbox/reset" -o /dev/null -w "%{{http_code}}\\n"',
            f"Or log in at {url}/login (an authenticator app gives the codes):",
            f"  {email}, password {account['password']}, secret for the app {account['totp']}",
            "Ctrl-C stops the service.",
        ]
    )
