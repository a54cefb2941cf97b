"""One document printed in a process of its own: it reads the words from its standard input and writes the pages to its
standard output, keeps nothing, and says nothing of what it read. https://typst.app/docs/reference/pdf/

Run as ``python worker.py <folder of fonts> <root> <template>``, where ``root`` is the folder that ``app`` is in. A
template gets the words as ``sys.inputs.data`` and may import ``/paper.typ``. The one of the care plan is set twice:
every piece is measured first, to decide what goes where.
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
_MEASURED: Final = "plan.typ"


def main(fonts: str, template: Path) -> None:
    """Print what comes in."""
    import typst  # noqa: PLC0415 - in this process only

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    try:
        pages = _pages(typst, data, fonts, template)
    except typst.TypstError:
        sys.exit(3)  # what typst says of an error has the words in it
    sys.stdout.buffer.write(pages)


def _pages(typst: Any, data: dict[str, Any], fonts: str, template: Path) -> bytes:
    source = template.read_bytes()
    held = typst.Fonts(include_system_fonts=False, font_paths=[fonts])
    given = {"data": json.dumps({**data, "mode": "measure"})}
    compiler = typst.Compiler(input=source, root=Path(__file__).parent, font_paths=held, sys_inputs=given)
    if template.name == _MEASURED:
        from app.careplan.printing.placing import fitted  # noqa: PLC0415

        data = fitted(data, json.loads(compiler.query("<measured>", field="value", one=True)))
    given = {"data": json.dumps({**data, "mode": "print"})}
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
    main(sys.argv[1], Path(sys.argv[3]))
