# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the test suite: the default selection, all of it, the parts that are named, or one file of tests.

``./test.sh`` starts this.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import pythons
from changes import Changes, find_changes
from checkout import CheckoutError, linked_collections
from context import Context, PartError, Report, say
from one import run_one
from parts import GROUPS, PARTS, Part
from running import end_all
from venvs import CACHE, ROOT, VenvError, locked

# Two parts at a time: most of them wait for one process, and two cores are what a small machine has.
AT_ONCE = 2


def run_part(part: Part, whole: bool, beside: frozenset[str]) -> Report:
    """Run one part, when no other run of the suite in this checkout is at it."""
    with locked(CACHE / "locks" / f"part-{part.name}.lock"):
        return _run_part(part, whole, beside)


def _run_part(part: Part, whole: bool, beside: frozenset[str]) -> Report:
    """Run one part; whatever goes wrong in it is a failure of that part."""
    context = Context(part.name, whole=whole, beside=beside, silence=part.silence)
    say(f"{part.name}: {part.about} ...")
    started = time.monotonic()
    try:
        part.run(context)
        if not (context.report.passed or context.report.failed or context.report.skipped):
            context.failed(f"{part.name} ran no test")
    except (PartError, VenvError, CheckoutError) as error:
        context.failed(f"{part.name} could not run", str(error))
    except subprocess.CalledProcessError as error:
        context.failed(f"{part.name} could not run", f"{error}\n{error.stderr or ''}")
    except Exception as error:  # a fault of the suite must fail the run, not hang or hide it
        context.failed(f"{part.name} could not run", f"{type(error).__name__}: {error}")
    finally:
        context.close()
    context.report.seconds = time.monotonic() - started
    report = context.report
    verdict = "FAILED" if report.failed else "ok"
    say(f"{part.name}: {verdict}, {counts(report)}, {report.seconds:.0f} s")
    return report


def counts(report: Report) -> str:
    """Return the three numbers of a report in words."""
    return f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped"


def select(names: Sequence[str], changes: Changes) -> list[Part]:
    """Return the parts of these names, or those of the default selection, the longest first.

    What tells most in the least time goes before them: lint.
    """
    if names:
        wanted = {part for name in names for part in GROUPS.get(name, (name,))}
        chosen = [(part.seconds, part) for part in PARTS if part.name in wanted]
    else:
        chosen = [
            (part.brief or part.seconds, part) for part in PARTS if part.subject is None or changes.touch(part.subject)
        ]
    return [part for _seconds, part in sorted(chosen, key=lambda pair: (pair[1].name != "lint", -pair[0]))]


def left_out(chosen: Sequence[Part], changes: Changes) -> list[str]:
    """Return what the default selection does not run, and why, in lines to print."""
    names = [part.name for part in PARTS if part not in chosen]
    why = f"nothing that they are about has changed since {changes.since}"
    return [
        *([f"not run: {', '.join(names)} ({why})"] if names else []),
        "not run: rare examples of the property tests, unit tests with the oldest libraries that do not touch them, "
        "integration targets that have not changed but est_integration_target, sanity on other Pythons, pylint",
        "./test.sh all runs all of it, and ./test.sh PART all of a part",
    ]


def summary(reports: Sequence[Report], omitted: Sequence[str], seconds: float) -> None:
    """Print what was skipped, what failed and why, a table, what was not run, and the one line of totals."""
    skips = [(report.name, skip) for report in reports for skip in report.skips]
    if skips:
        say("\nSkipped:")
        for name, skip in skips:
            say(f"  {name}: {skip}")
    for report in reports:
        for problem in report.problems:
            say(f"\nFAILED in {report.name} (whole log: .cache/logs/{report.name}.log)")
            say("\n".join(f"  {line}" for line in problem.split("\n")))
    say(f"\n{'part':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for report in reports:
        say(f"{report.name:<14}{report.passed:>8}{report.failed:>8}{report.skipped:>9}{report.seconds:>9.0f}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    say(f"{'together':<40}{seconds:>8.0f}, of processors {used.ru_utime + used.ru_stime:.0f}\n")
    for line in omitted:
        say(line)
    total = Report(
        "total",
        sum(report.passed for report in reports),
        sum(report.failed for report in reports),
        sum(report.skipped for report in reports),
    )
    say(counts(total))


def main() -> int:
    """Read the command line and run."""
    if sys.argv[1:2] == ["one"]:
        return run_one(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="./test.sh",
        description="Runs the tests of the collection: those that tell most in a few minutes and those of what has "
        "changed, or all, or the parts that are named. ./test.sh one PATH runs one file (./test.sh one --help).",
        epilog="Logs: .cache/logs/. More in docs/testing.md.",
    )
    names = [part.name for part in PARTS] + list(GROUPS)
    parser.add_argument("part", nargs="*", help="a part to run whole, see --list; all: every part")
    parser.add_argument("--list", action="store_true", help="list the parts and end; * marks those that always run")
    parser.add_argument("--jobs", type=int, default=AT_ONCE, metavar="N", help=f"parts at a time (default {AT_ONCE})")
    parser.add_argument("--since", metavar="COMMIT", help="what has changed since then counts as changed")
    arguments = parser.parse_args()
    if arguments.list:
        for part in PARTS:
            print(f"{part.name:<14}{'*' if part.subject is None else ' '} {part.about}")
        for group, members in GROUPS.items():
            print(f"{group:<16}{', '.join(members)}")
        return 0
    unknown = [name for name in arguments.part if name not in names]
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; parts are {', '.join(names)}")
    try:
        changes = find_changes(arguments.since)
    except ValueError as error:
        parser.error(str(error))
    chosen = select(arguments.part, changes)
    linked_collections()
    say(f"Python {', '.join(pythons.found())} found; {len(chosen)} parts, logs in .cache/logs")
    started = time.monotonic()
    beside = frozenset(part.name for part in chosen)
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        futures = [pool.submit(run_part, part, bool(arguments.part), beside) for part in chosen]
        try:
            reports = [future.result() for future in futures]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            say(f"\ninterrupted; logs in {ROOT / '.cache' / 'logs'}")
            return 130
    summary(reports, [] if arguments.part else left_out(chosen, changes), time.monotonic() - started)
    return 1 if any(report.failed for report in reports) else 0


def _interrupt(signum: int, frame: object) -> None:
    # The same signal often comes twice, to the process and to its group; what follows must not be interrupted.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, _interrupt)
    sys.exit(main())
