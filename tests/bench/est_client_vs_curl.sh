# shellcheck shell=bash
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The same as est_client_enrol.py by curl and openssl: cacerts, a new key, simpleenroll, verification. For the bench.
# usage: est_client_vs_curl.sh URL CA_FILE USER PASSWORD_FILE rsa|ec FOLDER

set -euo pipefail

url=$1/.well-known/est ca=$2 user=$3 password_file=$4 key_type=$5 folder=$6
umask 077
cd -- "$folder"

# From standard input, as arguments can be read by every user of the machine.
ask() {
  curl --silent --show-error --fail --max-time 30 --cacert "$ca" --config - "$@"
}

ask "$url/cacerts" </dev/null | base64 --decode --ignore-garbage |
  openssl pkcs7 -inform DER -print_certs -out authorities.pem

case $key_type in
  rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem ;;
  ec) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem ;;
esac
openssl req -new -key key.pem -subj /CN=bench -sha256 -outform DER | base64 --wrap 64 >request.b64

printf 'user = "%s:%s"\n' "$user" "$(cat -- "$password_file")" |
  ask --header "Content-Type: application/pkcs10" --header "Content-Transfer-Encoding: base64" \
    --data-binary @request.b64 "$url/simpleenroll" | base64 --decode --ignore-garbage |
  openssl pkcs7 -inform DER -print_certs -out certificate.pem

openssl verify -CAfile "$ca" -untrusted authorities.pem certificate.pem >/dev/null
[[ $(openssl x509 -in certificate.pem -noout -pubkey) == "$(openssl pkey -in key.pem -pubout)" ]]
