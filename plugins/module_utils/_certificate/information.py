# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certificates are in files and folders of a POSIX host, whoever has put them there: for ``est_certificate_info``.

Nothing is changed, and nothing private is told: a key is read only to say whether it is that of its certificate.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._files.paths import in_words
from .._files.reading import ReadableFolder
from .._files.walk import Walk
from .._template.keys import LONGEST_RENEWAL_PERIOD
from ..est.base.errors import InputError
from ..est.x509.bundle import read_bundle
from ..est.x509.certificate import describe, fingerprint_sha256, iso_utc, pem
from ..est.x509.client_certificate import private_key_block
from ..est.x509.keys import is_encrypted, load_private_key, same_public_key
from ..est.x509.pair_reading import ReadablePlace, without_key
from ..est.x509.path import chain_above, says_ca
from .chain_files import readable_certificates
from .look import NOTE, PENDING
from .need import renewal_time
from .note import Issued, Note

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate

#: Names in a folder at most, and certificates in a file: one with more is a collection of trusted CAs.
_MOST_NAMES, _MOST_CERTIFICATES = 1000, 16
_CERTIFICATE, _KEY = "BEGIN CERTIFICATE-----", "PRIVATE KEY-----"


def certificates_in(paths: Sequence[str]) -> Dict[str, Any]:
    """Return the certificates in files and folders, and what could not be looked at.

    :param paths: absolute. Of a folder its own files count, but for dot files and CA certificates.
    """
    found: Dict[str, Tuple[Tuple[bool, bool], Dict[str, Any]]] = {}
    problems: List[Dict[str, str]] = []
    for path in paths:
        try:
            for each in _files_at(path):
                told = _told(each, named=each == path)
                if told is not None:
                    _keep(found, told[0], alone=told[1])
        except OSError as error:
            problems.append({"path": path, "reason": in_words(error)})
        except InputError as error:
            problems.append({"path": path, "reason": error.reason})
    return {
        "certificates": sorted((one for _rank, one in found.values()), key=lambda one: str(one["path"])),
        "problems": problems,
    }


def _keep(found: Dict[str, Tuple[Tuple[bool, bool], Dict[str, Any]]], told: Dict[str, Any], *, alone: bool) -> None:
    """Keep one entry for each certificate: that of the file beside which it is noted, and of several in one folder of
    versions that of the file which has it alone; or else the first.
    """
    fingerprint = told["certificate"]["fingerprint_sha256"]
    noted = told["template"] is not None
    rank = (noted, noted and alone)  # where nothing is noted, the chain is known from the file alone
    if fingerprint not in found or rank > found[fingerprint][0]:
        found[fingerprint] = (rank, told)


def _files_at(path: str) -> Iterator[str]:
    """The paths that are meant by one: itself, or what is in it.

    :raises OSError: it is not there, or cannot be listed.
    """
    try:
        descriptor, real = Walk().to_folder(path)
    except NotADirectoryError:
        yield path
        return
    with ReadableFolder(descriptor, real) as folder:
        names = sorted(name for name in folder.names() if not name.startswith("."))
    if len(names) > _MOST_NAMES:
        raise InputError(f"the folder has {len(names)} files, and {_MOST_NAMES} at most are looked at: name the files")
    for name in names:
        yield os.path.join(path, name)


def _told(path: str, *, named: bool) -> Optional[Tuple[Dict[str, Any], bool]]:
    """What is known of the certificate in a file, and whether it is alone there; ``None`` where there is none that is
    meant.

    :param named: the file itself was named, and not the folder that it is in.
    :raises OSError, InputError: it was named, and cannot be read, or there is no certificate in it.
    """
    try:
        place = ReadablePlace(path)
        text = (place.read().content or b"").decode("latin-1")
        certificates = read_bundle(text.encode("latin-1"), repr(path)).certificates
    except (OSError, InputError):
        if named:
            raise
        return None
    certificate = certificates[0]
    if not named and (text.count(_CERTIFICATE) > _MOST_CERTIFICATES or says_ca(certificate)):
        return None
    places = _places_of(place, path)
    note = _noted(places)
    issued = note.issued.get(fingerprint_sha256(certificate), Issued())
    key_path, matches = _key_of(path, text, certificate, issued)
    about = issued.about
    told = {
        "path": path,
        "certificate": {"pem": pem(certificate), **describe(certificate)},
        "chain_subjects": [one.subject.text for one in _chain(certificate, certificates, issued)],
        "private_key_path": key_path,
        "key_matches": matches,
        "template": about.get("template"),
        "lost": about.get("lost"),
        "renew_at": _renew_at(certificate, about),
        "request_pending": _is_pending(places, key_path),
        "refused": None if note.refused is None else note.refused.reason,
    }
    return told, len(certificates) == 1


def _renew_at(certificate: Certificate, about: Mapping[str, Any]) -> Optional[str]:
    """When it will be renewed, by what was noted; ``None`` where that says nothing."""
    period, spread = about.get("renewal_period_days", 0), about.get("renewal_spread", 0)
    if not 0 < period <= LONGEST_RENEWAL_PERIOD or not 0 <= spread <= 100:
        return None
    return iso_utc(renewal_time(certificate, period, spread))


def _places_of(place: ReadablePlace, path: str) -> List[ReadablePlace]:
    """The places beside which ``est_certificate`` keeps what is its own: that of the file, and the link to the folder
    of its versions.
    """
    folder = os.path.dirname(path)
    return [place, *([ReadablePlace(folder, follow=False)] if os.path.islink(folder) else ())]


def _noted(places: Sequence[ReadablePlace]) -> Note:
    for place in places:
        with contextlib.suppress(OSError):
            content = place.read(NOTE).content
            if content is not None:
                return Note.from_text(content.decode("latin-1"))
    return Note()


def _is_pending(places: Sequence[ReadablePlace], key_path: Optional[str]) -> bool:
    """Say whether a request waits for approval, beside the key or the link."""
    with contextlib.suppress(OSError):
        return any(each.has(PENDING) for each in (*places, *([ReadablePlace(key_path)] if key_path else ())))
    return False


def _key_of(path: str, text: str, certificate: Certificate, issued: Issued) -> Tuple[Optional[str], Optional[bool]]:
    """The path of the private key, and whether it is that of the certificate; each ``None`` where nobody knows."""
    key_path = issued.about.get("private_key_path")
    if not isinstance(key_path, str):
        key_path = path if _KEY in text else _key_beside(path)
    if key_path is None:
        return None, None
    if key_path != path:
        try:
            text = (ReadablePlace(key_path).read().content or b"").decode("latin-1")
        except OSError:
            return key_path, None
    if not text.strip() or _KEY not in text:
        return key_path, False
    if issued.key_sha256 and without_key(text)[1] == issued.key_sha256:
        return key_path, True
    if is_encrypted(text):
        return key_path, None
    try:
        key = load_private_key(private_key_block(text).encode("ascii", "replace"))
    except InputError:
        return key_path, False
    return key_path, same_public_key(key, certificate)


def _key_beside(path: str) -> Optional[str]:
    """The file beside a certificate that is named as its key usually is."""
    beginning = os.path.splitext(path)[0]
    for candidate in (f"{beginning}.key", f"{path}.key", os.path.join(os.path.dirname(path), "privkey.pem")):
        try:
            if candidate != path and ReadablePlace(candidate).has():
                return candidate
        except OSError:
            continue
    return None


def _chain(certificate: Certificate, others: Sequence[Certificate], issued: Issued) -> Sequence[Certificate]:
    texts = [] if issued.chain is None else [issued.chain.intermediates, issued.chain.root]
    return chain_above(certificate, [*others[1:], *readable_certificates(text for text in texts if text)])
