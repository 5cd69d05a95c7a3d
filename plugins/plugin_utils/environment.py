# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment of the controller gives to a template, as a credential of AWX injects it.

A template that says something itself is left as it is:

- C(EST_USERNAME) and C(EST_PASSWORD) count together, and only for a template with none of O(username), O(password) and
  a TLS client certificate. One of the two alone, or an empty one, counts as not set: it may be there for another
  purpose.
- C(EST_CA_CERTIFICATE), PEM text, counts only for a template with none of O(ca_certificate), O(ca_path) and
  O(ca_fingerprint) that does not use the system's trust either.

What O(remove) names is not added.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import BOOLEANS_TRUE

from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.authentication import check_basic
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.errors import TemplateError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.fields import ACCOUNT, CA_CERTIFICATE
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.trust import read_pem_certificates

_USERNAME, _PASSWORD, _CA_CERTIFICATE = "EST_USERNAME", "EST_PASSWORD", "EST_CA_CERTIFICATE"
_WHERE = "in the environment of the controller"


def from_environment(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the environment adds to the options of a template: nothing, O(username) and O(password), a CA.

    :param options: as they were given; None counts as not given.
    :raises TemplateError: for a variable that counts and cannot be used. No password is shown.
    """
    added: dict[str, str] = {}
    removed = options.get("remove")
    removed = removed if isinstance(removed, (list, tuple)) else ()
    if ACCOUNT not in removed and _none_of(
        options, "username", "password", "client_certificate_path", "client_key_path"
    ):
        added.update(_credentials(os.environ.get(_USERNAME), os.environ.get(_PASSWORD)))
    system_trust = str(options.get("use_system_trust")).strip().lower() in BOOLEANS_TRUE
    if (
        not system_trust
        and CA_CERTIFICATE not in removed
        and _none_of(options, "ca_certificate", "ca_path", "ca_fingerprint")
    ):
        certificate = os.environ.get(_CA_CERTIFICATE)
        if certificate:
            added["ca_certificate"] = read_pem_certificates(f"{_CA_CERTIFICATE} {_WHERE}", certificate)
    return added


def _none_of(options: Mapping[str, Any], *names: str) -> bool:
    return all(options.get(name) is None for name in names)


def _credentials(username: str | None, password: str | None) -> dict[str, str]:
    if not username or not password:
        return {}
    try:
        check_basic(username, password)
    except TemplateError as error:
        error.option = f"{_USERNAME if error.option == 'username' else _PASSWORD} {_WHERE}"
        raise
    return {"username": username, "password": password}
