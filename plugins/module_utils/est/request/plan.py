# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to make a certificate request: what the user wants, under the CSR attributes of the server.

This is about type and size of the key, the hash of the signature, names, extensions and challenges (RFC 7030 section
4.5.2, RFC 9908, RFC 7894 section 4). Where the two differ, the key is the user's, and names and extensions are the
server's, as RFC 9908 section 3.4 requires; every such conflict is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from ..._names.attributes import Subject
from ..._names.general_names import GeneralName
from ..._value import Value, field
from ..asn1.der import encode_oid
from ..base.errors import InputError
from ..http.transport import NO_CHANNEL_BINDING
from ..x509.fields import SUBJECT_ALTERNATIVE_NAME, Extension
from ..x509.keys import KeySpec
from ..x509.signatures import SIGNATURE_ALGORITHMS
from .attributes import HASHES, CsrAttributes
from .csr import (
    CHALLENGE_PASSWORD,
    EST_IDENTITY_LINKING,
    OTP_CHALLENGE,
    REVOCATION_CHALLENGE,
    Attribute,
    CertificateRequest,
    Linking,
    build_csr,
    challenge,
    refuse_shared_challenge_password,
)
from .plan_names import plan_alternative_name, plan_subject
from .requirements import CURVE_NAMES, KEY_ALGORITHMS, RequiredKey, describe_key, describe_oid, oid_name

if TYPE_CHECKING:
    from ..x509.keys import AnyPrivateKey

PROOF_OF_POSSESSION = ("auto", "always", "never")

#: What the client supplies where a server asks for an extension without giving its value (RFC 9908 section 3.4): for a
#: certificate with which a user or a device authenticates.
_DEFAULT_EXTENSIONS: Dict[str, Extension] = {
    extension.oid: extension
    for extension in (
        Extension("2.5.29.15", True, bytes.fromhex("03020780")),  # keyUsage: digitalSignature
        Extension("2.5.29.19", True, bytes.fromhex("3000")),  # basicConstraints: no CA
        Extension("2.5.29.37", False, bytes.fromhex("300a06082b06010505070302")),  # extKeyUsage: clientAuth
    )
}


class RequestPlan(Value):
    """How to make a certificate request: with ``build()``, from a key of ``key_spec``.

    :param key_spec: the key to make.
    :param subject: as text.
    :param general_names: as text.
    :param extensions: to ask for.
    :param hash_name: of the signature; ``None`` for what suits the key.
    :param needs_pop: whether the request has to be linked to the TLS session that carries it (RFC 7030 section 3.5).
    :param linking_attribute: where that goes: challengePassword, or estIdentityLinking where the server prefers it.
    :param attributes: further attributes.
    :param warnings: what the server asks for and does not get, and what it overrules; what is odd about its attributes
        they say themselves.
    :param challenge_password: an enrolment code.
    :param encoded_subject: the Name in DER where the server gave parts of it; ``None`` otherwise.
    """

    key_spec: KeySpec
    subject: Subject
    general_names: Tuple[GeneralName, ...] = ()
    extensions: Tuple[Extension, ...] = ()
    hash_name: Optional[str] = None
    needs_pop: bool = False
    linking_attribute: str = CHALLENGE_PASSWORD
    attributes: Tuple[Attribute, ...] = ()
    warnings: Tuple[str, ...] = ()
    challenge_password: Optional[str] = field(default=None, repr=False)
    encoded_subject: Optional[bytes] = field(default=None, repr=False)

    def build(self, key: AnyPrivateKey, linking: Optional[str] = None) -> CertificateRequest:
        """The request.

        :param linking: the channel binding of the connection that will carry the request, in base64.
        :raises InputError: proof of possession is needed and there is no channel binding (RFC 7030 section 3.5), or
            what ``build_csr()`` raises.
        """
        if self.needs_pop and not linking:
            raise InputError(
                "the certificate request has to be linked to its TLS session (proof of possession), but this "
                "connection has no tls-unique channel binding",
                code="no_channel_binding",
                hint=NO_CHANNEL_BINDING,
            )
        return build_csr(
            key,
            self.subject,
            self.general_names,
            extensions=self.extensions,
            attributes=self.attributes,
            hash_name=self.hash_name,
            challenge_password=self.challenge_password,
            linking=Linking(linking, self.linking_attribute) if self.needs_pop and linking else None,
            encoded_subject=self.encoded_subject,
        )

    def has_code_of(self, request: CertificateRequest) -> bool:
        """Whether the enrolment code of the plan is that of a request, where one of them has one."""
        planned = [each for each in self.attributes if each.oid == OTP_CHALLENGE]
        if self.challenge_password is not None:
            planned.append(challenge(CHALLENGE_PASSWORD, self.challenge_password))
        if planned:
            return all(each.encoded() in request.der for each in planned)
        return not any(encode_oid(oid) in request.der for oid in (CHALLENGE_PASSWORD, OTP_CHALLENGE))


def plan_request(
    attributes: Optional[CsrAttributes],
    spec: KeySpec,
    key_chosen: bool,
    subject: Subject,
    general_names: Sequence[GeneralName] = (),
    *,
    proof_of_possession: str = "auto",
    challenge_password: Optional[str] = None,
) -> RequestPlan:
    """Plan a certificate request.

    :param attributes: what the server asks for, or ``None`` where it asks for nothing.
    :param spec: the key that the user wants, or a default.
    :param key_chosen: whether the user chose ``spec`` (or the key exists already): it stays whatever the server says.
    :param proof_of_possession: ``auto`` (where the server asks for it), ``always`` or ``never``.
    :param challenge_password: an enrolment code. It goes into otpChallenge where the server asks for that (RFC 7894
        section 3.1), and into challengePassword otherwise.
    :raises InputError: an enrolment code and a proof of possession that would share challengePassword; a value that
        cannot be encoded.
    """
    if proof_of_possession not in PROOF_OF_POSSESSION:
        raise InputError(
            f"proof_of_possession {proof_of_possession!r} is not known: use one of {', '.join(PROOF_OF_POSSESSION)}"
        )
    planner = _Planner(attributes or CsrAttributes())
    key_spec = planner.key(spec, key_chosen)
    hash_name = planner.hash_name(key_spec)
    names = plan_subject(planner.asked.subject, planner.asked.subject_attributes, subject)
    planner.note(names.warnings, names.conflicts)
    wanted_extensions, alternative_names = planner.extensions(general_names)
    one_time_password = planner.one_time_password(challenge_password)
    if one_time_password:
        challenge_password = None
    needs_pop = planner.needs_pop(proof_of_possession, has_code=challenge_password is not None)
    refuse_shared_challenge_password(challenge_password, planner.linking_attribute if needs_pop else None)
    return RequestPlan(
        key_spec=key_spec,
        subject=names.subject,
        general_names=alternative_names,
        extensions=wanted_extensions,
        hash_name=hash_name,
        needs_pop=needs_pop,
        linking_attribute=planner.linking_attribute,
        attributes=one_time_password,
        warnings=tuple(planner.warnings),
        challenge_password=challenge_password,
        encoded_subject=names.encoded,
    )


class _Planner:
    """One run through the wishes of the server, in which the warnings come together."""

    def __init__(self, asked: CsrAttributes) -> None:
        self.asked = asked
        self.warnings: List[str] = []
        linking = EST_IDENTITY_LINKING if EST_IDENTITY_LINKING in asked.challenges else CHALLENGE_PASSWORD
        self.linking_attribute = linking

    def note(self, warnings: Sequence[str], conflicts: Sequence[str]) -> None:
        self.warnings.extend((*warnings, *conflicts))

    def key(self, spec: KeySpec, chosen: bool) -> KeySpec:
        """The key to make (requirement 101): the user's where it fits, or where the user insists on it."""
        required = self.asked.keys or tuple(self._keys_of_signatures())
        if not required or any(_fits(spec, key) for key in required):
            return spec
        words = " or ".join(describe_key(key) for key in required)
        if chosen:
            self.warnings.append(
                f"the server asks for a key of type {words}, and the request has one of type {_spec_words(spec)}"
            )
            return spec
        for key in required:
            possible = _key_spec(key)
            if possible is not None:
                return possible
        self.warnings.append(
            f"the server asks for a key of type {words}, which this client cannot make: the key is {_spec_words(spec)}"
        )
        return spec

    def _keys_of_signatures(self) -> List[RequiredKey]:
        """A signature algorithm says what kind of key signs, unless it is a mere hash."""
        types = [SIGNATURE_ALGORITHMS[oid][0] for oid in self.asked.signature_algorithms if oid in SIGNATURE_ALGORITHMS]
        return [RequiredKey(oid) for oid, key_type in KEY_ALGORITHMS.items() if key_type in types]

    def hash_name(self, spec: KeySpec) -> Optional[str]:
        """The hash of the signature (requirement 102): that of an algorithm for this kind of key, or else of any."""
        asked = [_signature(oid) for oid in self.asked.signature_algorithms]
        if not asked:
            return None
        words = " or ".join(oid_name(oid) for oid in self.asked.signature_algorithms)
        for key_type, hash_name in asked:
            if key_type in (spec.type, "") and hash_name is not None and spec.type in ("rsa", "ec"):
                return hash_name
        self.warnings.append(
            f"the server asks for a signature with {words}, which a key of type {spec.type} cannot make"
        )
        return next((name for _type, name in asked if name is not None), None) if spec.type in ("rsa", "ec") else None

    def extensions(self, general_names: Sequence[GeneralName]) -> Tuple[Tuple[Extension, ...], Tuple[GeneralName, ...]]:
        """The extensions (requirements 100, 107 and 108), and the alternative names as text."""
        result: Dict[str, Extension] = {}
        required = {extension.oid: extension for extension in self.asked.extensions}
        names = plan_alternative_name(required.pop(SUBJECT_ALTERNATIVE_NAME, None), general_names)
        self.note(names.warnings, names.conflicts)
        if names.extension is not None:
            result[SUBJECT_ALTERNATIVE_NAME] = names.extension
        for oid, wish in required.items():
            supplied = _DEFAULT_EXTENSIONS.get(oid)
            if wish.value is not None:
                result[oid] = Extension(oid, bool(wish.critical), wish.value)
            elif supplied is not None:
                critical = supplied.critical if wish.critical is None else wish.critical
                result[oid] = Extension(oid, critical, supplied.value)
            else:
                name = describe_oid(oid)
                self.warnings.append(f"the server asks for the extension {name}, for which the request has no value")
        return tuple(result.values()), names.general_names

    def needs_pop(self, option: str, *, has_code: bool) -> bool:
        """Whether to link the request to its TLS session (requirements 99 and 111).

        :param has_code: an enrolment code goes into challengePassword, so a server that asks for that gets it.
        """
        unanswered = self.linking_attribute != CHALLENGE_PASSWORD or not has_code
        if option == "never" and self.asked.wants_linking and unanswered:
            self.warnings.append("the server asks for a proof of possession, and is never to get one: it may refuse")
        return option == "always" or (option == "auto" and self.asked.wants_linking)

    def one_time_password(self, code: Optional[str]) -> Tuple[Attribute, ...]:
        """The enrolment code as otpChallenge, where the server asks for that (requirement 109)."""
        found = []
        for oid in self.asked.challenges:
            if oid == OTP_CHALLENGE and code is not None:
                found.append(challenge(oid, code))
            elif oid in (OTP_CHALLENGE, REVOCATION_CHALLENGE):
                self.warnings.append(f"the server asks for {oid_name(oid)}, for which the request has no value")
        return tuple(found)


def _fits(spec: KeySpec, key: RequiredKey) -> bool:
    if KEY_ALGORITHMS.get(key.algorithm) != spec.type:
        return False
    if key.curve is not None and CURVE_NAMES.get(key.curve) != spec.curve:
        return False
    return key.bits is None or key.bits == spec.size


def _key_spec(key: RequiredKey) -> Optional[KeySpec]:
    """The key to make for a wish; ``None`` for one that this client cannot make."""
    key_type = KEY_ALGORITHMS.get(key.algorithm)
    if key_type is None or (key.curve is not None and key.curve not in CURVE_NAMES):
        return None
    try:
        return KeySpec(key_type, key.bits, CURVE_NAMES.get(key.curve or ""))
    except InputError:
        return None


def _spec_words(spec: KeySpec) -> str:
    words = {"rsa": f"RSA {spec.size}", "ec": f"EC {spec.curve}", "ed25519": "Ed25519"}
    return words.get(spec.type) or spec.type.upper()


def _signature(oid: str) -> Tuple[str, Optional[str]]:
    """The type of key (empty for any) and the hash that a signature algorithm or a hash stands for."""
    return SIGNATURE_ALGORITHMS[oid] if oid in SIGNATURE_ALGORITHMS else ("", HASHES[oid])
