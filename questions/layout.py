"""Reads the YAML files of questions and statements, and checks their fields."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

NUMBER = (int, float)
TYPE_NAMES = {str: "a text", bool: "true or false", list: "a list", dict: "a mapping", NUMBER: "a number"}


class BankError(ValueError):
    """A file that breaks the layout; the message reads ``file: question: field: what is wrong``."""


class UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # the C library's is ten times as fast
    """YAML's own reading keeps the last of two equal keys and says nothing; this one refuses."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for position, key in enumerate(keys):
            if key.value in (earlier.value for earlier in keys[:position]):
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice in one mapping", key.start_mark
                )
        return super().construct_mapping(node, deep)


def read(file: Path) -> Any:
    """What a YAML file holds. Raises: BankError."""
    try:
        return yaml.load(file.read_text(encoding="utf-8"), UniqueKeys)
    except yaml.YAMLError as error:
        raise BankError(f"{file.name}: {error}") from error


# Below, `where` is the beginning of a message, up to the name of a field: "coding.yml: C1: options.B."


def claims_of(fields: dict, where: str) -> tuple[str, ...]:
    claims = fields.get("claims", [])
    for name in claims:
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            raise BankError(f"{where}claims: expected ids such as js-saturates, got {name!r}")
    return tuple(claims)


def fields_of(raw: Any, where: str, required: dict, optional: dict, what: str) -> dict[str, Any]:
    """The fields of one mapping, checked for presence and type; texts stripped, absent ones left out."""
    if not isinstance(raw, dict):
        raise BankError(f"{where.rstrip('.: ')}: expected the fields of {what}, got {raw!r:.80}")
    types = required | optional
    for name in raw:
        if name not in types:
            raise BankError(f"{where}{name}: {what} has no such field; it may have {', '.join(types)}")
    fields = {}
    for name, expected in types.items():
        value = raw.get(name)
        if isinstance(value, str):
            value = value.lstrip("\n").rstrip()  # code may begin with an indented line
        if value is None or value == "":
            if name in required:
                raise BankError(f"{where}{name}: missing ({what} needs it)")
            continue
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise BankError(f"{where}{name}: expected {TYPE_NAMES[expected]}, got {value!r:.80}")
        fields[name] = value
    return fields


def one_line(text: str) -> str:
    return " ".join(text.split())
