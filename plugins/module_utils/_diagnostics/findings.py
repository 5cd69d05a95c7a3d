# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report means: what works, what does not, and what to do next. Platform-neutral.

A report is plain data::

    {"host": "ce1", "collected_at": "...Z", "controller": {...}, "clock": [low, high],
     "store": section, "system": section, "proxy": section, "tests": section, "logs": section,
     "services": section, "windows_proxy": section  (of a Windows host),
     "servers": [{"templates": [names], "section": section of probe.py}]}

A section is what ``collect.py`` makes: ``ok`` and ``data``, or ``error_code``, ``reason`` and ``hint``. One
that is missing was not collected.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from .._exchange.files import CERTIFICATE_FILE, STATE_FILE
from .._value import Value, field

# ----------------------------------------------------------------------------------------------------------------------
# One thing that was found out about a host.


class Finding(Value):
    """One line of a summary.

    :param section: what it is about.
    :param ok: whether it is as it should be.
    :param text: what was found, or the reason why not.
    :param hint: what to do next, or an empty string.
    :param code: of what is not as it should be, a name for programs.
    :param milliseconds: how long it took, where that was measured.
    """

    section: str
    ok: bool
    text: str
    hint: str = ""
    code: str = ""
    milliseconds: Optional[float] = field(default=None, compare=False)


# ----------------------------------------------------------------------------------------------------------------------
# What the sections mean that only a Windows host has.


def windows_system(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Windows, PowerShell, account."""
    versions = data["versions"]
    yield Finding(
        "system",
        True,
        f"{data['operating_system']}, PowerShell {versions['powershell']}, user {data['user']}, "
        f"time zone {data['time_zone']}",
    )


def windows_services(data: Mapping[str, Any]) -> Iterator[Finding]:
    """The services of the product: whether they run, and which version is registered."""
    if not data["services"]:
        yield Finding("services", True, "no service has MaaS360 or Cloud Extender in its name or path")
    for service in data["services"]:
        words = (
            f"{service['display_name']} ({service['name']}): {service['state']}, start mode {service['start_mode']}, "
            f"account {service['username']}"
        )
        idle = service["state"] != "started" and service["start_mode"] in ("auto", "delayed")
        yield Finding(
            "services",
            not idle,
            words,
            "Start the service, and look at its logs." if idle else "",
            code="service_stopped" if idle else "",
        )
    for product in data["products"]:
        yield Finding("services", True, f"installed: {product['name']}, version {product['version'] or 'not told'}")


def windows_proxy(data: Mapping[str, Any]) -> Iterator[Finding]:
    """What Windows itself has for proxies, beside the environment."""
    for where, settings in data.items():
        if "problem" in settings:
            yield Finding("proxy", False, f"{where}: {settings['problem']}", code="not_collected")
            continue
        words = ", ".join(f"{name} {value}" for name, value in settings.items() if value)
        yield Finding("proxy", True, f"{where}: {words or 'none'}")


# ----------------------------------------------------------------------------------------------------------------------

#: Seconds that clocks may differ.
CLOCK_TOLERANCE = 30.0
#: A certificate that ends within so many days is told as a problem.
SOON_DAYS = 30
_LITTLE_SPACE = 50 * 1024 * 1024
_CLOCK_HINT = "Set the clock of the host, and check its time service: certificates are refused where it is wrong."
_STORE_HINT = (
    "Apply the templates again: that puts right what is declared, and keeps a damaged document beside the new one."
)
_LOST_HINT = "Let the CA issue what is asked for, or say in allowed_lost or on_lost what may be otherwise."


def judge(report: Mapping[str, Any]) -> List[Finding]:
    """Judge a report, in the order in which a user reads it."""
    found: List[Finding] = []
    for name, explain in _EXPLANATIONS.items():
        section = report.get(name)
        if section is None:
            continue
        if not section["ok"]:
            found.append(Finding(name, False, section["reason"], section["hint"], code=section["error_code"]))
        if section.get("data") is not None:
            found.extend(explain(section["data"]))
    if report.get("clock") is not None:
        found.append(_controller_clock(report["clock"]))
    for server in report.get("servers", ()):
        found.extend(_server(server["templates"], server["section"]))
    return list(dict.fromkeys(found))  # what was found twice, at another time, is told once


def _system(data: Mapping[str, Any]) -> Iterator[Finding]:
    versions = data["versions"]
    if "powershell" in versions:
        yield from windows_system(data)
        return
    yield Finding(
        "system",
        True,
        f"{data['operating_system']}, Python {versions['python']}, {versions['openssl']}, user {data['user']}",
    )
    missing = [name for name in ("requests", "cryptography") if not versions[name]]
    if missing:
        yield Finding(
            "libraries",
            False,
            f"the Python that Ansible uses on this host has no {' and no '.join(missing)}, so "
            "it is not known what the EST servers answer",
            "Tests with exchange: host need them. Install the packages "
            f"{' and '.join(f'python3-{name}' for name in missing)}, or use exchange: relay.",
            code="missing_library",
        )
    else:
        yield Finding("libraries", True, f"requests {versions['requests']}, cryptography {versions['cryptography']}")
    for space in data["disk_space"][:1]:  # the store, which is written to
        if space.get("free_bytes", _LITTLE_SPACE) < _LITTLE_SPACE or space.get("free_files") == 0:
            yield Finding(
                "system",
                False,
                f"the disk of {space['path']} is full, or nearly so",
                "Free some space on it.",
                code="disk_full",
            )


def _store(data: Mapping[str, Any]) -> Iterator[Finding]:
    store, path = data["store"], data["store_path"]
    if not store["exists"]:
        yield Finding(
            "store",
            False,
            f"there is no template store in {path}, so no EST server is known",
            "Apply the templates, or set store_path to where the store is.",
            code="missing_store",
        )
        return
    for words in data["store_problems"]:
        yield Finding("store", False, str(words), _STORE_HINT, code="store_problem")
    if not store["damaged"]:
        names = ", ".join(template["name"] for template in data["templates"]) or "none"
        # What is declared is not known here, so this speaks of the files alone.
        number = len(data["store_problems"])
        problems = f"problems: {number}" if number else "its files are intact"
        yield Finding("store", True, f"{path} can be read; templates: {names}; {problems}")
        yield from _last_tests(data["templates"])
    if store.get("kept_documents"):
        yield Finding("store", True, f"older documents are kept beside it: {', '.join(store['kept_documents'])}")


def _last_tests(templates: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for template in templates:
        test = template.get("last_test")
        if test is not None:
            stage = f" at the stage {test['stage']}" if test["stage"] else ""
            came = f"{test['status']}{stage}, {test['at']}{_remarks(template)}"
            hint, code = (_LOST_HINT, "not_as_asked") if test.get("lost") or test.get("differs") else ("", "")
            if test["status"] == "failed":
                hint, code = "Test it again with est_test_enroll, which tells the reason.", "tests_failed"
                code = test.get("error_code") or code
            yield Finding("tests", not hint, f"the last test of template {template['name']}: {came}", hint, code=code)


def _remarks(template: Mapping[str, Any]) -> str:
    """What the word "issued" alone would hide of a last test."""
    test = template["last_test"]
    remarks = [
        *(f"without {name}" for name in test.get("lost", ())),
        *test.get("differs", ()),
        *(f"no value was given for {name}" for name in test.get("made_up", ())),
    ]
    if test["status"] == "issued" and template.get("proved") is False:
        remarks.append("the template has changed since")
    return "".join(f"; {remark}" for remark in remarks)


def _proxy(data: Mapping[str, str]) -> Iterator[Finding]:
    settings = ", ".join(f"{name}={value}" for name, value in data.items())
    yield Finding(
        "proxy",
        True,
        f"the environment of Ansible's connection has {settings}; EST exchanges use only the option proxy of a template"
        if settings
        else "none in the environment of Ansible's connection",
    )


def _tests(data: Mapping[str, Any]) -> Iterator[Finding]:
    if not data["tests"]:
        yield Finding("tests", True, f"no test has left anything in {data['output_path']}, the only folder looked at")
    for test in data["tests"]:
        left = _left_by_a_test(test["files"])
        yield Finding("tests", True, f"{test['name']}: {left}, {test['modified_at']}")


def _left_by_a_test(files: Sequence[str]) -> str:
    if STATE_FILE in files:
        return "waits for approval"
    return "issued" if CERTIFICATE_FILE in files else "no certificate is there"


def _logs(data: Mapping[str, Any]) -> Iterator[Finding]:
    if data["files"]:
        octets = sum(log["octets"] for log in data["files"])
        newest = data["files"][0]
        count = "1 file" if len(data["files"]) == 1 else f"{len(data['files'])} files"
        yield Finding("logs", True, f"{count}, {octets} octets; the newest is {newest['path']}")
    elif data["skipped_files"]:
        path, reason = data["skipped_files"][0]
        yield Finding(
            "logs",
            False,
            f"none was collected: {path} {reason}",
            "Check log_paths, and use become.",
            code="not_collected",
        )
    else:
        yield Finding("logs", True, "none was asked for (log_paths)")


_EXPLANATIONS: Dict[str, Callable[[Any], Iterator[Finding]]] = {
    "system": _system,
    "store": _store,
    "services": windows_services,
    "proxy": _proxy,
    "windows_proxy": windows_proxy,
    "tests": _tests,
    "logs": _logs,
}


def clock_offset(sent: float, started: float, ended: float, received: float) -> List[float]:
    """How far a host's clock is ahead of the controller's, at least and at most, in seconds.

    :param sent, received: when the controller began to ask and had the answer, by its own clock.
    :param started, ended: when the host began and ended to work on it, by the clock of the host.
    """
    return [round(ended - received, 3), round(started - sent, 3)]


def _controller_clock(bounds: Sequence[float]) -> Finding:
    low, high = bounds
    if low > CLOCK_TOLERANCE or high < -CLOCK_TOLERANCE:
        seconds = low if low > 0 else -high
        side = "ahead of" if low > 0 else "behind"
        return Finding(
            "clock", False, f"the host is {duration(seconds)} {side} the controller", _CLOCK_HINT, code="wrong_clock"
        )
    return Finding("clock", True, f"agrees with the controller's (within {max(abs(low), abs(high)):.1f} seconds)")


def duration(seconds: float) -> str:
    """Return a time in words."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _server(templates: Sequence[str], section: Mapping[str, Any]) -> Iterator[Finding]:
    of_templates = f"({'template' if len(templates) == 1 else 'templates'} {', '.join(templates)})"
    if not section["ok"]:
        yield Finding(
            "server", False, f"{section['reason']} {of_templates}", section["hint"], code=section["error_code"]
        )
        return
    data = section["data"]
    for name, explain in _STEPS.items():
        step = data["steps"].get(name)
        if step is None:
            continue
        # Two templates can trust the same server in different ways.
        where = f"{data['server']} {of_templates}" if name in ("trust", "est") else data["server"]
        if step["ok"]:
            for finding in explain(step):
                yield Finding(
                    name, finding.ok, f"{where}: {finding.text}", finding.hint, finding.code, step["milliseconds"]
                )
        elif not _is_told_already(name, data["steps"]):
            yield Finding(name, False, f"{where}: {step['reason']}", step["hint"], code=step["error_code"])


def _is_told_already(name: str, steps: Mapping[str, Any]) -> bool:
    """The steps trust and est open connections anew, and fail again for the same reason; libraries are told too."""
    tls, trust = steps.get("tls", {"ok": True}), steps.get("trust", {"ok": True})
    if name == "trust":
        return not tls["ok"] and tls["reason"] == trust["reason"]
    return name == "est" and (not trust["ok"] or "Python library" in steps["est"]["reason"])


def _detail(step: Mapping[str, Any]) -> Iterator[Finding]:
    yield Finding("", True, step["detail"])


def _route(step: Mapping[str, Any]) -> Iterator[Finding]:
    for path in step["paths"]:
        if "problem" in path:
            yield Finding(
                "",
                False,
                f"there is no route to {path['to']}: {path['problem']}",
                "Check the routes.",
                code="no_route",
            )
        else:
            yield Finding("", True, f"packets to {path['to']} leave from {path['from']}")


def _tls(step: Mapping[str, Any]) -> Iterator[Finding]:
    if "certificate" not in step:
        yield from _detail(step)
        return
    certificate = step["certificate"]
    if certificate is None:
        yield Finding(
            "",
            False,
            f"its certificate cannot be read: {step['certificate_problem']}",
            code="invalid_server_certificate",
        )
        return
    yield Finding(
        "",
        True,
        f"{step['version']}, {step['cipher']}; certificate {certificate['subject']} of {certificate['issuer']}, "
        f"until {certificate['not_after']}",
    )
    left = certificate["days_left"]
    if left < SOON_DAYS:
        words = f"expired on {certificate['not_after']}" if left < 0 else f"expires in {left} days"
        yield Finding(
            "",
            False,
            f"the certificate {words} by the clock of the host",
            "Renew the certificate on the server.",
            code="server_certificate_ends",
        )


def _trust(step: Mapping[str, Any]) -> Iterator[Finding]:
    words = {"explicit": "by the trust anchors of the template", "system": "by the trust store of the host"}
    yield Finding("", True, step.get("detail") or f"is trusted {words.get(step['kind'], step['kind'])}")


def _server_clock(step: Mapping[str, Any]) -> Iterator[Finding]:
    if step["server_time"] is None:
        yield Finding("", True, "tells no time in its answer, so its clock is not known")
        return
    ahead = step["host_ahead_seconds"]
    source = "" if step["verified"] else ", which is not verified"
    if abs(ahead) > CLOCK_TOLERANCE:
        side = "ahead of" if ahead > 0 else "behind"
        yield Finding(
            "",
            False,
            f"the host is {duration(abs(ahead))} {side} this EST server{source}",
            _CLOCK_HINT,
            code="wrong_clock",
        )
    else:
        # The header tells whole seconds.
        within = step.get("within_seconds", abs(ahead) + 1)
        words = f"the clock agrees with this EST server's{source} (within {within:.1f} seconds)"
        yield Finding("", True, words)


def _est(step: Mapping[str, Any]) -> Iterator[Finding]:
    found = step["found"]
    authentication = found.get("authentication")
    schemes = ", ".join(offer["scheme"] for offer in authentication["schemes"]) if authentication else ""
    count = len(found["ca_certificates"])
    yield Finding(
        "",
        True,
        f"gives {count} CA certificate{'' if count == 1 else 's'}"
        + ("" if found["trusted"] else ", of which nothing is verified")
        + (f"; asks for {schemes} authentication" if schemes else ""),
    )
    for warning in found["warnings"]:
        yield Finding("", False, str(warning), code="server_warning")


_STEPS: Dict[str, Callable[[Mapping[str, Any]], Iterator[Finding]]] = {
    "resolve": _detail,
    "route": _route,
    "connect": _detail,
    "tls": _tls,
    "trust": _trust,
    "clock": _server_clock,
    "est": _est,
}
