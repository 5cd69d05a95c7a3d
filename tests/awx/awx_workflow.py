# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One workflow as AWX decides on it: which nodes run, and whether the workflow has failed.

What AWX does was looked up in its sources (``awx/main/scheduler/dag_workflow.py``): ``bfs_nodes_to_run`` follows the
links that fit the end of a node's job, a node that no finished parent leads to does not run (``mark_dnr_nodes``), and
``has_workflow_failed`` says yes where a node failed that has neither failure_nodes nor always_nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: The links that are followed after a node, by the status of its job.
_FOLLOWED = {"successful": ("success_nodes", "always_nodes"), "failed": ("failure_nodes", "always_nodes")}


def run_workflow(
    workflow: Mapping[str, Any], run: Callable[[Mapping[str, Any]], str]
) -> tuple[str, Sequence[tuple[str, str]]]:
    """Run the nodes of a workflow, none of which has two parents; return its status, and those of the nodes that ran.

    :param workflow: an entry of ``controller_workflows``.
    :param run: runs the job of a node, or decides on an approval; returns ``successful`` or ``failed``.
    """
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
    links = [
        name
        for node in nodes.values()
        for key in ("success_nodes", "failure_nodes", "always_nodes")
        for name in node.get(key, ())
    ]
    assert len(links) == len(set(links)), "a node has two parents"
    to_run = [name for name in nodes if name not in links]
    ended: list[tuple[str, str]] = []
    for name in to_run:
        status = run(nodes[name])
        ended.append((name, status))
        to_run += [child for key in _FOLLOWED[status] for child in nodes[name].get(key, ())]
    failed = any(
        status == "failed" and not nodes[name].get("failure_nodes") and not nodes[name].get("always_nodes")
        for name, status in ended
    )
    return ("failed" if failed else "successful"), ended
