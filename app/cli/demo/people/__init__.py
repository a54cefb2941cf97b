"""The ten invented persons of the demo, in alphabetical order. No name, address or story is that of a real person."""

from __future__ import annotations

from typing import Final

from app.cli.demo.people.diabetes import ANNA, FARID, IBRAHIM
from app.cli.demo.people.heart import CORRIE, HILDE
from app.cli.demo.people.lungs import BRAM, DAAN, GERDA
from app.cli.demo.people.mood import ELS, JOKE
from app.cli.demo.persona import Persona

PEOPLE: Final[tuple[Persona, ...]] = (ANNA, BRAM, CORRIE, DAAN, ELS, FARID, GERDA, HILDE, IBRAHIM, JOKE)
