#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: fuzz.sh MINUTES [NAME...]          (by ./dev fuzz)
#
# Builds the fuzz targets for libFuzzer, with ASan and UBSan, into build-fuzz/
# and runs each, or those named, for so many minutes: `range` is
# tests/fuzz/fuzz_range.c. What was learned stays in build-fuzz/corpus/ for the
# next run; an input that breaks something is left in build-fuzz/found/. Put a
# small one into tests/fuzz/corpus/ with the fix. One line for each target; the
# last is `N passed, N failed`, and the exit code agrees.
set -eu
cd "$(dirname "$0")/../.."

minutes=$1
shift
[ $# -gt 0 ] || set -- $(find tests/fuzz -name 'fuzz_*.c' |
	sed 's,.*/fuzz_\(.*\)\.c,\1,' | sort)

build=build-fuzz
[ -f $build/build.ninja ] || CC=clang meson setup $build -Dfuzz=libfuzzer \
	-Db_lundef=false -Dbuildtype=debugoptimized -Djemalloc=disabled \
	-Dc_args=-fsanitize=fuzzer-no-link,address >/dev/null

passed=0 failed=0
for name; do
	source=$(find tests/fuzz -name "fuzz_$name.c")
	[ -n "$source" ] || {
		echo "fuzz.sh: there is no target $name" >&2
		exit 2
	}
	target=${source%.c}
	ninja -C $build --quiet "$target"
	mkdir -p $build/corpus/"$name" $build/found
	corpus=tests/fuzz/corpus/$name
	[ -d "$corpus" ] || corpus=
	# shellcheck disable=SC2086  # nothing or one word
	if $build/"$target" -max_total_time=$((minutes * 60)) \
		-print_final_stats=1 -artifact_prefix=$build/found/"$name"- \
		$build/corpus/"$name" $corpus >$build/"$name".log 2>&1; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
			$build/"$name".log)
		echo "ok $name: $runs inputs"
	else
		failed=$((failed + 1))
		echo "not ok $name: see $build/$name.log"
		tail -n 20 $build/"$name".log
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
