# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEM (RFC 7468), written in one spelling and read in all: the one reader of it for options, files and stores.

People paste PEM: indented in YAML, folded into one line, with ``\\n`` in place of line breaks, with comments and the
output of ``openssl`` around it. All of that is read.
"""

from __future__ import annotations

import base64
import binascii
import re

from .._value import Value, field

#: The labels of a certificate: that of RFC 7468, and those of old and of current versions of OpenSSL.
CERTIFICATE = "CERTIFICATE"
TRUSTED_CERTIFICATE = "TRUSTED CERTIFICATE"
CERTIFICATES = (CERTIFICATE, "X509 CERTIFICATE", TRUSTED_CERTIFICATE)
#: The labels of a message that holds certificates (``.p7b``).
MESSAGES = ("PKCS7", "CMS")

#: The problem of a block that is cut off.
UNENDED = "does not end"
#: What ``describe_other()`` says where nothing is known of a text.
NO_CERTIFICATE = "has no PEM certificate in it"

_DASHES = "-----"
# The dashes after it can be those before the next one.
_MARK = re.compile(rf"{_DASHES}(BEGIN|END) ([A-Z0-9 ]{{1,64}})(?={_DASHES})")
_BLANKS = re.compile(r"\s+|\\[nrt]")
_MARKS = "\ufeff\x00"


class PemBlock(Value):
    """A block of a PEM text.

    :param label: such as ``CERTIFICATE``, as it stands there.
    :param content: what the base64 encodes; empty where ``problem`` says why it is not base64.
    :param problem: a predicate, such as ``is not base64`` or ``does not end``.
    """

    label: str
    content: bytes = field(repr=False)
    problem: str = ""

    @property
    def is_certificate(self) -> bool:
        """Whether it says that it is a certificate."""
        return self.label in CERTIFICATES


def pem_text(content: bytes, label: str = CERTIFICATE) -> str:
    """One block of PEM: 64 columns, and a line feed at the end."""
    text = base64.b64encode(content).decode("ascii")
    lines = "".join(f"{text[start : start + 64]}\n" for start in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"


def read_blocks(text: str) -> tuple[PemBlock, ...]:
    """Read all blocks of a text, whatever stands around them. What is wrong with one is told in it."""
    found = []
    marks = list(_MARK.finditer(text))  # one search for all: a text may have thousands that begin and none that ends
    for begin, end in zip(marks, [*marks[1:], None]):
        if begin[1] != "BEGIN":
            continue
        body = begin.end() + len(_DASHES)
        if end is None or end[1] != "END" or end[2] != begin[2] or end.start() < body:
            found.append(PemBlock(begin[2], b"", UNENDED))
        else:
            found.append(PemBlock(begin[2], *_decoded(text[body : end.start()])))
    return tuple(found)


def is_plain(text: str) -> bool:
    """Say whether every block of certificates is written as ``pem_text()`` writes it, so that any program reads it."""
    blocks = [block for block in read_blocks(text) if block.label in (*CERTIFICATES, *MESSAGES)]
    lines = f"\n{text}"
    return bool(blocks) and all(
        block.label == CERTIFICATE and f"\n{pem_text(block.content)}" in lines for block in blocks
    )


def decode_text(content: bytes) -> str:
    """The text of a file: UTF-16 where it says so, as PowerShell writes it; else each byte is a character."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("latin-1")


def describe_other(text: str) -> str:
    """What a text without certificates is instead, as a predicate."""
    stripped = text.strip(f"{_MARKS} \t\r\n")
    if "PRIVATE KEY-----" in text:
        return "holds a private key and no PEM certificate"
    if "CERTIFICATE REQUEST-----" in text:
        return "holds a certificate request and no PEM certificate"
    if not stripped:
        return "is empty: it has no PEM certificate in it"
    if stripped.startswith("MII"):
        return "is base64 without the PEM lines around it"
    return NO_CERTIFICATE


def _decoded(body: str) -> tuple[bytes, str]:
    try:
        return base64.b64decode(_BLANKS.sub("", body), validate=True), ""
    except (ValueError, binascii.Error):
        return b"", "is not base64"
