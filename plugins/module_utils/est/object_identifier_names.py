# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of object identifiers, for people who read what a server asks for."""

from __future__ import annotations

from typing import Dict

from ..names.attributes import ATTRIBUTE_NAMES
from .csr_parts import (
    CHALLENGE_PASSWORD,
    CHANGE_SUBJECT_NAME,
    EST_IDENTITY_LINKING,
    EXTENSION_REQUEST,
    OTP_CHALLENGE,
    REVOCATION_CHALLENGE,
)

#: Named curves (RFC 5480 section 2.1.1.1, RFC 5639): those of this client and those of other keys.
CURVES: Dict[str, str] = {
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
    "1.2.840.10045.3.1.1": "P-192",
    "1.3.132.0.33": "P-224",
    "1.3.132.0.10": "secp256k1",
    "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
    "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
    "1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
}

_OTHERS: Dict[str, str] = {
    # keys and signatures
    "1.2.840.113549.1.1.1": "rsaEncryption",
    "1.2.840.10045.2.1": "ecPublicKey",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
    # attributes of a request
    CHALLENGE_PASSWORD: "challengePassword",
    EXTENSION_REQUEST: "extensionRequest",
    OTP_CHALLENGE: "otpChallenge",
    REVOCATION_CHALLENGE: "revocationChallenge",
    EST_IDENTITY_LINKING: "estIdentityLinking",
    CHANGE_SUBJECT_NAME: "changeSubjectName",
    "1.2.840.113549.1.9.16.2.61": "certificationRequestInfoTemplate",
    "1.2.840.113549.1.9.16.2.62": "extensionReqTemplate",
    "1.2.840.113549.1.9.15": "smimeCapabilities",
    "1.2.840.113549.1.9.20": "friendlyName",
    "1.2.840.113549.1.9.16.2.37": "decryptKeyIdentifier",
    "1.2.840.113549.1.9.16.2.54": "asymmetricDecryptKeyIdentifier",
    "1.3.6.1.1.1.1.22": "macAddress",
    "0.9.2342.19200300.100.1.5": "favouriteDrink",
    # extensions
    "2.5.29.9": "subjectDirectoryAttributes",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.37": "extKeyUsage",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
    "1.3.6.1.5.5.7.1.24": "tlsfeature",
    "1.3.6.1.4.1.311.20.2": "certificateTemplateName",
    "1.3.6.1.4.1.311.21.7": "certificateTemplate",
    "1.3.6.1.4.1.311.25.2": "szOID_NTDS_CA_SECURITY_EXT",
    # purposes of a key
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.4.1.311.20.2.2": "smartcardLogon",
    # other names
    "1.3.6.1.4.1.311.20.2.3": "userPrincipalName",
    "1.3.6.1.5.5.7.8.4": "hardwareModuleName",
    "1.3.6.1.5.5.7.8.10": "AcpNodeName",
}

_NAMES: Dict[str, str] = {**ATTRIBUTE_NAMES, **CURVES, **_OTHERS}


def name_of(oid: str) -> str:
    """The name of an object identifier, or the dotted form itself where it has none here."""
    return _NAMES.get(oid, oid)


def named(oid: str) -> str:
    """Name and dotted form, ``keyUsage (2.5.29.15)``, or the dotted form alone."""
    name = _NAMES.get(oid)
    return f"{name} ({oid})" if name else oid
