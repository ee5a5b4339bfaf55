#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage (as root): trixie.sh
#
# Build and test on Debian 13, whose libraries are years newer, in a chroot
# that is made once and kept in $SPW_CHROOT (default
# /var/tmp/spillway-trixie). The mirror is this machine's own, or
# $SPW_MIRROR. Mounts and processes live in name spaces of their own and end
# with them; the chroot is a mount, too, because tests that mount want that of
# their root.
set -eu
cd "$(dirname "$0")/../.."
chroot=${SPW_CHROOT:-/var/tmp/spillway-trixie}

. tests/tools/chroot.sh
make_chroot trixie "$chroot"

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 1' HUP INT TERM

# The tree goes in without builds; the build directory in there is kept.
mkdir -p "$chroot/src"
find "$chroot/src" -mindepth 1 -maxdepth 1 ! -name 'build*' \
	-exec rm -rf {} +
rm -f "$chroot/src/build/meson-logs/"*.json
tar -c --exclude-vcs --exclude='./build*' . | tar -x -C "$chroot/src"

code=0
# shellcheck disable=SC2016  # $1 is for the inner shells
unshare --mount --propagation private --pid --fork --kill-child \
	sh -euc '
	mount --bind "$1" "$1"
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	mount -t tmpfs tmpfs "$1/dev/shm"
	exec chroot "$1" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb sh -euc "
		cd /src
		./dev deps
		./dev build
		meson test -C build --no-rebuild --print-errorlogs \
			--logbase trixie --suite unit --suite fault \
			--suite inproc --suite http --suite client
	"' sh "$chroot" </dev/null || code=$?
cp "$chroot/src/build/meson-logs/trixie.json" "$results/trixie.json" ||
	: >"$results/trixie.json"
python3 tests/tools/tally.py "$results" || code=1
exit "$code"
