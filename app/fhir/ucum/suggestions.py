"""What was probably meant by a unit that is not UCUM, or is but hardly ever meant. https://ucum.org/ucum"""

from __future__ import annotations

import re
from typing import Final

from app.fhir.ucum.reading import LONGEST, parse

# Valid codes of something else: coulomb, farad, gauss, peta-ampere and the like.
_MISTAKEN: Final = {"C": "Cel", "F": "[degF]", "ft": "[ft_i]", "cc": "mL", "IE/mL": "[iU]/mL", "Gm": "g", "Gms": "g"}

_WORDS: Final = """
mm[Hg] = mmhg, mm hg, mm(hg), mm_hg, torr, mm[hg]
cm[H2O] = cmh2o, cm h2o
Cel = degc, deg c, °c, ºc, ° c, celsius, grad c, cel, graden celsius, degrees celsius
[degF] = degf, deg f, °f, ºf, ° f, fahrenheit, degrees fahrenheit
/min = bpm, beats per minute, per minute, slagen/min, slagen per minuut, hartslagen/min, beats/min, beat/min,
 breaths/min, ademhalingen/min, ademhalingen per minuut, min-1, pulse/min, x/min, keer/min, 1/minuut, /minuut, rpm
ug = mcg, µg, μg, microgram, micrograms, mcgs, ugr
mg = milligram, milligrams, mgr, mgs
kg = kilogram, kilograms, kilo, kgs, kilos, kgr
g = gram, grams, gm, gms, grammen, gr
[lb_av] = lb, lbs, pound, pounds, [lb_i], [lb]
[oz_av] = oz, ounce, ounces
[stone_av] = stone
[in_i] = in, inch, inches, [in]
[ft_i] = foot, feet
L = liter, litre, liters, litres, ltr, l
dL = deciliter, decilitre, dl
mL = milliliter, millilitre, milliliters, ml, mls, cc
uL = µl, μl, microliter, ul, mm^3
cm = centimeter, centimetre, cms
mm = millimeter, millimetre
m = meter, metre, meters, mtr
km = kilometer, kilometers, kms
kcal = kilocalorie, kilocalories, kcals
kJ = kilojoule, kilojoules, kj
kPa = kilopascal, kpa
mmol = millimol, millimole, mmols
umol = µmol, μmol, micromol, mcmol
meq = meqs, milliequivalent
mosm = mosmol, milliosmol
[iU] = iu, ie, i.u., i.e., international units, internationale eenheden, units international, [ie]
U = unit, units, eenheid, eenheden, eh
% = percent, percentage, procent, pct
s = sec, second, seconds, seconde, seconden, secs
min = minute, minutes, minuut, minuten, mins
h = hr, hrs, hour, hours, uur, uren
d = day, days, dag, dagen
wk = week, weeks, weken
mo = month, months, maand, maanden, mnd
a = year, years, yr, yrs, jaar, jaren
[drp] = drop, drops, druppel, druppels, gtt
[diop] = diopter, dioptre, dioptrie, dpt
{tbl} = tab, tabs, tbl, tablet, tablets, tabletten, tabl
{capsule} = cap, caps, capsule, capsules
{puff} = puff, puffs, pufje, pufjes
{patch} = patch, patches, pleister, pleisters
{spray} = spray, sprays
{score} = score, points, punten, point, pt
{steps} = steps, stappen, step
{count} = count, counts, aantal, stuks, stuk, st, pcs, ea, each, #
{cells} = cell, cells, cellen
1 = number, none, geen, ratio, unitless, dimensionless, eenheidsloos
[ppth] = ‰, promille, per mille, [ppt]
[pH] = ph
[degR] = rankine
mm/h = mm/hr, mm/uur, mm per hour
kg/m2 = kg/m^2, kg/m², bmi
mL/min/{1.73_m2} = ml/min/1.73m2, ml/min/1.73 m2, ml/min/1,73m2, ml/min/1.73m^2, ml/min/1.73m²
[MET] = met, mets
bar = bars
Hz = hertz, hz
"""

_TENS: Final = re.compile(r"(?:[x×*]\s*)?10(?:\^|e|\*\*|E)([0-9]+)")
_POWER: Final = re.compile(r"(?<=[A-Za-z\]])\^(?=[+-]?[0-9])")
_SPACES: Final = re.compile(r"\s*([./])\s*")
_SIGNS: Final = str.maketrans(
    {"µ": "u", "μ": "u", "²": "2", "³": "3", "·": ".", "⋅": ".", "×": ".", "⁻": "-", "¹": "1", "⁶": "6", "⁹": "9"}
)
_PARTS: Final = re.compile(r"([./])")


def suggestion(code: str) -> str | None:
    """The UCUM code that was probably meant: ``mm[Hg]`` for ``mmHg``, ``ug`` for ``mcg``. None when nothing comes near.

    Also for a few codes that are UCUM but mostly mistaken: ``C`` is the coulomb.
    """
    if code in _MISTAKEN:
        return _MISTAKEN[code]
    if len(code) > LONGEST or parse(code) is not None:
        return None
    text = code.strip()
    if meant := _MEANT.get(text.casefold()):
        return meant
    tidy = _SPACES.sub(r"\1", text)
    for candidate in (tidy, tidy.replace(" per ", "/"), _TENS.sub(r"10*\1", tidy)):
        plain = _POWER.sub("", candidate.translate(_SIGNS))
        for each in (plain, "".join(_part(part) for part in _PARTS.split(plain))):
            if each and parse(each) is not None:
                return each
    return None


def _part(text: str) -> str:
    """One unit of a term, rewritten where it is known under another name."""
    if text in (".", "/") or parse(text) is not None:
        return text
    return _MEANT.get(text.strip().casefold(), text)


def _table() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _WORDS.replace(",\n", ",").strip().split("\n"):
        code, _, words = line.partition(" = ")
        for word in (code, *words.split(",")):
            found.setdefault(word.strip().casefold(), code)
    return found


_MEANT: Final = _table()
