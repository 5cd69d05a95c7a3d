# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a template, written once: as options of a module, and as suboptions of others.

Private to the collection.
"""

from __future__ import annotations

import re
import textwrap


def as_suboptions(documentation: str, parent: str, without: tuple[str, ...] = ()) -> str:
    """Return documented options as suboptions of another, with their references to one another put right.

    :param without: options that are left out.
    """
    options = documentation.partition("options:\n")[2]
    for option in without:
        options = re.sub(rf"(?m)^  {option}:\n(?:   .*\n)+", "", options)
    options = re.sub(r"\bO\(", f"O({parent}.", options)
    return textwrap.indent(re.sub(r"\bRV\((?=[a-z_]+[.=)])", f"RV({parent}.", options), "    ")


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description:
      - The name of the template, 1 to 64 characters. Names that differ only in case are the same template.
    type: str
    required: true
  certificate_authority:
    description:
      - The EST certificate authority. V(cisco) is the only one that the product names. V(generic) stands for any
        other one that speaks EST.
      - It changes nothing of what is sent. Where a certificate lacks names that were asked for, V(cisco) adds to the
        warning what is known of Cisco's EST server, which keeps only the common name, and what to do about it.
    type: str
    choices:
      - cisco
      - generic
    default: cisco
  device_identity_certificates:
    description:
      - Whether device identity certificates are switched on.
      - With V(false) nothing may be issued from the template. M(estfleet.cloud_extender.est_test_enroll) and
        M(estfleet.cloud_extender.est_certificate) refuse it before anything is sent.
    type: bool
    default: true
  server:
    description:
      - The EST server, as a host name, an IP address, or a URL such as V(https://est.example.com:8443). An C(http)
        URL is refused.
      - A host name is kept in lower case, and in its A-label form (V(xn--...)). Underscores in it are taken.
      - The URL can carry the port, the label as in V(https://est.example.com/.well-known/est/label), and another base
        path as in V(https://est.example.com/v1/pki/est). They must not contradict O(port), O(label) and O(base_path).
      - Required for a template that should be present.
    type: str
  port:
    description:
      - The port of the EST server, V(1) to V(65535). Without it, the port of O(server) is used, and V(443) if that
        has none.
    type: int
  label:
    description:
      - The CA label, one segment of the path of the EST server (RFC 7030, section 3.2.2). What may stand in a segment
        of a URL, such as a colon, is sent as it is given.
    type: str
  base_path:
    description:
      - Where the EST server answers, if not at V(/.well-known/est). Operations, with O(label) before them, are added to
        this path.
      - HashiCorp Vault answers at V(/v1/pki/est), where C(pki) is the mount. Trustpoint has a domain and a profile
        after V(/.well-known/est), such as V(/.well-known/est/domain) with the profile as O(label), or both in the URL
        of O(server). A proxy can have a prefix before it.
      - It is written as in a URL, with other characters percent-encoded.
    type: str
  username:
    description:
      - The user name for HTTP Basic authentication. Needs O(password). It can be empty for a server that knows no
        user names.
      - Where neither O(username), O(password) nor a TLS client certificate is given, and the environment of the
        controller has both E(EST_USERNAME) and E(EST_PASSWORD), these are used.
      - Where these do not give an account either, the one that the template has on the host is left as it is. It counts
        for the same host and port of O(server) only, and is dropped, with a warning, where another server is declared.
        C(remove) removes it.
    type: str
  password:
    description:
      - The password for HTTP Basic authentication. Needs O(username).
      - It is sealed in the store. It is never returned, and never part of a diff.
      - Where it is not given, O(username) says what becomes of the one on the host.
    type: str
  challenge_password:
    description:
      - The enrolment code that some CAs want in the certificate request itself, as its challengePassword (PKCS 9), 1 to
        255 bytes. Where the EST server asks for otpChallenge (RFC 7894), it goes there.
      - It is sent where a certificate is enrolled, and not where the old certificate authenticates a renewal.
      - The same attribute carries the proof of possession. Where both would be sent, the test or enrolment fails before
        any request is sent. With V(never) of O(proof_of_possession) it is the code that is sent.
      - It is sealed and hidden as O(password) is. Where it is not given, the one on the host is left as it is, for the
        same host and port of O(server) only. C(remove) removes it.
    type: str
  update_password:
    description:
      - When to write O(password), O(challenge_password) and O(client_key_passphrase).
      - V(always) compares them with the store, and updates what differs.
      - V(on_create) never compares them. They are only written where the store has none, or has one that cannot be
        opened any more.
    type: str
    choices:
      - always
      - on_create
    default: always
  remove:
    description:
      - What the template is no longer to have on the host. Only this removes what an environment or a credential may
        have given in another run. Anything else that is not given means its default.
      - V(account) is O(username) and O(password).
    type: list
    elements: str
    choices:
      - account
      - challenge_password
      - ca_certificate
      - client_key_passphrase
    default: []
  ca_certificate:
    description:
      - The trust anchors for the EST server, PEM text with one or more certificates. Mutually exclusive with
        O(ca_path).
      - One that cannot be used among others that can is left out with a warning.
      - Where neither O(ca_certificate), O(ca_path), O(ca_fingerprint) nor O(use_system_trust) is given, and the
        environment of the controller has E(EST_CA_CERTIFICATE), PEM text, it is used.
      - Where it is not given at all, the one that the template has on the host is left as it is, unless O(ca_path) or
        O(use_system_trust) says otherwise. C(remove) removes it.
    type: str
  ca_path:
    description:
      - The absolute path of a file with trust anchors on the host, in PEM, C(.p7b) or DER. Mutually exclusive with
        O(ca_certificate).
    type: str
  ca_fingerprint:
    description:
      - The SHA-256 or SHA-512 fingerprint of a CA certificate in hexadecimal. Colons, case and a prefix such as
        C(sha256:) do not matter.
      - Alone it is for the first contact. The CA certificates of the server are fetched without verifying the server
        and without sending it anything secret, the one with this fingerprint is trusted, and everything else goes over
        a new connection that is verified with it.
      - Beside O(ca_certificate), O(ca_path) or O(use_system_trust) it is a further condition. One of the CA
        certificates of the server must have it.
    type: str
  use_system_trust:
    description:
      - Whether to trust the certificate authorities that the system of the host trusts. Mutually exclusive with
        O(ca_certificate) and O(ca_path).
    type: bool
    default: false
  client_certificate_path:
    description:
      - The absolute path of a TLS client certificate on the host. Needs O(client_key_path).
    type: str
  client_key_path:
    description:
      - The absolute path of the private key of O(client_certificate_path) on the host.
    type: str
  client_key_passphrase:
    description:
      - The passphrase of O(client_key_path). It is sealed and hidden as O(password) is.
      - Where it is not given, the one on the host is left as it is as long as O(client_key_path) is the same. C(remove)
        removes it.
    type: str
  proxy:
    description:
      - The URL of an HTTP proxy, V(http://host:port), without user name and password.
    type: str
  subject:
    description:
      - The subject of the certificates, a distinguished name. It begins with a slash and is in slash form, or it is in
        the form of RFC 4514, V(CN=%uname%,OU=Phones,DC=example,DC=com), which is kept in slash form.
      - It can hold variables such as C(%uname%). C(%%) is a percent sign.
      - The attribute names are those of IBM, V(S) is the surname and V(SN) the serial number. In the form of RFC 4514
        these two are V(surname) and V(serialNumber).
    type: str
    default: /CN=%uname%/emailAddress=%email%
  subject_alternative_name:
    description:
      - The subject alternative name. V(upn) is C(%uname%@%domain%). V(upn_and_email) adds C(%email%). V(other) takes
        the entries of O(subject_alternative_name_other).
      - The spelling of the Configuration Tool, such as V(UPN and Email), is taken as well, in any case.
    type: str
    choices:
      - none
      - upn
      - upn_and_email
      - other
    default: none
  subject_alternative_name_other:
    description:
      - The entries for O(subject_alternative_name=other), each C(TYPE:value). C(TYPE) is one of V(UPN), V(email),
        V(DNS), V(IP), V(URI), V(RID), V(dirName) and V(SID). V(SID) gives the URI of Microsoft's strong certificate
        mapping.
    type: list
    elements: str
    default: []
  custom_attributes:
    description:
      - The names of the custom user attributes that the template uses as variables. A variable that is neither one of
        the product nor in this list is refused.
    type: list
    elements: str
    default: []
  key_type:
    description:
      - The type of the key of the certificates. V(ec) is ECDSA, with a curve of O(key_curve). The types of ML-DSA are
        the parameter sets of FIPS 204.
      - In a test, the default key (RSA with 2048 bits) gives way to the type that the CSR attributes of the server ask
        for. Any other key stays, with a warning.
    type: str
    choices:
      - rsa
      - ec
      - ed25519
      - ml-dsa-44
      - ml-dsa-65
      - ml-dsa-87
    default: rsa
  key_size:
    description:
      - The size of the key in bits for O(key_type=rsa), V(2048), V(3072) or V(4096). V(2048) if not given. No other key
        has a size.
    type: int
  key_curve:
    description:
      - The curve of the key for O(key_type=ec), V(P-256), V(P-384) or V(P-521). V(P-256) if not given.
    type: str
  renewal_period_days:
    description:
      - How many days before its end a certificate is renewed, V(1) to V(365).
    type: int
    default: 14
  proof_of_possession:
    description:
      - Whether a certificate request is linked to the TLS session (RFC 7030, section 3.5).
      - V(auto) does it where the server's CSR attributes ask for it. It needs a server that speaks TLS 1.2, where the
        channel binding tls-unique is defined.
    type: str
    choices:
      - auto
      - always
      - never
    default: auto
"""

    # Annotated, because ansible-test takes every plain assignment here for a literal.
    SUBOPTIONS: str = """
options:
  templates:
    description:
      - The templates that the host should have. Two names must differ in more than case.
    type: list
    elements: dict
    required: true
    suboptions:
""" + as_suboptions(DOCUMENTATION, "templates[]")

    INLINE: str = """
options:
  inline:
    description:
      - A template that need not be on any host.
      - Exactly one of O(template) and O(inline) is needed.
    type: dict
    suboptions:
""" + as_suboptions(DOCUMENTATION, "inline", without=("update_password", "remove"))

    # Which template store, of every module that writes or reads one.
    STORE = r"""
options:
  store_path:
    description:
      - The folder of the template store on the host, an absolute path. It is made where it does not exist, with
        permissions V(0700). On a Windows host only SYSTEM and Administrators may have it, and the path can begin with a
        variable, as in V(%ProgramData%\\est).
      - If it is not given, it is V(/var/lib/cloud_extender/est), and on a Windows host
        V(C:\\ProgramData\\CloudExtenderEST).
      - The store is this collection's own and documented. It is not the private store of the IBM product, whose
        format is not public.
    type: str
notes:
  - The templates are compared on the controller. The host needs Python with its standard library, nothing else.
    Only to seal a new or changed password, the Python library C(cryptography) (3.4.8 or newer) is needed, on the
    controller.
  - A Windows host needs nothing but PowerShell, 5.1 or 7; see C(docs/windows.md).
  - The store belongs to the user that the task runs as on the host. Use C(become) where that has to be another one.
"""
