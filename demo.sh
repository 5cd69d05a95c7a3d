#!/usr/bin/env bash
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The main job on this machine: five local hosts, a lab EST server, templates, drift, test certificates. It sets itself up
# from nothing but a shell and a Python 3.11 or newer, stops what it started, and fails where something does not come out
# as stated. Everything it makes is in .cache/demo.
#
#   ./demo.sh --keep   leaves the lab EST server running, and says how to go on and how to end it

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/tools/bootstrap.sh
source "$root/tests/tools/bootstrap.sh"

keep=""
case "$*" in
  "") ;;
  --keep) keep=yes ;;
  *) echo "usage: demo.sh [--keep]" >&2; exit 2 ;;
esac

say() { printf '\n== %s\n' "$*"; }

lab_pid=""
stop_lab() {
  if [[ -n "$lab_pid" ]]; then
    kill "$lab_pid" 2>/dev/null || true
    wait "$lab_pid" 2>/dev/null || true
    lab_pid=""
  fi
}
trap stop_lab EXIT

say "Set-up: a virtual environment with ansible-core, requests and cryptography (first time only)"
find_python
venv=$(ensure_venv controller "$root/tests/requirements/controller.txt")
started=$SECONDS
demo=$root/.cache/demo
rm -rf -- "$demo"
mkdir -p -- "$demo"
cd -- "$root"
ANSIBLE_COLLECTIONS_PATH=$(collections_path)
export ANSIBLE_COLLECTIONS_PATH
export ANSIBLE_HOME=$demo/ansible ANSIBLE_NOCOWS=1 ANSIBLE_FORKS=5 ANSIBLE_DISPLAY_SKIPPED_HOSTS=false
export DEMO_PASSWORD=estpwd

say "A lab EST server that behaves like Cisco's test server: it keeps only the common name of a request"
"$venv/bin/python" roles/est_lab_server/files/est_lab_server \
  --profile cisco --port 0 --state "$demo/lab" --ready-file "$demo/lab.ready" --log-file "$demo/lab.log" >"$demo/lab.out" 2>&1 &
lab_pid=$!
for _ in {1..100}; do
  [[ -s "$demo/lab.ready" ]] && break
  kill -0 "$lab_pid" 2>/dev/null || { cat "$demo/lab.out" >&2; exit 1; }
  sleep 0.1
done
url=$(<"$demo/lab.ready")
port=${url##*:}
echo "    $url"

playbook() {
  local expectations=()
  while [[ "$1" != -- ]]; do expectations+=("$1"); shift; done
  shift
  local last=${*: -1}
  [[ "$last" == --* ]] && last="${*: -2}"
  echo "    \$ ansible-playbook -i demo/inventory.yml $last"
  "$venv/bin/python" demo/expect.py --log "$demo/ansible.log" "${expectations[@]}" -- \
    "$venv/bin/ansible-playbook" -i demo/inventory.yml \
    -e "demo_root=$demo demo_port=$port demo_ca=$demo/lab/ca.pem demo_python=$venv/bin/python" "$@"
}
everyone=ce1,ce2,ce3,ce4,ce5

say "Apply three templates to five hosts: every host changes"
playbook --changed $everyone -- estfleet.cloud_extender.configure

say "Apply them again: nothing changes"
playbook -- estfleet.cloud_extender.configure

say "Somebody edits a template on ce3 by hand, and opens the store to everybody"
store=$demo/hosts/ce3/est/templates.json
sed -i 's/Phones/Printers/' "$store"
chmod 0644 "$store"
echo "    $store"

say "The drift report names the host and what differs; it writes nothing, so nothing is changed"
playbook --contains "ce3: template 'vpn' differs: was edited by hand; subject is" --contains 0644 -- estfleet.cloud_extender.drift

say "Correct it: only ce3 changes"
playbook --changed ce3 -- estfleet.cloud_extender.configure --diff

say "Enrol a test certificate for every template from every host, and be told what the CA leaves out of it"
playbook --changed $everyone --warns "not what was asked for" --contains "subject_alternative_name UPN:jdoe@example.com" \
  -- estfleet.cloud_extender.test_enroll

say "What the CA left out is told by every later run, until somebody accepts it in on_lost or allowed_lost"
playbook --contains "template 'wifi' is not what was asked for" --contains "subject_alternative_name UPN:jdoe@example.com" \
  -- estfleet.cloud_extender.configure

say "A test that fails: a wrong password"
playbook --contains "the server refused the user name or the password" -- demo/wrong_password.yml

say "The test certificates"
certificates=("$demo"/hosts/*/est/tests/*/*/certificate.pem)
printf '    %s\n' "${certificates[@]:0:3}" "... and of ce2 to ce5"
[[ ${#certificates[@]} -eq 15 ]] || { echo "expected 15 test certificates" >&2; exit 1; }

[[ -s "$demo/report.html" && -s "$demo/report.json" ]] || { echo "expected a report" >&2; exit 1; }
say "All came out as stated, in $((SECONDS - started)) seconds. Look at the report of the fleet in a browser:"
echo "    file://$demo/report.html"
echo "    The whole output of Ansible: $demo/ansible.log"

if [[ -n "$keep" ]]; then
  say "The lab server goes on at $url, with the account estuser, password $DEMO_PASSWORD. To go on, in this shell's folder:"
  cat <<END
    export ANSIBLE_COLLECTIONS_PATH=$ANSIBLE_COLLECTIONS_PATH DEMO_PASSWORD=$DEMO_PASSWORD
    $venv/bin/ansible-playbook -i demo/inventory.yml -e 'demo_root=$demo demo_port=$port demo_ca=$demo/lab/ca.pem' \\
      -e demo_python=$venv/bin/python estfleet.cloud_extender.configure --diff
    kill $lab_pid   # ends the lab server
END
  disown "$lab_pid"
  trap - EXIT
else
  stop_lab
  echo "    The lab server is stopped (./demo.sh --keep leaves it running)."
fi
