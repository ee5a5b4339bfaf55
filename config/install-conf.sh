#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage (by meson install): install-conf.sh FILE DIRECTORY
#
# Install FILE into DIRECTORY. One that is there and differs was edited: it
# stays, and the new one goes beside it as FILE.new.
set -eu
dir=${DESTDIR:-}$2
target=$dir/$(basename "$1")

[ -z "${MESON_INSTALL_DRY_RUN:-}" ] || exit 0
mkdir -p "$dir"
if [ -e "$target" ] && ! cmp -s "$1" "$target"; then
	echo "keeping $target; the new one is $target.new"
	target=$target.new
fi
cp "$1" "$target"
chmod 644 "$target"
