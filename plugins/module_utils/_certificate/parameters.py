# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a production certificate, as the module takes them and as the code uses them.

The action and the module share it, so that a wrong value is told on the controller, before anything is sent to a host.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any, Dict, Optional, Tuple

from .._exchange.acceptance import ACCEPTANCE_OPTIONS, Acceptance
from .._exchange.options import (
    KEY_OF_HOST,
    KEY_OF_SERVER,
    RANGES,
    WAIT_TIMEOUT,
    ExchangeOptions,
    absolute_folder,
    check_range,
    enrolment_argument_spec,
    inline_template,
    read_exchange_options,
    stored_name,
)
from .._template.errors import TemplateError, show
from .._template.identity import IDENTITY, OPTION_OF_VARIABLE, TestIdentity
from .._template.keys import LONGEST_RENEWAL_PERIOD
from .._template.model import Template
from .._template.names import SUBJECT, SUBJECT_ALTERNATIVE_NAME, check_path, entries_of
from .._template.render import Rendered, render
from .._template.variables import parse_variables, variables_in
from .._value import Value, field
from ..est.reenrolment import ENROLL, FAIL, REKEY, RENEW
from . import outputs
from .holder import CHAIN_FILES
from .outputs import OUTPUT_OPTIONS, PKCS12_PATH, RELOAD, Outputs, read_outputs, read_services

# ----------------------------------------------------------------------------------------------------------------------
# What a template asks for when a production certificate is issued: nothing is made up for a variable.


def render_identity(template: Template, identity: TestIdentity) -> Rendered:
    """Fill in a template's variables, all of them.

    :param identity: an empty value in its ``variables`` leaves out what has that variable, as the user wants it.
    :raises TemplateError: a variable without a value, and what ``render()`` raises.
    """
    custom = template.custom_attributes
    texts = [(SUBJECT, template.subject)]
    entries = entries_of(template.subject_alternative_name, template.subject_alternative_name_other)
    texts += [(SUBJECT_ALTERNATIVE_NAME, entry.value) for entry in entries]
    given = identity.values()
    for option, text in texts:
        for name in variables_in(parse_variables(option, text, custom)):
            if name not in given:
                place = OPTION_OF_VARIABLE.get(name, f"{IDENTITY}.variables.{name}")
                raise TemplateError(
                    place,
                    f"is missing: the {option} of template {template.name!r} has %{name}%, and no certificate is "
                    "issued for a made-up value",
                    allowed="the value for this host",
                )
    return render(template, identity)


# ----------------------------------------------------------------------------------------------------------------------

#: Options that are checked by ``TestIdentity``, whatever type they have. There is no test value among them: nobody
#: gets a certificate for "Test".
IDENTITY_OPTIONS = ("certificate_name", IDENTITY)
#: Options that say where a POSIX host keeps certificate and key, and how a Windows host does.
POSIX_PATHS = ("certificate_path", "private_key_path", *CHAIN_FILES, PKCS12_PATH)
VERSIONED_FOLDER = "versioned_folder"
POSIX_OPTIONS = (*POSIX_PATHS, VERSIONED_FOLDER, *(option for option in OUTPUT_OPTIONS if option != PKCS12_PATH))
WINDOWS_OPTIONS = (
    "certificate_store_name",
    "certificate_store_location",
    "key_provider",
    "key_exportable",
    "key_readers",
    RELOAD,
)
#: What makes the key on a Windows host.
KEY_PROVIDERS = (SOFTWARE, TPM, CSP) = ("software", "tpm", "csp")
_MOST_READERS, _LONGEST_READER = 32, 256
# What the certificate stores of Windows are called: also those that somebody has made.
_STORE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
#: The locations of certificate stores on a Windows host.
LOCAL_MACHINE = "LocalMachine"
#: The name of the certificate where none is given.
DEFAULT_NAME = "identity"

_RENEWAL_PERIOD_DAYS = (1, LONGEST_RENEWAL_PERIOD)
#: Percent: something of the time before the end is always left, for a CA that does not answer at once.
_RENEWAL_SPREAD = (0, 90)
#: Options that ``read_options()`` checks, whatever type they have.
CHECKED = (
    "template",
    "inline",
    *IDENTITY_OPTIONS,
    *RANGES,
    "wait_timeout",
    "renewal_period_days",
    "renewal_spread",
    *POSIX_PATHS,
    *ACCEPTANCE_OPTIONS,
)


class CertificateOptions(ExchangeOptions):
    """How a certificate is obtained and renewed.

    :param renewal_method: ``rekey`` or ``renew``.
    :param renewal_period_days: days before its end; ``None`` for that of the template.
    :param renewal_spread: see ``renewal_time()``.
    :param force: get a new one in any case.
    :param on_failed_renewal: ``fail`` or ``enroll``, where the old certificate cannot authenticate its renewal.
    :param wait_timeout: seconds to wait in all for a certificate that must be approved.
    :param on_unverified_chain: ``fail`` or ``warn``, where the certificate does not chain to the CA certificates of the
        server.
    :param acceptance: what is accepted of a certificate that is not what was asked for.
    :param check: only say what would be done.
    """

    renewal_method: str = REKEY
    renewal_period_days: Optional[int] = None
    renewal_spread: int = 0
    force: bool = False
    on_failed_renewal: str = FAIL
    wait_timeout: int = 0
    on_unverified_chain: str = "fail"
    acceptance: Acceptance = field(default_factory=Acceptance)
    check: bool = False


class CertificateParameters(Value):
    """What is asked of a production certificate, checked.

    :param template_name: the template's name, from the store or inline.
    :param inline: the template where it is given inline, else it is in the store of the host.
    :param store_path: of the template store; on a Windows host the action checks it.
    :param identity: its ``certificate_name`` is the name of the certificate.
    :param certificate_path: on a POSIX host; like the two that follow.
    :param chain_files: paths of files for the chain, by the names of ``CHAIN_FILES``.
    :param versioned_folder: whether all of these are in one folder, which is replaced as a whole.
    :param outputs: what else is wanted of these files, and beside them; of a Windows host, what is restarted.
    :param certificate_store_name: the name of a store of the machine, on a Windows host; like those that follow.
    :param key_provider: one of ``KEY_PROVIDERS``.
    :param key_exportable: whether the key may leave its store.
    :param key_readers: accounts that are to use the key.
    """

    template_name: str
    inline: Optional[Template]
    store_path: str
    identity: TestIdentity
    options: CertificateOptions
    certificate_path: str = ""
    private_key_path: str = ""
    chain_files: Mapping[str, str] = field(default_factory=dict)
    versioned_folder: bool = False
    outputs: Outputs = field(default_factory=Outputs)
    certificate_store_name: str = "My"
    key_provider: str = SOFTWARE
    key_exportable: bool = False
    key_readers: Tuple[str, ...] = ()

    def place(self) -> Tuple[Any, ...]:
        """Where a certificate is on a POSIX host, as the program of a quick look wants it; see ``look.py``."""
        others = (*self.chain_files.values(), *self.outputs.paths)
        private, accounts = self.outputs.paths, self.outputs.accounts
        return self.certificate_path, self.private_key_path, others, self.versioned_folder, private, accounts


def argument_spec() -> Dict[str, Any]:
    """A new argument spec of ``est_certificate``."""
    return {
        **enrolment_argument_spec(DEFAULT_NAME),
        "certificate_name": {"type": "str"},
        "certificate_path": {"type": "str"},
        "private_key_path": {"type": "str", "no_log": False, "aliases": ["privatekey_path"]},
        **{option: {"type": "str"} for option in CHAIN_FILES},
        VERSIONED_FOLDER: {"type": "bool"},
        **outputs.argument_spec(),
        "certificate_store_name": {"type": "str"},
        "certificate_store_location": {"type": "str", "choices": [LOCAL_MACHINE]},
        "key_provider": {"type": "str", "choices": list(KEY_PROVIDERS), "no_log": False},
        "key_exportable": {"type": "bool", "no_log": False},
        "key_readers": {"type": "list", "elements": "str", "no_log": False},
        "renewal_method": {"type": "str", "choices": [REKEY, RENEW], "default": REKEY},
        "renewal_period_days": {"type": "int", "aliases": ["remaining_days"]},
        "renewal_spread": {"type": "int", "default": 0},
        "force": {"type": "bool", "default": False},
        "on_failed_renewal": {"type": "str", "choices": [FAIL, ENROLL], "default": FAIL},
    }


def read_options(options: Mapping[str, Any], *, check_mode: bool, windows: bool = False) -> CertificateParameters:
    """Check the values of the options.

    :param options: by the names of ``argument_spec()``, with defaults; those of ``CHECKED`` may be of any type.
    :param windows: the host is a Windows host, whose ``store_path`` is not checked here.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    inline = inline_template(options)
    name = inline.name if inline is not None else stored_name(options["template"])
    _refuse_other_platform(options, windows)
    method = options["renewal_method"]
    if windows and options["key_origin"] == KEY_OF_SERVER:
        raise TemplateError(
            "key_origin",
            "cannot be used on a Windows host, whose private key is made in its own key store and never travels",
            value=show(options["key_origin"]),
            allowed=KEY_OF_HOST,
        )
    days = options["renewal_period_days"]
    checked = CertificateOptions(
        **read_exchange_options(options),
        renewal_method=method,
        renewal_period_days=None if days is None else check_range("renewal_period_days", days, _RENEWAL_PERIOD_DAYS),
        renewal_spread=check_range("renewal_spread", options["renewal_spread"], _RENEWAL_SPREAD),
        force=options["force"],
        on_failed_renewal=options["on_failed_renewal"],
        wait_timeout=check_range("wait_timeout", options["wait_timeout"], WAIT_TIMEOUT),
        on_unverified_chain=options["on_unverified_chain"],
        key_origin=options["key_origin"],
        acceptance=Acceptance.read(options),
        check=check_mode,
    )
    identity = {option: options[option] for option in IDENTITY_OPTIONS}
    if identity["certificate_name"] is None:
        identity["certificate_name"] = DEFAULT_NAME
    store_path = options["store_path"]
    return CertificateParameters(
        template_name=name,
        inline=inline,
        store_path=store_path if windows else absolute_folder("store_path", store_path),
        identity=TestIdentity.from_options({**identity, "test_value": ""}),
        options=checked,
        **(_windows_place(options) if windows else _posix_place(options)),
    )


def _refuse_other_platform(options: Mapping[str, Any], windows: bool) -> None:
    """Refuse an option that would have no effect on this kind of host."""
    here, there = (WINDOWS_OPTIONS, POSIX_OPTIONS) if windows else (POSIX_OPTIONS, WINDOWS_OPTIONS)
    kind = "Windows" if windows else "POSIX"
    for option in there:
        if option in here:
            continue
        if windows and options[option] is not None and option in OUTPUT_OPTIONS:
            raise TemplateError(
                option,
                "cannot be used on a Windows host, whose private key stays in the key store of the machine, and whose "
                "certificate in its certificate store",
                allowed="there key_readers says who may use the key, and key_exportable whether it can be exported",
            )
        if options[option] is not None:
            raise TemplateError(option, f"has no effect on a {kind} host", allowed=f"here: {', '.join(here)}")
    if not windows and options["certificate_name"] is not None:
        raise TemplateError(
            "certificate_name",
            "has no effect on a POSIX host, where certificate_path says which certificate it is",
            value=show(options["certificate_name"]),
            allowed="a name for a certificate in the certificate store of a Windows host",
        )


def _posix_place(options: Mapping[str, Any]) -> Dict[str, Any]:
    paths = {option: options[option] for option in POSIX_PATHS if options[option] is not None}
    for option in ("certificate_path", "private_key_path"):
        if option not in paths:
            raise TemplateError(option, "is missing", allowed="the absolute path of a PEM file on the host")
    for option, path in paths.items():
        if not isinstance(path, str):
            raise TemplateError(option, "is not a string", value=show(path), allowed="the absolute path of a PEM file")
        check_path(option, path)
        if not path.startswith("/") or path.endswith("/"):
            raise TemplateError(
                option,
                "is not the absolute path of a file",
                value=show(path),
                allowed="a path on the host such as /etc/ssl/private/host.pem",
            )
    seen: Dict[str, str] = {}
    for option, path in paths.items():
        other = seen.setdefault(posixpath.normpath(path), option)
        if other != option and option in (*CHAIN_FILES, PKCS12_PATH):
            raise TemplateError(
                option, f"is the file of {other}", value=show(path), allowed="a file of its own for each of them"
            )
    if options[VERSIONED_FOLDER]:
        _refuse_other_folders(paths)
    chain_files = {option: paths.pop(option) for option in CHAIN_FILES if option in paths}
    paths.pop(PKCS12_PATH, None)
    return {
        **paths,
        "chain_files": chain_files,
        VERSIONED_FOLDER: bool(options[VERSIONED_FOLDER]),
        "outputs": read_outputs(options),
    }


def _refuse_other_folders(paths: Mapping[str, str]) -> None:
    """Refuse files that cannot be replaced by replacing one folder."""
    folder = posixpath.dirname(paths["certificate_path"])
    for option, path in paths.items():
        problem = ""
        if ".." in path.split("/"):
            problem = f"has .. in it, and {VERSIONED_FOLDER} needs the plain path of a folder"
        elif posixpath.normpath(posixpath.dirname(path)) != posixpath.normpath(folder):
            problem = f"is not in the folder of certificate_path, and {VERSIONED_FOLDER} replaces one folder as a whole"
        elif not posixpath.normpath(path).strip("/").count("/"):
            problem = f"is in the folder /, which {VERSIONED_FOLDER} cannot replace"
        if problem:
            raise TemplateError(
                option, problem, value=show(path), allowed="files of one folder of their own, such as /etc/ssl/web"
            )


def _windows_place(options: Mapping[str, Any]) -> Dict[str, Any]:
    given = {option: options[option] for option in WINDOWS_OPTIONS if options[option] is not None}
    given.pop("certificate_store_location", None)  # there is one
    store_name = given.get("certificate_store_name", "My")
    if not _STORE_NAME.fullmatch(store_name):
        raise TemplateError(
            "certificate_store_name",
            "is not the name of a certificate store" if store_name.strip() else "is empty",
            value=show(store_name) if store_name.strip() else "",
            allowed="the name of a store of the machine, such as My or WebHosting",
        )
    if given.get("key_exportable") and given.get("key_provider") == TPM:
        raise TemplateError(
            "key_exportable", "cannot be had of a key in a TPM", value="true", allowed=f"false with key_provider={TPM}"
        )
    given["outputs"] = Outputs(reload=read_services(given.pop(RELOAD, ()), windows=True))
    given["key_readers"] = tuple(given.get("key_readers", ()))
    if len(given["key_readers"]) > _MOST_READERS:
        raise TemplateError("key_readers", f"has more than {_MOST_READERS} accounts", allowed="a group in their place")
    for account in given["key_readers"]:
        if not account.strip() or len(account) > _LONGEST_READER or not account.isprintable():
            raise TemplateError(
                "key_readers",
                "has what is no account",
                value=show(account),
                allowed="names such as 'NT SERVICE\\W3SVC' and 'IIS AppPool\\portal', or identifiers (S-1-...)",
            )
    return given
