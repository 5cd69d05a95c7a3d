# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that the server makes, with its certificate: /serverkeygen (RFC 7030 section 4.4).

Typical use::

    wanted = KeyRequest.build(KeySpec("ec"), subject, protection=KeyProtection.by_certificate(certificate, its_key))
    answer = client.serverkeygen(wanted)
    issued = client.verify(answer.issued, answer, authorities)
    save(private_key_pem(answer.key), issued)  # 0600, and both or neither

A key that is made where it is used never travels, and only its owner has it: use this where that is not possible.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Callable, Iterable, List, Optional, Sequence, Tuple, Union

from .._names.attributes import Subject
from .._names.general_names import GeneralName
from .._value import Value, field
from .answers.enrolment import SUCCESS, Issued, Pending
from .answers.enveloped_data import ID_AUTH_ENVELOPED_DATA, ID_ENCRYPTED_DATA, ID_ENVELOPED_DATA, decrypt
from .answers.refusals import read_pending
from .answers.server_key import Part, decode_part, parse_multipart, read_server_key
from .asn1.cms import ID_SIGNED_DATA, CertsOnly, content_type_of, parse_certs_only
from .asn1.der import read
from .base.errors import ParseError
from .base.text import printable
from .http.transport import Binding, Response
from .request.csr import Attribute, CertificateRequest, build_csr
from .request.key_protection import KeyProtection
from .x509.certificate import describe, load_certificate, subject_text
from .x509.fields import Certificate, Extension
from .x509.keys import KeySpec, generate_key, public_key_der, same_public_key
from .x509.path import says_ca

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_ENCRYPTED = (ID_ENVELOPED_DATA, ID_AUTH_ENVELOPED_DATA, ID_ENCRYPTED_DATA)
_KEY_TYPES = ("application/pkcs8", "application/x-pkcs8")
#: Types of a part that may be a key or a certificate message: its content says which.
_VAGUE_TYPES = ("", "application/octet-stream")


class KeyRequest(Value):
    """A request for a key and its certificate.

    :param request: signed with a key that is good for nothing else (section 4.4.1), or what makes one for the
        connection that is to carry it. The request asks for encryption where ``protection`` is to be used.
    :param throw_away_key: that key. It is kept in memory in case a server encrypts to it.
    :param protection: how the server is to encrypt the key, on top of TLS; a key that is not encrypted is refused then.
    """

    request: Union[CertificateRequest, Callable[[Binding], CertificateRequest]]
    throw_away_key: Optional[PrivateKeyTypes] = field(default=None, repr=False)
    protection: Optional[KeyProtection] = None

    @classmethod
    def build(
        cls,
        spec: KeySpec,
        subject: Subject,
        general_names: Sequence[GeneralName] = (),
        *,
        protection: Optional[KeyProtection] = None,
        extensions: Sequence[Extension] = (),
        attributes: Sequence[Attribute] = (),
        hash_name: Optional[str] = None,
    ) -> KeyRequest:
        """Make a request with a new throw-away key.

        :param spec: the kind of key that is wanted. Servers take it from the throw-away key.
        :raises InputError: see ``build_csr()``.
        :raises MissingLibrary: the installed cryptography cannot make that kind of key.
        """
        key = generate_key(spec)
        asked = [*attributes, *(protection.attributes() if protection else ())]
        request = build_csr(key, subject, general_names, extensions=extensions, attributes=asked, hash_name=hash_name)
        return cls(request, key, protection)


class GeneratedKey(Value):
    """The server made a key and issued a certificate for it. They belong together: that has been checked.

    :param issued: for ``EstClient.verify()``.
    :param key: the private key. Keep it in a file of mode 0600.
    :param public_key_der: its SubjectPublicKeyInfo, by which the certificate is found.
    :param encrypted: the key was encrypted on top of TLS.
    """

    issued: Issued
    key: PrivateKeyTypes = field(repr=False)
    public_key_der: bytes = field(repr=False)
    encrypted: bool


def read_serverkeygen_answer(
    response: Response, wanted: KeyRequest, client_key: Callable[[], Optional[PrivateKeyTypes]] = lambda: None
) -> Union[GeneratedKey, Pending]:
    """Tell what an answer to /serverkeygen means. No error shows anything of a body that may have a key in it.

    :param client_key: gives the key of the TLS client certificate, to which servers encrypt as well.
    :raises ParseError: the answer is not one key and its certificate, the key is not encrypted although that was asked
        for, it cannot be decrypted, or it does not belong to the certificate. It names the certificate that was issued,
        which is in its ``issued``.
    :raises ServerError: any status but 200, 201 and 202.
    """
    if response.status not in SUCCESS:
        return read_pending(response, "serverkeygen")
    bags: List[CertsOnly] = []
    try:
        return _read(response, wanted, client_key, bags)
    except ParseError as error:
        error.http_status, error.request_received = response.status, "received"
        error.issued = tuple(certificate for bag in bags for certificate in bag.certificates)
        named = _names(error.issued)
        if named:
            error.reason += f"; issued, and without its key: {named}"
            error.note("Revoke the certificate, or have the CA's administrator look at how the server sends keys.")
        raise


def _names(certificates: Iterable[bytes]) -> str:
    """The issued certificates among those of an answer, by subject and serial number."""
    found: List[Certificate] = []
    for der in certificates:
        with contextlib.suppress(ParseError):  # kept all the same
            found.append(load_certificate(der))
    own = [one for one in found if not says_ca(one)] or found
    return ", ".join(f"{subject_text(one)} (serial number {describe(one)['serial_number']})" for one in own)


def _read(
    response: Response,
    wanted: KeyRequest,
    client_key: Callable[[], Optional[PrivateKeyTypes]],
    bags: List[CertsOnly],
) -> GeneratedKey:
    """:param bags: gets the certificates, also where the key cannot be had."""
    keys: List[Tuple[bytes, bool]] = []
    failure: Optional[ParseError] = None
    for number, part in enumerate(parse_multipart(response.headers.get("content-type"), response.body), start=1):
        try:
            _read_part(number, part, keys, bags)
        except ParseError as error:
            failure = failure or error  # and the certificate may come after it
    if failure is not None:
        raise failure
    if (len(keys), len(bags)) != (1, 1):
        raise ParseError(
            f"the server's answer has {len(keys)} private keys and {len(bags)} certificate messages, not one of each"
        )
    encoded, encrypted = keys[0]
    if encrypted:
        encoded = decrypt(encoded, _decryption_keys(wanted, client_key()))
    elif wanted.protection is not None:
        raise ParseError(
            "the server sent the private key without the encryption that was asked for, so it is not used",
            code="key_not_encrypted",
            hint="Revoke the certificate. If TLS alone is to protect the key, ask for it without encryption.",
        )
    key = read_server_key(encoded)
    _check_pair(key, bags[0].certificates)
    return GeneratedKey(Issued(bags[0].certificates, bags[0].warnings), key, public_key_der(key), encrypted)


def _read_part(number: int, part: Part, keys: List[Tuple[bytes, bool]], bags: List[CertsOnly]) -> None:
    encoded = decode_part(part.body) if _may_be_read(part) else b""
    kind = _kind(part, encoded)
    if kind == "certificate":
        bags.append(_certificates(encoded))
    elif kind:
        keys.append((encoded, kind == "encrypted key"))
    else:
        shown = printable(part.content_type.media_type, 100)
        raise ParseError(f"part {number} of the server's answer is of type {shown}: neither a key nor a certificate")


def _may_be_read(part: Part) -> bool:
    kind = part.content_type
    return kind.is_pkcs7 or kind.media_type in _KEY_TYPES or kind.media_type in _VAGUE_TYPES


def _kind(part: Part, encoded: bytes) -> str:
    """``certificate``, ``key``, ``encrypted key``, or nothing for what is neither."""
    if not encoded:
        return ""
    try:
        message = content_type_of(read(encoded))
    except ParseError:
        message = None  # reported by what reads it
    if message in _ENCRYPTED:
        return "encrypted key"
    kind = part.content_type
    if kind.smime_type == "server-generated-key" or kind.media_type in _KEY_TYPES:
        return "key"
    if message == ID_SIGNED_DATA or kind.is_pkcs7:
        return "certificate"
    return "key"


def _certificates(encoded: bytes) -> CertsOnly:
    if encoded[:1] != b"\x30":
        # Said here, as the reader would show the beginning of it, which might be a key with the wrong Content-Type.
        raise ParseError("the part of the server's answer that should have the certificate is not ASN.1")
    return parse_certs_only(encoded)


def _decryption_keys(wanted: KeyRequest, client_key: Optional[PrivateKeyTypes]) -> List[KeyProtection]:
    keys = [wanted.protection] if wanted.protection is not None else []
    known = (wanted.throw_away_key, client_key)
    return [*keys, *(KeyProtection(b"", key) for key in known if key is not None)]


def _check_pair(key: PrivateKeyTypes, certificates: Iterable[bytes]) -> None:
    for der in certificates:
        try:
            if same_public_key(load_certificate(der), key):
                return
        except ParseError:
            continue  # what else a server sends along must not spoil the certificate that was issued
    raise ParseError(
        "the private key that the server made does not belong to the certificate that it sent, so neither is used",
        code="wrong_key",
        hint="Look at the log of the EST server, and revoke the certificate.",
    )
