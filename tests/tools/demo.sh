#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: demo.sh SPILLWAYD
#
# The main job on real input: a zip of this source tree goes in by upload
# and, from a real nginx, by URL; comes out whole, as a range, as a listing
# and as one of its entries; and every answer is compared with the original.
# Starts what it needs on free ports and stops it again.
set -eu
cd "$(dirname "$0")/../.."
spillwayd=$1

tmp=$(mktemp -d /var/tmp/spillway-demo.XXXXXX)
chmod 755 "$tmp"
daemon_pid=
nginx_pid=
cleanup() {
	for pid in $daemon_pid $nginx_pid; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

say() {
	printf '\n# %s\n' "$*"
}

die() {
	echo "demo: FAILED: $*" >&2
	[ ! -s "$tmp/daemon.err" ] || tail -n 20 "$tmp/daemon.err" >&2
	exit 1
}

# Show a curl command, then run it; its output goes to $tmp/out as well.
show_curl() {
	printf '$ curl'
	for arg; do
		case $arg in
		*[!A-Za-z0-9_./:-]*) printf " '%s'" "$arg" ;;
		*) printf ' %s' "$arg" ;;
		esac
	done
	echo
	curl -sS --fail-with-body --max-time 60 -o "$tmp/out" "$@" ||
		die "curl $*: $(head -c 500 "$tmp/out")"
}

# The value of a key of the descriptor in $tmp/out.
field() {
	python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$tmp/out" "$1"
}

# $1 and $2 are the same bytes.
same() {
	cmp -s "$1" "$2" || die "$3: not the bytes that went in"
	sha=$(sha256sum <"$2")
	echo "same bytes as the original: sha-256 ${sha%% *}"
}

# Wait until command "$@" succeeds, at most about 10 s.
await() {
	tries=100
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || die "gave up waiting for: $*"
		sleep 0.1
	done
}

start_nginx() {
	port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
	mkdir "$tmp/www"
	cp "$tmp/tree.zip" "$tmp/www/origin.zip"
	user=
	[ "$(id -u)" -ne 0 ] || user='user root;'
	cat >"$tmp/nginx.conf" <<-EOT
		$user daemon off; master_process off; pid $tmp/nginx.pid;
		error_log $tmp/nginx.err;
		events { }
		http {
			access_log $tmp/nginx.log;
			client_body_temp_path $tmp/n1; proxy_temp_path $tmp/n2;
			fastcgi_temp_path $tmp/n3; uwsgi_temp_path $tmp/n4;
			scgi_temp_path $tmp/n5;
			server { listen 127.0.0.1:$port; root $tmp/www; }
		}
	EOT
	PATH=$PATH:/usr/sbin nginx -p "$tmp" -c "$tmp/nginx.conf" \
		>"$tmp/nginx.out" 2>&1 &
	nginx_pid=$!
	origin=http://127.0.0.1:$port
	await curl -sf -o /dev/null "$origin/origin.zip"
}

start_daemon() {
	mkdir "$tmp/spool"
	"$spillwayd" -o server.listen=127.0.0.1:0 -o spool.dir="$tmp/spool" \
		-o spool.memory_max=256K -o fetch.ports="$port" \
		-o fetch.allow_networks=127.0.0.1/32 \
		>"$tmp/daemon.out" 2>"$tmp/daemon.err" &
	daemon_pid=$!
	await grep -q '^listening on ' "$tmp/daemon.out"
	url=$(sed -n 's/^listening on //p' "$tmp/daemon.out" | head -n 1)
}

say 'the input: a zip of this source tree and the daemon, made just now'
zip -qr "$tmp/tree.zip" HACKING.md LICENSE lib server client "$spillwayd"
ls -l "$tmp/tree.zip"

start_nginx
start_daemon
say "spillwayd answers at $url, an nginx at $origin"

say 'upload it'
show_curl -T "$tmp/tree.zip" "$url/files/tree.zip"
cat "$tmp/out"
echo

say 'read all of it'
show_curl "$url/files/tree.zip"
same "$tmp/tree.zip" "$tmp/out" 'upload'

say 'read a range of it'
show_curl -r 1000-1999 "$url/files/tree.zip"
tail -c +1001 "$tmp/tree.zip" | head -c 1000 >"$tmp/range"
same "$tmp/range" "$tmp/out" 'range'

say 'list it'
show_curl -H 'Accept: text/plain' "$url/files/tree.zip/zip"
unzip -Z1 "$tmp/tree.zip" >"$tmp/names"
head -n 5 "$tmp/out"
echo "... $(wc -l <"$tmp/out") entries"
same "$tmp/names" "$tmp/out" 'listing'

say 'read one entry'
show_curl "$url/files/tree.zip/zip/HACKING.md"
same HACKING.md "$tmp/out" 'entry'

say 'fetch it by URL from nginx'
show_curl -H 'Prefer: wait=30' \
	--json "{\"url\":\"$origin/origin.zip\"}" "$url/fetch"
[ "$(field state)" = ready ] || die "the fetch is $(field state)"
id=$(field id)
show_curl "$url/files/$id"
same "$tmp/tree.zip" "$tmp/out" 'fetch'

say 'read an entry of the fetched zip'
show_curl "$url/files/$id/zip/LICENSE"
same LICENSE "$tmp/out" 'entry of the fetched zip'

say 'stop the daemon'
kill -TERM "$daemon_pid"
code=0
wait "$daemon_pid" || code=$?
daemon_pid=
[ "$code" -eq 0 ] || die "the daemon's exit code is $code"
[ -z "$(ls -A "$tmp/spool")" ] || die "the spool directory is not empty"
echo 'exit code 0, nothing left in the spool directory'

printf '\ndemo: all as it should be\n'
