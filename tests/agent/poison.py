"""Values that may never lie on the disk, and bodies that hold them in every text field of a JSON schema."""

from __future__ import annotations

import base64
import hashlib
import re
import string
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


def aws_key(number: int) -> str:
    """Give a key id in the form of AWS's."""
    return "AKIA" + base64.b32encode(_digest(number)).decode()[:16].replace("=", "Q")


def card(number: int) -> str:
    """Give 16 digits with a right check digit (ISO/IEC 7812-1, Luhn)."""
    digits = f"453201{number:09d}"
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(digits)]
    return digits + str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def ssn(number: int) -> str:
    """Give a social security number that could have been issued."""
    return f"{1 + number % 600:03d}-{11 + number // 600 % 80:02d}-{1000 + number * 7 % 8999:04d}".replace("666", "667")


def email(number: int) -> str:
    """Give an e-mail address."""
    return f"person{number}.private@mail{number}.org"


def github_token(number: int) -> str:
    """Give a token in the form of GitHub's, its checksum right."""
    body = "".join(_BASE62[byte % 62] for byte in _digest(number)[:30])
    rest, check = zlib.crc32(body.encode()), ""
    while rest:
        rest, place = divmod(rest, 62)
        check = _BASE62[place] + check
    return "gh" + "p_" + body + check.rjust(6, "0")


KINDS: Final[Mapping[str, tuple[str, Callable[[int], str]]]] = {
    "aws": ("key ", aws_key),
    "token": ("token ", github_token),
    "card": ("card ", card),
    "ssn": ("ssn ", ssn),
    "email": ("mail ", email),
}


@dataclass
class Poison:
    """Makes values, each once, and knows where each was put."""

    places: dict[str, str] = field(default_factory=dict)

    def text(self, place: str, *kinds: str, limit: int = 1_000) -> str:
        """Give a text with a value of each kind (all without kinds), as many as `limit` characters have room for."""
        parts: list[str] = []
        for kind in kinds or KINDS:
            lead, make = KINDS[kind]
            part = lead + self._noted(make, f"{place} ({kind})")
            if len(" ".join((*parts, part))) <= limit:
                parts.append(part)
        return " ".join(parts)

    def bare(self, place: str, kind: str) -> str:
        """Give one value alone."""
        return self._noted(KINDS[kind][1], f"{place} ({kind})")

    def value(self, schema: Mapping[str, Any], place: str, given: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
        """Give a value of a JSON schema with poison in every text that is free.

        `given` holds, by the field's name, values to take instead; None leaves the field out. `root` has the `$defs`.
        """
        if "$ref" in schema:
            return self.value(root["$defs"][schema["$ref"].rpartition("/")[2]], place, given, root)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                known = [item for item in schema[several] if item.get("type") != "null"]
                chosen = next((item for item in known if item.get("type") == "string"), known[0])
                return self.value(chosen, place, given, root)
        if "const" in schema or "enum" in schema:
            return schema.get("const", (schema.get("enum") or [None])[0])
        if schema.get("type") == "array":
            return [self.value(schema.get("items", {}), f"{place}[]", given, root)]
        if schema.get("type") == "object" or "properties" in schema:
            return self._object(schema, place, given, root)
        simple: dict[str, Any] = {"integer": schema.get("minimum", 1), "number": 1, "boolean": False}
        if schema.get("type") in simple:
            return simple[schema["type"]]
        if "pattern" in schema:
            return self._matching(schema["pattern"], place)
        return self.text(place, limit=schema.get("maxLength", 1_000))

    def _matching(self, pattern: str, place: str) -> str:
        for kind, (_lead, make) in KINDS.items():
            if re.fullmatch(pattern, make(len(self.places) + 1)):
                return self.bare(place, kind)
        raise AssertionError(f"no kind of value has the form of {place}")

    def _object(self, schema: Mapping[str, Any], place: str, given: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
        if "properties" not in schema and isinstance(schema.get("additionalProperties"), dict):
            key = self.text(f"{place}.key()", "email", "token")
            return {key: self.value(schema["additionalProperties"], f"{place}.value", given, root)}
        if "properties" not in schema:
            return {
                self.text(f"{place}.key()", "email", "token"): self.text(f"{place}.value"),
                "deep": [{"password": self.text(f"{place}.deep"), "n": int(self.bare(f"{place}.number", "card"))}],
            }
        made = {}
        for name, inner in schema["properties"].items():
            at = f"{place}.{name}"
            value = given[name] if name in given else self.value(inner, at, given, root)
            if value is not None:
                made[name] = value
        return made

    def _noted(self, make: Callable[[int], str], place: str) -> str:
        value = make(len(self.places) + 1)
        assert value not in self.places
        self.places[value] = place
        return value


def _digest(number: int) -> bytes:
    return hashlib.sha512(f"poison {number}".encode()).digest()
