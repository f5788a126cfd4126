#!/usr/bin/env bash
# Makes sure that the programs are installed which tests and benchmarks start.
#
# Usage: .ci/test-deps.sh PROGRAM=PACKAGE...
#
# PYTHON:MODULE in place of a program is a module of that Python.
#
# As root on Debian and its kin, this installs the packages of what is missing,
# and starts none of their services. Elsewhere it says what to install, and fails.
set -euo pipefail

# Servers are kept where a user's PATH may not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin

is_there() {
    case $1 in
    *:*) "${1%%:*}" -c "import ${1#*:}" 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

packages=
for pair in "$@"; do
    if ! is_there "${pair%%=*}"; then
        packages+=" ${pair#*=}"
    fi
done
if [ -z "$packages" ]; then
    exit
fi
packages=$(printf '%s\n' $packages | sort -u | xargs)

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    printf 'Please install: %s\n' "$packages" >&2
    printf 'On Debian: sudo apt-get install --no-install-recommends %s\n' "$packages" >&2
    exit 1
fi

# Packages ask this program whether they may start a service; 101 says no.
policy=/usr/sbin/policy-rc.d
aside=$policy.aside

restore() {
    rm -f "$policy"
    if [ -e "$aside" ]; then
        mv "$aside" "$policy"
    fi
}

if [ -e "$policy" ]; then
    mv "$policy" "$aside"
fi
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod +x "$policy"

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends $packages
