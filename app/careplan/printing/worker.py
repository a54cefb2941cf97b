"""One document printed in a process of its own: it reads the words from its standard input and writes the pages to its
standard output, keeps nothing, and says nothing of what it read. https://typst.app/docs/reference/pdf/

Run as ``python worker.py <folder of fonts> <root>``, where ``root`` is the folder that ``app`` is in.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 20
"""Of processor time."""
MEMORY: Final = 2 * 1024**3
"""Bytes of address space."""
PNG: Final = "png"


def main(fonts: str) -> None:
    """Print what comes in."""
    import typst  # noqa: PLC0415 - in this process only

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    try:
        pages = _pages(typst, data, fonts)
    except typst.TypstError:
        sys.exit(3)  # what typst says of an error has the words in it
    sys.stdout.buffer.write(pages)


def _pages(typst: Any, data: dict[str, Any], fonts: str) -> bytes:
    from app.careplan.printing.placing import fitted  # noqa: PLC0415

    source = Path(__file__).with_name("plan.typ").read_bytes()
    held = typst.Fonts(include_system_fonts=False, font_paths=[fonts])
    given = {"data": json.dumps({**data, "mode": "measure"})}
    compiler = typst.Compiler(input=source, font_paths=held, sys_inputs=given)
    measured = json.loads(compiler.query("<measured>", field="value", one=True))
    printed = fitted(data, measured)
    given = {"data": json.dumps({**printed, "mode": "print"})}
    form = data.get("form", "pdf")
    standards = [] if form == PNG else ["ua-1"]
    made = compiler.compile(
        input=source, format=form, ppi=80, sys_inputs=given, pdf_standards=standards, timestamp=data["timestamp"]
    )
    if form == PNG:  # for looking at the pages: one after the other, each with its length before it
        listed = made if isinstance(made, list) else [made]
        return b"".join(len(each).to_bytes(4, "big") + each for each in listed)
    found: bytes = made
    return found


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    main(sys.argv[1])
