#!/usr/bin/env bash
# Makes sure that Oracle's MySQL server is there, which the tests start beside MariaDB.
#
# Usage: .ci/mysql-server.sh FOLDER
#
# Debian's stable releases have MariaDB alone, and the two cannot be installed side by side. So
# this takes the package `mysql-server-core` of Debian's unstable release, with the libraries that
# it needs, down to the C library, and unpacks all of it into FOLDER; nothing is installed.
# FOLDER/mysqld runs the server with those libraries, FOLDER/mysql and FOLDER/mysqldump its clients. apt downloads, with
# settings and folders of its own: it checks the release's signature against the keyring that
# Debian installs, and the SHA-256 of each package against the signed index.
#
# A folder that holds a server that runs is left as it is. Remove it to get a newer one.
set -euo pipefail

PACKAGES="mysql-server-core mysql-client-core"
# Needed to install the packages, but not to run the server.
UNUSED='^(perl|perl-base|perl-modules-.*|libperl.*|libgdbm.*|libdb5.*|debconf|.*-data)$'
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

fail() {
    printf 'There is no MySQL server for the tests: %s\n' "$1" >&2
    printf 'They run against MySQL as well as MariaDB. Put a `mysqld` of version 8.0 or newer, and its `mysql` and `mysqldump`, into %s, or links to them.\n' "$folder" >&2
    exit 1
}

folder=$1
mkdir -p "$folder"
folder=$(realpath "$folder")

runs() {
    [ -x "$folder/mysqld" ] && [ -x "$folder/mysql" ] &&
        "$folder/mysqld" --no-defaults --version >/dev/null 2>&1 && "$folder/mysql" --no-defaults --version >/dev/null 2>&1
}

# The loader of the unpacked C library starts a program: the machine's is another version.
program() {
    cat >"$1/$(basename "$2")" <<END
#!/bin/sh
root=\$(dirname "\$(realpath "\$0")")
exec "\$root"/usr/lib*/*-linux-gnu*/ld-linux*.so.* --library-path "\$(echo "\$root"/usr/lib/*-linux-gnu*)" "\$root/usr/$2" "\$@"
END
    chmod +x "$1/$(basename "$2")"
}

# Two runs at once wait for each other.
exec 9>"$folder.lock"
flock 9
if runs; then
    # A folder of an older version of this script lacks it.
    if [ ! -e "$folder/mysqldump" ] && [ -x "$folder/usr/bin/mysqldump" ]; then
        program "$folder" bin/mysqldump
    fi
    exit
fi

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    fail 'it comes from Debian, by apt-get and dpkg-deb, which are not here.'
[ -r "$KEYRING" ] || fail "the keys of Debian's releases are not in $KEYRING (package debian-archive-keyring)."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial "$work/unpacked"
touch "$work/state/status"
architecture=$(dpkg --print-architecture)

cat >"$work/unstable.sources" <<END
Types: deb
URIs: $MIRROR
Suites: unstable
Components: main
Architectures: $architecture
Signed-By: $KEYRING
Check-Valid-Until: no
END
cat >"$work/apt.conf" <<END
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/unstable.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architectures "$architecture";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
END
export APT_CONFIG=$work/apt.conf

printf 'downloading MySQL for the tests into %s\n' "$folder"
apt-get -q update >"$work/log" 2>&1 && ! grep -q '^[WE]:' "$work/log" ||
    { cat "$work/log" >&2; fail "Debian's index of packages cannot be read (see above)."; }
apt-get -qq install -y --download-only --no-install-recommends $PACKAGES >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail 'its packages cannot be downloaded (see above).'; }

for package in "$work"/cache/archives/*.deb; do
    name=$(dpkg-deb --field "$package" Package)
    if ! [[ $name =~ $UNUSED ]]; then
        dpkg-deb --extract "$package" "$work/unpacked"
    fi
done
rm -rf "$work"/unpacked/usr/share/{doc,man,icons,perl*} "$work"/unpacked/usr/lib/*/gconv

for name in sbin/mysqld bin/mysql bin/mysqldump; do
    program "$work/unpacked" "$name"
done

rm -rf "$folder"
mv "$work/unpacked" "$folder"
if ! runs; then
    "$folder/mysqld" --no-defaults --version >&2 || true
    "$folder/mysql" --no-defaults --version >&2 || true
    fail 'what was downloaded does not run (see above).'
fi
"$folder/mysqld" --no-defaults --version
