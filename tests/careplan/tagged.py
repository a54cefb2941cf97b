"""A tagged PDF as a screen reader takes it: what stands in its structure, in that order, and what is drawn beside it.

https://pdfa.org/resource/iso-14289-pdfua/ ISO 32000-1, 14.6 to 14.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any, Final

from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream, DictionaryObject, IndirectObject, StreamObject

STANDARD: Final = frozenset(
    {"Document", "Part", "Sect", "Div", "P", "H1", "H2", "H3", "L", "LI", "Lbl", "LBody", "Span", "Link", "Figure"}
    | {"Table", "THead", "TBody", "TFoot", "TR", "TH", "TD"}
)
"""Structure types of ISO 32000-1 that our papers may use."""
_PAINTS: Final = frozenset({b"f", b"F", b"f*", b"S", b"s", b"B", b"B*", b"b", b"b*", b"sh", b"Do", b"Tj", b"TJ", b"EI"})
_BF_CHAR: Final = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_BF_RANGE: Final = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_MOVED: Final = -100
"""Thousandths of an em to the left from which a gap is a space."""


@dataclass(slots=True)
class Piece:
    """What is drawn under one mark. ``mark`` None: it is real content without one; ``artifact``: what an artifact says
    of itself, else None.
    """

    page: int
    mark: int | None
    artifact: dict[str, Any] | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where the structure names a piece: the types from the root to it."""

    page: int
    mark: int
    path: tuple[str, ...]


@dataclass
class Tagged:
    """One document."""

    pdf: bytes
    reader: PdfReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = PdfReader(BytesIO(self.pdf))

    @property
    def root(self) -> Any:
        return self.reader.trailer["/Root"]

    @cached_property
    def pieces(self) -> list[Piece]:
        """Everything that is painted, page by page in the order of the content."""
        return [each for at, page in enumerate(self.reader.pages) for each in _pieces(page, at, self.reader)]

    @cached_property
    def leaves(self) -> list[Leaf]:
        """Everything that the structure names, in its order."""
        return list(self._walk(self.root["/StructTreeRoot"]["/K"], (), None))

    @cached_property
    def elements(self) -> list[DictionaryObject]:
        """Every structure element, in order."""
        return list(_elements(self.root["/StructTreeRoot"]["/K"]))

    @property
    def types(self) -> list[str]:
        """Their types, as the role map has them."""
        return [self.type_of(each) for each in self.elements]

    def type_of(self, element: DictionaryObject) -> str:
        """A structure type, through the role map."""
        roles = self.root["/StructTreeRoot"].get("/RoleMap", {})
        name = str(element["/S"])
        return str(roles.get(name, name)).removeprefix("/")

    @cached_property
    def read_aloud(self) -> list[tuple[str, str]]:
        """(type of the paragraph or heading, text) in the order of the structure."""
        texts = {(each.page, each.mark): each.text for each in self.pieces}
        found = []
        for element in self.elements:
            kind = self.type_of(element)
            if kind == "P" or kind.startswith("H"):
                found.append((kind, "".join(texts[each.page, each.mark] for each in self.leaves_of(element))))
        return found

    def leaves_of(self, element: DictionaryObject) -> list[Leaf]:
        """What one element names, with all that is in it."""
        return list(self._walk(element, (), None))

    def types_in(self, element: DictionaryObject) -> list[str]:
        """The types of all that is in an element."""
        return [self.type_of(each) for each in _elements(element.get("/K", []))]

    def owner_of(self, page: PageObject, mark: int) -> DictionaryObject:
        """The structure element that the parent tree names for a mark."""
        tree = self.root["/StructTreeRoot"]["/ParentTree"]
        numbers, number = dict(_numbers(tree)), page["/StructParents"]
        assert isinstance(number, int)
        owner: DictionaryObject = numbers[number][mark].get_object()
        return owner

    def _walk(self, node: Any, path: tuple[str, ...], page: Any) -> Iterator[Leaf]:
        node = node.get_object() if isinstance(node, IndirectObject) else node
        if isinstance(node, list):
            for each in node:
                yield from self._walk(each, path, page)
        elif isinstance(node, int):
            yield Leaf(self._number(page), int(node), path)
        elif "/S" in node:
            own = node.raw_get("/Pg") if "/Pg" in node else page
            yield from self._walk(node.get("/K", []), (*path, self.type_of(node)), own)
        elif "/MCID" in node:
            own = node.raw_get("/Pg") if "/Pg" in node else page
            yield Leaf(self._number(own), int(node["/MCID"]), path)

    def _number(self, page: IndirectObject) -> int:
        ids = [each.indirect_reference.idnum for each in self.reader.pages if each.indirect_reference is not None]
        return ids.index(page.idnum)


def _elements(node: Any) -> Iterator[DictionaryObject]:
    node = node.get_object() if isinstance(node, IndirectObject) else node
    if isinstance(node, list):
        for each in node:
            yield from _elements(each)
    elif isinstance(node, DictionaryObject) and "/S" in node:
        yield node
        yield from _elements(node.get("/K", []))


def _numbers(tree: Any) -> Iterator[tuple[int, Any]]:
    """A number tree, flat."""
    listed = tree.get("/Nums", [])
    for at in range(0, len(listed), 2):
        yield int(listed[at]), listed[at + 1].get_object()
    for kid in tree.get("/Kids", []):
        yield from _numbers(kid.get_object())


def _pieces(page: PageObject, number: int, reader: PdfReader) -> Iterator[Piece]:
    stack: list[Piece | None] = []
    letters: dict[bytes, str] = {}
    for operands, operator in ContentStream(page.get_contents(), reader).operations:
        if operator in (b"BDC", b"BMC"):
            opened = _opened(operands, number)
            stack.append(opened)
            if opened is not None:
                yield opened
        elif operator == b"EMC":
            stack.pop()
        elif operator == b"Tf":
            letters = _letters(page["/Resources"]["/Font"][operands[0]])  # type: ignore[index]
        elif operator in _PAINTS:
            there = next((each for each in reversed(stack) if each is not None), None)
            if there is None:
                there = Piece(number, None, None)
                yield there
            there.text += "".join(_shown(operands, letters)) if operator in (b"Tj", b"TJ") else ""


def _opened(operands: list[Any], page: int) -> Piece | None:
    """The piece that a mark begins; None where it says neither which it is nor that it is an artifact."""
    tag, facts = operands[0], operands[1] if len(operands) > 1 else {}
    if tag == "/Artifact":
        return Piece(page, None, dict(facts))
    return Piece(page, int(facts["/MCID"]), None) if "/MCID" in facts else None


def _shown(operands: list[Any], letters: dict[bytes, str]) -> Iterator[str]:
    listed = operands[0] if isinstance(operands[0], list) else operands
    for each in listed:
        if isinstance(each, int | float):
            yield " " if each < _MOVED else ""
            continue
        raw = each.original_bytes if hasattr(each, "original_bytes") else bytes(each)
        yield "".join(letters[raw[at : at + 2]] for at in range(0, len(raw), 2))


def _letters(font: Any) -> dict[bytes, str]:
    """What each glyph of a font means, by its ``ToUnicode``."""
    font = font.get_object()
    table: StreamObject = font["/ToUnicode"]
    data, found = table.get_data(), dict[bytes, str]()
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", data, re.DOTALL):
        for code, text in _BF_CHAR.findall(block):
            found[bytes.fromhex(code.decode())] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", data, re.DOTALL):
        for low, high, text in _BF_RANGE.findall(block):
            first = int(text, 16)
            for at in range(int(low, 16), int(high, 16) + 1):
                found[at.to_bytes(2)] = chr(first + at - int(low, 16))
    return found
