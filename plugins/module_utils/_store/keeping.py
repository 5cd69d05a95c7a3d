# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays of a template on the host because the declaration does not give it.

An account, an enrolment code, a CA certificate and a passphrase may come from an environment or a credential. A run
without them has no wish to remove them: only ``remove`` says that. Every other field that is not given means its
default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._template.fields import ACCOUNT, CA_CERTIFICATE, ENROLMENT_CODE, KEY_PASSPHRASE
from .._value import Value, field
from .errors import StoreError
from .sealing import fields_digest

if TYPE_CHECKING:
    from .document import StoredTemplate


class Desired(Value):
    """A template as it should be.

    :param fields: every field that is not secret, as plain JSON data, with ``name``.
    :param secrets: the secrets that are set, in clear.
    :param update_secrets: compare and update the secrets of a template that exists; otherwise a secret is only set
        where the host has none that can be used, and never removed.
    :param keep: those of ``REMOVE_CHOICES`` that are left as they are on the host.
    :param remove: those that the template must not have.
    """

    fields: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    update_secrets: bool = True
    keep: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The template's name."""
        return str(self.fields["name"])

    def spoken_for(self, secret: str) -> bool:
        """Say whether it is ``retained_fields()`` that decides about a secret that is not given."""
        return (ACCOUNT if secret == "password" else secret) in self.keep | self.remove  # noqa: S105 (a field's name)


class RetainedFields(Value):
    """What stays of the template on the host.

    :param fields: the fields that it adds to the declared ones.
    :param secrets: the names of the secrets that stay.
    :param warning: what does not stay though nobody asked to remove it, and why; or empty.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    warning: str = ""


def retained_fields(desired: Desired, stored: StoredTemplate) -> RetainedFields:
    """Return what stays of a template on the host.

    :raises StoreError: a secret would have to stay and cannot, since it is sealed for another spelling of the name.
    """
    fields: dict[str, Any] = {}
    secrets: set[str] = set()
    if CA_CERTIFICATE in desired.keep and not (desired.fields.get("ca_path") or desired.fields.get("use_system_trust")):
        _add(fields, stored, "ca_certificate")
    key_path = desired.fields.get("client_key_path")
    if KEY_PASSPHRASE in desired.keep and key_path is not None and key_path == stored.fields.get("client_key_path"):
        secrets.update({"client_key_passphrase"} & set(stored.secrets))
    dropped: dict[str, str] = {}
    account: dict[str, Any] = {}
    if ACCOUNT in desired.keep and ("password" in stored.secrets or stored.fields.get("username") is not None):
        _add(account, stored, "username")
    same = same_server(desired, stored, {**fields, **account})
    if account or (ACCOUNT in desired.keep and "password" in stored.secrets):
        if same:
            fields.update(account)
            secrets.update({"password"} & set(stored.secrets))
        else:
            dropped["account"] = "username and password"
    if ENROLMENT_CODE in desired.keep and ENROLMENT_CODE in stored.secrets:
        if same:
            secrets.add(ENROLMENT_CODE)
        else:
            dropped[ENROLMENT_CODE] = ENROLMENT_CODE
    warning = ""
    if dropped:
        warning = (
            f"the {' and '.join(dropped)} that template '{desired.name}' has on this host is for "
            f"{_server(stored.fields)} and is not sent to {_server(desired.fields)}: it is dropped; give "
            f"{' and '.join(dropped.values())} for the new server"
        )
    doubtful = "fields" in stored.edited_parts() and stored.digest != fields_digest({**desired.fields, **fields})
    if fields and doubtful and not warning:
        warning = (
            f"template '{stored.name}' was edited by hand on this host, and {' and '.join(fields)} of it stays because "
            "it is not declared: nothing tells whether it was edited too; give it, or say in remove what is to go"
        )
    if secrets and stored.name != desired.name:
        raise StoreError(
            f"template '{stored.name}' on this host has {' and '.join(sorted(secrets))} sealed for that spelling of "
            f"its name, and is declared as '{desired.name}' without: nothing was written; declare it with the old "
            "spelling, or with the account, or say in remove what it is not to have",
            code="secret_not_opened",
        )
    return RetainedFields(fields, frozenset(secrets), warning)


def warning_of_new(desired: Desired, *, lost: bool) -> str:
    """Return the warning about a new template that no test can succeed with, or an empty text.

    :param lost: it is made anew because the document was damaged, and whatever account it had is lost.
    """
    fields = desired.fields
    account = fields.get("username") is not None or desired.secrets.get("password") is not None
    trusts = any(fields.get(name) for name in ("ca_certificate", "ca_path", "ca_fingerprint", "use_system_trust"))
    if account or fields.get("client_certificate_path") is not None or (trusts and not lost):
        return ""
    missing, give = ("", "") if trusts else (", and nothing to trust the EST server by", "; ca_certificate or ca_path")
    return (
        f"template '{desired.name}' is new on this host and has neither an account nor a client certificate{missing}: "
        f"was a credential left out? Give username and password, or EST_USERNAME and EST_PASSWORD{give}"
    )


def _add(fields: dict[str, Any], stored: StoredTemplate, name: str) -> None:
    if stored.fields.get(name) is not None:
        fields[name] = stored.fields[name]


def same_server(desired: Desired, stored: StoredTemplate, kept: Mapping[str, Any]) -> bool:
    """Say whether a template is declared for the server that the one on the host is for.

    :param kept: the fields that stay.
    """
    if all(desired.fields.get(name) == stored.fields.get(name) for name in ("server", "port")):
        return True
    # Somebody edited the server by hand, and the declared one is the one that this collection wrote.
    return stored.digest == fields_digest({**desired.fields, **kept})


def _server(fields: Mapping[str, Any]) -> str:
    return f"{fields.get('server')}:{fields.get('port')}"
