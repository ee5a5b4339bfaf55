#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage (as root): bare.sh [RELEASE]                       (by ./dev test-bare)
#
# Do what README says on a machine that has nothing yet: a chroot of Debian
# RELEASE (bookworm), made anew and gone again. Its first command as it is
# printed, and then every command of README and the tutorials.
set -eu
cd "$(dirname "$0")/../.."
release=${1:-bookworm}
. tests/tools/chroot.sh

bare=$(mktemp -d "/var/tmp/spillway-bare.XXXXXX")
trap 'rm -rf --one-file-system "$bare"' EXIT
trap 'exit 1' HUP INT TERM
base=/var/tmp/spillway-$release
make_chroot "$release" "$base"
cp -a "$base/." "$bare"
copy_tree "$bare"

# The first thing that answers is what has just been built.
run_inside "$bare" '
	./dev run >run.log 2>&1 &
	until grep -q "listening on" run.log; do
		kill -0 $! || { tail -n 40 run.log; exit 1; }
		sleep 1
	done
	curl -sSf -T README.md http://127.0.0.1:8080/files/readme
	curl -sSf http://127.0.0.1:8080/files/readme | cmp - README.md
	kill $!
	wait
	./dev deps
	meson setup --reconfigure build
	ninja -C build
	meson test -C build --no-rebuild --print-errorlogs --suite docs
	'
