# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of ``est_certificates`` that is for many identities: its options, all checked before anything is done.

One wrong identity among ten thousand is told before the first request: a run that stops in the middle has asked for
certificates that nobody can use yet.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Dict, List, Optional, Tuple

from .._certificate import parameters
from .._certificate.list_parameters import (
    FILE_NAME,
    IDENTITIES,
    IDENTITIES_CSV,
    MAX_FAILURES,
    OF_IDENTITIES,
    OUTPUT_PATH,
    PKCS12_ONLY,
)
from .._certificate.outputs import FILE_OPTIONS, PKCS12_PASSPHRASE, check_passphrase
from .._certificate.parameters import CertificateParameters, render_identity
from .._exchange.options import absolute_folder, check_range
from .._template.errors import TemplateError, closest, show
from .._template.identity import IDENTITY, OPTION_OF_VARIABLE, TestIdentity, read_identity
from .._template.model import Template
from .._template.names import check_text
from .._template.variables import VARIABLES, Part, fill_in, parse_variables, variables_in
from .._value import Value, field

PKCS12_ENCRYPTION = "pkcs12_encryption"
#: The options of PKCS#12 files that such an entry has, too, and those of all files.
_OF_PKCS12 = (PKCS12_PASSPHRASE, PKCS12_ENCRYPTION)
_OF_FILES = (*FILE_OPTIONS, "backup", "reload")
_DEFAULT_NAME = "%uname%"
_DEFAULT_MAX_FAILURES = 20
_MOST = 100_000
_MOST_FAILURES = (0, _MOST)
#: A file system takes 255 octets, and ours have up to 20 more.
_LONGEST_NAME = 200


class Named(Value):
    """An identity, and the name of its files.

    :param passphrase: of its PKCS#12 file; ``None`` where it gets none.
    """

    name: str
    identity: TestIdentity
    passphrase: Optional[str] = field(default=None, repr=False)


class Wave(Value):
    """What is asked for, but for the identities, which the template decides about.

    :param asked: the options of each certificate, checked.
    :param options: the same as they were given.
    :param common: the identity of the entry, whose values count for all.
    :param folder: on the host.
    :param max_failures: as many may fail before the rest is left alone.
    :param passphrase: of all PKCS#12 files that have none of their own.
    :param encryption: of these files; ``None`` where there shall be none.
    :param pkcs12_only: whether they are the only files.
    """

    asked: CertificateParameters
    options: Mapping[str, Any] = field(repr=False)
    common: Mapping[str, Any]
    folder: str
    file_name: str
    max_failures: int
    passphrase: Optional[str] = field(default=None, repr=False)
    encryption: Optional[str] = None
    pkcs12_only: bool = False


def is_for_identities(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is for many identities.

    :raises TemplateError: it is for one certificate, and has an option of such an entry.
    """
    if any(entry.get(option) is not None for option in (IDENTITIES, IDENTITIES_CSV)):
        return True
    for option in OF_IDENTITIES:
        if entry.get(option) is not None:
            raise TemplateError(
                option, "has no effect in an entry for one certificate", allowed=f"{IDENTITIES} or {IDENTITIES_CSV}"
            )
    return False


def read_wave(entry: Mapping[str, Any], shared: Mapping[str, Any], *, check_mode: bool) -> Wave:
    """Check the options of an entry, but for the identities.

    :raises TemplateError: a value that cannot be used; it names the option.
    """
    if entry[IDENTITIES] is not None and entry[IDENTITIES_CSV] is not None:
        raise TemplateError(f"{IDENTITIES} and {IDENTITIES_CSV}", "are both given", allowed="one of them")
    for option in (*parameters.POSIX_OPTIONS, *parameters.WINDOWS_OPTIONS, "certificate_name"):
        if entry.get(option) is not None and option not in (*_OF_PKCS12, *_OF_FILES):
            raise TemplateError(
                option, f"cannot be used with {IDENTITIES}, whose files are named by {OUTPUT_PATH} and {FILE_NAME}"
            )
    if entry["wait_timeout"] not in (None, 0):
        raise TemplateError(
            "wait_timeout",
            f"cannot be used with {IDENTITIES}: each would wait as long, one after the other",
            value=show(entry["wait_timeout"]),
            allowed="0; the next run goes on with what waits for approval",
        )
    if entry[OUTPUT_PATH] is None:
        raise TemplateError(OUTPUT_PATH, "is missing", allowed="the folder on the host for the files of the identities")
    folder = posixpath.normpath(absolute_folder(OUTPUT_PATH, entry[OUTPUT_PATH]))
    common = entry[IDENTITY] if entry[IDENTITY] is not None else {}
    read_identity(IDENTITY, common)
    check_passphrase(PKCS12_PASSPHRASE, entry[PKCS12_PASSPHRASE])
    most = entry[MAX_FAILURES]
    options = {
        **{option: value for option, value in entry.items() if option not in OF_IDENTITIES},
        **dict.fromkeys(_OF_PKCS12),
        IDENTITY: None,
        "certificate_path": f"{folder}/each.pem",
        "private_key_path": f"{folder}/each.key",
        **shared,
    }
    return Wave(
        parameters.read_options(options, check_mode=check_mode),
        options,
        common,
        folder,
        _DEFAULT_NAME if entry[FILE_NAME] is None else entry[FILE_NAME],
        _DEFAULT_MAX_FAILURES if most is None else check_range(MAX_FAILURES, most, _MOST_FAILURES),
        entry[PKCS12_PASSPHRASE],
        entry[PKCS12_ENCRYPTION],
        bool(entry[PKCS12_ONLY]),
    )


def read_identities(wave: Wave, template: Template, rows: Sequence[Tuple[str, Any]]) -> List[Named]:
    """Check all identities against the template, and name their files.

    :param rows: each with its place, for errors: dictionaries as they were given.
    :raises TemplateError: one cannot be used, or two are for the same files; it names the place.
    """
    if len(rows) > _MOST:
        raise TemplateError(IDENTITIES, f"are more than {_MOST}", allowed="several entries")
    parts = parse_variables(FILE_NAME, wave.file_name, template.custom_attributes)
    found: List[Named] = []
    seen: Dict[str, str] = {}
    for place, row in rows:
        try:
            named = _named(wave, template, parts, row)
        except TemplateError as error:
            raise error.at(place) from None
        other = seen.setdefault(named.name.casefold(), place)
        if other != place:
            raise TemplateError(
                FILE_NAME,
                f"gives the identity the files of {other}",
                value=show(named.name),
                allowed="each identity once, and a name that differs for each, such as %uname%-%domain%",
                where=place,
            )
        found.append(named)
    _refuse_missing_passphrase(wave, found, [place for place, _row in rows])
    return found


def _refuse_missing_passphrase(wave: Wave, found: Sequence[Named], places: Sequence[str]) -> None:
    """Refuse one without a passphrase where PKCS#12 files are wanted: none is made up, and none is left out unseen."""
    if wave.encryption is None and not wave.pkcs12_only and not any(each.passphrase for each in found):
        return
    for place, each in zip(places, found):
        if each.passphrase is None:
            raise TemplateError(
                PKCS12_PASSPHRASE,
                "is missing, and each PKCS#12 file needs one",
                allowed=f"one for each identity, or {PKCS12_PASSPHRASE} of the entry for all",
                where=place,
            )


def _named(wave: Wave, template: Template, parts: Sequence[Part], row: Any) -> Named:
    if not isinstance(row, Mapping):
        raise TemplateError(IDENTITY, "is not a dictionary", allowed="user, domain, email, variables")
    row = dict(row)
    passphrase = row.pop(PKCS12_PASSPHRASE, None)
    check_passphrase(PKCS12_PASSPHRASE, passphrase)
    merged = {**wave.common, **{option: value for option, value in row.items() if value is not None}}
    for one, other in [(wave.common.get("variables"), row.get("variables"))]:
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            merged["variables"] = {**one, **other}
    read = read_identity("", merged)
    for variable in read.variables:
        if variable not in VARIABLES and variable not in template.custom_attributes:
            raise TemplateError(
                f"variables.{variable}",
                f"is no variable of template {template.name!r}, nor one of the product",
                allowed=", ".join((*VARIABLES, *template.custom_attributes)),
                suggestion=closest(variable, (*VARIABLES, *template.custom_attributes)),
            )
    identity = TestIdentity(read.user, read.domain, read.email, read.variables, test_value="")
    render_identity(template, identity)
    return Named(_file_name(parts, identity), identity, wave.passphrase if passphrase is None else passphrase)


def _file_name(parts: Sequence[Part], identity: TestIdentity) -> str:
    """The name of the files of an identity, without what stands for their kind."""
    values = identity.values()
    for variable in variables_in(parts):
        if not values.get(variable):
            place = OPTION_OF_VARIABLE.get(variable, f"{IDENTITY}.variables.{variable}")
            raise TemplateError(
                place, f"is missing: {FILE_NAME} has %{variable}%", allowed="the value for this identity"
            )
    name = fill_in(parts, values)
    problem = ""
    if not name.strip() or name.strip() != name or not name.isprintable():
        problem = "is empty, or has spaces at an end or characters that cannot be printed"
    elif "/" in name or "\\" in name or name.startswith((".", "-")):
        problem = "has a slash in it, or begins with a dot or a hyphen"
    elif len(name.encode("utf-8")) > _LONGEST_NAME:
        problem = f"is longer than {_LONGEST_NAME} octets"
    if problem:
        raise TemplateError(FILE_NAME, f"gives the identity a name that {problem}", value=show(name))
    check_text(FILE_NAME, name)
    return name


def chunks(identities: Sequence[Named], size: int) -> Iterator[Sequence[Named]]:
    """The identities in calls of the host."""
    for first in range(0, len(identities), size):
        yield identities[first : first + size]
