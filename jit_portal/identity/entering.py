"""A national login as somebody writes it down: the fields of its row, over those of a preset if she names one."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, get_type_hints

from jit_portal.errors import Invalid
from jit_portal.identity.presets import PRESETS
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.identity.registry import check
from jit_portal.vocabulary import Assurance


def row_from(said: Mapping[str, Any]) -> ProviderRow:
    """The row that these fields are, checked; Invalid names what is missing, unknown or senseless.

    ``preset`` names one of PRESETS. Levels of assurance are written ``low``, ``substantial``, ``high`` or as numbers.
    """
    preset = said.get("preset")
    if preset is not None and preset not in PRESETS:
        raise Invalid(f"there is no such preset; there are {', '.join(PRESETS)}", field="preset")
    given = {**(PRESETS[preset]() if preset else {}), **{name: said[name] for name in said if name != "preset"}}
    kinds = get_type_hints(ProviderRow)
    unknown = sorted(set(given) - set(kinds))
    if unknown:
        raise Invalid(f"unknown: {', '.join(unknown)}", field=unknown[0])
    missing = [each.name for each in fields(ProviderRow) if each.default is MISSING and each.name not in given]
    if missing:
        raise Invalid(f"missing: {', '.join(missing)}", field=missing[0])
    row = ProviderRow(**{name: _read(name, kinds[name], value) for name, value in given.items()})
    check(row)
    return row


def written(row: ProviderRow) -> dict[str, Any]:
    """The row as fields again, fit for JSON; ``row_from`` reads them back."""
    return {"slug": row.slug, **row.stored(), "authorities": dict(row.authorities)}


def _read(name: str, kind: Any, value: Any) -> Any:
    try:
        return _READERS.get(kind, _word_of(kind))(value)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Invalid(f"{name} makes no sense", field=name) from None


def _word_of(kind: Any) -> Callable[[Any], Any]:
    return kind if isinstance(kind, type) and issubclass(kind, StrEnum) else _exactly(kind)


def _exactly(kind: Any) -> Callable[[Any], Any]:
    def take(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return take


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(_exactly(str)(each) for each in value)


def _by_name(value: Any) -> dict[str, str]:
    return {_exactly(str)(name): _exactly(str)(each) for name, each in value.items()}


def _levels(value: Any) -> dict[str, Assurance]:
    return {word: Assurance[each.upper()] if isinstance(each, str) else Assurance(each) for word, each in value.items()}


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    tuple[str, ...]: _texts,
    Mapping[str, str]: _by_name,
    Mapping[str, Assurance]: _levels,
}
