#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: consumer.sh BUILD-DIR DESTDIR
#
# Install a build into DESTDIR and use the library as a stranger would: by
# pkg-config alone, from C99 and from C++.
set -eu
build=$1
dest=$2

DESTDIR=$dest meson install -C "$build" --no-rebuild --quiet
pc=$(find "$dest" -name spillway.pc)
[ -n "$pc" ] || {
	echo "consumer: no spillway.pc was installed" >&2
	exit 1
}
PKG_CONFIG_PATH=$(dirname "$pc")
PKG_CONFIG_SYSROOT_DIR=$dest
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
flags=$(pkg-config --cflags --libs spillway)
libdir=$dest$(pkg-config --variable=libdir spillway)

cat >"$dest/use.c" <<-'EOT'
	#include <spillway/spool.h>
	int (*volatile use)(void);
	int main(void) { return sizeof(SPW_UNLIMITED) == 8 ? 0 : 1; }
EOT
cp "$dest/use.c" "$dest/use.cc"
# shellcheck disable=SC2086  # flags are a list of words
{
	gcc -std=c99 -Wall -Wextra -Werror -pedantic -o "$dest/use-c" \
		"$dest/use.c" $flags
	g++ -std=c++11 -Wall -Wextra -Werror -pedantic -o "$dest/use-cc" \
		"$dest/use.cc" $flags
}
for program in use-c use-cc; do
	LD_LIBRARY_PATH=$libdir "$dest/$program"
	echo "$program: ok"
done
