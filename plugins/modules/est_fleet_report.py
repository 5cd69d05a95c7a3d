#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_fleet_report
short_description: Make the report of a fleet, or merge the reports of several runs
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Tells of all hosts of a play what the role C(estfleet.cloud_extender.est_integration) found and did, those that
    failed or could not be reached among them, as a JSON file, as one HTML file, and as a summary of a few lines.
  - The role runs this module by itself. In a playbook of your own it merges the JSON files of other runs, such as those
    of the slices of a job of AWX.
  - Everything is done on the controller. Use it with C(run_once).
  - A new file can be read by its owner only; a file that is there keeps its mode. Both are replaced atomically.
  - A report of some of the hosts, as with C(--limit), keeps what the report in that place tells of the others, with the
    time of that. A host that is no longer in the inventory leaves it.
  - RV(counts), and RV(json_path) where there is one, are also given as C(est_fleet) to the statistics that
    M(ansible.builtin.set_stats) makes, with which a workflow of AWX goes on. Beside them it has three lists of at
    most 100 names for the limit of a job, C(hosts_to_correct), C(hosts_to_renew) and C(hosts_to_diagnose).
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
attributes:
  check_mode:
    support: partial
    details:
      - The files of the report are written in check mode too, and their folder is made, as the report is what check
        mode is run for. It tells what the run would do. Nothing is done on a host.
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - A report is not a state of a host, and is never told as changed.
options:
  dest:
    description:
      - The two files of the report on the controller, C(DEST.json) and C(DEST.html); the path of one of them may be
        given too. Empty for the summary only.
      - A folder that exists, or a path that ends in a slash, is the folder of files named C(est-fleet-report).
      - A relative path is below the folder of the playbook, with a playbook of a collection below the folder that
        C(ansible-playbook) was started in.
      - The folder of the files, and those above it, are made with permissions V(0700) where they do not exist, in check
        mode too.
    type: path
    default: ""
  merge_from:
    description:
      - JSON files of reports, or patterns such as C(slices/*.json), to make one report of, in place of one of this run.
        Relative paths are as in O(dest).
      - A host that is in several is told as it was found last.
    type: list
    elements: str
    default: []
  hosts:
    description:
      - The hosts that a merged report is to tell of. One of which no report tells is told as not run, and one that is
        not among them is left out, which is told. Without it, the report tells of the hosts that are in the reports.
    type: list
    elements: str
  max_age:
    description:
      - A host of a merged report that was looked at longer ago counts as one that did not run. A number with its unit,
        such as V(12h), with V(s), V(m), V(h), V(d) and V(w).
    type: str
seealso:
  - module: estfleet.cloud_extender.est_templates
  - module: estfleet.cloud_extender.est_test_enroll
"""

EXAMPLES = r"""
- name: Merge the reports of the slices of a job
  estfleet.cloud_extender.est_fleet_report:
    dest: /srv/reports/fleet
    merge_from:
      - /srv/reports/slices/*.json
  run_once: true
  register: fleet

- name: Tell what somebody must look at
  ansible.builtin.debug:
    msg: "{{ fleet.summary }}"
  run_once: true
"""

RETURN = r"""
complete:
  description: Whether a report was made. It is not as long as the play goes on with further hosts, as with C(serial).
  type: bool
  returned: success, and failure where a report was made
summary:
  description: The summary, a line each. Hosts with the same trouble share a line. Empty where no report was made.
  type: list
  elements: str
  returned: success, and failure where a report was made
  sample:
    - "50 hosts, 20 templates: 3 changed, 3 drifted, 2 unreachable"
    - "ce7, ce12: could not be reached"
json_path:
  description: The JSON file. Its format is in C(docs/report.md) and C(docs/report.schema.json).
  type: str
  returned: when a report was written
  sample: /srv/reports/fleet.json
html_path:
  description: The HTML file. It needs no other file and no network.
  type: str
  returned: when a report was written
  sample: /srv/reports/fleet.html
counts:
  description:
    - What was counted; the same as in the JSON file. What a count is of, its name begins with.
    - C(hosts_), or none of the following, for hosts; C(templates_) and C(state_) for templates on hosts.
    - C(tests_) for tests of this run; C(last_tests_) for the last test that is known of each template on a host, of
      this run or an earlier one; C(test_certificates_) for the certificates of those; C(certificates_) for production
      certificates.
  type: dict
  returned: when a report was made
  contains:
    hosts:
      description:
        - The hosts of the report. Those of the five counts C(hosts_as_declared), C(hosts_corrected),
          C(hosts_differing), C(hosts_not_compared) and C(hosts_not_looked_at) add up to it, and so do RV(counts.ok),
          RV(counts.failed), RV(counts.unreachable) and RV(counts.not_run).
      type: int
    ok:
      description: Hosts with which nothing went wrong.
      type: int
    failed:
      description: Hosts that failed, one with a failed test among them.
      type: int
    unreachable:
      description: Hosts that could not be reached.
      type: int
    not_run:
      description: Hosts whose turn did not come, or that failed before the role began.
      type: int
    hosts_as_declared:
      description: Hosts whose templates were compared, and are as declared.
      type: int
    hosts_corrected:
      description: Hosts on which something differed that this run put right.
      type: int
    hosts_differing:
      description: Hosts on which something differs.
      type: int
    hosts_not_compared:
      description: Hosts whose templates were only tested, or for which none is declared.
      type: int
    hosts_not_looked_at:
      description: Hosts that failed before a look at their templates, could not be reached, or whose turn did not come.
      type: int
    hosts_kept:
      description: Hosts that were not in this run and are told as an earlier one found them.
      type: int
    hosts_only_tested:
      description: Hosts that have templates declared, and of which no report has compared them.
      type: int
    changed:
      description: Hosts that were changed; in check mode of an enforcing run, that would be.
      type: int
    drifted:
      description: Hosts that were found other than declared, put right or not.
      type: int
    templates:
      description: Different templates.
      type: int
    templates_on_hosts:
      description: Templates on hosts. The counts C(state_) add up to it, each under the worst that is known of it.
      type: int
    state_in_order:
      description: Templates on hosts that are as declared.
      type: int
    state_corrected:
      description: Templates on hosts that differed, and that this run put right.
      type: int
    state_unproved:
      description: Templates on hosts for which no test there has issued a certificate as they are now.
      type: int
    state_pending:
      description: Templates on hosts whose test certificate waits for approval.
      type: int
    state_unknown:
      description: Templates on hosts that could not be looked at.
      type: int
    state_lost:
      description: Templates on hosts whose test certificate is not what was asked for, and nothing accepts that.
      type: int
    state_differs:
      description: Templates on hosts that are not as declared and were left so.
      type: int
    state_test_failed:
      description: Templates on hosts whose last test failed.
      type: int
    templates_corrected:
      description: Templates on hosts that were created, updated, repaired or removed.
      type: int
    templates_differing:
      description: Templates on hosts that are not as declared and were left so.
      type: int
    templates_unproved:
      description:
        - Templates on hosts for which no test there has issued a certificate as they are now, and none has failed or
          waits for approval.
      type: int
    templates_switched_off:
      description: Templates on hosts from which nothing is issued, C(device_identity_certificates=false).
      type: int
    tests:
      description: Tests of this run. What they came to, the five counts that follow, adds up to it.
      type: int
    tests_issued:
      description: Tests of this run for which a certificate was issued.
      type: int
    tests_pending:
      description: Tests of this run for which the certificate waits for approval.
      type: int
    tests_failed:
      description: Tests of this run that failed.
      type: int
    tests_not_tried:
      description: Tests of this run that were left out, because the server had refused their account before.
      type: int
    tests_not_asked:
      description: Tests of this run that check mode stopped before the request.
      type: int
    tests_made_up:
      description: Tests of this run that issued for C(Test) or blank values in place of an identity.
      type: int
    last_tests_failed:
      description: Templates on hosts whose last test failed.
      type: int
    last_tests_pending:
      description: Templates on hosts whose last test waits for approval.
      type: int
    last_tests_with_losses:
      description:
        - Templates on hosts whose last test gave a certificate that is not what was asked for, but for what is
          accepted.
      type: int
    last_tests_with_accepted_losses:
      description: Templates on hosts whose last test gave a certificate that lacks only what is accepted.
      type: int
    test_certificates:
      description: Test certificates whose end is known.
      type: int
    test_certificates_expired:
      description: Those of them that have expired.
      type: int
    test_certificates_ending_soon:
      description: Those of them that end within 30 days.
      type: int
    certificates_on_hosts:
      description: Production certificates on hosts. The seven counts that follow add up to it.
      type: int
    certificates_in_order:
      description: Production certificates that need nothing.
      type: int
    certificates_issued:
      description: Production certificates that this run had issued or renewed, or whose files it put right.
      type: int
    certificates_pending:
      description: Production certificates that wait for approval.
      type: int
    certificates_unknown:
      description: Production certificates on hosts that could not be looked at.
      type: int
    certificates_with_losses:
      description: Production certificates that are not what was asked for, but for what is accepted.
      type: int
    certificates_due:
      description:
        - Production certificates that are to be issued, renewed or put right, and were not, as in check mode, in
          report mode, or after a refusal.
      type: int
    certificates_failed:
      description: Production certificates that could not be had.
      type: int
    certificates_with_accepted_losses:
      description: Production certificates that lack only what is accepted.
      type: int
    certificates_overdue:
      description:
        - Production certificates that are missing or have to be other ones, or that should have been renewed more
          than a day ago, and for which nobody was asked.
      type: int
    certificates_expired:
      description: Production certificates that have expired.
      type: int
    certificates_ending_soon:
      description: Production certificates that end within 30 days.
      type: int
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
  sample: too_many_failed
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
