# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate requests: PKCS#10 (RFC 2986) for /simpleenroll (RFC 7030 section 4.2.1) and the other operations.

They are put together here, not by cryptography: its versions differ in what attributes they can express (none at all
before 36, an empty extensionRequest that CAs refuse before 35), and a re-enrolment needs the names byte for byte.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, Tuple

from ..._names.attributes import Subject
from ..._names.general_names import GeneralName
from ..._value import Value, field
from ..asn1.der import PRINTABLE_STRING, UTF8_STRING, encode, encode_oid
from ..base.errors import InputError
from ..http.transport import NO_CHANNEL_BINDING, Binding
from ..x509.fields import SUBJECT_ALTERNATIVE_NAME, Extension
from ..x509.keys import public_key_der
from ..x509.names import encode_general_names, encode_name
from ..x509.signatures import sign_request

if TYPE_CHECKING:
    from ..x509.keys import AnyPrivateKey

# ----------------------------------------------------------------------------------------------------------------------
# What a certificate request carries beside name and key: extensions, and attributes such as challengePassword.

#: PKCS #9 (RFC 2985 section 5.4): the attributes of a request.
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 (an object identifier)
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
#: RFC 7894 section 3: what challengePassword can mean, each with an attribute of its own.
OTP_CHALLENGE = "1.2.840.113549.1.9.16.2.56"
REVOCATION_CHALLENGE = "1.2.840.113549.1.9.16.2.57"
EST_IDENTITY_LINKING = "1.2.840.113549.1.9.16.2.58"
#: RFC 6402 section 2.8.
CHANGE_SUBJECT_NAME = "1.3.6.1.5.5.7.7.36"

#: The most bytes of a challengePassword and of the attributes of RFC 7894 (ub-challenge-password and its like).
MAX_CHALLENGE_BYTES = 255

_PRINTABLE = r"[A-Za-z0-9 '()+,\-./:=?]+\Z"
CHALLENGE_NAMES = {
    CHALLENGE_PASSWORD: "challengePassword",
    OTP_CHALLENGE: "otpChallenge",
    REVOCATION_CHALLENGE: "revocationChallenge",
    EST_IDENTITY_LINKING: "estIdentityLinking",
}


class Attribute(Value):
    """An attribute of a request (RFC 2986 section 4.1). Its values may be secrets, so ``repr()`` has none.

    :param oid: dotted.
    :param values: each the DER of one value.
    """

    oid: str
    values: Tuple[bytes, ...] = field(repr=False)

    def encoded(self) -> bytes:
        """The Attribute in DER."""
        return encode(0x30, encode_oid(self.oid), encode(0x31, *sorted(self.values)))


def extension_request(extensions: Sequence[Extension]) -> Attribute:
    """The attribute that asks for extensions (RFC 2985 section 5.4.2).

    :raises InputError: one extension twice, which RFC 5280 section 4.2 forbids.
    """
    oids = [extension.oid for extension in extensions]
    for oid in oids:
        if oids.count(oid) > 1:
            raise InputError(f"the certificate request would have the extension {oid} twice")
    return Attribute(EXTENSION_REQUEST, (encode(0x30, *(extension.encoded() for extension in extensions)),))


def challenge(oid: str, text: str) -> Attribute:
    """challengePassword, or one of the attributes that RFC 7894 splits it into.

    A PrintableString where the text allows it, otherwise a UTF8String.

    :param oid: ``CHALLENGE_PASSWORD``, ``OTP_CHALLENGE``, ``REVOCATION_CHALLENGE`` or ``EST_IDENTITY_LINKING``.
    :param text: 1 to 255 bytes of UTF-8. It is in no error.
    :raises InputError: it is empty or longer (RFC 7030 section 3.5).
    """
    name = CHALLENGE_NAMES[oid]
    encoded = text.encode("utf-8", "replace")
    if not 1 <= len(encoded) <= MAX_CHALLENGE_BYTES:
        raise InputError(
            f"the value for {name} has {len(encoded)} bytes in UTF-8, but must have 1 to {MAX_CHALLENGE_BYTES}",
            hint="Use a shorter value.",
        )
    return Attribute(oid, (encode(PRINTABLE_STRING if re.match(_PRINTABLE, text) else UTF8_STRING, encoded),))


def change_subject_name(subject: Subject = (), general_names: Sequence[GeneralName] = ()) -> Attribute:
    """ChangeSubjectName (RFC 6402 section 2.8, RFC 7030 sections 4.2.1 and 4.2.2).

    It has the names of the new certificate, while the request itself has those of the old one.

    :raises InputError: neither is given, or a name cannot be encoded.
    """
    parts: Tuple[Optional[bytes], Optional[bytes]] = (
        encode_name(subject) if subject else None,
        encode_general_names(general_names) if general_names else None,
    )
    if parts == (None, None):
        raise InputError("a change of the subject name needs a new subject or a new subject alternative name")
    return Attribute(CHANGE_SUBJECT_NAME, (encode(0x30, *(part for part in parts if part is not None)),))


# ----------------------------------------------------------------------------------------------------------------------
# The request.

_VERSION_1 = b"\x02\x01\x00"
_EMPTY_NAME = b"\x30\x00"


class CertificateRequest(Value):
    """A signed certificate request.

    :param der: the request as it is sent.
    :param public_key_der: the SubjectPublicKeyInfo by which the issued certificate is found.
    :param subject: what was asked for.
    :param general_names: what was asked for as subject alternative name.
    """

    der: bytes = field(repr=False)
    public_key_der: bytes = field(repr=False)
    subject: Subject
    general_names: Tuple[GeneralName, ...] = ()


class Linking(Value):
    """What links a request to the TLS session that carries it: proof of possession (RFC 7030 section 3.5).

    :param value: the channel binding in base64.
    :param attribute: ``CHALLENGE_PASSWORD``, or ``EST_IDENTITY_LINKING`` where the server asked for it (RFC 7894
        section 3.3).
    """

    value: str = field(repr=False)
    attribute: str = CHALLENGE_PASSWORD


def build_csr(
    key: AnyPrivateKey,
    subject: Subject,
    general_names: Sequence[GeneralName] = (),
    *,
    extensions: Sequence[Extension] = (),
    attributes: Sequence[Attribute] = (),
    hash_name: Optional[str] = None,
    challenge_password: Optional[str] = None,
    linking: Optional[Linking] = None,
    encoded_subject: Optional[bytes] = None,
) -> CertificateRequest:
    """Make a PKCS#10 request, signed with the very key that is to be certified (RFC 7030 section 4.2.1).

    The subject alternative name is critical if, and only if, the subject is empty (RFC 5280 section 4.2.1.6). There is
    no challengePassword unless it is asked for: servers take it for a proof of possession or for an enrolment code.

    :param extensions: further extensions, in the given order, with their critical flags. A subject alternative name
        among them is used as it is, in place of one made of ``general_names``.
    :param attributes: further attributes.
    :param hash_name: ``sha256``, ``sha384`` or ``sha512``; ``None`` takes what suits the key.
    :param challenge_password: an enrolment code, as some CAs want it. Not together with a ``linking`` in the
        same attribute, as the server could only take the one for the other.
    :param linking: the proof of possession.
    :param encoded_subject: a Name in DER that is used as it is, in place of one made of ``subject``: a re-enrolment
        keeps the bytes of the old certificate (RFC 7030 section 4.2.2).
    :raises InputError: neither subject nor alternative name, a value that cannot be encoded, a key that cannot sign,
        an attribute or extension twice, or both a challenge password and a linking.
    :raises MissingLibrary: the installed cryptography cannot sign with this kind of key.
    """
    name = encode_name(subject) if encoded_subject is None else encoded_subject
    wanted = list(extensions)
    if general_names and all(extension.oid != SUBJECT_ALTERNATIVE_NAME for extension in extensions):
        alternative_name = encode_general_names(general_names)
        wanted.insert(0, Extension(SUBJECT_ALTERNATIVE_NAME, name == _EMPTY_NAME, alternative_name))
    if name == _EMPTY_NAME and all(extension.oid != SUBJECT_ALTERNATIVE_NAME for extension in wanted):
        raise InputError(
            "the certificate request would have neither a subject nor a subject alternative name",
            code="no_names",
            hint="Give a subject or a subject alternative name.",
        )
    all_attributes = [*attributes, *_challenges(challenge_password, linking)]
    if wanted:
        all_attributes.append(extension_request(wanted))
    public_key = public_key_der(key)
    information = encode(0x30, _VERSION_1, name, public_key, _encoded_attributes(all_attributes))
    request = sign_request(information, key, hash_name)
    return CertificateRequest(request, public_key, tuple(subject), tuple(general_names))


def refuse_shared_challenge_password(challenge_password: Optional[str], linking_attribute: Optional[str]) -> None:
    """Refuse an enrolment code and a proof of possession that would share challengePassword (requirement 116).

    :param linking_attribute: where the proof of possession goes; ``None`` where there is none.
    :raises InputError: both are there, and go to the same place.
    """
    if challenge_password is not None and linking_attribute == CHALLENGE_PASSWORD:
        raise InputError(
            "an enrolment code and a proof of possession cannot both be in one certificate request: both would be its "
            "challengePassword, and the server could only take one for the other",
            code="code_and_binding",
            hint="Leave one of them out.",
        )


def _challenges(challenge_password: Optional[str], linking: Optional[Linking]) -> List[Attribute]:
    refuse_shared_challenge_password(challenge_password, linking.attribute if linking is not None else None)
    found = []
    if challenge_password is not None:
        found.append(challenge(CHALLENGE_PASSWORD, challenge_password))
    if linking is not None:
        found.append(challenge(linking.attribute, linking.value))
    return found


def _encoded_attributes(attributes: Sequence[Attribute]) -> bytes:
    """The ``[0] SET OF Attribute`` of the request, sorted as DER wants it."""
    oids = [attribute.oid for attribute in attributes]
    for oid in oids:
        if oids.count(oid) > 1:
            raise InputError(f"the certificate request would have the attribute {oid} twice")
    return encode(0xA0, *sorted(attribute.encoded() for attribute in attributes))


# ----------------------------------------------------------------------------------------------------------------------
# Proof of possession linked to the TLS session (RFC 7030 section 3.5): a request signed for its very connection.
#
# The channel binding tls-unique (RFC 5929) goes into the request, so nobody else can send a request that he has caught.
# It is defined up to TLS 1.2. Its successor in TLS 1.3, tls-exporter (RFC 9266), does not exist in Python, so TLS is
# held at 1.2 wherever proof of possession is needed.
#
# RFC 7030 section 6 wants it in every request where only the CAs of the system say who the server is. Here a request
# has it where the CSR attributes of the server or the user ask for it, and not unasked: servers take a
# challengePassword for an enrolment code too, and then refuse the request.
#
# RFC 9266 section 4.2 wants the extended master secret (RFC 7627) beside tls-unique. OpenSSL 1.1.0 and later negotiate
# it wherever the server has it; Python does not tell whether it did.


class LinkedRequest:
    """A certificate request that is signed anew for every connection on which it is sent: after a reconnect, a 401, a
    redirect, and when a pending enrolment is repeated. Made by ``EstClient.linked()``.

    :param build: makes the request from a channel binding in base64, always with the same key.
    """

    def __init__(self, build: Callable[[str], CertificateRequest]) -> None:
        self._build = build
        #: The request as it was sent last; ``None`` before.
        self.last: Optional[CertificateRequest] = None

    def __call__(self, binding: Binding) -> CertificateRequest:
        """The request for one connection.

        :raises InputError: the connection has no tls-unique.
        :raises ValueError: ``build`` took another key (RFC 7030 section 4.2.3).
        """
        request = self._build(tls_unique_base64(binding))
        if self.last is not None and request.public_key_der != self.last.public_key_der:
            raise ValueError("a request that is repeated keeps its key")
        self.last = request
        return request

    @property
    def public_key_der(self) -> bytes:
        """The SubjectPublicKeyInfo by which the issued certificate is found, once the request was sent."""
        if self.last is None:
            raise AssertionError("the request has not been sent yet")
        return self.last.public_key_der


def tls_unique_base64(binding: Binding) -> str:
    """What goes into the request: some 16 characters (RFC 7030 section 3.5 allows 255).

    :raises InputError: the connection has no tls-unique.
    """
    if not binding.tls_unique:
        version = f"over {binding.tls_version}" if binding.tls_version else "over this transport"
        raise InputError(
            f"proof of possession cannot be given {version}: there is no tls-unique to link the request to",
            code="no_channel_binding",
            hint=NO_CHANNEL_BINDING,
        )
    return base64.b64encode(binding.tls_unique).decode("ascii")
