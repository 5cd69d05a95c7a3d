# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sections mean that only a Windows host has; see :mod:`.findings`."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from .finding import Finding


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
        yield Finding("services", not idle, words, "Start the service, and look at its logs." if idle else "")
    for product in data["products"]:
        yield Finding("services", True, f"installed: {product['name']}, version {product['version'] or 'not told'}")


def windows_proxy(data: Mapping[str, Any]) -> Iterator[Finding]:
    """What Windows itself has for proxies, beside the environment."""
    for where, settings in data.items():
        if "problem" in settings:
            yield Finding("proxy", False, f"{where}: {settings['problem']}")
            continue
        words = ", ".join(f"{name} {value}" for name, value in settings.items() if value)
        yield Finding("proxy", True, f"{where}: {words or 'none'}")
