# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Production certificates from the lab server, from this process: shared by the tests of the package certificate."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from support.enrolment import template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import look
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
    argument_spec,
    read_options,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.posix_holder import FileHolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.run import run_certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.seen import unchanged
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.sessions import Sessions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

IDENTITY = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
OTHER = {**IDENTITY, "user": "msmith"}


def subject(common_name: str = "jdoe") -> x509.Name:
    """The subject that a template asks for."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "jdoe@example.com"),
        ]
    )


def put(folder: Path, issued: Any) -> None:
    """Have a pair there that something else has made."""
    (folder / "host.pem").write_text(issued.chain_pem)
    (folder / "host.key").write_text(issued.key_pem)


def files(folder: Path) -> dict[str, bytes]:
    """What is in a folder, but not the note."""
    return {name: (folder / name).read_bytes() for name in os.listdir(folder) if not name.endswith(".est-note")}


def posts(server: LabServer) -> int:
    """How many requests there were that can issue something."""
    return sum(entry["method"] == "POST" for entry in server.requests)


def given(**options: Any) -> dict[str, Any]:
    """All options of ``est_certificate``, with defaults where none is given."""
    return {**{name: entry.get("default") for name, entry in argument_spec().items()}, **options}


def asked_for(folder: object, template: Template, *, check: bool = False, **options: Any) -> CertificateParameters:
    """What is asked, with certificate and key in a folder unless ``options`` says otherwise."""
    paths = {
        "certificate_path": os.path.join(str(folder), "host.pem"),
        "private_key_path": os.path.join(str(folder), "host.key"),
    }
    inline = {**template.as_fields(), **template.secrets()}
    return read_options(given(inline=inline, **{"identity": IDENTITY, **paths, **options}), check_mode=check)


def holder_of(asked: CertificateParameters) -> FileHolder:
    """The files of what is asked."""
    return FileHolder.of(asked)


def keep(folder: object, template: Template, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run ``est_certificate`` with files in ``folder``.

    The quick look has to come to what the module comes to, or to leave it to the module.
    """
    asked = asked_for(folder, template, check=check, **options)
    quick = quick_look(template, asked)
    with Sessions(HostConnector, "host") as sessions:
        outcome = run_certificate(template, asked, sessions, holder_of(asked))
    assert quick in (None, outcome)
    return outcome


def quick_look(template: Template, asked: CertificateParameters) -> dict[str, Any] | None:
    """What the quick look comes to: nothing, where the module has to be run."""
    answer = look.quick_look(None, None, [asked.place()])
    assert answer is not None
    assert "PRIVATE" not in str(answer)
    (found,) = answer["certificates"]
    return None if found is None else unchanged(template, asked, found)


def make_due(pending: Path) -> None:
    """Let the moment at which a pending enrolment may be asked for again have come, without waiting for it."""
    kept = json.loads(pending.read_text(encoding="utf-8"))
    state = {**json.loads(kept["state.json"]), "retry_at": "2020-01-01T00:00:00Z"}
    pending.write_text(json.dumps({**kept, "state.json": json.dumps(state)}), encoding="utf-8")


__all__ = [
    "IDENTITY",
    "OTHER",
    "FileHolder",
    "asked_for",
    "files",
    "given",
    "holder_of",
    "keep",
    "make_due",
    "posts",
    "put",
    "quick_look",
    "subject",
    "template_for",
]
