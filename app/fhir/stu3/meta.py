"""``Meta``: what a resource of STU3 claims to be is kept in an extension inside, and stands there again outside.

``meta.profile`` of the R4 form holds R4 profiles only, since many canonicals mean something else in each version.
"""

from __future__ import annotations

from typing import Any, Final

from app.fhir.stu3.conversions import Converter, Pair, Values, pairs_of, put

SOURCE_PROFILE: Final = "StructureDefinition/source-profile"
_STU3: Final = "3.0.1"
_ANY_STU3: Final = "3.0"


def claims_within(base: str, whole: Converter) -> Converter:
    """To R4: each claim as an extension ``source-profile``."""
    url = f"{base}/{SOURCE_PROFILE}"

    def apply(given: Values) -> Values:
        profiles = pairs_of(given, "profile", many=True)
        made: Values = whole({name: value for name, value in given.items() if name not in ("profile", "_profile")})
        if not profiles:
            return made
        claims = [_claim(url, profile) for profile in profiles]
        return {**made, "extension": [*made.get("extension", ()), *claims]}

    return apply


def claims_out(base: str, whole: Converter) -> Converter:
    """To STU3: the claims again; those of R4 are carried."""
    url = f"{base}/{SOURCE_PROFILE}"

    def apply(given: Values) -> Values:
        extensions = given.get("extension", ())
        claimed = [profile for each in extensions if (profile := _claimed(each, url)) is not None]
        if not claimed:
            made: Values = whole(given)
            return made
        kept = [each for each in extensions if _claimed(each, url) is None]
        rest = {name: value for name, value in given.items() if name != "extension"}
        made = whole({**rest, "extension": kept} if kept else rest)
        put(made, "profile", claimed, many=True)
        return made

    return apply


def _claim(url: str, profile: Pair) -> Values:
    said: Values = {"url": "profile"}
    put(said, "valueCanonical", [profile], many=False)
    return {"url": url, "extension": [said, {"url": "fhirVersion", "valueCode": _STU3}]}


def _claimed(extension: Values, url: str) -> Pair | None:
    if extension.get("url") != url:
        return None
    parts: dict[str, Any] = {each.get("url", ""): each for each in extension.get("extension", ())}
    version = parts.get("fhirVersion", {}).get("valueCode", _STU3)
    if not str(version).startswith(_STU3):
        return None
    return next(iter(pairs_of(parts.get("profile", {}), "valueCanonical", many=False)), None)
