# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a certificate is for: what the wizard's Test Certificate window collects, and what else a caller knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._names.addresses import check_domain_name, check_email_address
from .._names.errors import NameSyntaxError
from .._value import Value, field
from .errors import TemplateError, from_name_error, show
from .fields import number_as_text
from .names import check_text
from .synonyms import meant_identity_option
from .variables import VARIABLES

_CERTIFICATE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z")
_NOT_IN_A_CERTIFICATE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_ALLOWED_CERTIFICATE_NAME = "1 to 64 letters, digits and ._- without spaces, the first one no dot"

#: The option of every module that asks for a certificate, a dictionary of what ``Identity`` has.
IDENTITY = "identity"
#: The variables that the wizard's test window collects, and the options that hold them here.
OPTION_OF_VARIABLE = {"uname": f"{IDENTITY}.user", "domain": f"{IDENTITY}.domain", "email": f"{IDENTITY}.email"}


def identity_argument_spec() -> dict[str, Any]:
    """Return a new argument spec of one identity."""
    return {
        "user": {"type": "str"},
        "domain": {"type": "str"},
        "email": {"type": "str"},
        "variables": {"type": "dict", "default": {}},
    }


class Identity(Value):
    """The values that are filled in for the variables of a template.

    An empty ``user``, ``domain`` or ``email`` was not collected.

    :param user: the user (``%uname%``), which is not the account at the EST server.
    :param domain: the user's fully qualified domain name (``%domain%``).
    :param email: the user's e-mail address (``%email%``).
    :param variables: values of other variables and custom user attributes by name, without percent signs; an empty
        value asks for a blank.
    :raises TemplateError: for a value that cannot be used; its ``option`` is one of the names here.
    """

    user: str = ""
    domain: str = ""
    email: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for option in ("user", "domain", "email"):
            _check_string(option, getattr(self, option))
        if self.user:
            check_text("user", self.user)
        if self.domain:
            _check_domain(self.domain)
        if self.email:
            try:
                check_email_address(self.email)
            except NameSyntaxError as exc:
                raise from_name_error("email", self.email, exc) from None
        _check_variables(self.variables)

    def values(self) -> dict[str, str]:
        """Return the collected values by variable."""
        collected = {"uname": self.user, "domain": self.domain, "email": self.email}
        return {**{name: value for name, value in collected.items() if value}, **self.variables}


def read_identity(where: str, given: Any) -> Identity:
    """Read an identity from a dictionary; None counts as left out, a whole number as its digits.

    :param where: the option that has it, for errors.
    :raises TemplateError: it is no dictionary, has an option that does not exist, or a value that cannot be used.
    """
    if given is None:
        return Identity()
    names = Identity._fields
    if not isinstance(given, Mapping):
        raise TemplateError(where, "is not a dictionary", value=show(given), allowed=", ".join(names))
    for option in given:
        if option not in names:
            meant = meant_identity_option(option, names)
            raise TemplateError(
                str(option),
                "is not an option of an identity",
                allowed=", ".join(names),
                suggestion=meant,
                where=where,
            )
    values = {option: number_as_text(value) for option, value in given.items() if value is not None}
    variables = values.get("variables")
    if isinstance(variables, Mapping):  # an IMEI, such as YAML takes for a number
        values["variables"] = {name: number_as_text(value) for name, value in variables.items()}
    try:
        return Identity(**values)
    except TemplateError as error:
        raise error.at(where) from None


class TestIdentity(Identity):
    """An identity, and what a test does beside it.

    What was not collected becomes ``test_value`` where that is valid, and blank elsewhere (see ``render()``).

    :param test_value: what stands for a variable that was not collected; empty for blank everywhere.
    :param certificate_name: the name of the test certificate's files.
    """

    __test__ = False  # or pytest takes it for a class of tests

    test_value: str = "Test"
    certificate_name: str = "test"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_string("test_value", self.test_value)
        _check_string("certificate_name", self.certificate_name)
        if not _CERTIFICATE_NAME.match(self.certificate_name):
            raise _wrong_certificate_name(self.certificate_name)
        if self.test_value:
            check_text("test_value", self.test_value)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> TestIdentity:
        """Read it from ``identity``, ``test_value`` and ``certificate_name``, as far as they are given.

        :param options: of any type; None counts as left out, a whole number as its digits.
        :raises TemplateError: for a value that cannot be used.
        """
        identity = read_identity(IDENTITY, options.get(IDENTITY))
        beside = {name: number_as_text(options.get(name)) for name in ("test_value", "certificate_name")}
        return cls(
            identity.user,
            identity.domain,
            identity.email,
            identity.variables,
            **{name: value for name, value in beside.items() if value is not None},
        )


def _check_string(option: str, value: object) -> None:
    if not isinstance(value, str):
        raise TemplateError(option, "is not a string", value=show(value), allowed="a string, in quotes")


def _check_domain(domain: str) -> None:
    allowed = "a fully qualified domain name such as corp.example.com"
    try:
        check_domain_name(domain)
    except NameSyntaxError as exc:
        raise TemplateError(
            "domain", exc.reason, value=show(domain), allowed=allowed, suggestion=exc.suggestion
        ) from None
    if "." not in domain:
        raise TemplateError("domain", "is not fully qualified", value=show(domain), allowed=allowed)


def _check_variables(variables: object) -> None:
    if not isinstance(variables, Mapping):
        raise TemplateError(
            "variables", "is not a dictionary", value=show(variables), allowed="names of variables and their values"
        )
    for name, value in variables.items():
        if not isinstance(name, str) or not name.strip():
            raise TemplateError(
                "variables", "is not the name of a variable", value=show(name), allowed=", ".join(VARIABLES)
            )
        if name != name.strip("% "):
            raise TemplateError(
                "variables", "is not the plain name of a variable", value=show(name), suggestion=name.strip("% ")
            )
        if name in OPTION_OF_VARIABLE:
            option = OPTION_OF_VARIABLE[name]
            raise TemplateError("variables", f"has an option of its own: {option}", value=show(name), suggestion=option)
        if not isinstance(value, str):
            raise TemplateError(
                f"variables.{name}", "is not a string", value=show(value), allowed="a string, in quotes"
            )
        if value:
            check_text(f"variables.{name}", value)


def _wrong_certificate_name(name: str) -> TemplateError:
    reason = "is empty"
    if name:
        reason = "has spaces in it" if " " in name else "is not a valid name for a test certificate"
    suggestion = _NOT_IN_A_CERTIFICATE_NAME.sub("-", name.strip()).strip("-.")
    return TemplateError(
        "certificate_name",
        reason,
        value=show(name) if name else "",
        allowed=_ALLOWED_CERTIFICATE_NAME,
        suggestion=suggestion if _CERTIFICATE_NAME.match(suggestion) else "",
    )
