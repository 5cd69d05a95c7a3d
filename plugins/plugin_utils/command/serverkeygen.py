# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that gets a certificate together with its key, which the server makes."""

from __future__ import annotations

import argparse
import os
from typing import Any, Dict, Optional

from ...module_utils.est.base.errors import EstError, InputError, ParseError, ServerError
from ...module_utils.est.enrol import ServerKeyRequest
from ...module_utils.est.request.key_protection import KeyProtection
from ...module_utils.est.x509.client_certificate import ClientCertificate, private_key_block
from ...module_utils.est.x509.held_certificate import HeldCertificate
from ...module_utils.est.x509.keys import load_private_key
from .connection import Connection, read_secret, read_text
from .enrol import add_enrol_options, asked_key, asked_names, enrolment_code, get_certificate, new_files
from .expectation import read_acceptance

RECIPIENT_PASSPHRASE_VARIABLE = "EST_RECIPIENT_PASSPHRASE"  # noqa: S105 - a name


def add_serverkeygen_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serverkeygen``."""
    add_enrol_options(parser)
    key = parser.add_argument_group("how the key travels", "Without a recipient, TLS alone protects it.")
    key.add_argument(
        "--recipient-certificate-path",
        metavar="FILE",
        help="PEM file: a certificate that the server knows, such as that of --client-certificate-path. The key must "
        "be encrypted to it (EnvelopedData), or it is refused",
    )
    key.add_argument(
        "--recipient-key-path",
        metavar="FILE",
        help="PEM file: the RSA or EC key of that certificate, where it is not in the same file; alone, a key whose "
        "public half the server knows",
    )
    key.add_argument(
        "--recipient-key-passphrase-file",
        metavar="FILE",
        help=f"for an encrypted key; else the environment variable {RECIPIENT_PASSPHRASE_VARIABLE}",
    )
    key.add_argument(
        "--recipient-secret-file",
        metavar="FILE",
        help="in place of a certificate or key: its first line is an AES key that the server has too, 16, 24 or 32 "
        "octets in hexadecimal",
    )
    key.add_argument("--recipient-identifier", metavar="NAME", help="the name by which the server knows that AES key")
    key.add_argument(
        "--allow-system-trust",
        action="store_true",
        help="take a key with --use-system-trust too (see RFC 7030 section 6)",
    )


def serverkeygen(options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    """/serverkeygen (RFC 7030 section 4.4).

    The request is signed with a key that is thrown away. While the certificate is pending it is kept as
    ``.<key>.est-pending``, since servers know the request by it (section 4.2.3).
    """
    subject, names = asked_names(options)
    key_spec = asked_key(options)
    acceptance = read_acceptance(options)
    files = new_files(options, "serverkeygen")
    protection = _protection(options)
    if options.use_system_trust and not options.allow_system_trust:
        raise InputError(
            "a private key is not taken from a server that only --use-system-trust vouches for (RFC 7030 section 6)",
            hint="Give the CA certificate of the EST server as --ca-path, make the key on this host with enroll, or "
            "give --allow-system-trust.",
        )
    wanted = ServerKeyRequest(
        subject,
        names,
        key_spec,
        options.proof_of_possession,
        enrolment_code(options, connection),
        protection,
        options.allow_system_trust,
    )
    return get_certificate(options, connection, wanted, acceptance, files, is_final=_is_final)


def _is_final(error: EstError) -> bool:
    """Whether nothing will come for the kept key any more: the server has answered, and its key is not used."""
    return error.stage in ("verify", "save") or isinstance(error, (ParseError, ServerError))


def _protection(options: argparse.Namespace) -> Optional[KeyProtection]:
    """The recipient of the options, where there is one."""
    certificate, key = options.recipient_certificate_path, options.recipient_key_path
    if options.recipient_secret_file or options.recipient_identifier:
        return _shared_secret(options)
    if not (certificate or key):
        return None
    passphrase = os.environ.get(RECIPIENT_PASSPHRASE_VARIABLE)
    if options.recipient_key_passphrase_file:
        passphrase = read_secret("--recipient-key-passphrase-file", options.recipient_key_passphrase_file)
    if certificate:
        held = HeldCertificate.load(ClientCertificate(certificate, key, passphrase))
        return KeyProtection.by_certificate(held.certificate, held.key)
    text = private_key_block(read_text("--recipient-key-path", key))
    return KeyProtection.by_key(load_private_key(text.encode("ascii", "replace"), passphrase))


def _shared_secret(options: argparse.Namespace) -> KeyProtection:
    """The AES key of the options (RFC 7030 section 4.4.1.1)."""
    if not (options.recipient_secret_file and options.recipient_identifier):
        raise InputError("--recipient-secret-file and --recipient-identifier need each other", hint="Give both.")
    if options.recipient_certificate_path or options.recipient_key_path:
        raise InputError(
            "the key can be encrypted to one recipient only, and --recipient-secret-file is given beside another",
            hint="Give the certificate, the key or the AES key.",
        )
    try:
        secret = bytes.fromhex(read_secret("--recipient-secret-file", options.recipient_secret_file))
    except ValueError:
        raise InputError(
            f"the first line of --recipient-secret-file {options.recipient_secret_file!r} is not hexadecimal"
        ) from None
    return KeyProtection.by_shared_secret(options.recipient_identifier.encode("utf-8"), secret)
