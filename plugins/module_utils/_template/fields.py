# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a template: their names, types, defaults and choices, in one table.

Everything that must agree on them (the argument spec, the model, the store) reads this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._value import Value
from .errors import TemplateError, closest, show
from .synonyms import meant_choice, meant_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Field(Value):
    """One option of a template.

    ``type`` is Ansible's (``str``, ``int``, ``bool`` or ``list`` of ``str``). A ``default`` of None means that there is
    none, or that it depends on another option (``port``, ``key_size``, ``key_curve``). ``any_spelling``: the choices
    are words of the product's own window (``UPN and Email``), and are taken as it spells them.
    """

    name: str
    type: str = "str"
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    required: bool = False
    any_spelling: bool = False


#: Every option of a template, in the order in which it is documented, stored and shown.
FIELDS: tuple[Field, ...] = (
    Field("name", required=True),
    Field("certificate_authority", default="cisco", choices=("cisco", "generic"), any_spelling=True),
    Field("device_identity_certificates", "bool", True),
    Field("server"),
    Field("port", "int"),
    Field("label"),
    Field("base_path"),
    Field("username"),
    Field("password", secret=True),
    Field("challenge_password", secret=True),
    Field("ca_certificate"),
    Field("ca_path"),
    Field("ca_fingerprint"),
    Field("use_system_trust", "bool", False),
    Field("client_certificate_path"),
    Field("client_key_path"),
    Field("client_key_passphrase", secret=True),
    Field("proxy"),
    Field("subject", default="/CN=%uname%/emailAddress=%email%"),
    Field(
        "subject_alternative_name",
        default="none",
        choices=("none", "upn", "upn_and_email", "other"),
        any_spelling=True,
    ),
    Field("subject_alternative_name_other", "list"),
    Field("custom_attributes", "list"),
    Field("key_type", default="rsa", choices=("rsa", "ec", "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87")),
    Field("key_size", "int"),
    Field("key_curve"),
    Field("renewal_period_days", "int", 14),
    Field("proof_of_possession", default="auto", choices=("auto", "always", "never")),
)

#: The names of the fields that hold a secret.
SECRET_FIELDS: tuple[str, ...] = tuple(field.name for field in FIELDS if field.secret)

#: When a password is written, and what is removed: options of the modules and of an entry of ``templates``, and no
#: fields of a template.
UPDATE_PASSWORD_CHOICES = ("always", "on_create")
#: What stays on a host where a declaration does not give it, since the environment of another run may have.
ACCOUNT, CA_CERTIFICATE, KEY_PASSPHRASE = "account", "ca_certificate", "client_key_passphrase"
ENROLMENT_CODE = "challenge_password"
REMOVE_CHOICES = (ACCOUNT, ENROLMENT_CODE, CA_CERTIFICATE, KEY_PASSPHRASE)

_UPDATE_PASSWORD = Field("update_password", default="always", choices=UPDATE_PASSWORD_CHOICES)
_REMOVE = Field("remove", "list", choices=REMOVE_CHOICES)
#: The names of these options.
WRITING_OPTIONS: tuple[str, ...] = (_UPDATE_PASSWORD.name, _REMOVE.name)
_OPTIONS: dict[str, Field] = {field.name: field for field in (*FIELDS, _UPDATE_PASSWORD, _REMOVE)}
_TRUE = ("yes", "true", "on", "y", "t", "1")
_FALSE = ("no", "false", "off", "n", "f", "0")
# Ansible suspects a secret in any option that is named so, unless the spec says what is true.
_SUSPICIOUS = ("pass", "key", "secret", "token")


def argument_spec() -> dict[str, dict[str, Any]]:
    """Return the template's options, with those of ``WRITING_OPTIONS``, in the shape of Ansible's argument spec.

    Only ``name`` is required here: a module that removes templates needs nothing else. That ``server`` is given is
    checked by ``Template.from_options()``.
    """
    return {field.name: _argument(field) for field in _OPTIONS.values()}


def read_options(options: Mapping[str, Any], *, canonical: bool = False) -> dict[str, Any]:
    """Read a template's options: every field present, of its type, with its default.

    An option that is None counts as left out. A text is not changed. Those of ``WRITING_OPTIONS`` are checked, and
    not returned.

    :param canonical: they were written by this collection, so a number for a text, or another spelling of a choice, is
        damage. A user may give both.
    :raises TemplateError: for an option that does not exist, a value of another type, an empty text, a wrong choice.
    """
    for key in options:
        if key not in _OPTIONS:
            raise _unknown_option(key)
    if not canonical:
        options = {key: _as_meant(_OPTIONS[key], value) for key, value in options.items()}
    _read(_UPDATE_PASSWORD, options.get("update_password"))
    removed = _read(_REMOVE, options.get("remove"))
    _refuse_contradiction(options, removed)
    return {field.name: _read(field, options.get(field.name)) for field in FIELDS}


def _refuse_contradiction(options: Mapping[str, Any], removed: Sequence[str]) -> None:
    """Refuse to remove what is given."""
    for what in removed:
        for name in ("username", "password") if what == ACCOUNT else (what,):
            if options.get(name) is not None:
                raise TemplateError("remove", f"has {what}, and {name} is given", allowed="one of the two")


def number_as_text(value: Any) -> Any:
    """Return a whole number as its digits, and anything else as it is.

    YAML makes a number of a name such as ``12345``. A ``true`` had another spelling, and a fraction may have lost a
    final zero, so these are not turned into texts.
    """
    # An integer of Ansible's can be of a class of its own.
    return str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_meant(field: Field, value: Any) -> Any:
    """Return a value as the canonical form has it where it can only mean that; anything else is returned as it is."""
    if field.any_spelling and isinstance(value, str):
        return next((choice for choice in field.choices if _words(choice) == _words(value)), value)
    if field.type == "str" and not field.secret:
        return number_as_text(value)
    if field.type == "list" and isinstance(value, (list, tuple)):
        return [number_as_text(element) for element in value]
    return value


def _words(text: str) -> list[str]:
    return text.lower().replace("_", " ").replace("-", " ").split()


def _argument(field: Field) -> dict[str, Any]:
    argument: dict[str, Any] = {"type": field.type}
    if field.required:
        argument["required"] = True
    if field.type == "list":
        argument["elements"] = "str"
        argument["default"] = []
    elif field.default is not None:
        argument["default"] = field.default
    if field.choices:
        argument["choices"] = list(field.choices)
    if field.secret or any(word in field.name for word in _SUSPICIOUS):
        argument["no_log"] = field.secret
    return argument


def _read(field: Field, value: Any) -> Any:
    if value is None:
        if field.required:
            raise TemplateError(field.name, "is missing", allowed="a string")
        return () if field.type == "list" else field.default
    if field.type == "str":
        return _read_text(field, value)
    if field.type == "int":
        return _read_integer(field, value)
    if field.type == "bool":
        return _read_boolean(field, value)
    return _read_list(field, value)


def _read_text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        kind = (
            "a list"
            if isinstance(value, (list, tuple))
            else "a dictionary"
            if isinstance(value, dict)
            else "not a string"
        )
        raise TemplateError(
            field.name,
            f"is {kind}",
            value="" if field.secret else show(value),
            allowed=_choices(field) or _allowed_text(field, value),
            suggestion=meant_choice(field.name, str(value), field.choices) if field.choices else "",
        )
    if field.choices:
        if value not in field.choices:
            raise TemplateError(
                field.name,
                "is not one of the choices",
                value=show(value),
                allowed=_choices(field),
                suggestion=meant_choice(field.name, value, field.choices),
            )
    elif not value and field.name != "username":  # RFC 7030 section 3.2.3 allows a password without a user name
        allowed = "a string" if field.required else "a string, or leave it out"
        raise TemplateError(field.name, "is empty", allowed=allowed)
    return value


def _read_integer(field: Field, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 12:
        return int(value)
    if isinstance(value, str) and not value:
        raise TemplateError(field.name, "is empty", allowed="a whole number, or leave it out")
    raise TemplateError(field.name, "is not a whole number", value=show(value), allowed="digits only")


def _read_boolean(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise TemplateError(
        field.name,
        "is neither true nor false",
        value=show(value),
        allowed="true, false",
        suggestion=closest(value, ("true", "false")),
    )


def _read_list(field: Field, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise TemplateError(field.name, "is not a list", value=show(value), allowed="a list of texts")
    for index, element in enumerate(value):
        if not isinstance(element, str):
            raise TemplateError(
                f"{field.name}[{index}]", "is not a string", value=show(element), allowed="a string, in quotes"
            )
        if not element:
            raise TemplateError(f"{field.name}[{index}]", "is empty", allowed="a string, or leave it out")
        if field.choices and element not in field.choices:
            raise TemplateError(
                f"{field.name}[{index}]",
                "is not one of the choices",
                value=show(element),
                allowed=_choices(field),
                suggestion=meant_choice(field.name, element, field.choices),
            )
    return tuple(value)


def _choices(field: Field) -> str:
    return ", ".join(field.choices)


def _allowed_text(field: Field, value: Any) -> str:
    if field.secret and isinstance(value, (int, float)):
        return "a string, in quotes: as a number it has lost its zeros at the beginning, or its spelling"
    return "a string, in quotes"


def _unknown_option(key: object) -> TemplateError:
    suggestion = meant_option(key, _OPTIONS)
    return TemplateError(
        str(key) if isinstance(key, str) and key.isprintable() else show(key),
        "is not an option of a template",
        allowed="" if suggestion else ", ".join(_OPTIONS),
        suggestion=suggestion,
    )
