"""What all printed documents share: the process that sets pages, and the fonts. https://typst.app/docs/"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import weakref
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any, Final

from app.careplan.printing.glyphs import FONTS, font
from app.errors import Unavailable, Unprocessable

MOST_CHARACTERS: Final = 1_000_000
"""Of all words together: some four hundred pages."""
PATIENCE: Final = 30.0
"""Seconds that one document may take."""
AT_ONCE: Final = 2
"""Documents of one kind that are printed at the same time by one process of the service."""
_WORKER: Final = Path(__file__).with_name("worker.py")
_ROOT: Final = Path(__file__).parents[3]


class Printer:
    """Prints one kind of document for one process of the service, a few at a time. ``template``: the pages as typst
    has them; ``called``: what the document is called in a refusal. The fonts, which hold nothing of anybody, are files
    in a folder of its own, made at first use.
    """

    def __init__(self, template: Path, called: str) -> None:
        self._template = template
        self._called = called
        self._places = asyncio.Semaphore(AT_ONCE)
        self._folder: Path | None = None

    async def run(self, data: dict[str, Any], *, form: str = "pdf") -> bytes:
        """The pages of the words in ``data`` as PDF/UA-1 (``form`` png: as pictures, each with its length in four bytes
        before it). Raises ``Unprocessable`` for what is too large, ``Unavailable`` when it takes too long.
        """
        if _size(data) > MOST_CHARACTERS:
            raise Unprocessable(
                f"This {self._called} is too large to be printed; ask for application/fhir+json.", "too-costly"
            )
        sent = json.dumps({**data, "form": form}).encode()
        async with self._places:
            fonts = await asyncio.to_thread(self._fonts)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", str(_WORKER), str(fonts), str(_ROOT), str(self._template)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
            )
            try:
                async with asyncio.timeout(PATIENCE):
                    pages, _ = await process.communicate(sent)
            except TimeoutError:
                raise Unavailable(
                    f"Printing this {self._called} takes too long; ask for application/fhir+json."
                ) from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0 or not pages:
            raise Unavailable(f"This {self._called} cannot be printed now; ask for application/fhir+json.")
        return pages

    def _fonts(self) -> Path:
        if self._folder is None or not all((self._folder / f"{name}.ttf").is_file() for name in FONTS):
            self._folder = Path(tempfile.mkdtemp(prefix="zelfregie-fonts-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            for name in FONTS:
                (self._folder / f"{name}.ttf").write_bytes(font(name))
        return self._folder


def _size(value: Any) -> int:
    """The characters in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 0
