#!/usr/bin/env bash
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs the tests, from nothing but a shell and a Python 3.11 or newer: ./test.sh runs what tells most in a few minutes,
# ./test.sh all everything, ./test.sh PART one part, ./test.sh one PATH one file of tests, and ./test.sh --list names the
# parts. The last line is the total. See docs/testing.md.

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/tools/bootstrap.sh
source "$root/tests/tools/bootstrap.sh"
find_python
cd -- "$root"
exec "$PYTHON" -B tests/tools/suite "$@"
