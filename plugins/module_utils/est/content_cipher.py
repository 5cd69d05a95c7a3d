# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of an encrypted CMS message, once its key is known (RFC 3565, RFC 5084, RFC 3370 section 5.1)."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from .der import Element
from .errors import ParseError
from .value import Value, not_shown

try:
    from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7
except ImportError:  # told by deps.require_libraries()
    pass
try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:  # cryptography before 43, or none at all
    try:
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
    except ImportError:
        pass

#: Mode, key size and block size in bytes by the OID of the algorithm.
_CIPHERS: Dict[str, Tuple[str, int, int]] = {
    "2.16.840.1.101.3.4.1.2": ("AES-CBC", 16, 16),
    "2.16.840.1.101.3.4.1.22": ("AES-CBC", 24, 16),
    "2.16.840.1.101.3.4.1.42": ("AES-CBC", 32, 16),
    "2.16.840.1.101.3.4.1.6": ("AES-GCM", 16, 16),
    "2.16.840.1.101.3.4.1.26": ("AES-GCM", 24, 16),
    "2.16.840.1.101.3.4.1.46": ("AES-GCM", 32, 16),
    "1.2.840.113549.3.7": ("DES-EDE3-CBC", 24, 8),
}
_GCM_TAG_SIZES = range(12, 17)
_GCM_NONCE_SIZES = range(8, 65)


class EncryptedContent(Value):
    """What is encrypted, and how.

    :param mode: ``AES-CBC``, ``AES-GCM`` or ``DES-EDE3-CBC``.
    :param key_size: of the key that opens it, in bytes.
    :param start: the initialisation vector or nonce.
    :param data: the encrypted bytes.
    :param tag: the authentication tag (GCM).
    :param authenticated: what the tag covers beside the data (GCM).
    """

    mode: str
    key_size: int
    start: bytes
    data: bytes = not_shown()
    tag: bytes = b""
    authenticated: bytes = not_shown(default=b"")

    def decrypt(self, key: bytes) -> Optional[bytes]:
        """The content, or ``None`` where this is not its key, or the data is damaged: it cannot be known which.

        :param key: of :attr:`key_size` bytes.
        :raises ParseError: the installed cryptography has not this cipher.
        """
        try:
            if self.mode == "AES-GCM":
                tag_size = len(self.tag)
                opened = Cipher(algorithms.AES(key), modes.GCM(self.start, self.tag, tag_size)).decryptor()
                opened.authenticate_additional_data(self.authenticated)
                return opened.update(self.data) + opened.finalize()
            algorithm = algorithms.AES(key) if self.mode == "AES-CBC" else TripleDES(key)
            decryptor = Cipher(algorithm, modes.CBC(self.start)).decryptor()
            unpadder = PKCS7(len(self.start) * 8).unpadder()
            return unpadder.update(decryptor.update(self.data) + decryptor.finalize()) + unpadder.finalize()
        except (InvalidTag, ValueError):
            return None
        except UnsupportedAlgorithm:
            pass
        raise ParseError(
            f"the private key in the server's answer is encrypted with {self.mode}, which OpenSSL here has not"
        )


def read_encrypted_content(
    algorithm: Element, data: bytes, tag: Optional[bytes] = None, authenticated: bytes = b""
) -> EncryptedContent:
    """Take an AlgorithmIdentifier of content encryption apart.

    :param data: the encrypted bytes.
    :param tag: the authentication tag of an AuthEnvelopedData; ``None`` for an EnvelopedData.
    :param authenticated: what the tag covers beside the data.
    :raises ParseError: an algorithm that is not known, or parameters that do not fit.
    """
    fields = list(algorithm.children())
    oid = fields[0].oid() if fields else ""
    mode, key_size, block = _CIPHERS.get(oid, ("", 0, 0))
    if not mode or (mode == "AES-GCM") != (tag is not None):
        raise ParseError(f"the private key in the server's answer is encrypted with an algorithm not known here: {oid}")
    if len(fields) != 2:
        raise ParseError(f"the {mode} of the private key in the server's answer has no parameters")
    if tag is None:
        start = fields[1].octets()
        fits = len(start) == block
    else:
        start, tag_size = _gcm_parameters(fields[1])
        fits = len(start) in _GCM_NONCE_SIZES and tag_size == len(tag) and tag_size in _GCM_TAG_SIZES
    if not fits:
        raise ParseError(f"the {mode} of the private key in the server's answer has parameters that do not fit it")
    return EncryptedContent(mode, key_size, start, data, tag or b"", authenticated)


def _gcm_parameters(parameters: Element) -> Tuple[bytes, int]:
    """Nonce, and the size of the tag (RFC 5084 section 3.2)."""
    fields = list(parameters.children())
    if not 1 <= len(fields) <= 2:
        return b"", 0
    return fields[0].octets(), fields[1].integer() if len(fields) == 2 else 12
