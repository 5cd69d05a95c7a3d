# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a certificate are not as they have to be, and what has to be in them: without touching any.

All of it is made from the certificate that is there, its key and what is noted of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional, Tuple

from .._files.attributes import Attributes, State
from .._value import Value, field
from ..est.base.errors import EstError
from ..est.x509.keys import is_encrypted, private_key_pem
from ..est.x509.pair_reading import without_key
from .chain_files import contents, same_certificates, subjects
from .holder import CHAIN_FILES, Recovered
from .note import Issued
from .outputs import PKCS12_PATH, Pkcs12
from .sealed import is_pkcs12_sealed, sealed_key, sealed_pkcs12

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

    #: Gives the private key, which not everybody who looks has.
    KeyOf = Callable[[], PrivateKeyTypes]


class Mend(Value):
    """What is to be done with one file.

    :param path: the file.
    :param text: its content from now on; ``None`` where it cannot be made.
    :param recovered: how that is told; ``None`` where it is a warning.
    :param warning: why it cannot be made.
    :param sealed: what is to be noted of it; see ``sealed.py``.
    """

    path: str
    text: Optional[str] = field(default=None, repr=False)
    recovered: Optional[Recovered] = None
    warning: str = ""
    sealed: Mapping[str, str] = field(default_factory=dict)


def chain_to_mend(
    files: Mapping[str, str], texts: Mapping[str, Optional[str]], certificate: Certificate, known: Issued
) -> List[Mend]:
    """The files of the chain.

    :param files: their paths, by option.
    :param texts: what is in them, by path.
    :param known: what is known of the certificate.
    """
    found = []
    wanted = contents(certificate, known.chain)
    for option, path in files.items():
        there, text = texts[path], wanted[option]
        if text is None:
            found.append(Mend(path, warning=_why_not_made(option, path, known)))
        elif not _is_right(there, text, known):
            problem = "was not there" if there is None else "was not what belongs to the certificate"
            told = Recovered(f"{option} {path} {problem}", subjects(path, there), subjects(path, text))
            found.append(Mend(path, text, told))
    return found


def _is_right(there: Optional[str], text: str, known: Issued) -> bool:
    """Whether a file is as it has to be. What somebody else has made is left alone where it means the same."""
    if there is None or known.digest:
        return there == text
    return same_certificates(there, text)


def _why_not_made(option: str, path: str, known: Issued) -> str:
    if known.digest and known.chain is not None and option in CHAIN_FILES:
        return f"{option} {path} is not made: no root came with the certificate"
    return (
        f"{option} {path} is made with the next certificate: the one that is there was not asked for by this "
        "module, and not all that would be in the file is on the host"
    )


def key_to_mend(path: str, text: str, passphrase: Optional[str], key_of: KeyOf) -> List[Mend]:
    """The file of the key, where that is to be encrypted and is not.

    :param path: of the file in which the key is, as the user has named it.
    :param text: what is in it.
    """
    if passphrase is None or is_encrypted(text):
        return []
    encrypted = private_key_pem(key_of(), passphrase).decode("ascii")
    rest, _sha256 = without_key(text)
    told = Recovered(f"private_key_path {path} was not encrypted", f"{path}: in the clear", f"{path}: encrypted")
    return [Mend(path, rest + encrypted, told, sealed=sealed_key(passphrase))]


def pkcs12_to_mend(wanted: Pkcs12, sha256: str, certificate: Certificate, known: Issued, key_of: KeyOf) -> List[Mend]:
    """The PKCS#12 file.

    :param sha256: over what is there; empty where nothing is.
    """
    path, chain = wanted.path, known.chain
    if chain is None:
        return [Mend(path, warning=_why_not_made(PKCS12_PATH, path, known))]
    if is_pkcs12_sealed(known.sealed, wanted, sha256, chain):
        return []
    try:
        text = wanted.text(certificate, key_of(), chain)
    except EstError as error:
        return [Mend(path, warning=f"{PKCS12_PATH} {path} is not made: {error.reason}")]
    problem = "was not what belongs to the certificate and to these options" if sha256 else "was not there"
    before = f"{path}: another file" if sha256 else ""
    told = Recovered(f"{PKCS12_PATH} {path} {problem}", before, subjects(path, contents(certificate, chain)[_SHOWN]))
    return [Mend(path, text, told, sealed=sealed_pkcs12(wanted, text, chain))]


#: The option whose file has the certificates that are in PKCS#12.
_SHOWN = "fullchain_path"


def attributes_to_mend(
    wanted: Attributes,
    files: Mapping[str, Tuple[str, Optional[str], bool]],
    states: Mapping[str, Optional[str]],
) -> List[Mend]:
    """The files that have another owner, mode or context than they are to have: they are written once more.

    :param files: path, content, and whether the key is in it, of each file that is right otherwise, by option.
    :param states: what each has, by path; ``None`` where there is none.
    """
    found = []
    for option, (path, text, private) in files.items():
        state = states[path]
        if state is None:
            continue
        differences = wanted.of_file(private).differences(State.from_text(state))
        if differences:
            words = ", ".join(differences)
            told = Recovered(f"{option} {path} had {words}", *_before_and_after(path, differences))
            found.append(Mend(path, text or "", told))
    return found


def _before_and_after(path: str, differences: List[str]) -> Tuple[str, str]:
    pairs = [difference.split(", not ") for difference in differences]
    names = [before.rpartition(" ")[0] for before, _after in pairs]
    after = (f"{path}: {name} {now}" for name, (_before, now) in zip(names, pairs))
    return "\n".join(f"{path}: {before}" for before, _after in pairs), "\n".join(after)


def seals(todo: List[Mend], noted: Mapping[str, str]) -> Dict[str, str]:
    """What is to be noted of all files together."""
    return {**noted, **{name: text for each in todo for name, text in each.sealed.items()}}
