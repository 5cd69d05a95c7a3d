# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate by which this client authenticates itself in TLS, with its chain (RFC 7030 section 3.3.2).

It can be the certificate that is to be renewed, one that the same EST server issued before, or one from somebody else,
such as the manufacturer (IDevID).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import ssl
import tempfile
from typing import TYPE_CHECKING, Iterator, Optional, Tuple

from ..._names.pem import decode_text, is_plain, pem_text
from ..._value import Value, field
from ..base.errors import EstError, InputError
from .bundle import read_bundle
from .certificate import public_key_words, subject_text
from .fields import Certificate
from .keys import load_private_key, private_key_pem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)


class ClientCertificate(Value):
    """A TLS client certificate in files, or as text: see ``from_text()``.

    Some servers refuse a certificate without its intermediates, so give them, in the file of the certificate or apart.

    :param certificate_path: PEM file: the certificate, then its intermediates.
    :param key_path: PEM file of the private key; ``None`` where it is in the same file.
    :param passphrase: of an encrypted key.
    :param chain_path: PEM file of the intermediates, where they are not in the certificate's file.
    :param chain_pem: the intermediates as text, in place of all that are in files.
    :param certificate_pem: in place of the files, whose paths are only told then.
    :param key_pem: in place of the files.
    :param alone: show it without its intermediates, wherever they are.
    :param elsewhere: its files are on another machine, which shows it: here their paths are only told.
    """

    certificate_path: str
    key_path: Optional[str] = None
    passphrase: Optional[str] = field(default=None, repr=False)
    chain_path: Optional[str] = None
    certificate_pem: str = field(default="", repr=False)
    key_pem: str = field(default="", repr=False)
    chain_pem: str = field(default="", repr=False)
    alone: bool = False
    elsewhere: bool = False

    @classmethod
    def from_text(cls, certificate_pem: str, key_pem: str, passphrase: Optional[str] = None) -> ClientCertificate:
        """Make one of texts.

        :param certificate_pem: the certificate, then its intermediates.
        :param key_pem: the private key.
        :param passphrase: of an encrypted key.
        """
        return cls("", None, passphrase, None, certificate_pem, key_pem)


class _PassphraseMissing(Exception):
    """OpenSSL asked for a passphrase and there is none."""


def load_client_certificate(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """Let the connections of a context authenticate themselves with a client certificate where the server asks for one.

    :raises InputError: a file or text cannot be read, the key does not fit, or the passphrase is wrong.
    """
    named = (
        ("the TLS client certificate", client.certificate_path),
        ("the key of the TLS client certificate", client.key_path),
        ("the chain of the TLS client certificate", client.chain_path),
    )
    for name, path in named:
        if path is not None and not client.certificate_pem:
            _check_readable(name, path)
    problem = ""
    try:
        with _files(client) as (certificate_path, key_path, passphrase):

            def ask() -> str:
                # OpenSSL would ask at the terminal if there were no callback.
                if not passphrase:
                    raise _PassphraseMissing
                return passphrase

            context.load_cert_chain(certificate_path, key_path, ask)
    except _PassphraseMissing:
        problem = "the key is encrypted, and no passphrase is given"
    except ssl.SSLError as error:
        problem = _problem(client, error)
    except UnicodeError:
        problem = "it is not PEM text"
    except ValueError:
        problem = "the passphrase of the key is longer than OpenSSL takes (1024 bytes), or the key cannot be read"
    except OSError as error:  # a copy of it for OpenSSL, in the folder for temporary files
        what = f"{error.filename}: " if error.filename else ""
        problem = f"a file that OpenSSL needs cannot be written or read: {what}{error.strerror or error}"
    if problem:
        raise InputError(
            f"the TLS client certificate {_words(client)} cannot be used: {problem}",
            code="invalid_client_certificate",
            hint="Both are in PEM form; the intermediates follow the certificate.",
        )
    # A server may ask for the certificate only after it has seen the path of the request (RFC 8446 section 4.6.2).
    context.post_handshake_auth = True


@contextlib.contextmanager
def _files(client: ClientCertificate) -> Iterator[Tuple[str, Optional[str], Optional[str]]]:
    """Paths of certificate and key, and the passphrase: OpenSSL reads from files only, and the chain from the same one.

    Files that are written as OpenSSL reads them are left where they are; what they hold in another shape is written for
    the moment. A key is encrypted then, with a passphrase of the moment, before it touches a file.
    """
    certificate, key, chain = client.certificate_pem, client.key_pem, ""
    key_path: Optional[str] = None
    if not certificate:
        certificate, chain = _texts(client)
        key_path = client.key_path or client.certificate_path
        key = written = _read(key_path)
        if not key.isascii():
            key = decode_text(key.encode("latin-1"))
        if f"\n{private_key_block(key)}" not in f"\n{written}\n":
            key_path = None
        apart = client.chain_path is not None or client.chain_pem or client.alone
        if key_path and not apart and is_plain(certificate):
            yield client.certificate_path, client.key_path, client.passphrase
            return
    with tempfile.TemporaryDirectory(prefix="est-client-") as folder:  # 0700
        certificate_path = os.path.join(folder, "certificate.pem")
        _write(certificate_path, _certificates(client, certificate, chain))
        if key_path is not None:
            yield certificate_path, key_path, client.passphrase
            return
        pem = private_key_block(key).encode("ascii")
        passphrase = secrets.token_urlsafe(24)
        key_path = os.path.join(folder, "key.pem")
        _write(key_path, private_key_pem(load_private_key(pem, client.passphrase), passphrase).decode("ascii"))
        yield certificate_path, key_path, passphrase


def private_key_block(text: str) -> str:
    """The PEM private key in a text, each line without what it is indented by; the text itself where there is none."""
    found = _PRIVATE_KEY.search(text)
    if not found:
        return text
    return "".join(f"{line.strip()}\n" for line in found.group().replace("\\n", "\n").splitlines())


def without_intermediates(client: ClientCertificate) -> Optional[ClientCertificate]:
    """The same certificate without its intermediates; ``None`` where it has none, or cannot be read."""
    try:
        text, chain = _texts(client)
        found = _certificates(client, text, chain).count("-----BEGIN ")
    except (InputError, OSError):
        return None
    return client.replace(alone=True) if found > 1 else None


def read_client_key(client: ClientCertificate) -> Optional[PrivateKeyTypes]:
    """The key of a TLS client certificate; ``None`` where it cannot be read."""
    try:
        text = client.key_pem if client.certificate_pem else _read_of(client, client.key_path)
        return load_private_key(private_key_block(text).encode("ascii", "replace"), client.passphrase)
    except (EstError, OSError):
        return None


def own_issuer(client: ClientCertificate) -> bytes:
    """The name of the CA that has issued a TLS client certificate, DER; empty where it cannot be read."""
    try:
        return _first(client).issuer.encoded
    except (EstError, OSError):
        return b""


def _first(client: ClientCertificate) -> Certificate:
    text, _chain = _texts(client)
    return read_bundle(text.encode("latin-1", "replace"), "").certificates[0]


def in_words(client: ClientCertificate) -> str:
    """A TLS client certificate with its subject and the kind of its key, as far as it can be read here."""
    try:
        certificate = _first(client)
        return f"the TLS client certificate {subject_text(certificate)} (key {public_key_words(certificate)})"
    except (EstError, OSError):
        return f"the TLS client certificate {_words(client)}"


def openssl_options(client: ClientCertificate) -> str:
    """The options with which ``openssl s_client`` shows a TLS client certificate, with a space before each."""
    certificate, key = client.certificate_path, client.key_path or client.certificate_path
    options = {
        "-cert": certificate or "FILE",
        "-key": key or "FILE",
        "-cert_chain": client.chain_path if not client.alone else None,
    }
    return "".join(f" {name} {shlex.quote(path)}" for name, path in options.items() if path)


def _texts(client: ClientCertificate) -> Tuple[str, str]:
    """The texts of the certificate and of what is above it."""
    if client.certificate_pem:
        return client.certificate_pem, ""
    above = client.chain_pem or (_read_of(client, client.chain_path) if client.chain_path is not None else "")
    return _read_of(client, None), above


def _read_of(client: ClientCertificate, path: Optional[str]) -> str:
    """One of its files; that of the certificate where ``path`` is ``None``."""
    if client.elsewhere:
        raise FileNotFoundError("it is on another machine")
    return _read(path or client.certificate_path)


def _certificates(client: ClientCertificate, text: str, chain: str) -> str:
    where = f"the TLS client certificate {_words(client)}"
    try:
        own, above = (
            read_bundle(each.encode("latin-1", "replace"), where).certificates if each.strip() else ()
            for each in (text, chain)
        )
    except InputError as error:
        error.code = "invalid_client_certificate"
        raise
    if client.alone:
        own, above = own[:1], ()
    elif client.chain_pem and not client.certificate_pem:
        own = own[:1]
    return "".join(pem_text(certificate.der) for certificate in (*own, *above))


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("latin-1")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _words(client: ClientCertificate) -> str:
    if client.certificate_pem and not client.certificate_path:
        return "that was given as text"
    return f"{client.certificate_path!r} with key {client.key_path or client.certificate_path!r}"


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{name} cannot be read from {path!r}: {error.strerror}",
            code="unreadable_file",
            hint="The file is read on the host where the EST exchange runs, by the user of this process.",
        ) from None


def _problem(client: ClientCertificate, error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if "MISMATCH" in reason:
        return "the key does not belong to the certificate"
    if client.passphrase and ("DECRYPT" in reason or "PASSWORD" in reason or "PKCS12" in reason or not reason):
        return "the passphrase does not open the key"
    if "KEY_TOO_SMALL" in reason or "MD_TOO_WEAK" in reason:
        return "its key or signature is too weak for OpenSSL's security level"
    return "there is no PEM certificate, or no PEM private key, in the file"
