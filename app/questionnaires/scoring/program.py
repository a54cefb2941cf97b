"""A scoring program: data, read by ``reading.py``, carried out by ``compute.py``. The format with a worked example is
in docs/scoring.md; in short (YAML of an instrument under ``scoring:``, or a key file that a tenant installs)::

    id: example                      # name of the key; goes into every result
    version: "1"                     # of the scoring: another one makes new results beside the old
    source: where the key comes from
    confirmed: true                  # false: the key, or its bands, were not confirmed; every result says so
    code: "http://loinc.org|44249-1" # of the panel; left out: our CodeSystem `score`, code = id
    cut_offs: B                      # which version of the bands counts; left out: that of `version`
    missing: {system: URL, codes: [na]}      # answers that count as no answer, such as "does not apply"
    values: ordinal                  # how an answer gets its number; one of
        # ordinal: ordinalValue / questionnaire-ordinalValue / itemWeight of the option that was chosen
        # number:  the number that was answered (integer, decimal, quantity in `unit`)
        # {system: URL, codes: {code: number, …}} or a list of such tables; {boolean: {true: 1, false: 0}}
    dimensions:                      # in the order in which they are computed and shown
      - id: total
        nl: Totaal                   # name in Dutch and English
        en: Total
        meaning: {nl: …, en: …}      # one plain sentence: what it is, and what it is not
        code: "http://loinc.org|44261-6"     # left out: our CodeSystem `score`, code = <program id>-<dimension id>
        method: sum                  # sum | mean | lowest | highest | items (no scale: the answers one by one)
        items: ["1", {item: "2", reverse: true, weight: 2, recode: {3: 2}, values: number, unit: kg, several: sum}]
        of: [other]                  # instead of items: dimensions before this one
        range: [0, 3]                # lowest and highest number of an item, which `reverse` needs
        recode: {4: 2, 3: 2}         # for every item; comes before reverse
        values: …                    # as above, for this dimension
        several: sum                 # sum | highest | lowest | count, for a question with several answers
        minimum: 2                   # least number answered; left out: all
        prorate: mean                # a sum with missing answers: mean of what was answered × number of items
        straight_line: {values: [1, 4]}      # all answered alike (with these values; left out: any): no score
        then:                        # steps on the number, in order
          - look_up: {4: 16.2, …}    # with `complete: true` beside it: only when nothing is missing
          - linear: {from: [0, 20], to: [0, 100]}
          - t_score: {mean: 12.5, sd: 4}     # 50 + 10 × (x - mean) / sd
          - round: {digits: 0, rule: half-up}
        round: {digits: 1, rule: half-up}    # half-up (away from 0) | half-even | down | up; at the end
        unit: "{score}"              # UCUM; left out: {score}
        scale: [0, 27]               # lowest and highest possible result, to show beside it
        bands:                       # a list, or {A: [...], B: [...]} by version of cut-offs
          - {class: low, nl: laag, en: low, from: 0, to: 4}
          - {class: some, nl: iets, en: some, ranges: [{from: 5, to: 6}, {from: 9}], confirmed: false, source: …}
            # from, to: included; above, below: not included; left out: open
        change: {at_least: 5, source: …}     # or more_than: what the instrument counts as change
        better: higher               # higher | lower; left out: neither
        show: number                 # number | circle | balloon | wheel | ladder | text

Numbers are read exactly (``Fraction``), answers are known by code, never by display or language. ``$base`` at the begin
of a system is the canonical base of the installation. https://hl7.org/fhir/extension-ordinalvalue.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Key = tuple[str, str]
"""System and code of an answer."""
Method = Literal["sum", "mean", "lowest", "highest", "items"]
Several = Literal["", "sum", "highest", "lowest", "count"]
"""What becomes of several answers to one question; "": they cannot be scored."""
Show = Literal["number", "circle", "balloon", "wheel", "ladder", "text"]


@dataclass(frozen=True, slots=True)
class Values:
    """How an answer gets its number. ``kind`` ``table``: by ``codes`` and ``booleans``; ``ordinal``: by the weight that
    the Questionnaire gives the option; ``number``: what was answered.
    """

    kind: Literal["ordinal", "number", "table"]
    codes: Mapping[Key, Fraction] | None = None
    booleans: Mapping[bool, Fraction] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An item of a dimension, or a dimension of a dimension. ``values`` is None where nothing is counted; ``unit``: of
    a quantity, UCUM.
    """

    id: str
    values: Values | None
    recode: Mapping[Fraction, Fraction]
    reverse: bool = False
    weight: Fraction = Fraction(1)
    unit: str = ""
    several: Several = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from ``low`` to ``high``; None: without end. ``low_in``, ``high_in``: whether the end belongs to it."""

    low: Fraction | None
    high: Fraction | None
    low_in: bool = True
    high_in: bool = True

    def holds(self, value: Fraction) -> bool:
        """Whether a number is in it."""
        if self.low is not None and (value < self.low or (value == self.low and not self.low_in)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.high_in)


@dataclass(frozen=True, slots=True)
class Band:
    """One class, of one or several ranges: they need not follow each other."""

    code: str
    nl: str
    en: str
    ranges: tuple[Interval, ...]
    confirmed: bool = True
    source: str = ""

    def holds(self, value: Fraction) -> bool:
        """Whether a number is of this class."""
        return any(each.holds(value) for each in self.ranges)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Another number for each; with ``complete`` only when no answer is missing."""

    table: Mapping[Fraction, Fraction]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Linear:
    """One range on another."""

    source: tuple[Fraction, Fraction]
    target: tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class TScore:
    """50 + 10 × (x - mean) / sd."""

    mean: Fraction
    sd: Fraction


@dataclass(frozen=True, slots=True)
class Rounding:
    """To how many decimals, and which way at the half. ``down``: towards 0; ``up``: away from it."""

    digits: int
    rule: Literal["half-up", "half-even", "down", "up"]


Step = LookUp | Linear | TScore | Rounding


@dataclass(frozen=True, slots=True)
class Threshold:
    """What the instrument counts as change: at least this, or (``over``) more than this, up or down."""

    value: Fraction
    over: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class StraightLine:
    """Answers that are all alike give no score; ``values``: only when they are all one of these, empty: any."""

    values: frozenset[Fraction] = frozenset()


@dataclass(frozen=True, slots=True)
class Words:
    """Dutch and English."""

    nl: str
    en: str

    def of(self, language: str) -> str:
        """In Dutch unless English is asked for."""
        return self.en if language.startswith("en") else self.nl


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that is scored. ``of_dimensions``: ``parts`` are dimensions, and not items. ``bands`` by version of
    the cut-offs.
    """

    id: str
    words: Words
    meaning: Words
    code: Key
    method: Method
    parts: tuple[Part, ...]
    of_dimensions: bool
    range: tuple[Fraction, Fraction] | None
    minimum: int
    prorate: bool
    straight_line: StraightLine | None
    steps: tuple[Step, ...]
    rounding: Rounding | None
    unit: str
    scale: tuple[Fraction, Fraction] | None
    bands: Mapping[str, tuple[Band, ...]]
    change: Threshold | None
    better: Literal["", "higher", "lower"]
    show: Show

    def band_of(self, value: Fraction, cut_offs: str) -> Band | None:
        """The class of a result by one version of the cut-offs; None where there is none for it."""
        return next((each for each in self.bands.get(cut_offs, ()) if each.holds(value)), None)


@dataclass(frozen=True, slots=True)
class Program:
    """A whole key. ``cut_offs``: the version of the bands that counts; ``missing``: answers that are none."""

    id: str
    version: str
    source: str
    confirmed: bool
    code: Key
    cut_offs: str
    missing: frozenset[Key]
    dimensions: tuple[Dimension, ...]

    def find(self, dimension: str) -> Dimension | None:
        """A dimension by its id."""
        return next((each for each in self.dimensions if each.id == dimension), None)
