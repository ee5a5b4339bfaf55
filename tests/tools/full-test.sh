#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: full-test.sh          (by ./dev test; packages are installed)
#
# Everything CI asks for: the suites in a plain build with -Werror, under
# ASan+UBSan and under TSan, the unit tests under valgrind, and a consumer of
# the installed library. Goes on after a failure, so that one run shows all
# of them. The last line is `N passed, N failed`; the exit code agrees.
set -eu
cd "$(dirname "$0")/../.."

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 1' HUP INT TERM

say() {
	printf '\n== %s\n' "$*"
}

# One step of our own counts as one test: step NAME COMMAND...
step() {
	name=$1
	shift
	say "$name"
	if "$@"; then
		echo "ok $name" >>"$results/steps"
	else
		echo "not ok $name" >>"$results/steps"
	fi
}

# Configure (again, so that the options are these) and compile: compile DIR
# OPTION...
compile() {
	dir=$1
	shift
	again=
	[ ! -f "$dir/build.ninja" ] || again=--reconfigure
	# shellcheck disable=SC2086  # nothing or one word
	meson setup $again "$dir" "$@" >"$results/setup.log" || {
		tail -n 40 "$results/setup.log"
		return 1
	}
	ninja -C "$dir" --quiet
}

# Run suites of a build and keep meson's record: suites DIR LABEL ARG...
# The verdict is tally.py's, from that record; an empty one is a failure.
suites() {
	dir=$1
	label=$2
	shift 2
	say "run: $label"
	# A wrapper's name becomes part of the record's.
	rm -f "$dir/meson-logs/$label"*.json
	# shellcheck disable=SC2086  # nothing or two words
	$norandom meson test -C "$dir" --no-rebuild --print-errorlogs \
		--logbase "$label" "$@" || true
	cp "$dir/meson-logs/$label"*.json "$results/$label.json" \
		2>/dev/null || : >"$results/$label.json"
}

# Thread sanitizer cannot map its shadow where addresses are too random.
norandom=
if setarch -R true 2>/dev/null; then
	norandom='setarch -R'
fi
core='--suite unit --suite fault --suite inproc --suite fuzz'
strict=-fno-sanitize-recover=all

# shellcheck disable=SC2086  # $core is a list of options
{
	step 'compile: plain, -Werror' compile build -Dwerror=true \
		-Dclient_tests=enabled
	step 'compile: ASan + UBSan' compile build-asan -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args="$strict"
	step 'compile: TSan' compile build-tsan -Db_lundef=false \
		-Db_sanitize=thread
	suites build plain
	suites build valgrind -t 10 --suite unit \
		--wrapper "valgrind -q --error-exitcode=99 --leak-check=full --suppressions=$PWD/tests/tools/valgrind.supp"
	# Tests of memory use and speed look at this.
	export SPW_SANITIZED=1
	suites build-asan asan -t 4 $core --suite http --suite client \
		--suite clients
	suites build-tsan tsan -t 4 $core
	unset SPW_SANITIZED
}
step 'consumer of the installed library' \
	sh tests/tools/consumer.sh build "$results/root"

say 'result'
python3 tests/tools/tally.py "$results"
