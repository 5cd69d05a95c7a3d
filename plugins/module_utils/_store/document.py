# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document ``templates.json``: its shape, reading and writing.

Equal content gives equal bytes: templates are sorted by name and the formatting is fixed. A document is::

    {"format": "estfleet.cloud_extender.templates", "format_version": 1,
     "sealing_key": {"fingerprint": "<hex>", "since": "2026-11-22T12:00:00Z"},
     "verifier": {"kdf": "scrypt", "n": 4096, "r": 8, "p": 1, "salt": "<base64>"},
     "joint_verifier": {"of": [["<template>", "<field>"], ...], "verifier": "<hex>"},
     "templates": [{"fields": {"name": "...", ...}, "digest": "<hex>",
                    "secrets": {"password": {"sealed": "<base64>", "key_fingerprint": "<hex>",
                                             "verifier": "<hex>", "keyed_verifier": "<hex>",
                                             "digest": "<hex>"}}}]}
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from .._value import Value, field
from .errors import DamagedDocument, NewerFormat, is_utc
from .sealing import Verifiers, content_digest, fields_digest, secret_digest

#: The version that is written, and the newest that can be read.
FORMAT_VERSION = 1
FORMAT = "estfleet.cloud_extender.templates"

_DOCUMENT_KEYS = ("format", "format_version", "sealing_key", "verifier", "joint_verifier", "templates")
_JOINT_KEYS = ("of", "verifier")
_SEALING_KEY_KEYS = ("fingerprint", "since")
_TEMPLATE_KEYS = ("fields", "digest", "secrets")
_SECRET_KEYS = ("sealed", "key_fingerprint", "verifier", "keyed_verifier", "digest")


class SealingKey(Value):
    """The sealing key that was in force when the document was written.

    :param fingerprint: tells it from another.
    :param since: when it was made, in UTC as ``2026-11-22T12:00:00Z``, or None where that is not known.
    """

    fingerprint: str
    since: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return it as the document holds it."""
        return {"fingerprint": self.fingerprint, "since": self.since}


class StoredSecret(Value):
    """A sealed secret: the sealed value, the key that sealed it, and the verifiers beside it."""

    sealed: str = field(repr=False)
    key_fingerprint: str
    verifier: str = field(repr=False)
    keyed_verifier: str = field(default="", repr=False)
    digest: str = ""

    @classmethod
    def of(
        cls, template: str, name: str, *, sealed: str, key_fingerprint: str, verifier: str, keyed_verifier: str = ""
    ) -> StoredSecret:
        """Return the secret with its digest filled in."""
        digest = secret_digest(template, name, key_fingerprint, sealed, verifier, keyed_verifier)
        return cls(sealed, key_fingerprint, verifier, keyed_verifier, digest)

    def is_as_written(self, template: str, name: str) -> bool:
        """Say whether the secret is as this collection wrote it, in this place."""
        return self.digest == secret_digest(
            template, name, self.key_fingerprint, self.sealed, self.verifier, self.keyed_verifier
        )

    def as_json(self) -> dict[str, str]:
        """Return the secret as the document holds it."""
        return {key: getattr(self, key) for key in _SECRET_KEYS}


class JointVerifier(Value):
    """The verifier of several secrets together; see ``Verifiers.make_joint()``.

    :param of: template and field of each.
    """

    of: tuple[tuple[str, str], ...]
    verifier: str = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return it as the document holds it."""
        return {"of": [list(place) for place in self.of], "verifier": self.verifier}


class StoredTemplate(Value):
    """One template of the document: its fields (plain JSON data, with ``name``) and its sealed secrets."""

    fields: Mapping[str, Any]
    secrets: Mapping[str, StoredSecret]
    digest: str

    @classmethod
    def of(cls, fields: Mapping[str, Any], secrets: Mapping[str, StoredSecret]) -> StoredTemplate:
        """Return the template with its digest filled in."""
        return cls(dict(fields), dict(secrets), fields_digest(fields))

    @property
    def name(self) -> str:
        """The template's name."""
        return str(self.fields["name"])

    @functools.cached_property
    def content(self) -> str:
        """The digest of what the template says, for which a test of it is a proof; see ``last_tests.py``."""
        return content_digest(self.fields, {name: secret.verifier for name, secret in self.secrets.items()})

    def edited_parts(self) -> tuple[str, ...]:
        """Name what is not as this collection wrote it: ``"fields"`` and the names of secrets."""
        return self._edited_parts

    # A plan asks several times, and the digests of a hundred templates are most of what it costs.
    @functools.cached_property
    def _edited_parts(self) -> tuple[str, ...]:
        parts = [] if self.digest == fields_digest(self.fields) else ["fields"]
        parts.extend(name for name, secret in self.secrets.items() if not secret.is_as_written(self.name, name))
        return tuple(parts)

    def as_json(self) -> dict[str, Any]:
        """Return the template as the document holds it."""
        secrets = {name: secret.as_json() for name, secret in self.secrets.items()}
        return {"fields": dict(self.fields), "digest": self.digest, "secrets": secrets}


class Document(Value):
    """A whole document.

    :param sealing_key: None where there was none.
    :param format_version: that it was read in.
    :param joint: None where no secret was known when it was written.
    """

    templates: tuple[StoredTemplate, ...]
    verifiers: Verifiers
    sealing_key: SealingKey | None = None
    format_version: int = FORMAT_VERSION
    joint: JointVerifier | None = None

    def find(self, name: str) -> StoredTemplate | None:
        """Return the template of this name (case does not count), or None."""
        return self._by_name.get(name.casefold())

    @functools.cached_property
    def _by_name(self) -> dict[str, StoredTemplate]:
        # Backwards, so that of two with one name, written by hand, the first counts.
        return {template.name.casefold(): template for template in reversed(self.templates)}


def parse_document(text: str) -> Document:
    """Read a document.

    :raises NewerFormat: when a newer version of this collection wrote it.
    :raises DamagedDocument: when it is not a document of ours; the message says what is wrong and where.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object_without_duplicates)
    except ValueError as error:
        raise DamagedDocument(_json_error(text, error)) from None
    except RecursionError:
        raise DamagedDocument("is not JSON of ours: nested too deep") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DamagedDocument(f"is JSON, but not a document of format {FORMAT}")
    version = data.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamagedDocument("has no format version")
    if version > FORMAT_VERSION:
        raise NewerFormat(
            f"has format version {version}, and this version of estfleet.cloud_extender knows up to {FORMAT_VERSION}; "
            "it is left as it is: use a newer version of the collection"
        )
    try:
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise DamagedDocument("holds text that is not Unicode (a lone surrogate)") from None
    _require_keys(data, _DOCUMENT_KEYS, "the document")
    if not isinstance(data["templates"], list):
        raise DamagedDocument("has the wrong shape: templates is not a list")
    try:
        verifiers = Verifiers.from_json(data["verifier"])
    except DamagedDocument as error:
        raise DamagedDocument(f"has the wrong shape: {error}") from None
    templates = tuple(_template(entry, index) for index, entry in enumerate(data["templates"]))
    _refuse_duplicates(templates)
    return Document(templates, verifiers, _sealing_key(data["sealing_key"]), version, _joint(data["joint_verifier"]))


def serialise_document(document: Document) -> str:
    """Return the text of a document: sorted, indented, one trailing line feed, the same for the same content."""
    data = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "sealing_key": document.sealing_key.as_json() if document.sealing_key else None,
        "verifier": document.verifiers.as_json(),
        "joint_verifier": document.joint.as_json() if document.joint else None,
        "templates": [template.as_json() for template in sorted(document.templates, key=_sort_key)],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _sort_key(template: StoredTemplate) -> tuple[str, str]:
    return template.name.casefold(), template.name


def _json_error(text: str, error: ValueError) -> str:
    if not text.strip():
        return "is empty"
    if isinstance(error, json.JSONDecodeError):
        if text.lstrip().startswith("{") and not text.rstrip().endswith("}"):
            return f"is cut short: it ends in the middle of the document, at line {text.count(chr(10)) + 1}"
        return f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
    return f"is not JSON: {error}"


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object names a key twice")
    return result


def _require_keys(data: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(data, dict):
        raise DamagedDocument(f"has the wrong shape: {where} is not an object")
    for key in keys:
        if key not in data:
            raise DamagedDocument(f"has the wrong shape: {where} has no {key}")
    for key in data:
        if key not in keys:
            raise DamagedDocument(f"has the wrong shape: {where} has the unknown key {key!r}")


def _sealing_key(entry: Any) -> SealingKey | None:
    if entry is None:
        return None
    _require_keys(entry, _SEALING_KEY_KEYS, "sealing_key")
    fingerprint, since = entry["fingerprint"], entry["since"]
    if not isinstance(fingerprint, str) or not fingerprint:
        raise DamagedDocument("has the wrong shape: sealing_key.fingerprint is not text")
    if since is not None and not is_utc(since):
        raise DamagedDocument("has the wrong shape: sealing_key.since is not a time in UTC")
    return SealingKey(fingerprint, since)


def _joint(entry: Any) -> JointVerifier | None:
    if entry is None:
        return None
    _require_keys(entry, _JOINT_KEYS, "joint_verifier")
    places = entry["of"]
    if not isinstance(entry["verifier"], str):
        raise DamagedDocument("has the wrong shape: joint_verifier.verifier is not text")
    if not isinstance(places, list) or not all(
        isinstance(place, list) and len(place) == 2 and all(isinstance(name, str) for name in place) for place in places
    ):
        raise DamagedDocument("has the wrong shape: joint_verifier.of is not a list of pairs of texts")
    return JointVerifier(tuple((template, name) for template, name in places), entry["verifier"])


def _template(entry: Any, index: int) -> StoredTemplate:
    where = f"templates[{index}]"
    _require_keys(entry, _TEMPLATE_KEYS, where)
    fields, secrets = entry["fields"], entry["secrets"]
    if not isinstance(fields, dict) or not isinstance(fields.get("name"), str) or not fields["name"]:
        raise DamagedDocument(f"has the wrong shape: {where}.fields has no name")
    if not isinstance(entry["digest"], str):
        raise DamagedDocument(f"has the wrong shape: {where}.digest is not text")
    if not isinstance(secrets, dict):
        raise DamagedDocument(f"has the wrong shape: {where}.secrets is not an object")
    stored = {name: _secret(secret, f"{where}.secrets.{name}") for name, secret in secrets.items()}
    return StoredTemplate(fields, stored, entry["digest"])


def _secret(entry: Any, where: str) -> StoredSecret:
    _require_keys(entry, _SECRET_KEYS, where)
    for key in _SECRET_KEYS:
        if not isinstance(entry[key], str):
            raise DamagedDocument(f"has the wrong shape: {where}.{key} is not text")
    return StoredSecret(**entry)


def _refuse_duplicates(templates: tuple[StoredTemplate, ...]) -> None:
    seen: dict[str, str] = {}
    for template in templates:
        if template.name.casefold() in seen:
            other = seen[template.name.casefold()]
            raise DamagedDocument(f"has two templates of one name: '{other}' and '{template.name}'")
        seen[template.name.casefold()] = template.name
