# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves of each host for the fleet report, and the report that is made of it.

Each host is a process of its own and leaves a line in a file of the run (``Spool``). The report is made by one
task when all have ended. When no host of a batch could be reached, no task follows: then the last of them makes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable, Optional

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.release import __version__ as ansible_version
from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import ReportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import (
    Document,
    joined,
    keep_others,
    make_document,
    utc,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.merging import Spool, read_report
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.summary import summary_lines
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.writing import report_files, write_report
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value

from ..base.action import OptionError, plain
from .certificates import known_by

#: What the role registers the result of a host as.
RESULT = "est_integration_result"


def spool_of(report_dest: str) -> Spool:
    """Return the file of this run for a report. Its folder is made by ansible-playbook, and removed when that ends."""
    return Spool(str(C.DEFAULT_LOCAL_TMP), report_dest)


class HostWatch:
    """Watches the run on one host, and notes how it ended.

    :param arguments: the arguments of the task, not validated.
    :param task_vars: the variables of the host.
    :param located: returns the absolute path of a place on the controller.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        task_vars: Mapping[str, Any],
        play_context: Any,
        transport: str,
        located: Callable[[str], str],
    ) -> None:
        self._arguments = arguments
        self._located = located
        self._task_vars = task_vars
        self._started, self._started_at = time.monotonic(), utc()
        port = getattr(play_context, "port", None)
        address = f"{play_context.remote_addr}{f':{port}' if port else ''}"
        self._address = "local" if transport.rpartition(".")[2] == "local" else address

    def ended(self, outcome: Any) -> dict[str, Any]:
        """Note how the run on the host ended, and return the entry of the host.

        :param outcome: the result, or the exception that it ended with.
        """
        if isinstance(outcome, Mapping):
            result: Mapping[str, Any] = outcome
        else:
            state = "unreachable" if isinstance(outcome, AnsibleConnectionFailure) else "failed"
            result = {state: True, "msg": str(outcome) or type(outcome).__name__}
        looked, only_certificates = "templates" in result, self._arguments.get("__est_integration_certificates_only")
        report_dest = self._located(str(plain(self._arguments.get("est_integration_report_dest") or "")))
        record = record_of(
            str(self._task_vars.get("inventory_hostname")),
            result,
            declared=() if looked or only_certificates else _declared(self._arguments.get("est_integration_templates")),
            certificates=_entries(self._arguments.get("est_integration_certificates")),
            address=self._address,
            started_at=self._started_at,
            seconds=time.monotonic() - self._started,
        )
        try:
            if spool_of(report_dest).add(record, self._task_vars.get("ansible_play_batch") or ()):
                self._report_alone(report_dest)
        except OSError as error:
            # The report falls back on what the play itself knows.
            Display().warning(f"what this run finds cannot be noted for the fleet report: {error}")
        return record

    def _report_alone(self, report_dest: str) -> None:
        """Make the report here: every host is unreachable, and no task follows."""
        made = write(report_dest, _document(report_dest, spool_of(report_dest).records(), self._task_vars))
        if made.error:
            Display().warning(made.error)
        Display().display("\n".join(made.lines))


# ----------------------------------------------------------------------------------------------------------------------

#: How many seconds a host may take, and how many more for each template and certificate. A test may wait for approval
#: besides.
_SECONDS, _SECONDS_EACH = 600, 120
#: Ten days.
_MOST_SECONDS = 864000


class TimeIsUp(BaseException):
    """A host has taken longer than it may. It passes through everything that goes on after an exception."""


def seconds_for(variables: Mapping[str, Any], of_task: Optional[int]) -> int:
    """Return how many seconds a host may take; 0 where ansible-core watches over that.

    :param variables: the options.
    :param of_task: the limit of the task, from the configuration (``TASK_TIMEOUT``) or the play.
    :raises OptionError: the variable is not a number of seconds.
    """
    given = variables["est_integration_host_timeout"]
    if given is not None:
        if not 1 <= given <= _MOST_SECONDS:
            raise OptionError(f"est_integration_host_timeout: {given} is out of range (1 to {_MOST_SECONDS})")
        return int(given)
    if of_task:
        return 0
    templates, certificates, test = (
        variables[f"est_integration_{name}"] for name in ("templates", "certificates", "test")
    )
    waiting = test.get("wait_timeout") if isinstance(test, Mapping) else 0
    each = _SECONDS_EACH + (int(waiting) if str(waiting).isdecimal() else 0)
    return min(
        _SECONDS + sum(each * len(declared) for declared in (templates, certificates) if isinstance(declared, list)),
        _MOST_SECONDS,
    )


@contextlib.contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """Interrupt what is done after some seconds.

    :param seconds: 0 for never.
    :raises TimeIsUp: after them.
    """

    def ring(_signal: int, _frame: Any) -> None:
        raise TimeIsUp

    if not seconds:
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    left, began = signal.alarm(seconds), time.monotonic()
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        if left:  # of ansible-core
            signal.alarm(max(1, left - int(time.monotonic() - began)))


# ----------------------------------------------------------------------------------------------------------------------


def record_of(name: str, result: Mapping[str, Any], **told: Any) -> dict[str, Any]:
    """Return the entry of a host from the result of its run, whatever it ended with."""
    state = "unreachable" if result.get("unreachable") else "failed" if result.get("failed") else "ok"
    return host_record(
        name,
        state=state,
        message="" if state == "ok" else str(result.get("msg") or "no reason was told"),
        mode=str(result.get("mode") or "report"),
        cluster=result.get("cluster"),
        result=result,
        **told,
    )


class WrittenReport(Value):
    """A report that was made.

    :param document: its content.
    :param files: the JSON file and the HTML file, or None where none was asked for or could be written.
    :param error: why they could not be written, or why the play must not go on.
    :param error_code: the name of that for programs.
    """

    document: Document
    files: Optional[tuple[str, str]] = None
    error: str = ""
    error_code: str = ""

    @property
    def lines(self) -> list[str]:
        """The summary, and where the report is."""
        return [*summary_lines(self.document), *([f"report: {self.files[1]}"] if self.files else ())]


def report_if_over(
    report_dest: str, task_vars: Mapping[str, Any], max_fail_percentage: Optional[float] = None
) -> Optional[WrittenReport]:
    """Make the report of this run, unless it goes on with other hosts. After a failure, it may not go on.

    :param max_fail_percentage: that of the play. ansible-core does not see failures in a block that goes on to tell of
        them, so they are counted here.
    :raises OSError: what the hosts left cannot be read.
    """
    spool = spool_of(report_dest)
    records = spool.records()
    batch, alive = _names(task_vars, "ansible_play_batch"), _names(task_vars, "ansible_play_hosts")
    for name, result in _ended_early(records, batch, alive, task_vars):
        records[name] = record_of(name, result)
        spool.add(records[name])
    to_come = [name for name in _all_hosts(task_vars) if name not in records and name in alive]
    if to_come and not batch <= set(records):
        return None  # only with the strategy free, which runs this task for every host
    states = {**{name: records[name]["state"] for name in batch & set(records)}, **spool.news()}
    if to_come and set(states.values()) <= {"ok"}:
        return None
    report = write(report_dest, _document(report_dest, records, task_vars))
    if report.error:
        return report
    only_certificates = bool(task_vars.get("__est_integration_certificates_only"))
    if not to_come and not any(_has_something(record, only_certificates) for record in records.values()):
        name = f"est_integration_{'certificates' if only_certificates else 'templates'}"
        return report.replace(
            error=f"nothing was looked at: {name} is defined for none of these hosts. Define it in the variables of "
            "the group or of the hosts",
            error_code="nothing_declared",
        )
    return report.replace(error=_too_many_failed(states, max_fail_percentage), error_code="too_many_failed")


def _has_something(record: Mapping[str, Any], only_certificates: bool) -> bool:
    """Say whether something is declared for a host, of what the run sees to."""
    return bool(record["certificates"]) or (record["declared"] is not False and not only_certificates)


def _ended_early(
    records: Mapping[str, Any], batch: set[str], alive: set[str], task_vars: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The hosts that left nothing though they ended, each with the result that the play has of it.

    Such a host may have ended before its task could, as with a variable that is not defined.
    """
    for name in _all_hosts(task_vars):
        if name not in records and (name in batch or name not in alive):
            result = _registered(name, task_vars)
            if result is not None:
                yield name, result


def _too_many_failed(states: Mapping[str, str], max_fail_percentage: Optional[float]) -> str:
    """Why the play must not go on after failures, or an empty text."""
    failed = list(states.values()).count("failed")
    if max_fail_percentage is None or 100 * failed / max(1, len(states)) <= max_fail_percentage:
        return ""
    return f"{failed} of {len(states)} hosts failed, more than the max_fail_percentage of the play: it ends here"


def write(report_dest: str, document: Document) -> WrittenReport:
    """Write a report where it is asked for. That it could not be written is told; nothing that was found is lost."""
    if not report_dest:
        return WrittenReport(document)
    try:
        return WrittenReport(document, write_report(report_dest, document))
    except ReportError as error:
        return WrittenReport(document, error=str(error), error_code=error.code)


def _document(report_dest: str, records: Mapping[str, dict[str, Any]], task_vars: Mapping[str, Any]) -> Document:
    alive = _names(task_vars, "ansible_play_hosts")
    hosts = [records[name] if name in records else _not_run(name, name in alive) for name in _all_hosts(task_vars)]
    # Hosts of an earlier play of this run that has the same report.
    known = {host["name"] for host in hosts}
    hosts.extend(record for name, record in records.items() if name not in known)
    hosts, kept, notes = _with_others(report_dest, hosts, task_vars)
    return make_document([*hosts, *kept], [_run(task_vars, hosts)], notes=notes)


def _with_others(
    report_dest: str, hosts: Sequence[Mapping[str, Any]], task_vars: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], list[dict[str, Any]], list[str]]:
    """Return the hosts, the hosts that are not in this run, and notes.

    The report that is there tells of the latter, as after a run with a limit, and of what a run that only tests does
    not find out.
    """
    if not report_dest or not os.path.exists(report_files(report_dest)[0]):
        return list(hosts), [], []
    try:
        old = read_report(report_files(report_dest)[0])
    except ReportError as error:
        return (
            list(hosts),
            [],
            [f"the report that was there is replaced, and what it told of other hosts is lost: {error}"],
        )
    inventory = {str(name) for name in (task_vars.get("groups") or {}).get("all") or ()}
    known = {host["name"]: host for host in old["hosts"]}
    told = [joined(host, known[host["name"]]) if host["name"] in known else host for host in hosts]
    return told, *keep_others(old, hosts, inventory)


def _not_run(name: str, alive: bool) -> dict[str, Any]:
    why = "its turn had not come" if alive else "it failed or could not be reached before the role began"
    return host_record(name, state="not_run", message=why, mode="report")


def _run(task_vars: Mapping[str, Any], hosts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    started = [str(host["started_at"]) for host in hosts if host["started_at"]]
    job = task_vars.get("awx_job_id") or task_vars.get("tower_job_id") or os.environ.get("JOB_ID") or ""
    return {
        "play": str(task_vars.get("ansible_play_name") or ""),
        "started_at": min(started, default=utc()),
        "check_mode": bool(task_vars.get("ansible_check_mode")),
        "limit": str(task_vars.get("ansible_limit") or ""),
        "job": str(job),
        "ansible_version": str(ansible_version),
    }


def _all_hosts(task_vars: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in task_vars.get("ansible_play_hosts_all") or ()]


def _names(task_vars: Mapping[str, Any], variable: str) -> set[str]:
    return {str(name) for name in task_vars.get(variable) or ()}


def _registered(name: str, task_vars: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    variables = task_vars["hostvars"].get(name) or {}
    result = variables.get(RESULT)
    return plain(result) if isinstance(result, Mapping) else None


def _declared(templates: Any) -> list[str]:
    if not isinstance(templates, list):
        return []
    return [
        str(plain(options["name"])) for options in templates if isinstance(options, Mapping) and options.get("name")
    ]


def _entries(certificates: Any) -> list[dict[str, Any]]:
    """What is told of the certificates of a host that could not be looked at."""
    found = plain(certificates)
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [{key: str(value) for key, value in known_by(entry).items()} for entry in entries]
