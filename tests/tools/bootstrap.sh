# shellcheck shell=bash
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced by test.sh, demo.sh and .ci/run: what a machine needs before anything of this repository can run. It asks for
# Linux, bash and a Python 3.11 or newer that can make virtual environments; the rest comes from the package index, into
# .cache/ of this checkout. Nothing outside the checkout is changed.
#
#   source tests/tools/bootstrap.sh
#   find_python                           sets PYTHON, or says what is missing and fails
#   path=$(ensure_venv NAME FILE [PYTHON])  prints the folder of a virtual environment that has what FILE pins
#   path=$(collections_path)              prints the folder to put in ANSIBLE_COLLECTIONS_PATH
#
# Only PYTHON is read from the caller's environment: a Python to use instead of looking for one.

BOOTSTRAP_TOOLS=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

# Nothing of the caller's Python or Ansible set-up may leak into what we run, and nothing may wait for a terminal.
# Bytecode is written as it is for a user: an environment without it has hidden faults.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV ANSIBLE_CONFIG PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
# Ansible refuses to start where the locale is not UTF-8.
export LC_ALL=C.UTF-8 LANG=C.UTF-8

# python_problem PYTHON: prints why this Python will not do, or nothing when it will. Its status says nothing: the caller
# may run with errexit and pipefail.
python_problem() {
  command -v -- "$1" >/dev/null 2>&1 || { echo "there is no such program"; return 0; }
  { "$1" -c '
import sys
if sys.version_info < (3, 11):
    sys.exit("it is Python %d.%d, and 3.11 or newer is needed" % sys.version_info[:2])
try:
    import ensurepip, venv
    ensurepip.version()
except Exception:
    sys.exit("it has no venv or ensurepip; Debian and Ubuntu keep them in the package python3-venv")
try:
    import ssl
except Exception:
    sys.exit("it was built without the ssl module")
' 2>&1 >/dev/null || true; } | tail -n 1
}

find_python() {
  local candidate problem seen=""
  if [[ -n "${PYTHON:-}" ]]; then
    problem=$(python_problem "$PYTHON")
    if [[ -n "$problem" ]]; then
      echo "error: PYTHON=$PYTHON cannot be used: $problem" >&2
      return 1
    fi
    PYTHON=$("$PYTHON" -c 'import sys; print(sys.executable)')
    export PYTHON
    return 0
  fi
  # 3.11 first: it runs the most releases of ansible-core that the collection supports.
  for candidate in python3.11 python3.12 python3.13 python3.14 python3 python \
    "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/3.1[1-9]*/bin/python3; do
    command -v -- "$candidate" >/dev/null 2>&1 || continue
    problem=$(python_problem "$candidate")
    if [[ -z "$problem" ]]; then
      # A shim of a version manager names the real program here; everything later uses that.
      PYTHON=$("$candidate" -c 'import sys; print(sys.executable)')
      export PYTHON
      return 0
    fi
    seen+="  $(command -v -- "$candidate"): $problem"$'\n'
  done
  {
    echo "error: no Python 3.11 or newer that can make virtual environments was found."
    if [[ -n "$seen" ]]; then
      echo "Looked at:"
      printf '%s' "$seen"
    fi
    echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: PYTHON=/path/to/python3 $0"
  } >&2
  return 1
}

ensure_venv() {
  "${PYTHON:?call find_python first}" -B "$BOOTSTRAP_TOOLS/suite/venvs.py" "$@"
}

collections_path() {
  "${PYTHON:?call find_python first}" -B "$BOOTSTRAP_TOOLS/suite/checkout.py"
}
