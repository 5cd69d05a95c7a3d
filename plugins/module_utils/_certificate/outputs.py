# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a POSIX host is to have of a certificate beside its PEM files, and how: PKCS#12, passphrases, owner and mode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple

from .._files.attributes import SELINUX_PARTS, Attributes, group_number, user_number
from .._template.errors import TemplateError, show
from .._value import Value, field
from ..est.base.errors import EstError, InputError
from ..est.x509.bundle import read_bundle
from ..est.x509.certificate import pem
from ..est.x509.keys import private_key_pem
from ..est.x509.pkcs12 import ENCRYPTIONS, MODERN, pkcs12_file, read_pkcs12
from .services import NAME, WINDOWS_NAME

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate
    from .note import Chain

PKCS12_PATH, PKCS12_PASSPHRASE, KEY_PASSPHRASE = "pkcs12_path", "pkcs12_passphrase", "private_key_passphrase"
#: Options of a PKCS#12 file, beside its path.
PKCS12_OPTIONS = (PKCS12_PASSPHRASE, "pkcs12_encryption", "pkcs12_friendly_name")
#: Options of all files, by the names that Ansible's modules for files have.
FILE_OPTIONS = ("owner", "group", "mode", *SELINUX_PARTS)
#: What both kinds of host take.
RELOAD = "reload"
OUTPUT_OPTIONS = (PKCS12_PATH, *PKCS12_OPTIONS, KEY_PASSPHRASE, *FILE_OPTIONS, "backup", RELOAD)

#: The service of the connections winrm and psrp, in small letters.
_REMOTING = "winrm"
#: OpenSSL takes no longer passphrase, in octets.
_LONGEST_PASSPHRASE = 1023
#: Every bit of a mode but those with which a private key is everybody's.
_MOST_MODE = 0o770


class Pkcs12(Value):
    """A PKCS#12 file that is wanted.

    :param encryption: one of ``ENCRYPTIONS``.
    :param friendly_name: what programs call the pair; empty for none.
    """

    path: str
    passphrase: str = field(repr=False)
    encryption: str = MODERN
    friendly_name: str = ""

    def text(self, certificate: Certificate, key: PrivateKeyTypes, chain: Chain) -> str:
        """The file, each octet a character: the pair, and what is between it and the root.

        :raises EstError: there can be none; see ``pkcs12_file()``.
        """
        above = read_bundle(chain.intermediates.encode("ascii")).certificates if chain.intermediates else ()
        return self._made(certificate, key, tuple(above)).decode("latin-1")

    def opened(self, content: bytes) -> Tuple[str, str]:
        """Certificate and intermediates, and the key, of such a file, PEM.

        :raises InputError: it cannot be opened.
        """
        key, certificates = read_pkcs12(content, self.passphrase, repr(self.path))
        return "".join(map(pem, certificates)), private_key_pem(key).decode("ascii")

    def try_out(self, key: PrivateKeyTypes) -> None:
        """Find out whether there can be a file with such a key, before anybody issues a certificate for it.

        :raises EstError: there can be none.
        """
        self._made(None, key, ())

    def _made(self, certificate: Optional[Certificate], key: PrivateKeyTypes, above: Tuple[Certificate, ...]) -> bytes:
        try:
            return pkcs12_file(
                certificate,
                key,
                above,
                passphrase=self.passphrase,
                encryption=self.encryption,
                friendly_name=self.friendly_name,
            )
        except EstError as error:
            error.note(f"It is for {PKCS12_PATH} {self.path}.")
            raise

    def said(self) -> str:
        """What it is made with, in one text without the passphrase."""
        return json.dumps([self.encryption, self.friendly_name])


class Outputs(Value):
    """What is wanted.

    :param key_passphrase: encrypts the private key in its file; ``None`` where it is not to be encrypted.
    :param owner: name or number of an account; ``None``, as for all that follow, where it is to stay as it is.
    :param mode: of the files with a private key in them.
    :param selinux: by ``SELINUX_PARTS``.
    :param backup: keep the files that a new certificate replaces.
    :param reload: services that are to read their files anew when one has changed.
    """

    pkcs12: Optional[Pkcs12] = None
    key_passphrase: Optional[str] = field(default=None, repr=False)
    owner: Optional[str] = None
    group: Optional[str] = None
    mode: Optional[int] = None
    selinux: Tuple[Optional[str], ...] = ()
    backup: bool = False
    reload: Tuple[str, ...] = ()

    @property
    def paths(self) -> Tuple[str, ...]:
        """The files that are made beside those of the pair and its chain."""
        return () if self.pkcs12 is None else (self.pkcs12.path,)

    @property
    def accounts(self) -> Optional[Tuple[str, str]]:
        """Owner and group, each empty for any; ``None`` where nothing is asked of any file."""
        if self.mode is None and not any((self.owner, self.group, *self.selinux)):
            return None
        return self.owner or "", self.group or ""

    def attributes(self, user: Optional[int], group: Optional[int]) -> Attributes:
        """What the files are to have.

        :param user: the number of the owner on the host; so with the group.
        """
        return Attributes(user, group, self.mode, self.selinux)


def numbers(accounts: Tuple[str, str]) -> Tuple[Optional[int], Optional[int]]:
    """The numbers of owner and group on this host.

    :raises InputError: it does not know one of them.
    """
    found = []
    for option, name, number in zip(("owner", "group"), accounts, (user_number, group_number)):
        try:
            found.append(number(name) if name else None)
        except KeyError:
            raise InputError(
                f"{option} is {name!r}, and this host knows no such {'account' if option == 'owner' else 'group'}",
                hint="Correct the name, or make the account first.",
            ) from None
    return found[0], found[1]


# ----------------------------------------------------------------------------------------------------------------------
# The options.


def argument_spec() -> Dict[str, Any]:
    """The argument spec of these options."""
    return {
        PKCS12_PATH: {"type": "str"},
        PKCS12_PASSPHRASE: {"type": "str", "no_log": True},
        "pkcs12_encryption": {"type": "str", "choices": list(ENCRYPTIONS)},
        "pkcs12_friendly_name": {"type": "str"},
        KEY_PASSPHRASE: {"type": "str", "no_log": True},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "mode": {"type": "raw"},
        **{part: {"type": "str"} for part in SELINUX_PARTS},
        "backup": {"type": "bool"},
        RELOAD: {"type": "list", "elements": "str"},
    }


def read_outputs(options: Mapping[str, Any]) -> Outputs:
    """Check the values of these options; the paths are checked by ``_posix_place()``.

    :raises TemplateError: a value that cannot be used; it names the option.
    """
    for option in (PKCS12_PASSPHRASE, KEY_PASSPHRASE):
        check_passphrase(option, options[option])
    for option in ("owner", "group", *SELINUX_PARTS):
        value = options[option]
        if value is not None and (not value or not value.isprintable() or " " in value or value == "_default"):
            raise TemplateError(option, "cannot be used", value=show(value), allowed="a name that the host knows")
    return Outputs(
        pkcs12=_read_pkcs12(options),
        key_passphrase=options[KEY_PASSPHRASE],
        owner=options["owner"],
        group=options["group"],
        mode=_read_mode(options["mode"]),
        selinux=tuple(options[part] for part in SELINUX_PARTS),
        backup=bool(options["backup"]),
        reload=read_services(options[RELOAD] or ()),
    )


def read_services(names: Sequence[str], *, windows: bool = False) -> Tuple[str, ...]:
    """Check the names of services, and return each once.

    :raises TemplateError: what is none.
    """
    pattern, example = (WINDOWS_NAME, "W3SVC") if windows else (NAME, "nginx")
    found: Dict[str, str] = {}
    for name in names:
        if not pattern.fullmatch(name):
            raise TemplateError(
                RELOAD, "has what is no name of a service", value=show(name), allowed=f"names such as {example}"
            )
        # Windows does not tell capital letters from small ones.
        if windows and name.lower() == _REMOTING:
            raise TemplateError(
                RELOAD,
                "has the service through which Ansible reaches Windows hosts: stopped, nobody could start it again",
                value=show(name),
                allowed="other services; a listener of WinRM takes a certificate by its thumbprint, without a restart",
            )
        found.setdefault(name.lower() if windows else name, name)
    return tuple(found.values())


def _read_pkcs12(options: Mapping[str, Any]) -> Optional[Pkcs12]:
    path, passphrase = options[PKCS12_PATH], options[PKCS12_PASSPHRASE]
    if path is None:
        for option in PKCS12_OPTIONS:
            if options[option] is not None:
                raise TemplateError(option, f"has no effect without {PKCS12_PATH}", allowed=f"{PKCS12_PATH} with it")
        return None
    if passphrase is None:
        raise TemplateError(PKCS12_PASSPHRASE, f"is missing, and {PKCS12_PATH} needs one", allowed="a passphrase")
    name = options["pkcs12_friendly_name"]
    if name is not None and (not name.strip() or not name.isprintable()):
        raise TemplateError("pkcs12_friendly_name", "cannot be used", value=show(name), allowed="printable text")
    return Pkcs12(path, passphrase, options["pkcs12_encryption"] or MODERN, name or "")


def check_passphrase(option: str, passphrase: Any) -> None:
    """Check a passphrase; ``None`` is none.

    :raises TemplateError: it cannot be used. It is not shown.
    """
    if passphrase is None:
        return
    problem = ""
    if not isinstance(passphrase, str):
        problem = "is not a text, in quotes"
    elif not passphrase:
        problem = "is empty"
    elif "\0" in passphrase or "\n" in passphrase:
        problem = "has a line feed or a null character in it"
    elif len(passphrase.encode("utf-8", "replace")) > _LONGEST_PASSPHRASE:
        problem = "is longer than OpenSSL takes"
    elif any("\ud800" <= character <= "\udfff" for character in passphrase):
        problem = "is not Unicode text"
    if problem:
        raise TemplateError(option, problem, allowed=f"1 to {_LONGEST_PASSPHRASE} octets of text in one line")


def _read_mode(mode: Any) -> Optional[int]:
    if mode is None:
        return None
    if isinstance(mode, str) and mode.isdecimal() and not set(mode) & {"8", "9"}:
        mode = int(mode, 8)
    allowed = "an octal number in quotes, such as '0640', which gives other accounts nothing"
    if isinstance(mode, bool) or not isinstance(mode, int) or mode < 0:
        raise TemplateError("mode", "is no mode", value=show(mode), allowed=allowed)
    if mode & ~_MOST_MODE or not mode & 0o400:
        problem = "lets other accounts at the private key, or has a bit that is none of such a file"
        if not mode & 0o400:
            problem = "does not let the owner read the private key"
        raise TemplateError("mode", problem, value=f"{mode:04o}", allowed=allowed)
    return mode
