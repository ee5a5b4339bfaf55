#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage (as root): trixie.sh
#
# Build and test on Debian 13, whose libraries are years newer, in a chroot
# that is made once and kept in $SPW_CHROOT (default
# /var/tmp/spillway-trixie). The mirror is this machine's own, or
# $SPW_MIRROR.
set -eu
cd "$(dirname "$0")/../.."
chroot=${SPW_CHROOT:-/var/tmp/spillway-trixie}

. tests/tools/chroot.sh
make_chroot trixie "$chroot"

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 1' HUP INT TERM

copy_tree "$chroot"
rm -f "$chroot/src/build/meson-logs/"*.json

code=0
run_inside "$chroot" '
	./dev deps
	./dev build
	meson test -C build --no-rebuild --print-errorlogs \
		--logbase trixie --suite unit --suite fault \
		--suite inproc --suite http --suite client
	' || code=$?
cp "$chroot/src/build/meson-logs/trixie.json" "$results/trixie.json" ||
	: >"$results/trixie.json"
python3 tests/tools/tally.py "$results" || code=1
exit "$code"
