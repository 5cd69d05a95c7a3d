# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose twins say back what they are given, for the tests of what runs them."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Say back, fail, crash, or write a file."""
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "default": "say", "choices": ["say", "fail", "crash", "write", "silent"]},
            "text": {"type": "str"},
            "number": {"type": "int", "default": 7},
            "entries": {"type": "list", "elements": "dict"},
            "secret": {"type": "str", "no_log": True},
            "path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["operation"] == "fail":
        module.fail_json(msg="it failed", code="no_reason")
    if params["operation"] == "crash":
        raise RuntimeError("it crashed")
    if params["operation"] == "silent":
        return
    if params["operation"] == "write":
        if not module.check_mode:
            with open(params["path"], "w", encoding="utf-8") as file:
                file.write(params["text"])
        module.exit_json(changed=True)
    module.exit_json(
        changed=False,
        text=params["text"],
        number=params["number"],
        entries=params["entries"],
        heard=len(params["secret"] or ""),
    )


if __name__ == "__main__":
    main()
