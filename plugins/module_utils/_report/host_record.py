# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet report says of one host, from the results of its run. Plain data, no secret, no key, no certificate."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .counts import NOT_COMPARED, NOT_TRIED, UNKNOWN, certificate_state, template_state

#: What is taken over from the result of a test, where it has it.
_OF_TEST = (
    "exchange",
    "stage",
    "error_code",
    "reason",
    "hint",
    "request_received",
    "http_status",
    "server_message",
    "omitted_attributes",
    "retry_at",
    "differs",
    "accepted_lost",
    "made_up",
    "server",
    "account",
    "label",
)
_OF_CERTIFICATE = (
    "path",
    "subject",
    "issuer",
    "serial_number",
    "not_before",
    "not_after",
    "fingerprint_sha256",
    "public_key_type",
    "public_key_size",
    "public_key_curve",
)

#: The longest text that is taken over: a report is read by people, and a server may send anything.
_MOST_CHARACTERS = 2000


def host_record(
    name: str,
    *,
    state: str,
    message: str = "",
    address: str = "",
    mode: str = "enforce",
    cluster: Optional[Mapping[str, Any]] = None,
    result: Optional[Mapping[str, Any]] = None,
    declared: Sequence[str] = (),
    certificates: Sequence[Mapping[str, Any]] = (),
    started_at: str = "",
    seconds: float = 0.0,
) -> Dict[str, Any]:
    """Return the entry of a host.

    :param state: one of ``HOST_STATES``.
    :param message: why it failed, or could not be reached.
    :param address: how the host was reached, as far as it says more than its name.
    :param mode: ``enforce`` where the run was to write on this host, otherwise ``report``.
    :param cluster: the product cluster that the host belongs to: its name, the host that is written, and whether it is
        this one.
    :param result: the result of the run on the host: that of est_templates, ``tests``, those of est_test_enroll, and
        ``certificates``, those of est_certificates.
    :param declared: the names of the declared templates, told of a host that could not be looked at.
    :param certificates: the declared production certificates, likewise, by their options.
    :param started_at: when the run on this host began, UTC.
    """
    found = result or {}
    tests = {str(test.get("template")): test for test in found.get("tests") or ()}
    off = {str(each) for each in found.get("switched_off") or ()}
    entries = _entries(found, [*tests, *off], [each for each in declared if each not in tests])
    declared_here = found.get("declared") is not False
    return {
        "name": name,
        "state": state,
        "message": _text(message),
        "address": address,
        "mode": mode,
        "cluster": dict(cluster) if cluster else None,
        "changed": bool(found.get("changed")),
        "declared": declared_here,
        "compared": found.get("templates") is not None and declared_here,
        "started_at": started_at,
        "seconds": round(seconds, 3),
        "store_path": _text(found.get("store_path") or ""),
        "store_problems": [
            _text(words) for words in found.get("store_problems") or () if not _told_of_template(str(words), entries)
        ],
        "undeclared": [_text(words) for words in found.get("undeclared") or ()],
        "templates": [
            _template(
                entry,
                tests.get(str(entry.get("name"))),
                written=mode == "enforce",
                at=started_at,
                off=str(entry.get("name")) in off,
            )
            for entry in entries
        ],
        "certificates": [
            certificate_entry(entry, written=found.get("certificates_mode", mode) == "enforce", at=started_at)
            for entry in found.get("certificates", [{**one, "status": UNKNOWN} for one in certificates])
        ],
    }


def _entries(found: Mapping[str, Any], tested: Sequence[str], not_looked_at: Sequence[str]) -> List[Mapping[str, Any]]:
    """The templates of a host: those that were compared, else those that are declared, and those that were tested.

    :param tested: the names of those that were tested or are switched off.
    :param not_looked_at: the names of declared ones of which nothing is known where none was compared.
    """
    if found.get("templates") is not None:
        entries: List[Mapping[str, Any]] = list(found["templates"])
    else:
        entries = [{"name": each, "action": UNKNOWN} for each in not_looked_at]
    known = {str(entry.get("name")) for entry in entries}
    return [*entries, *({"name": each, "action": NOT_COMPARED} for each in dict.fromkeys(tested) if each not in known)]


def _template(
    entry: Mapping[str, Any], test: Optional[Mapping[str, Any]], *, written: bool, at: str, off: bool
) -> Dict[str, Any]:
    action = str(entry.get("action") or UNKNOWN)
    told = _test(test, at=at, this_run=True) if test is not None else _last_test(entry.get("last_test"))
    # A test of check mode stops before the CA is asked: what the last real one found is still what is known.
    if told is not None and told["status"] == "not_asked" and entry.get("last_test"):
        told = _last_test(entry.get("last_test"))
    if action == "removed":
        told = None  # what its tests came to concerns nobody any more
    proved = None if off or action == "removed" else _proved(entry, told)
    return {
        "name": _text(entry.get("name")),
        "state": template_state(action, written=written, test=told, proved=proved),
        "action": action,
        "changed_fields": [
            _text(words) for words in entry.get("changed_fields") or () if action in ("updated", "repaired")
        ],
        "summary": [_text(line) for line in entry.get("summary") or ()],
        "proved": proved,
        "off": off,
        "test": told,
    }


def _proved(entry: Mapping[str, Any], test: Optional[Mapping[str, Any]]) -> Optional[bool]:
    """Say whether a test has proved the template as it is now; None where that is not known."""
    if test is not None and test["this_run"] and test["status"] != "not_asked":
        return bool(test["status"] == "issued")
    proved = entry.get("proved")
    return proved if isinstance(proved, bool) else None


def _told_of_template(words: str, entries: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether the summary of a template tells the same."""
    return any(entry.get("summary") and f"template '{entry.get('name')}'" in words for entry in entries)


def _test(result: Mapping[str, Any], *, at: str, this_run: bool) -> Dict[str, Any]:
    status = str(result.get("status") or "unknown")
    if result.get("failed") and status != NOT_TRIED:
        status = "failed"
    told: Dict[str, Any] = {"status": status, "at": at, "this_run": this_run}
    certificate = result.get("certificate") or {}
    if status in ("failed", NOT_TRIED) and not result.get("reason"):
        told["reason"] = _text(result.get("msg") or "no reason was told")
    for source, keys in ((result, _OF_TEST), (certificate, _OF_CERTIFICATE)):
        told.update((key, _plain(source[key])) for key in keys if source.get(key) not in (None, "", [], ()))
    if result.get("lost") is not None:  # not known of an earlier run
        told["lost"] = [_text(words) for words in result["lost"]]
    steps = [step.get("milliseconds") for step in result.get("timeline") or ()]
    if steps:
        told["milliseconds"] = round(sum(float(step) for step in steps if step), 1)
    return told


def certificate_entry(result: Mapping[str, Any], *, written: bool, at: str) -> Dict[str, Any]:
    """Return what is told of a production certificate.

    :param result: that of est_certificates for it; of one that was not looked at its options, with a status.
    :param written: whether the run was to write on the host.
    :param at: when the host was looked at, UTC.
    """
    server = result.get("server")
    told = _test(
        {**result, "server": server.get("url") if isinstance(server, Mapping) else server}, at=at, this_run=True
    )
    told.pop("milliseconds", None)
    if told["status"] == "unchanged":
        told.pop("reason", None)  # it tells how long the certificate is valid
    if result.get("renew_at"):
        told["renew_at"] = _text(result["renew_at"])
    return {
        "name": _text(certificate_place(result)),
        "template": _text(result.get("template") or ""),
        "state": certificate_state(told, written=written),
        "action": _text(result.get("action") or "none"),
        **told,
    }


def certificate_place(options: Mapping[str, Any]) -> str:
    """Return what names a certificate on its host: the path on a POSIX host, the name in the store of a Windows host.

    Those of many identities are told together, by their folder.

    :param options: those of the certificate, or its result.
    """
    names = (options.get(name) for name in ("certificate_path", "output_path", "certificate_name"))
    return str(next(filter(None, names), "identity"))


def _last_test(found: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """The test of an earlier run, as est_templates found it on the host."""
    if not found:
        return None
    result = dict(found)
    result.setdefault("certificate", {key: found[key] for key in _OF_CERTIFICATE if key in found})
    if str(found.get("status")) == "failed":
        result["failed"] = True
        status = f" (HTTP {found['http_status']})" if found.get("http_status") else ""
        result.setdefault("reason", f"it failed at stage {found.get('stage')}{status}")
    return _test(result, at=str(found.get("at") or ""), this_run=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_text(entry) for entry in value]
    return value if isinstance(value, (bool, int, float)) else _text(value)


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."
