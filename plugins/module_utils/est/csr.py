# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate requests: PKCS#10 (RFC 2986) for /simpleenroll (RFC 7030 section 4.2.1) and its kin.

They are put together here, not by cryptography: its versions differ in what attributes they can express (none at all
before 36, an empty extensionRequest that CAs refuse before 35), and a re-enrolment needs the names byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from ..names.attributes import Subject
from ..names.general_names import GeneralName
from .csr_parts import (
    CHALLENGE_PASSWORD,
    SUBJECT_ALTERNATIVE_NAME,
    Attribute,
    Extension,
    challenge,
    extension_request,
)
from .csr_signing import sign_request
from .der_writer import encode
from .encoded_names import encode_general_names, encode_name
from .errors import InputError
from .keys import public_key_der
from .value import Value, not_shown

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_VERSION_1 = b"\x02\x01\x00"
_EMPTY_NAME = b"\x30\x00"


class CertificateRequest(Value):
    """A signed certificate request.

    :param der: the request as it is sent.
    :param public_key_der: the SubjectPublicKeyInfo by which the issued certificate is found.
    :param subject: what was asked for.
    :param general_names: what was asked for as subject alternative name.
    """

    der: bytes = not_shown()
    public_key_der: bytes = not_shown()
    subject: Subject
    general_names: Tuple[GeneralName, ...] = ()


class Linking(Value):
    """What links a request to the TLS session that carries it: proof of possession (RFC 7030 section 3.5).

    :param value: the channel binding in base64.
    :param attribute: :data:`~.csr_parts.CHALLENGE_PASSWORD`, or :data:`~.csr_parts.EST_IDENTITY_LINKING` where the
        server asked for it (RFC 7894 section 3.3).
    """

    value: str = not_shown()
    attribute: str = CHALLENGE_PASSWORD


def build_csr(
    key: PrivateKeyTypes,
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
        among them is taken as it is, in place of one made of ``general_names``.
    :param attributes: further attributes.
    :param hash_name: ``sha256``, ``sha384`` or ``sha512``; ``None`` takes what suits the key.
    :param challenge_password: an enrolment code, as some CAs (EJBCA) want it. Not together with a ``linking`` in the
        same attribute, as the server could only take the one for the other.
    :param linking: the proof of possession.
    :param encoded_subject: a Name in DER that is taken as it is, in place of one made of ``subject``: a re-enrolment
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
            hint="Set subject or subject_alternative_name in the template.",
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
            "a challenge password and a proof of possession cannot both be in one certificate request: both would be "
            "its challengePassword, and the server could only take one for the other",
            hint="Leave the challenge password out, or set proof_of_possession to never.",
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
