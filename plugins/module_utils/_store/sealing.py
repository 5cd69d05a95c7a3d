# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing of secrets with AES-256-GCM, under a random key that is kept on the host apart from the document.

The template's and the field's name are associated data, so a sealed value cannot be moved to another place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .._value import Value, field
from .errors import DamagedDocument, SealingError, StoreError

# ----------------------------------------------------------------------------------------------------------------------
# Digests that show a hand edit.
#
# They are no protection against somebody who may write the store and wants to deceive: whoever can do that can also
# read the sealing key. They tell an edit by hand, or a damaged disk, from what this collection wrote.

# ``json.dumps()`` would make an encoder for each digest.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(*parts: Any) -> str:
    """Return the SHA-256 (hex) of plain JSON data, the same for equal data whatever its order or formatting."""
    return hashlib.sha256(_CANONICAL.encode(parts).encode("ascii")).hexdigest()


def fields_digest(fields: Mapping[str, Any]) -> str:
    """Return the digest of a template's fields."""
    return digest("fields", dict(fields))


def content_digest(fields: Mapping[str, Any], verifiers: Mapping[str, str]) -> str:
    """Return the digest of all that a template says: its fields, and by their salted verifiers its secrets.

    It betrays no password that the document does not, and stays the same when the sealing key is replaced.

    :param verifiers: of the secrets that are set, by field.
    """
    return digest("content", dict(fields), dict(verifiers))


def secret_digest(
    template: str, field: str, key_fingerprint: str, sealed: str, verifier: str, keyed_verifier: str
) -> str:
    """Return the digest of a sealed secret, bound to the template and the field that it belongs to."""
    return digest("secret", template, field, key_fingerprint, sealed, verifier, keyed_verifier)


# ----------------------------------------------------------------------------------------------------------------------

#: Octets of a nonce (96 bits, NIST SP 800-38D section 8.2.2).
NONCE_OCTETS = 12


def require_cryptography() -> None:
    """Make sure that secrets can be sealed here, before anything is begun.

    :raises SealingError: when ``cryptography`` is missing.
    """
    _aes_gcm()


def seal(key: bytes, template: str, field: str, secret: str) -> str:
    """Seal one secret.

    :param key: the sealing key.
    :param template: the name of the template; bound to the result.
    :param field: the name of the field; bound to the result.
    :param secret: the secret.
    :returns: base64 text of nonce, ciphertext and tag.
    :raises SealingError: when ``cryptography`` is missing.
    """
    nonce = os.urandom(NONCE_OCTETS)
    ciphertext = _aes_gcm()(key).encrypt(nonce, secret.encode("utf-8"), _associated_data(template, field))
    return base64.b64encode(nonce + ciphertext).decode("ascii")


def unseal(key: bytes, template: str, field: str, sealed: str) -> str:
    """Open what ``seal()`` sealed.

    :raises SealingError: when the key is another one, the sealed value was changed or belongs to another template or
        field, or ``cryptography`` is missing.
    """
    try:
        data = base64.b64decode(sealed.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise SealingError(_cannot_open(template, field)) from None
    cipher = _aes_gcm()(key)
    try:
        secret: bytes = cipher.decrypt(data[:NONCE_OCTETS], data[NONCE_OCTETS:], _associated_data(template, field))
        return secret.decode("utf-8")
    except Exception:  # InvalidTag; ValueError for a short nonce: to the user both are the same
        raise SealingError(_cannot_open(template, field)) from None


def _cannot_open(template: str, field: str) -> str:
    return (
        f"the sealed {field} of template '{template}' cannot be opened: it was edited by hand, or sealing.key is not "
        f"the key that sealed it; apply the template again with its {field}"
    )


def _associated_data(template: str, field: str) -> bytes:
    return f"estfleet.cloud_extender\0{template}\0{field}".encode()


def _aes_gcm() -> type[Any]:
    # Imported here, not above: the path that changes nothing seals nothing, and must not load cryptography.
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise SealingError(
            "the Python library cryptography (3.4.8 or newer) is needed to seal and open passwords, and is not "
            "installed; install it where this runs, for example with: pip install cryptography",
            code="missing_library",
        ) from None
    return AESGCM


# ----------------------------------------------------------------------------------------------------------------------
# Verifiers answer "is this still the password?" without opening it, and without a cryptography library.
#
# There are two for each secret. One needs no key: ``K = scrypt(password, salt)`` (RFC 7914) once for each distinct
# password of a document, then ``HMAC-SHA256(K, template name, field name)`` for each place where it is used. The
# parameters are in the document, so a later version can raise them. The other is for whoever has the sealing key, and
# costs next to nothing: see ``keyed_verifier()``.
#
# Besides, one verifier is over all secrets that were known together when the document was written: where nothing has
# changed, it answers for all of them with one scrypt. Where it does not match, those of the single secrets do.

#: One evaluation takes about 10 ms and 4 MiB, for each host and distinct password, where the sealing key is not known.
DEFAULT_N = 4096
DEFAULT_R = 8
DEFAULT_P = 1
SALT_OCTETS = 16

# A document comes from a host: what it asks for must not be able to stall the controller.
_MAX_MEMORY = 64 * 1024 * 1024
_MAX_P = 4

_KEYED = b"estfleet.cloud_extender verifier\0"


def keyed_verifier(key: bytes, template: str, field_name: str, secret: str) -> str:
    """Return the verifier (hex) of a secret in its place, for those who have the sealing key.

    The key is 256 random bits, so nobody can try passwords against the result without it; and whoever has it can open
    the secret anyway.

    :param key: the sealing key.
    """
    message = "\0".join((template, field_name, secret)).encode("utf-8")
    return hmac.new(hmac.digest(key, _KEYED, "sha256"), message, hashlib.sha256).hexdigest()


class Known(Value):
    """A secret in clear, and the stored one that it may be.

    :param template: the name of its template.
    :param field_name: of which field it is.
    :param digest: of the stored secret, so that one that was changed since is another.
    """

    template: str
    field_name: str
    secret: str = field(repr=False)
    digest: str


class Verifiers(Value):
    """Makes and checks the verifiers of one document.

    :param salt: random octets, one salt a document.
    :param n: scrypt's cost, a power of two.
    :param r: scrypt's block size.
    :param p: scrypt's parallelisation.
    """

    salt: bytes
    n: int = DEFAULT_N
    r: int = DEFAULT_R
    p: int = DEFAULT_P
    _keys: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    _matched: set[tuple[str, str, str]] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def new(cls) -> Verifiers:
        """Return verifiers with a new random salt and today's parameters."""
        return cls(salt=os.urandom(SALT_OCTETS))

    @classmethod
    def from_json(cls, data: Any) -> Verifiers:
        """Read the parameters from a document.

        :raises DamagedDocument: when they are of a wrong shape or out of bounds.
        """
        if not isinstance(data, Mapping) or data.get("kdf") != "scrypt":
            raise DamagedDocument("verifier is not an object with kdf scrypt")
        n, r, p = (data.get(name) for name in ("n", "r", "p"))
        numbers = all(isinstance(number, int) and not isinstance(number, bool) and number > 0 for number in (n, r, p))
        if not numbers or n < 2 or n & (n - 1) or 128 * n * r > _MAX_MEMORY or p > _MAX_P:  # type: ignore[operator]
            raise DamagedDocument("verifier has scrypt parameters out of bounds")
        try:
            salt = base64.b64decode(str(data.get("salt")).encode("utf-8"), validate=True)
        except (ValueError, binascii.Error):
            salt = b""
        if len(salt) < SALT_OCTETS:
            raise DamagedDocument(f"verifier.salt is not base64 of at least {SALT_OCTETS} octets")
        return cls(salt=salt, n=n, r=r, p=p)  # type: ignore[arg-type]

    def as_json(self) -> dict[str, Any]:
        """Return the parameters as the document holds them."""
        salt = base64.b64encode(self.salt).decode("ascii")
        return {"kdf": "scrypt", "n": self.n, "r": self.r, "p": self.p, "salt": salt}

    def make(self, template: str, field_name: str, secret: str) -> str:
        """Return the verifier (hex) of a secret in its place.

        :raises StoreError: when this Python cannot compute scrypt.
        """
        message = f"{template}\0{field_name}".encode()
        return hmac.new(self._key(secret), message, hashlib.sha256).hexdigest()

    def matches(self, template: str, field_name: str, secret: str, verifier: str) -> bool:
        """Say whether ``secret`` is the one that ``verifier`` was made from, in constant time."""
        if (template, field_name, secret) in self._matched:
            return True
        made = self.make(template, field_name, secret)
        return hmac.compare_digest(made.encode("ascii"), verifier.encode("utf-8"))

    def make_joint(self, known: Iterable[Known]) -> str:
        """Return the verifier (hex) of several secrets together, each in its place.

        :raises StoreError: when this Python cannot compute scrypt.
        """
        ordered = sorted(known, key=lambda one: (one.template, one.field_name))
        # JSON, in which no two lists of texts look the same.
        key = self._key(json.dumps([one.secret for one in ordered]))
        places = json.dumps([[one.template, one.field_name, one.digest] for one in ordered])
        return hmac.new(key, places.encode("ascii"), hashlib.sha256).hexdigest()

    def match_together(self, known: Collection[Known], verifier: str) -> None:
        """Find out whether these secrets are the ones that ``verifier`` was made from: then each of them matches."""
        if hmac.compare_digest(self.make_joint(known).encode("ascii"), verifier.encode("utf-8")):
            self._matched.update((one.template, one.field_name, one.secret) for one in known)

    def _key(self, secret: str) -> bytes:
        if secret not in self._keys:
            try:
                self._keys[secret] = hashlib.scrypt(
                    secret.encode("utf-8"),
                    salt=self.salt,
                    n=self.n,
                    r=self.r,
                    p=self.p,
                    maxmem=2 * _MAX_MEMORY,
                    dklen=32,
                )
            except (AttributeError, ValueError) as error:
                raise StoreError(
                    f"this Python cannot compute scrypt, which the password verifiers need ({error}); use a Python "
                    "that is built with OpenSSL 1.1.1 or newer",
                    code="missing_library",
                ) from None
        return self._keys[secret]
