# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The openssl command line, as a second opinion on what the client sends and gets."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

MISSING = "" if shutil.which("openssl") else "no openssl command on this machine"


def openssl(*arguments: object, given: bytes = b"") -> str:
    """Run openssl and return what it says, standard error last. Raises AssertionError when it fails."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, timeout=60, check=False)
    words = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, f"openssl {arguments[0]}: {words}"
    return words


def request_text(der: bytes) -> str:
    """A certificate request in words, once its signature is verified."""
    words = openssl("req", "-inform", "DER", "-verify", "-noout", "-text", given=der)
    assert re.search(r"verif(y|ication) OK", words, re.IGNORECASE) or "self-signature verify OK" in words, words
    return words


def certificate_text(pem: str) -> str:
    """A certificate in words."""
    return openssl("x509", "-noout", "-text", given=pem.encode("ascii"))


def public_key(*arguments: object, given: bytes) -> str:
    """The public key as openssl reads it, e.g. of `x509` or of `req -inform DER`."""
    return openssl(*arguments, "-noout", "-pubkey", given=given)


def verify(folder: Path, leaf_pem: str, chain_pem: str, root_path: str) -> str:
    """Verify a certificate through its chain to the root, for use as a TLS client."""
    (folder / "leaf.pem").write_text(leaf_pem, encoding="ascii")
    (folder / "chain.pem").write_text(chain_pem, encoding="ascii")
    return openssl(
        *("verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-CAfile", root_path),
        *("-untrusted", folder / "chain.pem", folder / "leaf.pem"),
    )
