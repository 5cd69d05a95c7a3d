# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of a host for many identities, from this process, and what it leaves in the folder."""

from __future__ import annotations

import json
import os

import cryptography
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from support.production import given, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import wave
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    load_private_key,
    same_public_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.pkcs12 import read_pkcs12

NAMES = ("a", "b", "c")
TWO = NAMES[:2]
#: What a folder has of pairs.
WHOLE = sorted([".est-identities", *(f"{name}.{kind}" for name in NAMES for kind in ("pem", "key"))])
#: What any cryptography can make, where this one knows no other.
ENCRYPTION = "modern" if int(cryptography.__version__.split(".")[0]) >= 38 else "legacy"


def keep(
    server,
    folder,
    names=NAMES,
    *,
    check=False,
    left=20,
    template=(),
    passphrase=None,
    pkcs12_only=False,
    is_last=True,
    **options,
):
    """See to certificates as the module does, with options of ``est_certificate``."""
    found = template_for(server, **dict(template))
    paths = {"certificate_path": "/x/each.pem", "private_key_path": "/x/each.key"}
    whole = given(inline={**found.as_fields(), **found.secrets()}, **paths, **options)
    people = [
        {"name": name, "user": name, "domain": "example.com", "email": f"{name}@example.com", "variables": {}}
        for name in names
    ]
    for each in people if passphrase is not None else ():
        each["passphrase"] = passphrase
    order = json.loads(
        json.dumps(wave.order(whole, str(folder), people, left, ENCRYPTION, pkcs12_only=pkcs12_only, is_last=is_last))
    )
    return wave.keep(order, check_mode=check)


def statuses(result):
    """What became of each identity."""
    return [each["status"] for each in result["identities"]]


def pairs(folder, names=NAMES):
    """The certificates, each of which has to have its key beside it."""
    found = {}
    for name in names:
        certificate = load_pem_certificates((folder / f"{name}.pem").read_text())[0]
        assert same_public_key(load_private_key((folder / f"{name}.key").read_bytes()), certificate)
        found[name] = certificate
    return found


def names_in(folder):
    """The names of all that is in a folder."""
    return sorted(os.listdir(folder))


def held(folder, names, kinds):
    """The key and the certificate of each, which have to be the same in all files."""
    found = {}
    for name in names:
        ways = []
        if "pem" in kinds:
            certificate = load_pem_certificates((folder / f"{name}.pem").read_text())[0]
            ways.append((load_private_key((folder / f"{name}.key").read_bytes()), certificate))
        if "p12" in kinds:
            key, certificates = read_pkcs12((folder / f"{name}.p12").read_bytes(), "p12 pass", name)
            ways.append((key, certificates[0]))
        assert all(same_public_key(*way) for way in ways)
        assert len({certificate.der for _key, certificate in ways}) == 1
        found[name] = ways[0]
    return found


def pkcs12(folder, name, passphrase="p12 pass"):
    """What is in a PKCS#12 file: its key has to be that of the pair."""
    content = (folder / f"{name}.p12").read_bytes()
    key, certificate, _above = load_key_and_certificates(content, passphrase.encode())
    assert same_public_key(key, pairs(folder, (name,))[name])
    return certificate.public_bytes(Encoding.DER)
