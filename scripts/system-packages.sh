#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make sure that the given commands exist, by installing Debian's packages for those that do not.
# Usage: system-packages.sh COMMAND:PACKAGE[,PACKAGE...] ...
set -eu

missing=""
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing $(echo "${pair#*:}" | tr ',' ' ')"
done
# The venv module is there without ensurepip on a bare Debian, which python3-venv brings.
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3 python3-venv"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install what these Debian packages hold, then try again:$missing" >&2
    exit 3
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "Please run as root, then try again: apt-get install$missing" >&2
        exit 3
    fi
    sudo="sudo"
fi
echo "Installing:$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # the list is meant to be split
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
