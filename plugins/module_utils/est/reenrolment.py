# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting a new certificate in place of an older one: /simplereenroll (RFC 7030 section 4.2.2).

Typical use::

    held = HeldCertificate.load(ClientCertificate("host.pem", "host.key"))
    who = choose_authentication(held, credentials, datetime.now(timezone.utc))
    transport = HttpsTransport(
        url, trust, credentials=who.credentials, unasked=who.unasked, client_certificate=who.client_certificate
    )
    with EstClient(url, transport) as client:
        issued = Enrolment(client, RenewalRequest.of(held, path=who.operation)).run()
    if isinstance(issued, IssuedCertificate):
        replace_pair(held.tls, (issued.verified.certificate, *issued.verified.chain), issued.key)

To keep the key, give it to ``Enrolment`` as ``key=held.key``. Until the last line, the old pair is what is on disk.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Optional, Sequence

from .._names.attributes import Subject
from .._names.general_names import GeneralName
from .._value import Value, field
from .base.errors import EstError, InputError, ServerError, TransportError
from .enrol import EnrolmentRequest, Operation, server_key_operation
from .http.failures import REFUSING_ALERTS
from .http.transport import Credentials
from .request.csr import (
    Attribute,
    CertificateRequest,
    Linking,
    build_csr,
    change_subject_name,
)
from .request.plan import RequestPlan
from .x509.certificate import iso_utc, not_after, public_key_words, subject_alternative_names, subject_text
from .x509.client_certificate import ClientCertificate
from .x509.fields import SUBJECT_ALTERNATIVE_NAME, Certificate, Extension
from .x509.held_certificate import OldCertificate
from .x509.keys import KeySpec, spec_in_words
from .x509.names import read_name

if TYPE_CHECKING:
    from .client import EstClient
    from .request.attributes import CsrAttributes
    from .x509.keys import AnyPrivateKey

# ----------------------------------------------------------------------------------------------------------------------

#: The ways to renew a certificate: for the same key, or for a new one.
RENEW, REKEY = "renew", "rekey"
#: What to do where the old certificate cannot authenticate its renewal: fail, or get one as if there were none.
FAIL, ENROLL = "fail", "enroll"

#: HTTP status codes by which a server refuses a client certificate or the renewal of it. Others are about the address
#: or a moment.
_REFUSING = (400, 401, 403, 415, 422, 495, 496)


class Authentication(Value):
    """By which operation a certificate is asked for, and what authenticates the client.

    :param operation: ``simpleenroll`` or ``simplereenroll``.
    :param client_certificate: for TLS client authentication.
    :param credentials: for HTTP authentication.
    :param reason: which of them is used and why, for the result of a run.
    :param unasked: whether the credentials go out unasked, or only answer a server that has got the certificate and
        wants a password as well.
    """

    operation: str
    client_certificate: Optional[ClientCertificate]
    credentials: Optional[Credentials]
    reason: str
    unasked: bool = True


def choose_authentication(
    held: Optional[OldCertificate],
    credentials: Optional[Credentials],
    now: datetime,
    *,
    on_failed_renewal: str = FAIL,
) -> Authentication:
    """Use the certificate where there is one, and the account to get the first (RFC 7030 sections 3.3.2 and 6).

    Beside the certificate the account only answers a server that asks for both.

    :param held: the certificate on disk, or ``None``.
    :param credentials: user name and password, or ``None``.
    :param now: an aware time.
    :param on_failed_renewal: ``ENROLL``: enrol anew where the certificate has expired or may not be used for TLS, with
        the credentials or whatever else authenticates the client. ``FAIL``: that is an error, so that nobody uses a
        password without knowing it.
    :raises InputError: the certificate cannot be used, and that is to be a failure.
    """
    if held is None:
        reason = "there is no certificate yet"
        reason += ": the password is used" if credentials else ", and no password is given"
        return Authentication("simpleenroll", None, credentials, reason)
    subject = subject_text(held.certificate)
    problem = held.problem(now)
    if problem is None:
        until = f"the certificate {subject}, valid until {iso_utc(not_after(held.certificate))}, is used"
        more = ", and the password only where the server asks for it as well" if credentials else ""
        return Authentication("simplereenroll", held.tls, credentials, f"{until}{more}", unasked=False)
    if on_failed_renewal == ENROLL:
        used = "the password is used, and not" if credentials else "a certificate is enrolled without"
        return Authentication("simpleenroll", None, credentials, f"{used} the certificate {subject}: {problem}")
    raise InputError(
        f"the certificate {subject} cannot authenticate its own renewal: {problem}",
        code="invalid_certificate",
        hint="Enrol anew, as for the first certificate.",
    )


def refuses_old_certificate(error: EstError) -> bool:
    """Whether an error of a renewal says that the old certificate is refused, so that enrolling anew can help.

    It can be the server that refuses it, in TLS or by HTTP, or OpenSSL, on this side. A certificate that was revoked,
    a server that fails or has too much to do, and an answer that was lost are something else.
    """
    if isinstance(error, ServerError):
        return error.http_status in _REFUSING
    if isinstance(error, TransportError):
        if error.alert == "certificate_revoked":  # that is not to be undone by whoever has the password
            return False
        return error.alert in REFUSING_ALERTS or error.code == "client_certificate_refused"
    return error.code == "invalid_client_certificate"


#: What is told of a client certificate that is the certificate to be renewed, and no option.
_OLD_REFUSED = (
    "Check that the EST server accepts the CA of the old certificate, and keys of its kind, for TLS clients, and that "
    "it has the intermediates."
)


def enrols_anew(error: EstError, on_failed_renewal: str, *, how: str, after_revocation: str) -> bool:
    """Whether to enrol anew after an error of a renewal. Where not, the error says what can be done.

    :param on_failed_renewal: ``FAIL`` or ``ENROLL``.
    :param how: a sentence that says how to have a certificate enrolled anew, in the words of the front end.
    :param after_revocation: one that says how to get another certificate after a revocation.
    """
    if isinstance(error, TransportError) and error.alert == "certificate_revoked":
        error.note(f"A certificate that was revoked is not replaced by enrolling anew, in any case. {after_revocation}")
        return False
    if not refuses_old_certificate(error):
        return False
    if on_failed_renewal == ENROLL:
        return True
    if error.code == "client_certificate_refused":
        error.code, error.hint = "old_certificate_refused", _OLD_REFUSED
    error.note(f"The server does not take the old certificate. {how}")
    return False


def similar_key(certificate: Certificate) -> KeySpec:
    """The kind of key that a certificate is for, to make another one of that kind.

    :raises InputError: a kind or size that is not made any more.
    """
    words = public_key_words(certificate)
    try:
        return spec_in_words(words)
    except InputError as error:
        raise InputError(
            f"no new key of the kind of the old one, {words}, can be made: {error.reason}",
            hint="Choose the kind of the new key.",
        ) from None


def kind_of_key(certificate: Certificate) -> Optional[KeySpec]:
    """The kind of key that a certificate is for; ``None`` for one that is not made any more."""
    try:
        return similar_key(certificate)
    except InputError:
        return None


def build_reenrolment_request(
    held: OldCertificate,
    key: AnyPrivateKey,
    *,
    new_subject: Subject = (),
    new_general_names: Sequence[GeneralName] = (),
    extensions: Sequence[Extension] = (),
    attributes: Sequence[Attribute] = (),
    hash_name: Optional[str] = None,
    challenge_password: Optional[str] = None,
    linking: Optional[Linking] = None,
) -> CertificateRequest:
    """A request whose subject and subject alternative name are those of an older certificate (RFC 7030 section 4.2.2).

    They are the very bytes: string types, the order of the alternative names and the make-up of RDNs are kept, and an
    alternative name is asked for only where the certificate has one.

    :param key: the old one, or a new one.
    :param new_subject: names that the new certificate is to have instead; the server gets them as ChangeSubjectName
        (RFC 6402 section 2.8), besides the old ones.
    :param new_general_names: likewise for the subject alternative name.
    :param extensions: further ones. A subject alternative name among them is left out.
    :param attributes: further ones.
    :param hash_name: see ``build_csr()``.
    :param challenge_password: an enrolment code.
    :param linking: proof of possession.
    :raises InputError: see ``build_csr()``.
    :raises ParseError: the certificate is not what X.509 says, although it could be read.
    """
    wanted = [extension for extension in extensions if extension.oid != SUBJECT_ALTERNATIVE_NAME]
    alternative_name = held.certificate.extension(SUBJECT_ALTERNATIVE_NAME)
    if alternative_name is not None:
        wanted.insert(0, alternative_name)
    more = list(attributes)
    if new_subject or new_general_names:
        more.append(change_subject_name(new_subject, new_general_names))
    request = build_csr(
        key,
        read_name(held.certificate.subject),
        extensions=wanted,
        attributes=more,
        hash_name=hash_name,
        challenge_password=challenge_password,
        linking=linking,
        encoded_subject=held.certificate.subject.encoded,
    )
    names = subject_alternative_names(held.certificate)
    return CertificateRequest(request.der, request.public_key_der, request.subject, names)


class RenewalRequest(EnrolmentRequest):
    """What is asked for in place of an older certificate (RFC 7030 section 4.2.2): see ``of``.

    Its ``key_spec`` is ``None`` for a key of the same kind as the old one.

    :param old: the certificate, whose names are asked for byte for byte.
    :param path: ``simplereenroll``; ``simpleenroll`` where the old certificate authenticates nobody any more;
        ``serverkeygen`` for a key that the server makes.
    :param new_subject: the subject that it is to have instead, where it is to have another.
    :param new_general_names: likewise for the subject alternative name.
    """

    old: OldCertificate = field(default=None, repr=False)
    path: str = "simplereenroll"
    new_subject: Subject = ()
    new_general_names: Sequence[GeneralName] = ()

    @classmethod
    def of(
        cls,
        old: OldCertificate,
        key_spec: Optional[KeySpec] = None,
        proof_of_possession: str = "auto",
        path: str = "simplereenroll",
        challenge_password: Optional[str] = None,
    ) -> RenewalRequest:
        """What is asked for in place of a certificate.

        :param challenge_password: an enrolment code. Where the old certificate authenticates the client it stays here,
            as an account does.
        """
        code = challenge_password if path == "simpleenroll" else None
        names = read_name(old.certificate.subject), subject_alternative_names(old.certificate)
        return cls(*names, key_spec, proof_of_possession, code, old, path)

    def plan(self, attributes: Optional[CsrAttributes], key: Optional[AnyPrivateKey] = None) -> RequestPlan:
        """See ``EnrolmentRequest.plan``."""
        spec = self.key_spec
        if spec is None and key is None:
            spec = similar_key(self.old.certificate)
        wanted = EnrolmentRequest(
            self.subject, self.general_names, spec, self.proof_of_possession, self.challenge_password
        )
        return wanted.plan(attributes, key)

    def build(self, plan: RequestPlan, key: AnyPrivateKey, linking: Optional[str] = None) -> CertificateRequest:
        """See ``EnrolmentRequest.build``."""
        return build_reenrolment_request(
            self.old,
            key,
            new_subject=self.new_subject,
            new_general_names=self.new_general_names,
            extensions=plan.extensions,
            attributes=plan.attributes,
            hash_name=plan.hash_name,
            challenge_password=plan.challenge_password,
            linking=Linking(linking, plan.linking_attribute) if linking is not None else None,
        )

    def operation(self, client: EstClient, key: AnyPrivateKey) -> Operation:
        """See ``EnrolmentRequest.operation``."""
        if self.path == "serverkeygen":
            return server_key_operation(client, key)
        return client.simplereenroll if self.path == "simplereenroll" else client.simpleenroll
