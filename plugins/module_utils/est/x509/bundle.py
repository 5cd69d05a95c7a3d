# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates out of a text or a file, whatever shape it has: PEM as ``_names/pem.py`` reads it, ``.p7b``, DER.

One certificate that cannot be read does not spoil those beside it: it is left out, and named.
"""

from __future__ import annotations

from typing import Dict, Iterator, Tuple, Union

from ..._names.pem import MESSAGES, TRUSTED_CERTIFICATE, decode_text, describe_other, read_blocks
from ..._value import Value
from ..asn1.cms import parse_certs_only
from ..asn1.der import SEQUENCE, read
from ..base.errors import InputError, ParseError
from .fields import Certificate

_ANY_USAGE, _SERVER_AUTH = "2.5.29.37.0", "1.3.6.1.5.5.7.3.1"
_MOST_NAMED = 3


class Bundle(Value):
    """The certificates of a text or a file.

    :param certificates: in order and without repetitions; at least one.
    :param skipped: what was left out, and why: a sentence for each, written like ``EstError.reason``.
    :param lacks_first: whether the first one is among them.
    """

    certificates: Tuple[Certificate, ...]
    skipped: Tuple[str, ...] = ()
    lacks_first: bool = False


def read_bundle(
    content: Union[str, bytes], source: str = "the text of certificates", *, anchors: bool = False
) -> Bundle:
    """Read all certificates of a text or a file.

    :param content: what the file holds; text where it comes from an option.
    :param source: where it comes from, as an error says it.
    :param anchors: whether they are to be trust anchors: what OpenSSL says of that beside a certificate counts then.
    :raises InputError: there is none in it that can be read; the reason says what is there instead.
    """
    certificates: Dict[Certificate, None] = {}
    skipped: Dict[int, str] = {}
    for number, (der, problem) in enumerate(_encoded(content, source, anchors), start=1):
        try:
            if problem:
                raise ParseError(problem)
            certificates.setdefault(Certificate(der))
        except ParseError as error:
            skipped[number] = f"certificate {number} of {source} cannot be used: {error.reason}"
    if not certificates:
        raise _unusable("; ".join(list(skipped.values())[:_MOST_NAMED]), anchors)
    return Bundle(tuple(certificates), tuple(f"{reason}; it was left out" for reason in skipped.values()), 1 in skipped)


def load_pem_certificates(text: Union[str, bytes]) -> Tuple[Certificate, ...]:
    """Read all certificates of a text, in order and without repetitions, and leave out those that cannot be read.

    :raises InputError: there is none that can be read.
    """
    return read_bundle(text, anchors=True).certificates


def _encoded(content: Union[str, bytes], source: str, anchors: bool) -> Iterator[Tuple[bytes, str]]:
    """Each certificate in DER, or nothing and why it cannot be had.

    :raises InputError: there is none.
    """
    if isinstance(content, bytes) and content[:1] == b"\x30" and b"-----BEGIN " not in content:
        try:
            yield from ((der, "") for der in parse_certs_only(content).certificates)
        except ParseError:
            raise _unusable(f"{source} {_binary_words(content)}", anchors) from None
        return
    text = content if isinstance(content, str) else decode_text(content)
    found = [block for block in read_blocks(text) if block.is_certificate or block.label in MESSAGES]
    if not found:
        raise _unusable(f"{source} {describe_other(text)}", anchors)
    for block in found:
        try:
            if block.problem:
                raise ParseError(f"the PEM block {block.problem}")
            if block.label in MESSAGES:
                yield from ((der, "") for der in parse_certs_only(block.content).certificates)
            elif block.label == TRUSTED_CERTIFICATE:
                yield _trusted(block.content, anchors), ""
            else:
                yield block.content, ""
        except ParseError as error:
            yield b"", error.reason


def _trusted(content: bytes, anchors: bool) -> bytes:
    """The certificate of ``openssl x509 -trustout``, without what OpenSSL adds: for which uses it is trusted.

    :raises ParseError: not for TLS servers.
    """
    certificate = read(content)
    fields = list(read(content, certificate.end).expect(SEQUENCE, "what OpenSSL adds to a certificate").children())
    trusted = {use.oid() for one in fields if one.is_universal(SEQUENCE) for use in one.children()}
    rejected = {use.oid() for one in fields if one.is_context(0) for use in one.children()}
    ours = {_ANY_USAGE, _SERVER_AUTH}
    if anchors and (rejected & ours or (trusted and not trusted & ours)):
        raise ParseError("it is marked as not to be trusted for TLS servers (openssl x509 -trustout)")
    return certificate.encoded


def _binary_words(content: bytes) -> str:
    try:
        first = next(read(content).children(), None)
        if first is not None and first.is_universal(2) and first.integer() == 3:
            return "is a PKCS#12 file"
    except ParseError:
        pass  # it is something else
    return "is neither PEM nor a certificate nor a message with certificates (.p7b), or is damaged"


def _unusable(reason: str, anchors: bool) -> InputError:
    return InputError(
        reason,
        code="invalid_trust_anchors" if anchors else "invalid_certificate",
        hint="Give one or more certificates in PEM (text that begins with -----BEGIN CERTIFICATE-----), complete and "
        "unchanged. openssl x509 -noout -text shows what one is.",
    )
