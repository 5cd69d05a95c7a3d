# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of all production certificates of a host: a list of those of one, and what they share."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, Dict

from .._exchange.options import exchange_argument_spec
from .._template.errors import TemplateError, show
from .._template.identity import IDENTITY
from . import parameters
from .outputs import PKCS12_PATH
from .parameters import CertificateParameters

CERTIFICATES, DEFAULTS = "certificates", "defaults"
#: What stands beside the list, as it is for all of them: the store, and how to talk to an EST server.
SHARED = ("store_path", *exchange_argument_spec())
_ALTERNATIVES = ("template", "inline")
#: What only an entry for many identities has.
IDENTITIES, IDENTITIES_CSV = "identities", "identities_csv"
OUTPUT_PATH, FILE_NAME, MAX_FAILURES = "output_path", "file_name", "max_failures"
#: Whether what was made for an earlier list goes, the consent to remove all there is, and what stays.
PURGE, PURGE_ALL, PURGE_KEEP = "purge", "purge_all", "purge_keep"
PKCS12_ONLY = "pkcs12_only"
OF_IDENTITIES = (IDENTITIES, IDENTITIES_CSV, OUTPUT_PATH, FILE_NAME, MAX_FAILURES, PKCS12_ONLY)


def shared_argument_spec() -> Dict[str, Any]:
    """A new argument spec of what stands beside the list."""
    return {name: option for name, option in parameters.argument_spec().items() if name in SHARED}


def entry_argument_spec() -> Dict[str, Any]:
    """A new argument spec of an entry."""
    return {
        **{name: option for name, option in parameters.argument_spec().items() if name not in SHARED},
        IDENTITIES: {"type": "list", "elements": "dict"},
        IDENTITIES_CSV: {"type": "path"},
        OUTPUT_PATH: {"type": "str"},
        FILE_NAME: {"type": "str"},
        MAX_FAILURES: {"type": "int"},
        PKCS12_ONLY: {"type": "bool"},
    }


def argument_spec() -> Dict[str, Any]:
    """A new argument spec of ``est_certificates``."""
    entries = {"type": "list", "elements": "dict", "required": True, "options": entry_argument_spec()}
    return {CERTIFICATES: entries, DEFAULTS: {"type": "dict"}, **purge_argument_spec("str"), **shared_argument_spec()}


def purge_argument_spec(path: str) -> Dict[str, Any]:
    """A new argument spec of what a purge may do.

    :param path: the type of a path.
    """
    return {
        PURGE: {"type": "bool", "default": False},
        PURGE_ALL: {"type": "bool", "default": False},
        PURGE_KEEP: {"type": "list", "elements": path, "default": []},
    }


def place_of(number: int) -> str:
    """The name of an entry, for errors."""
    return f"{CERTIFICATES}[{number}]"


def with_defaults(entry: Any, defaults: Any, number: int) -> Dict[str, Any]:
    """An entry with what it does not say itself. Of an identity, each value can come from the defaults.

    :param entry: of any type, as it was given; so are the defaults.
    :raises TemplateError: one of the two is no dictionary, or has what stands beside the list.
    """
    for where, given in ((DEFAULTS, {} if defaults is None else defaults), (place_of(number), entry)):
        if not isinstance(given, Mapping):
            raise TemplateError(where, "is not a dictionary", allowed="options of est_certificate by name")
        for option in SHARED:
            if option in given:
                raise TemplateError(
                    option,
                    f"cannot be an option of one certificate: it is the same for all, and stands beside {CERTIFICATES}",
                    where=where,
                )
    left = dict(defaults or {})
    if any(entry.get(option) is not None for option in _ALTERNATIVES):
        for option in _ALTERNATIVES:
            left.pop(option, None)
    merged = {**left, **{option: value for option, value in entry.items() if value is not None}}
    general, own = left.get(IDENTITY), entry.get(IDENTITY)
    if isinstance(general, Mapping) and isinstance(own, Mapping):
        merged[IDENTITY] = {**general, **own}
    return merged


def read_entries(
    entries: Mapping[int, Mapping[str, Any]], shared: Mapping[str, Any], *, check_mode: bool, windows: bool = False
) -> Dict[int, CertificateParameters]:
    """Check all entries, before anything is done for any of them.

    :param entries: by their numbers in the list; their options by the names of ``entry_argument_spec()``, with
        defaults. Those of ``CHECKED`` may be of any type.
    :param shared: by the names of ``shared_argument_spec()``, likewise.
    :raises TemplateError: a value that cannot be used, or two entries for one place; it names entry and option.
    """
    found: Dict[int, CertificateParameters] = {}
    for number, entry in entries.items():
        try:
            found[number] = parameters.read_options({**entry, **shared}, check_mode=check_mode, windows=windows)
        except TemplateError as error:
            raise (error if error.option in SHARED else error.at(place_of(number))) from None
    (_refuse_one_name if windows else _refuse_one_file)(found)
    return found


def _refuse_one_file(asked: Mapping[int, CertificateParameters]) -> None:
    """Refuse a file, or a folder that is replaced as a whole, of two certificates."""
    seen: Dict[str, str] = {}
    folders: Dict[str, str] = {}
    for number, each in asked.items():
        where = place_of(number)
        for option, path in files_of(each).items():
            other = seen.setdefault(posixpath.normpath(path), where)
            if other != where:
                raise TemplateError(
                    option,
                    f"is a file of {other} as well",
                    value=show(path),
                    allowed="files of its own for each certificate",
                    where=where,
                )
        if each.versioned_folder:
            folders[posixpath.normpath(posixpath.dirname(each.certificate_path))] = where
    for path, where in seen.items():
        owner = folders.get(posixpath.dirname(path), where)
        if owner != where:
            raise TemplateError(
                parameters.VERSIONED_FOLDER,
                f"has the folder of {owner} replaced as a whole, and a file of {where} is in it",
                value=show(path),
                allowed="a folder of its own for each such certificate",
                where=owner,
            )


def refuse_folder_of_others(folders: Mapping[int, str], asked: Mapping[int, CertificateParameters]) -> None:
    """Refuse a folder for the files of many identities in which another entry has files.

    :param folders: by the numbers of the entries.
    :param asked: the other entries, by their numbers.
    """
    taken = {
        number: {posixpath.dirname(posixpath.normpath(path)) for path in files_of(each).values()}
        for number, each in asked.items()
    }
    for number, folder in folders.items():
        others = [other for other, places in taken.items() if folder in places]
        if others:
            raise TemplateError(
                OUTPUT_PATH,
                f"has files of {place_of(others[0])}",
                value=show(folder),
                allowed="a folder for these identities alone",
                where=place_of(number),
            )
        taken[number] = {folder}


def files_of(asked: CertificateParameters) -> Dict[str, str]:
    """The files of a certificate on a POSIX host, by the options that name them."""
    own = {"certificate_path": asked.certificate_path, "private_key_path": asked.private_key_path}
    return {**own, **asked.chain_files, **dict(zip((PKCS12_PATH,), asked.outputs.paths))}


def _refuse_one_name(asked: Mapping[int, CertificateParameters]) -> None:
    """Refuse a name of two certificates of a template, on a Windows host."""
    seen: Dict[Any, str] = {}
    for number, each in asked.items():
        where, name = place_of(number), each.identity.certificate_name
        # Names of keys and friendly names do not tell capital letters from small ones.
        other = seen.setdefault((each.template_name.lower(), name.lower()), where)
        if other != where:
            raise TemplateError(
                "certificate_name",
                f"is that of {other} as well, for the same template",
                value=show(name),
                allowed="a name of its own for each certificate of a template",
                where=where,
            )
