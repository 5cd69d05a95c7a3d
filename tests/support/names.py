# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names between our text form and the objects of cryptography, by way of requests and certificates."""

from __future__ import annotations

from typing import Sequence

from cryptography import x509
from support.est_pki import make_certificate, new_key

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import Subject
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.der import read
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    subject_alternative_names,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import Name

KEY = new_key()


def _request(subject: Subject, names: Sequence[GeneralName]) -> x509.CertificateSigningRequest:
    return x509.load_der_x509_csr(build_csr(KEY, subject, names).der, None)


def build_name(subject: Subject) -> x509.Name:
    """A subject as cryptography reads it in a request of ours."""
    return _request(subject, [GeneralName("DNS", "a.example")]).subject


def own_name(name: x509.Name) -> Name:
    """A name of cryptography as we read it."""
    return Name(read(name.public_bytes()))


def build_general_names(names: Sequence[GeneralName]) -> x509.SubjectAlternativeName:
    """Alternative names as cryptography reads them in a request of ours."""
    return _request((), names).extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def read_general_names(names: x509.SubjectAlternativeName) -> tuple[GeneralName, ...]:
    """Alternative names as we read them in a certificate that cryptography has written."""
    return subject_alternative_names(make_certificate("x", KEY.public_key(), "x", KEY, extensions=[(names, False)]))
