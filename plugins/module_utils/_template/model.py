# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template itself: one checked, immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._names.server_address import ServerAddress
from .._value import Value, field
from . import keys, names, server, trust, variables
from .errors import TemplateError, show
from .fields import FIELDS, SECRET_FIELDS, read_options


class Template(Value):
    """An EST certificate template: every option checked and in its canonical form, one attribute a field.

    Make one with ``from_options()`` or ``from_fields()``. Texts that were left out are None; ``key_size`` and
    ``key_curve`` are None where the key type has none. ``ca_certificate`` holds its PEM blocks and nothing around them;
    ``ca_fingerprint`` is ``sha256:`` or ``sha512:`` and lower-case digits.
    """

    name: str
    certificate_authority: str
    device_identity_certificates: bool
    server: str
    port: int
    label: str | None
    base_path: str | None
    username: str | None
    password: str | None = field(repr=False)
    challenge_password: str | None = field(repr=False)
    ca_certificate: str | None
    ca_path: str | None
    ca_fingerprint: str | None
    use_system_trust: bool
    client_certificate_path: str | None
    client_key_path: str | None
    client_key_passphrase: str | None = field(repr=False)
    proxy: str | None
    subject: str
    subject_alternative_name: str
    subject_alternative_name_other: tuple[str, ...]
    custom_attributes: tuple[str, ...]
    key_type: str
    key_size: int | None
    key_curve: str | None
    renewal_period_days: int
    proof_of_possession: str

    @property
    def address(self) -> str:
        """The server as a URL without the label: what is one server to its accounts."""
        authority = ServerAddress(self.server, self.port, None, None).authority
        return f"https://{authority}{self.base_path or ''}"

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Template:
        """Check a template's options as a user gives them, fill in the defaults, and bring them to canonical form.

        :param options: None counts as left out; those of ``WRITING_OPTIONS`` are checked and ignored.
        :raises TemplateError: for the first option that is wrong.
        """
        require_mapping("template", options)
        values = read_options(options)
        server.check_password_given(values["username"], values["password"])
        return cls._from_values(values)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], secrets: Mapping[str, str]) -> Template:
        """Read a template as ``as_fields()`` and ``secrets()`` gave it.

        The fields are checked as those of ``from_options()`` are, since a stored document can be damaged. A secret
        that is not in ``secrets`` counts as not known, so a template with a user name may lack its password here.

        :raises TemplateError: for the first field that is wrong, and for a secret among the fields.
        """
        require_mapping("template", fields)
        for name in SECRET_FIELDS:
            if name in fields:
                raise TemplateError(name, "is a secret and may not be among the plain fields")
        for name in secrets:
            if name not in SECRET_FIELDS:
                raise TemplateError(name, "is not a secret of a template", allowed=", ".join(SECRET_FIELDS))
        return cls._from_values(read_options({**fields, **secrets}, canonical=True))

    def as_fields(self) -> dict[str, Any]:
        """Return the fields without secrets, as plain JSON data in the order of ``FIELDS``."""
        values = {item.name: getattr(self, item.name) for item in FIELDS if not item.secret}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def secrets(self) -> dict[str, str]:
        """Return the secret fields that are set."""
        values = {name: getattr(self, name) for name in SECRET_FIELDS}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Template:
        """Check what ``read_options()`` gave, and bring it to canonical form."""
        values["name"] = names.template_name(values["name"])
        variables.refuse_placeholder(values)
        endpoint = server.read_endpoint(values["server"], values["port"], values["label"], values["base_path"])
        values["server"], values["port"], values["label"], values["base_path"] = endpoint
        values["proxy"] = server.read_proxy(values["proxy"])
        server.check_basic(values["username"], values["password"])
        server.check_challenge_password(values["challenge_password"])
        server.check_client_certificate(
            values["client_certificate_path"], values["client_key_path"], values["client_key_passphrase"]
        )
        anchors = trust.read_trust(
            values["ca_certificate"], values["ca_path"], values["ca_fingerprint"], values["use_system_trust"]
        )
        values["ca_certificate"], values["ca_fingerprint"] = anchors
        custom = values["custom_attributes"]
        variables.check_custom_attributes(custom)
        values["subject"] = names.read_subject(values["subject"], custom)
        values["subject_alternative_name_other"] = names.read_entries(
            values["subject_alternative_name"], values["subject_alternative_name_other"], custom
        )
        values["key_size"], values["key_curve"] = keys.read_key(
            values["key_type"], values["key_size"], values["key_curve"]
        )
        keys.check_renewal_period(values["renewal_period_days"])
        return cls(**values)


def require_mapping(option: str, value: object) -> None:
    """Refuse a value that is not a dictionary.

    :raises TemplateError: naming the option. The value is not shown, since there may be a password in it.
    """
    if not isinstance(value, Mapping):
        raise TemplateError(option, "is not a dictionary of options", allowed="name: ..., server: ...")


# ----------------------------------------------------------------------------------------------------------------------
# The whole set of templates that a user asks for.


def templates_from_options(options: Any) -> tuple[Template, ...]:
    """Check a list of templates, each as ``Template.from_options()`` does.

    :param options: a list of dictionaries.
    :raises TemplateError: for the first wrong option; the error says the place in the list and the template's name. Two
        names that differ only in case are refused: an administrator could not tell them apart.
    """
    if not isinstance(options, (list, tuple)):
        raise TemplateError("templates", "is not a list", value=show(options), allowed="a list of templates")
    templates: list[Template] = []
    first_places: dict[str, int] = {}
    for index, entry in enumerate(options):
        where = f"templates[{index}]"
        require_mapping(where, entry)
        try:
            template = Template.from_options(entry)
        except TemplateError as exc:
            raise exc.at(where, _name_of(entry)) from None
        first = first_places.setdefault(template.name.casefold(), index)
        if first != index:
            raise TemplateError(
                "name",
                f"is the name of templates[{first}] too ({show(templates[first].name)})",
                value=show(template.name),
                allowed="names that differ in more than case",
                where=where,
            )
        templates.append(template)
    return tuple(templates)


def _name_of(entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    return show(name) if isinstance(name, str) and name.strip() else ""
