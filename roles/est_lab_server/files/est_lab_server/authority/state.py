# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state folder: the authority's keys and certificates, kept from one start to the next."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .authority import AUTHORITY_DAYS, Authority, certificate_pem, key_type_of, private_key_pem

TRUST_ANCHOR = "ca.pem"
# In the names of files of the root that follows the first one.
NEW = "-new"
_NEW_ROOT_DAYS = AUTHORITY_DAYS + 365
_LOCK = ".lock"


class StateError(Exception):
    """The state folder cannot be used; the text says why and what to do."""


class StateFolder:
    """A folder that only its owner may enter (0700). Key files in it are 0600.

    Several servers may use one folder at once: files are written whole, and a lock is held while they are made.
    """

    def __init__(self, path: str) -> None:
        """Make the folder where it is missing.

        Raises StateError, also for a folder that holds other things: making it private might harm somebody.
        """
        self.path = os.path.abspath(path)
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            found = os.listdir(self.path)
            if found and _LOCK not in found:
                raise StateError(
                    f"{self.path} is not a state folder: it holds other files. Name a new or an empty folder"
                )
            os.chmod(self.path, 0o700)
        except OSError as error:
            raise StateError(f"cannot use the state folder {self.path}: {error.strerror}") from error

    def file(self, name: str) -> str:
        """The full path of a file in the folder."""
        return os.path.join(self.path, name)

    @property
    def trust_anchor(self) -> str:
        """The path of the root certificate (PEM) that clients should trust."""
        return self.file(TRUST_ANCHOR)

    @property
    def new_trust_anchor(self) -> str:
        """The path of the root certificate that follows the first one."""
        return self.file(f"ca{NEW}.pem")

    def write(self, name: str, content: bytes, mode: int = 0o600) -> str:
        """Write a file whole, or not at all; gives its path."""
        handle, temporary = tempfile.mkstemp(dir=self.path, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, mode)
            os.replace(temporary, self.file(name))
        except OSError:
            os.unlink(temporary)
            raise
        return self.file(name)

    def read(self, name: str) -> Optional[bytes]:
        """The content of a file; None where there is none."""
        try:
            with open(self.file(name), "rb") as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other servers that share the folder from making the same files."""
        with open(self.file(_LOCK), "w", encoding="ascii") as stream:
            os.chmod(stream.fileno(), 0o600)
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def authority(self, key_type: str, intermediate: bool, new: bool = False) -> Authority:
        """The issuing authority: loaded, or made where there is none yet. `new` is the one that follows the first.

        Raises StateError for files that cannot be read and for an authority of another key type.
        """
        suffix = NEW if new else ""
        try:
            with self.lock():
                root = self._load_or_create(f"root{suffix}.key", f"ca{suffix}.pem", "EST Lab Root CA", key_type, None)
                if not intermediate:
                    return root
                files = (f"issuing{suffix}.key", f"issuing{suffix}.pem")
                return self._load_or_create(*files, "EST Lab Issuing CA", key_type, root)
        except OSError as error:
            raise StateError(f"cannot use the state folder {self.path}: {error.strerror}") from error

    def _load_or_create(
        self, key_file: str, certificate_file: str, name: str, key_type: str, parent: Optional[Authority]
    ) -> Authority:
        key_pem, pem = self.read(key_file), self.read(certificate_file)
        if key_pem is None or pem is None:
            # The current root is the one that ends last (RFC 7030 section 4.1.3).
            days = _NEW_ROOT_DAYS if NEW in certificate_file else AUTHORITY_DAYS
            made = Authority.create(name, key_type, parent, days)
            self.write(key_file, private_key_pem(made.private_key))
            self.write(certificate_file, certificate_pem(made.certificate), mode=0o644)
            return made
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
            certificate = x509.load_pem_x509_certificate(pem)
        except ValueError as error:
            raise StateError(
                f"{self.file(key_file)} or {certificate_file} beside it is damaged; remove the folder to start anew"
            ) from error
        if key_type_of(key) != key_type:
            raise StateError(
                f"the authority in {self.path} has a key of type {key_type_of(key)}, not {key_type}; "
                f"use --key-type {key_type_of(key)} or another --state folder"
            )
        return Authority(certificate, key, parent)
