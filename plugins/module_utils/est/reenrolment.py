# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting a new certificate in place of an older one: /simplereenroll (RFC 7030 section 4.2.2).

Typical use::

    held = HeldCertificate.load(ClientCertificate("host.pem", "host.key"))
    way = choose_way(held, credentials, datetime.now(timezone.utc))
    key = next_key(held, "rekey")
    request = build_reenrolment_request(held, key)
    transport = HttpsTransport(url, trust, credentials=way.credentials, client_certificate=way.client_certificate)
    with EstClient(url, transport) as client:
        enrol = client.simplereenroll if way.operation == "simplereenroll" else client.simpleenroll
        issued = client.verify(enrol(request), request, client.cacerts())
    replace_pair(held.tls, (issued.certificate, *issued.chain), key)

Until the last line the old pair is what is on disk.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, List, Optional, Sequence

from .._names.attributes import Subject
from .._names.general_names import GeneralName
from .._value import Value
from .asn1.der import SEQUENCE, Element, read
from .base.errors import InputError, ParseError
from .base.libraries import without_warnings
from .http.transport import Credentials
from .request.csr import (
    SUBJECT_ALTERNATIVE_NAME,
    Attribute,
    CertificateRequest,
    Extension,
    Linking,
    build_csr,
    change_subject_name,
)
from .x509.certificate import iso_utc, not_after, public_key_words, subject_alternative_names, subject_text
from .x509.client_certificate import ClientCertificate
from .x509.held_certificate import HeldCertificate, OldCertificate
from .x509.keys import KeySpec, generate_key
from .x509.names import read_name

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# ----------------------------------------------------------------------------------------------------------------------
# Parts of a certificate as they are encoded (RFC 5280 section 4.1), for what has to keep them byte for byte.

_BOOLEAN = 1
# Where the fields of a TBSCertificate are, counted from the serial number: signature, issuer, validity, subject, key.
_SUBJECT, _PUBLIC_KEY = 4, 5


def encoded_subject(certificate: bytes) -> bytes:
    """The Name that a certificate has as its subject.

    :param certificate: DER.
    :raises ParseError: not a certificate.
    """
    return _fields(certificate)[_SUBJECT].encoded


def encoded_extension(certificate: bytes, oid: str) -> Optional[Extension]:
    """An extension of a certificate with its critical flag, or ``None`` where the certificate has none of that kind.

    :param certificate: DER.
    :param oid: dotted.
    :raises ParseError: not a certificate.
    """
    for field in _fields(certificate)[_PUBLIC_KEY + 1 :]:
        if field.is_context(3):
            for extensions in field.children():
                for extension in extensions.expect(SEQUENCE, "the SEQUENCE of extensions").children():
                    found = _extension(extension)
                    if found.oid == oid:
                        return found
    return None


def _fields(certificate: bytes) -> List[Element]:
    """The fields of the TBSCertificate from the serial number on."""
    to_be_signed = next(read(certificate).expect(SEQUENCE, "a certificate").children(), None)
    if to_be_signed is None:
        raise ParseError("the certificate is empty")
    fields = list(to_be_signed.expect(SEQUENCE, "the TBSCertificate of a certificate").children())
    if fields and fields[0].is_context(0):
        del fields[0]  # the version
    if len(fields) <= _PUBLIC_KEY:
        raise ParseError(f"the certificate has {len(fields)} of the 6 fields that it needs")
    fields[_SUBJECT].expect(SEQUENCE, "the subject of a certificate")
    return fields


def _extension(extension: Element) -> Extension:
    fields = list(extension.expect(SEQUENCE, "an extension").children())
    critical = len(fields) == 3 and fields[1].expect(_BOOLEAN, "the critical flag of an extension").value != b"\0"
    if len(fields) not in (2, 3):
        raise ParseError(f"the extension at byte {extension.start} has {len(fields)} fields, not 2 or 3")
    return Extension(fields[0].oid(), critical, fields[-1].octets())


# ----------------------------------------------------------------------------------------------------------------------

#: The ways to renew a certificate: for the same key, or for a new one.
RENEW, REKEY = "renew", "rekey"


class Way(Value):
    """By which operation a certificate is asked for, and what authenticates the client.

    :param operation: ``simpleenroll`` or ``simplereenroll``.
    :param client_certificate: for TLS client authentication.
    :param credentials: for HTTP authentication.
    :param reason: which of them is used and why, for the result of a run.
    """

    operation: str
    client_certificate: Optional[ClientCertificate]
    credentials: Optional[Credentials]
    reason: str


def choose_way(
    held: Optional[OldCertificate],
    credentials: Optional[Credentials],
    now: datetime,
    *,
    fall_back_to_password: bool = False,
    with_password: bool = False,
) -> Way:
    """Use the certificate where there is one, and the password only to get the first (RFC 7030 sections 3.3.2 and 6).

    :param held: the certificate on disk, or ``None``.
    :param credentials: user name and password, or ``None``.
    :param now: an aware time.
    :param fall_back_to_password: enrol anew with the password where the certificate has expired or may not be used for
        TLS. Without it that is an error, so that nobody uses a password without knowing it.
    :param with_password: send the password as well, for a server that wants both.
    :raises InputError: the certificate cannot be used, and there is no fallback.
    """
    if held is None:
        reason = "there is no certificate yet"
        reason += ": the password is used" if credentials else ", and no password is given"
        return Way("simpleenroll", None, credentials, reason)
    subject = subject_text(held.certificate)
    problem = held.problem(now)
    if problem is None:
        until = f"the certificate {subject}, valid until {iso_utc(not_after(held.certificate))}, is used"
        if with_password and credentials:
            return Way("simplereenroll", held.tls, credentials, f"{until} together with the password")
        return Way("simplereenroll", held.tls, None, f"{until}{', and not the password' if credentials else ''}")
    if fall_back_to_password and credentials:
        reason = f"the password is used, and not the certificate {subject}: {problem}"
        return Way("simpleenroll", None, credentials, reason)
    raise InputError(
        f"the certificate {subject} cannot authenticate its own renewal: {problem}",
        hint="Enrol anew with user name and password: give them, and allow this run to fall back to them.",
    )


def next_key(held: HeldCertificate, mode: str, spec: Optional[KeySpec] = None) -> PrivateKeyTypes:
    """The key that the new certificate is to be for (RFC 7030 section 4.2.2).

    :param mode: ``RENEW`` keeps the key, ``REKEY`` makes a new one.
    :param spec: the kind of a new key; ``None`` makes one of the same kind as the old key.
    :raises InputError: an unknown mode, a kind of key for a mode that makes none, or an old key of a kind or size that
        is not made any more.
    :raises MissingLibrary: the installed cryptography cannot make this kind of key.
    """
    if mode == RENEW:
        if spec is not None:
            raise InputError(
                f"mode {RENEW} keeps the key, so no kind of key can be chosen",
                hint=f"Leave the kind of key out, or use mode {REKEY}.",
            )
        return held.key
    if mode != REKEY:
        raise InputError(f"mode {mode!r} is not known: use {RENEW} or {REKEY}")
    return generate_key(spec or similar_key(held.certificate))


def similar_key(certificate: x509.Certificate) -> KeySpec:
    """The kind of key that a certificate is for, to make another one of it.

    :raises InputError: a kind or size that is not made any more.
    """
    words = public_key_words(certificate)
    kind, _space, size = words.replace("ML-DSA-", "ml-dsa ").lower().partition(" ")
    try:
        return KeySpec(kind, int(size)) if size.isdigit() else KeySpec(kind, curve=size.upper() or None)
    except InputError as error:
        raise InputError(
            f"no new key of the kind of the old one, {words}, can be made: {error.reason}",
            hint="Choose the kind of the new key.",
        ) from None


def build_reenrolment_request(
    held: OldCertificate,
    key: PrivateKeyTypes,
    *,
    new_subject: Subject = (),
    new_general_names: Sequence[GeneralName] = (),
    extensions: Sequence[Extension] = (),
    attributes: Sequence[Attribute] = (),
    hash_name: Optional[str] = None,
    linking: Optional[Linking] = None,
) -> CertificateRequest:
    """A request whose subject and subject alternative name are those of an older certificate (RFC 7030 section 4.2.2).

    They are the very bytes: string types, the order of the alternative names and how an RDN is made up are kept, and
    where there is no alternative name there is none.

    :param key: see ``next_key()``.
    :param new_subject: names that the new certificate is to have instead; the server gets them as ChangeSubjectName
        (RFC 6402 section 2.8), beside the old ones.
    :param new_general_names: likewise for the subject alternative name.
    :param extensions: further ones. A subject alternative name among them is left out.
    :param attributes: further ones.
    :param hash_name: see ``build_csr()``.
    :param linking: proof of possession.
    :raises InputError: see ``build_csr()``.
    :raises ParseError: the certificate is not what X.509 says, although it could be read.
    """
    wanted = [extension for extension in extensions if extension.oid != SUBJECT_ALTERNATIVE_NAME]
    alternative_name = encoded_extension(held.der, SUBJECT_ALTERNATIVE_NAME)
    if alternative_name is not None:
        wanted.insert(0, alternative_name)
    more = list(attributes)
    if new_subject or new_general_names:
        more.append(change_subject_name(new_subject, new_general_names))
    with without_warnings():
        subject = read_name(held.certificate.subject)
    request = build_csr(
        key,
        subject,
        extensions=wanted,
        attributes=more,
        hash_name=hash_name,
        linking=linking,
        encoded_subject=encoded_subject(held.der),
    )
    names = subject_alternative_names(held.certificate)
    return CertificateRequest(request.der, request.public_key_der, request.subject, names)
