# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of what can fail beside an exchange with an EST server, whose codes are in ``module_utils/est/base``.

Nothing imports this file at run time: it is the list that the tests and docs/errors.md go by.
"""

from __future__ import annotations

#: The ``error_code`` of a failed result or of an entry in one, and what it means.
CODES = {
    # Any module.
    "module_failed": "A module of Ansible failed on the host.",
    "unreachable": "The host cannot be reached.",
    "unusable_file": "A file or folder on the controller cannot be read or written.",
    "unusable_answer": "What answers on the host is not the module that was run there.",
    # The template store of a host.
    "store_failed": "The template store cannot be read or written.",
    "damaged_store": "The document of the template store is damaged.",
    "newer_format": "A newer version of this collection wrote the file.",
    "store_busy": "Others kept changing the template store, and nothing was written.",
    "secret_not_opened": "A password in the store cannot be opened: its key is lost, or another one.",
    "edited_by_hand": "The template in the store was edited by hand.",
    "unknown_template": "There is no template of that name, in the store or in the bundle.",
    # The key of a certificate on a Windows host.
    "key_failed": "A key store or certificate store of Windows did not do what was asked of it.",
    "unknown_account": "The host does not know an account that is to use the key.",
    "unknown_service": "The host does not have a service that is to be restarted.",
    # A bundle of templates.
    "not_a_bundle": "The file is not a bundle of templates.",
    "damaged_bundle": "The bundle is cut short, or was changed after it was written.",
    "unusable_bundle": "The bundle cannot be used.",
    "wrong_passphrase": "The bundle is sealed with another passphrase.",
    "missing_passphrase": "The bundle is sealed, and no passphrase was given.",
    "not_sealed": "A passphrase was given, and the bundle is not sealed with any.",
    "unusable_template": "A template in the bundle is not valid in this version of the collection.",
    "bundle_too_large": "The bundle would be too large to be read again.",
    # A fleet.
    "nothing_declared": "No variable of this collection declares anything for the host, or for any host of the play.",
    "host_timed_out": "The host took longer than it may, and was given up.",
    "tests_failed": "Tests of templates failed, or were not tried.",
    "certificates_failed": "Production certificates could not be had, or were not tried.",
    "not_tried": "The test or the certificate was left out: the account was refused before, or too many had failed.",
    "too_many_failed": "More hosts failed than the play allows.",
    "not_a_report": "The file is not a fleet report, or not a complete one.",
    # What a diagnosis finds.
    "not_collected": "Something could not be collected.",
    "logs_withheld": "Logs were left out, since passwords in them could not be found and taken out.",
    "service_stopped": "A service of the product does not run.",
    "disk_full": "The disk with the template store is full, or nearly so.",
    "missing_store": "There is no template store on the host.",
    "store_problem": "Something is wrong with the template store.",
    "wrong_clock": "The clock of the host differs from that of the controller or of the EST server.",
    "server_certificate_ends": "The certificate of the EST server has expired, or will soon.",
    "server_warning": "The EST server answers, and something about it should be known.",
}
