# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some of the certificates of many identities, seen to on the host that keeps them: what one call of a module does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Optional

from .._certificate import on_host, parameters
from .._certificate.outputs import Outputs, Pkcs12, numbers
from .._certificate.run import run_certificate
from .._certificate.services import Services
from .._certificate.sessions import Sessions
from .._certificate.writable import why_not_given
from .._exchange.failure import failure, input_failure
from .._failure import failure_of
from .._template.errors import TemplateError
from .._template.identity import TestIdentity
from ..est.base.errors import EstError, InputError, Timeline
from ..est.base.libraries import require_libraries, without_warnings
from ..est.x509.pkcs12 import MODERN
from .files import KINDS, IdentityFiles
from .folder import IdentityFolder, not_kept

#: How a failure names what failed.
WHAT = "identity certificate"
#: One that was left alone, since too many before it had failed.
NOT_TRIED = "not_tried"
#: What is told of one that did not fail, beside its name.
_TOLD = (
    "status",
    "action",
    "changed",
    "certificate_path",
    "private_key_path",
    "pkcs12_path",
    "backup_files",
    "renew_at",
    "retry_at",
)
#: What is told of one that did.
_OF_FAILURE = ("status", "changed", "failed", "error_code", "reason", "hint", "stage", "http_status")


def order(
    options: Mapping[str, Any],
    folder: str,
    identities: Sequence[Mapping[str, Any]],
    failures_left: int,
    encryption: Optional[str] = None,
    *,
    pkcs12_only: bool = False,
    is_last: bool = True,
) -> Dict[str, Any]:
    """What goes to the host, as plain data.

    :param options: of each certificate, by the names of ``est_certificate``, with the template as ``inline``.
    :param identities: each with ``name``, ``passphrase``, and the fields of an identity.
    :param failures_left: after so many the rest is left alone.
    :param encryption: of the PKCS#12 files of those that have a passphrase.
    :param pkcs12_only: there is no pair in PEM beside these files.
    :param is_last: no other call follows: services are told now.
    """
    return {
        "options": options,
        "folder": folder,
        "identities": list(identities),
        "failures_left": failures_left,
        "encryption": encryption or MODERN,
        "pkcs12_only": pkcs12_only,
        "is_last": is_last,
    }


def keep(asked_for: Mapping[str, Any], *, check_mode: bool) -> Dict[str, Any]:
    """See to the certificates of an order.

    :returns: ``identities``, what became of each; ``stopped`` says whether the rest was left alone, and ``warnings``
        what should be known; ``reloaded`` names the services that were told, or would be in check mode, and
        ``not_reloaded`` is a failed result where one could not be. It is a failed result where nothing could be done.
    """
    found: Dict[str, Any] = {"changed": False}
    try:
        asked = parameters.read_options(asked_for["options"], check_mode=check_mode)
        require_libraries("cryptography")
        with _folder(asked.outputs, asked_for["folder"], check_mode).opened() as home:
            found.update(_keep(home, asked, asked_for))
            found.update(_told(home, asked.outputs, found, asked_for["is_last"]))
        return found
    except TemplateError as error:
        return failure_of(error)
    except EstError as error:
        return {**failure(error, None, on_host.HOST, Timeline(), WHAT), "changed": found["changed"]}


def _folder(outputs: Outputs, path: str, check: bool) -> IdentityFolder:
    """The folder as it is wanted.

    :raises EstError: its files cannot be given to the owner or group that is wanted.
    """
    attributes = None
    if outputs.accounts is not None:
        try:
            attributes = outputs.attributes(*numbers(outputs.accounts))
        except InputError:
            if not check:  # an earlier task may only say that it makes the account
                raise
    problem, _warning = why_not_given(outputs.accounts)
    if problem:
        raise EstError(
            f"the certificates could not be kept, so none was asked for: {problem}",
            code="not_saved",
            stage="save",
            hint="Let the task become root, or leave out owner and group.",
            request_received="not_received",
        )
    return IdentityFolder(path, reload=outputs.reload, attributes=attributes, backup=outputs.backup, check=check)


def _keep(
    home: IdentityFolder,
    asked: parameters.CertificateParameters,
    asked_for: Mapping[str, Any],
) -> Dict[str, Any]:
    failures_left = asked_for["failures_left"]
    found: List[Dict[str, Any]] = []
    warnings: Dict[str, None] = {}
    names = [entry["name"] for entry in asked_for["identities"]]
    home.expect([name for name in names if not any(f"{name}.{kind}" in home.names for kind in KINDS)])
    with without_warnings(), Sessions(on_host.connect, on_host.HOST) as sessions:
        for entry in asked_for["identities"]:
            values = dict(entry)
            name, passphrase = values.pop("name"), values.pop("passphrase", None)
            if failures_left < 0:
                found.append({"name": name, "status": NOT_TRIED, "changed": False})
                continue
            pkcs12 = None if passphrase is None else Pkcs12(f"{name}.p12", passphrase, asked_for["encryption"], name)
            holder = IdentityFiles(home, name, pkcs12, pair=pkcs12 is None or not asked_for["pkcs12_only"])
            outcome = _keep_one(holder, asked.replace(identity=TestIdentity(**values, test_value="")), sessions)
            told = _OF_FAILURE if outcome.get("failed") else _TOLD
            short = {"name": name, **{key: outcome[key] for key in told if outcome.get(key) is not None}}
            if outcome.get("lost"):
                short["lost"] = outcome["lost"]
            found.append(short)
            warnings.update(dict.fromkeys(f"{name}: {warning}" for warning in outcome.get("warnings", ())))
            if outcome.get("failed"):
                failures_left = -1 if sessions.stopped else failures_left - 1
            elif outcome["action"] == "none":
                home.unfinished.finish(name)  # what a run that was killed had asked for is not needed
    return {
        "changed": any(outcome["changed"] for outcome in found),
        "identities": found,
        "stopped": failures_left < 0,
        "warnings": list(warnings),
    }


def _told(home: IdentityFolder, outputs: Outputs, found: Mapping[str, Any], is_last: bool) -> Dict[str, Any]:
    """Tell the services, once nothing follows, and say which they were."""
    said: Dict[str, Any] = {"reloaded": [], "not_reloaded": {}}
    owed = home.owed if not home.check or not found["changed"] else outputs.reload
    if not owed or not (is_last or found["stopped"]):
        return said
    try:
        if not home.check:
            Services().reload(owed)
            home.told()
    except EstError as error:
        return {**said, "not_reloaded": failure(error, None, on_host.HOST, Timeline(), WHAT)}
    except OSError as error:
        raise not_kept(error) from None
    return {**said, "reloaded": list(owed), "changed": True}


def _keep_one(holder: IdentityFiles, asked: parameters.CertificateParameters, sessions: Sessions) -> Dict[str, Any]:
    name, template = asked.template_name, asked.inline
    if template is None:
        raise TypeError("the template of identities goes to the host with them")
    try:
        return run_certificate(template, asked, sessions, holder, brief=True)
    except EstError as error:
        return {**failure(error, name, on_host.HOST, sessions.timeline, WHAT), "changed": holder.changed}
    except TemplateError as error:
        return input_failure(error, name, on_host.HOST)
