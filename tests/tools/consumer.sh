#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: consumer.sh BUILD-DIR DESTDIR
#
# Install a build into DESTDIR and use the libraries as a stranger would: by
# pkg-config alone, from C99 and from C++; and build the examples.
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
libdir=$dest$(pkg-config --variable=libdir spillway)
export LD_LIBRARY_PATH="$libdir"

# use LIBRARY: every header of it alone, in both languages, linked and run.
use() {
	flags=$(pkg-config --cflags --libs "$1")
	printf '#include <spillway/%s>\n' $2 >"$dest/use.c"
	echo 'int main(void) { return sizeof(SPW_UNLIMITED) == 8 ? 0 : 1; }' \
		>>"$dest/use.c"
	cp "$dest/use.c" "$dest/use.cc"
	# shellcheck disable=SC2086  # flags are a list of words
	gcc -std=c99 -Wall -Wextra -Werror -pedantic -o "$dest/use-c" \
		"$dest/use.c" $flags
	# shellcheck disable=SC2086
	g++ -std=c++11 -Wall -Wextra -Werror -pedantic -o "$dest/use-cc" \
		"$dest/use.cc" $flags
	for program in use-c use-cc; do
		"$dest/$program"
		echo "$1 $program: ok"
	done
}

headers=$(cd lib/include/spillway && echo *.h)
core=
for header in $headers; do
	case $header in
	curl.h | zip.h) ;;
	*) core="$core $header" ;;
	esac
done
use spillway "$core"
use spillway-zip zip.h
use spillway-curl curl.h
use spillway-client "$(cd client/include/spillway && echo *.h)"

for source in lib/examples/*.c client/examples/*.c; do
	name=$(basename "$source" .c)
	needs=spillway
	case $source in
	client/*) needs=spillway-client ;;
	esac
	if grep -q '<spillway/zip.h>' "$source"; then
		needs="$needs spillway-zip libzip"
	fi
	if grep -q '<spillway/curl.h>' "$source"; then
		needs="$needs spillway-curl libcurl"
	fi
	# shellcheck disable=SC2046,SC2086
	gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror \
		-o "$dest/$name" "$source" \
		$(pkg-config --cflags --libs $needs)
	echo "example $name: ok"
done
