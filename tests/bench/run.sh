#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Measure all peers, one after the other, round by round, and print a table.
#
#   tests/bench/run.sh [-r ROUNDS] [-d DIR] [-o OUT] [-w WORKLOAD] BUILD_DIR
#
# ROUNDS is 7. DIR is where spools spill (/var/tmp): give one on the disk that
# is of interest. OUT gets samples.tsv, table.md, table.tsv and table.json
# (BUILD_DIR/bench). WORKLOAD is a part of a name. Needs a release build to
# mean something; leaves out Go or Python when they are not installed.
set -eu

rounds=7 dir=/var/tmp out= only=
while getopts r:d:o:w: option; do
	case $option in
	r) rounds=$OPTARG ;;
	d) dir=$OPTARG ;;
	o) out=$OPTARG ;;
	w) only=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
build=${1:?usage: run.sh [options] BUILD_DIR}
here=$(cd "$(dirname "$0")" && pwd)
out=${out:-$build/bench}
mkdir -p "$out"

ninja -C "$build" tests/bench/bench_spool >/dev/null
go=
if command -v go >/dev/null; then
	go build -o "$out/bench_spool_go" "$here/bench_spool.go"
	go=$out/bench_spool_go
fi
# Not one of a version manager, whose start takes part in every round.
python=$(command -v /usr/bin/python3 || command -v python3 || true)

works='new-4k append-16 append-1000 append-100 ram-64k-long ram-64k
disk-100-short disk-100 spill-64k-tmpfs spill-64k seek-ram-4k seek-ram-64k
seek-disk-4k seek-disk-64k lines-ram lines-disk codepoints-count
codepoints-ram codepoints-disk peak'

# One workload, all peers close together in time.
measure() {
	"$build/tests/bench/bench_spool" -d "$dir" "$1"
	[ -z "$go" ] || "$go" -d "$dir" "$1"
	[ -z "$python" ] || "$python" "$here/bench_spool.py" -d "$dir" "$1"
}

: >"$out/samples.tsv"
round=1
while [ "$round" -le "$rounds" ]; do
	echo "round $round of $rounds, load $(cut -d' ' -f1 /proc/loadavg)" >&2
	for work in $works; do
		case $work in
		*"$only"*) measure "=$work" | sed "s/^/$round	/" ;;
		esac
	done >>"$out/samples.tsv"
	round=$((round + 1))
done
python3 "$here/report.py" "$out"
