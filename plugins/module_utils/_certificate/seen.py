# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate on a POSIX host needs nothing, judged elsewhere by what a quick look found there.

The judgement is that of the module, by the same code; only the reading has been done apart. What needs anything, or
cannot be judged without the private key, which stays on the host, is left to the module, which looks again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Mapping, NoReturn, Optional, Tuple

from .._files.attributes import Attributes
from .._template.errors import TemplateError
from .._template.model import Template
from .._value import Value
from ..est.base.errors import EstError
from ..est.x509.client_certificate import ClientCertificate
from ..est.x509.fields import Certificate
from ..est.x509.held_certificate import tls_problem
from ..est.x509.pair_files import PairFiles, Texts
from .holder import CurrentCertificate
from .note import Note
from .parameters import CertificateParameters
from .posix_holder import FileHolder
from .run import run_certificate
from .sealed import is_key_sealed
from .sessions import Sessions

#: What stands for the text of a key, which stays on the host.
_KEY, _ENCRYPTED_KEY = "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"


class NotPlain(Exception):
    """More is to be done than to say that nothing is to be done."""


def unchanged(template: Template, asked: CertificateParameters, found: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Return what the module would, where it would find that nothing is to be done, and ``None`` in every other case.

    :param found: what ``look.py`` tells of this certificate.
    """
    try:
        outcome = run_certificate(template, asked, Sessions(_nobody, "host"), SeenFiles.as_found(asked, found))
    except (NotPlain, EstError, TemplateError):
        return None
    except ValueError:  # a number that is none: the host answers with something else than the program
        return None
    return outcome if outcome["status"] == "unchanged" else None


def _nobody() -> NoReturn:
    raise NotPlain


class SeenCertificate(Value):
    """A certificate whose key is where this program is not; see ``OldCertificate``."""

    der: bytes
    certificate: Certificate
    tls: ClientCertificate

    def problem(self, now: datetime) -> Optional[str]:
        """See ``OldCertificate.problem()``."""
        return tls_problem(self.certificate, now)


class SeenFiles(FileHolder):
    """The files of a certificate as a quick look found them. Nothing can be written, or looked at once more."""

    _seen: Mapping[str, Any]

    @classmethod
    def as_found(cls, asked: CertificateParameters, found: Mapping[str, Any]) -> SeenFiles:
        """The files of what is asked for.

        :param found: what is in them.
        """
        files = cls.of(asked)
        files._seen = found
        return files

    @property
    def _pair(self) -> PairFiles:
        raise NotPlain

    def _read_texts(self) -> Texts:
        key = _KEY if self._outputs.key_passphrase is None else _ENCRYPTED_KEY
        return Texts(self._seen["certificate"], key, dict(zip(self._others.values(), self._seen["others"])))

    @property
    def _in_one_file(self) -> bool:
        return bool(self._seen["one_file"])

    def _states(self) -> Mapping[str, Optional[str]]:
        paths = (self._certificate_path, self._key_path, *self._others.values())
        return dict(zip(paths, self._seen["states"]))

    def _attributes(self) -> Optional[Attributes]:
        if self._outputs.accounts is None:
            return None
        user, group = (int(number) if number else None for number in self._seen["numbers"])
        return self._outputs.attributes(user, group)

    def _sha256_of(self, path: str) -> str:
        return str(dict(zip(self._outputs.paths, self._seen["private"]))[path])

    def _private_key(self) -> NoReturn:
        raise NotPlain

    def _read_note(self) -> Note:
        return Note.from_text(self._seen["note"])

    def _with_key(self, first: Tuple[bytes, Certificate], text: str, key_text: str) -> CurrentCertificate:
        # It is the key that was put there with this very certificate. What any other key is, the module can see.
        if not self._known.digest or self._known.key_sha256 != self._seen["key_sha256"]:
            raise NotPlain
        if not is_key_sealed(self._known.sealed, self._outputs.key_passphrase):
            raise NotPlain
        der, certificate = first
        files = ClientCertificate(self._certificate_path, self._key_path)
        return CurrentCertificate(certificate, SeenCertificate(der, certificate, files))

    def drop_pending(self) -> bool:
        """There is no quick look where something is pending."""
        return False
