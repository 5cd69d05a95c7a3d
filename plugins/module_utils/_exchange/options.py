# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a test enrolment: Ansible's argument spec as plain data, and reading the values given.

The action and the module share it, so that a wrong value is told on the controller, before anything is sent to a host.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from .._names.server_address import AddressError, read_server_address
from .._template.errors import TemplateError, show
from .._template.fields import WRITING_OPTIONS, number_as_text
from .._template.fields import argument_spec as template_argument_spec
from .._template.identity import IDENTITY, TestIdentity, identity_argument_spec
from .._template.model import Template
from .._template.names import check_text, template_name
from .._template.server import from_address_error
from .._value import Value, field
from ..est.http.authentication import SCHEMES
from .acceptance import ACCEPTANCE_OPTIONS, Acceptance, acceptance_argument_spec

# ----------------------------------------------------------------------------------------------------------------------
# The options of every module that talks to an EST server: from where, how patiently, and what it may do on the way.

#: Checks the path of a folder, by the name of its option, and returns its one spelling; see ``absolute_folder()``.
CheckFolder = Callable[[str, Optional[str]], str]

#: Where a store is on a POSIX host, where nothing else is said.
_STORE_PATH = "/var/lib/cloud_extender/est"

#: Ways to carry the exchange; ``auto`` is decided by the action.
EXCHANGES = ("auto", "host", "relay", "controller")

#: Who makes a key: the host, for which ``exchange`` says where that is done, or the EST server (/serverkeygen).
KEY_OF_HOST, KEY_OF_SERVER = "host", "server"

#: Options that are numbers, with the smallest and largest value.
RANGES = {
    "connect_timeout": (1, 300),
    "timeout": (1, 3600),
    "max_response_size": (1024, 100 * 1024 * 1024),
    "busy_timeout": (0, 3600),
}


class ExchangeOptions(Value):
    """How to talk to an EST server.

    :param connect_timeout: seconds.
    :param timeout: seconds for a whole answer.
    :param max_response_size: octets.
    :param http_authentication: how user name and password are used; see ``HttpsTransport``.
    :param allow_redirects_to: other servers that requests may be redirected to with credentials; see
        ``EstClient``.
    :param busy_timeout: seconds in all, for each request; see ``EstClient``.
    :param key_origin: who makes the key of a certificate: ``KEY_OF_HOST`` or ``KEY_OF_SERVER``.
    """

    connect_timeout: int = 10
    timeout: int = 30
    max_response_size: int = 1024 * 1024
    http_authentication: str = "auto"
    allow_redirects_to: Tuple[str, ...] = ()
    busy_timeout: int = 0
    key_origin: str = KEY_OF_HOST


def exchange_argument_spec() -> Dict[str, Any]:
    """A new argument spec of these options."""
    return {
        "exchange": {"type": "str", "choices": list(EXCHANGES), "default": "auto"},
        "connect_timeout": {"type": "int", "default": 10},
        "timeout": {"type": "int", "default": 30},
        "max_response_size": {"type": "int", "default": 1024 * 1024},
        "http_authentication": {"type": "str", "choices": list(SCHEMES), "default": "auto"},
        "allow_redirects_to": {"type": "list", "elements": "str", "default": []},
        "busy_timeout": {"type": "int", "default": 0},
    }


def read_exchange_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Check the values of these options.

    :param options: by the names of ``exchange_argument_spec()``, with defaults; those of ``RANGES`` may be of any
        type.
    :returns: the fields of ``ExchangeOptions``.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    return {
        **{option: check_range(option, options[option], RANGES[option]) for option in RANGES},
        "http_authentication": options["http_authentication"],
        "allow_redirects_to": _servers("allow_redirects_to", options["allow_redirects_to"]),
    }


def check_range(option: str, value: Any, limits: Tuple[int, int]) -> int:
    """Check one of the options that are numbers, and return the number.

    :raises TemplateError: it is not a whole number, or too small or too large.
    """
    smallest, largest = limits
    allowed = f"{smallest} to {largest}"
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,11}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TemplateError(option, "is not a whole number", value=show(value), allowed=allowed)
    if not smallest <= value <= largest:
        raise TemplateError(option, "is out of range", value=show(value), allowed=allowed)
    return value


def _servers(option: str, given: Sequence[str]) -> Tuple[str, ...]:
    """Check an option that is a list of servers."""
    allowed = "servers such as est.example.com, est.example.com:8443 or https://est.example.com:8443"
    for server in given:
        try:
            address = read_server_address(server)
        except AddressError as error:
            wrong = from_address_error(error, option)
            raise TemplateError(
                option, f"is not a server: it {wrong.reason}", value=wrong.value, allowed=allowed
            ) from None
        if address.label is not None or address.base_path is not None:
            what = "CA label" if address.base_path is None else "base path"
            raise TemplateError(
                option, f"has a {what}, but a server is what is allowed", value=show(server), allowed=allowed
            )
    return tuple(given)


# ----------------------------------------------------------------------------------------------------------------------

#: Options that are checked by ``TestIdentity``, whatever type they have.
IDENTITY_OPTIONS = ("certificate_name", IDENTITY, "test_value")

#: Seconds to wait for a certificate, the fewest and the most.
WAIT_TIMEOUT = (0, 86400)
#: Options that ``read_options()`` checks, whatever type they have.
CHECKED = ("template", "inline", *IDENTITY_OPTIONS, *RANGES, "wait_timeout", *ACCEPTANCE_OPTIONS)


class TestOptions(ExchangeOptions):
    """How to test.

    :param wait_timeout: seconds to wait in all for a certificate that must be approved.
    :param on_unverified_chain: ``fail`` or ``warn``, where the certificate does not chain to the CA certificates of the
        server.
    :param acceptance: what is accepted of a certificate that is not what was asked for.
    :param check: do everything short of issuing and writing.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    wait_timeout: int = 0
    on_unverified_chain: str = "fail"
    acceptance: Acceptance = field(default_factory=Acceptance)
    check: bool = False


class TestParameters(Value):
    """What is asked of a test enrolment, checked.

    :param template_name: the template's name, from the store or inline.
    :param inline: the template where it is given inline, else it is in the store of the host.
    :param output_path: the folder on the host under which the files of all tests are kept.
    """

    template_name: str
    inline: Optional[Template]
    store_path: str
    output_path: str
    identity: TestIdentity
    test_options: TestOptions


def template_choice_argument_spec() -> Dict[str, Any]:
    """A new argument spec of which template it is: one of the store of the host, or one that is given inline."""
    inline = template_argument_spec()
    for option in WRITING_OPTIONS:  # they say how to write a template, and nothing is written
        del inline[option]
    return {
        "template": {"type": "str"},
        "inline": {"type": "dict", "options": inline},
        "store_path": {"type": "str"},
    }


def enrolment_argument_spec(certificate_name: str) -> Dict[str, Any]:
    """A new argument spec of what every enrolment takes: a template, whom the certificate is for, and how to get it.

    :param certificate_name: the default of the option.
    """
    return {
        **template_choice_argument_spec(),
        **exchange_argument_spec(),
        "certificate_name": {"type": "str", "default": certificate_name},
        IDENTITY: {"type": "dict", "options": identity_argument_spec()},
        "wait_timeout": {"type": "int", "default": 0},
        "on_unverified_chain": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
        "key_origin": {
            "type": "str",
            "choices": [KEY_OF_HOST, KEY_OF_SERVER],
            "default": KEY_OF_HOST,
            "no_log": False,
        },
        **acceptance_argument_spec(),
    }


def argument_spec() -> Dict[str, Any]:
    """A new argument spec of ``est_test_enroll``."""
    return {
        **enrolment_argument_spec("test"),
        "test_value": {"type": "str", "default": "Test"},
        "output_path": {"type": "str"},
    }


def read_options(
    options: Mapping[str, Any],
    *,
    check_mode: bool,
    check_folder: Optional[CheckFolder] = None,
    separator: str = "/",
) -> TestParameters:
    """Check the values of the options.

    :param options: by the names of ``argument_spec()``, with defaults; those of ``CHECKED`` may be of any type.
    :param check_folder: checks the path of a folder as ``absolute_folder()`` does, for a host that is not POSIX.
    :param separator: between the parts of its paths.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    check_folder = check_folder or absolute_folder
    inline = inline_template(options)
    name = inline.name if inline is not None else stored_name(options["template"])
    exchange_options = read_exchange_options(options)
    store_path = check_folder("store_path", options["store_path"])
    output_path = options["output_path"]
    return TestParameters(
        template_name=name,
        inline=inline,
        store_path=store_path,
        output_path=f"{store_path}{separator}tests"
        if output_path is None
        else check_folder("output_path", output_path),
        identity=TestIdentity.from_options({option: options[option] for option in IDENTITY_OPTIONS}),
        test_options=TestOptions(
            **exchange_options,
            wait_timeout=check_range("wait_timeout", options["wait_timeout"], WAIT_TIMEOUT),
            on_unverified_chain=options["on_unverified_chain"],
            key_origin=options["key_origin"],
            acceptance=Acceptance.read(options),
            check=check_mode,
        ),
    )


def inline_template(options: Mapping[str, Any]) -> Optional[Template]:
    """The template where it is given inline; ``None`` where it is in the store of the host.

    :param options: with ``template`` and ``inline``, of any type.
    :raises TemplateError: unless exactly one of them is given; the inline one cannot be used.
    """
    inline = options["inline"]
    if (options["template"] is None) == (inline is None):
        both = "are both given" if inline is not None else "are both missing"
        raise TemplateError(
            "template and inline", both, allowed="template: a name in the store of the host, or inline: its options"
        )
    if inline is None:
        return None
    if not isinstance(inline, Mapping):  # and not shown, since there may be a password in it
        raise TemplateError("inline", "is not a dictionary", allowed="the options of a template by name")
    try:
        return Template.from_options(inline)
    except TemplateError as error:
        raise error.at("inline") from None


def stored_name(name: Any) -> str:
    """Check the name of a template in the store.

    :raises TemplateError: it cannot be one.
    """
    allowed = "the name of a template in the store of the host"
    name = number_as_text(name)
    if not isinstance(name, str):
        raise TemplateError("template", "is not a string", value=show(name), allowed=allowed)
    if not name:
        raise TemplateError("template", "is empty", allowed=allowed)
    try:
        return template_name(name)
    except TemplateError as error:
        error.option = "template"
        raise


def absolute_folder(option: str, path: Optional[str]) -> str:
    """Check the path of a folder on the host.

    :param path: None, which only ``store_path`` may be, for where the store of a POSIX host is.
    :raises TemplateError: it is not the absolute path of a folder.
    """
    if path is None:
        return _STORE_PATH
    check_text(option, path)
    if not posixpath.isabs(path) or not path.strip("/"):
        raise TemplateError(
            option,
            "is not the absolute path of a folder",
            value=show(path),
            allowed="a path on the host such as /srv/est",
        )
    return path.rstrip("/")
