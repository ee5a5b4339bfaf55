#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: deb-inside.sh             (by deb-try.sh, in a system of its own)
#
# The packages in /try are installed, used, upgraded and purged. TAP.
# shellcheck disable=SC2317  # check calls them
set -u
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root
cd /try || exit
count=0
failed=0

# check WHAT COMMAND...
check() {
	what=$1
	shift
	count=$((count + 1))
	if "$@" >said 2>&1 </dev/null; then
		echo "ok $count - $what"
	else
		failed=1
		echo "not ok $count - $what"
		tail -n 40 said | sed 's/^/# /'
	fi
}

apt() {
	apt-get -q -y --no-install-recommends "$@"
}

# What is there of ours, but for what apt and the journal keep, and what is the
# users' own: spill remembers uploads that broke off.
traces() {
	find / /run -xdev \( -path /proc -o -path /try -o -path /var/log \
		-o -path /root/.local/state -o -path /var/cache/apt \
		-o -path /var/lib/apt \) -prune \
		-o -iname '*spill*' ! -name .spillway-chroot -print
}

runs_as_its_user() {
	systemctl is-enabled spillwayd.service &&
		systemctl is-active spillwayd.service || return 1
	pid=$(systemctl show -P MainPID spillwayd.service)
	[ "$(stat -c %U:%G "/proc/$pid")" = spillway:spillway ] &&
		[ "$(stat -c %U:%a /var/lib/spillway)" = spillway:700 ]
}

# 20 MB go to the disk, which the sandbox of the unit has to let them.
up_and_down() {
	head -c 20000000 /dev/urandom >sent
	spill put sent && spill ls &&
		spill get "$(spill put sent | sed 's,.*/,,')" -o got &&
		cmp sent got
}

reloads() {
	systemctl reload spillwayd.service &&
		journalctl -u spillwayd.service |
		grep 'configuration was read again'
}

# A program over each library, by its .pc file alone.
links() {
	echo 'int main(void) { return 0; }' >p.c
	for pc in spillway spillway-crypto spillway-curl spillway-zip \
		spillway-server spillway-client; do
		# shellcheck disable=SC2046  # a list of words
		gcc -o p p.c -Wl,--no-as-needed \
			$(pkg-config --cflags --libs "$pc") && ./p || return 1
	done
	# shellcheck disable=SC2046
	gcc -D_GNU_SOURCE -o p \
		/usr/share/doc/libspillway-server-dev/examples/embed.c \
		$(pkg-config --cflags --libs spillway-server)
}

# Ask on new connections as long as `asking` is there. Not for /healthz, which
# tells that a daemon ends.
cat >ask.bash <<'ASK'
while [ -e asking ]; do
	{ exec 3<>/dev/tcp/127.0.0.1/8080; } 2>/dev/null || echo refused
	printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
	read -r _ code _ <&3
	echo "${code:-cut}"
done
ASK

# An upgrade while clients ask: another daemon, and 200 is all they see.
upgrade_refuses_nobody() {
	: >asking
	for n in 1 2 3; do
		bash ask.bash >"asked.$n" 2>&1 &
	done
	before=$(systemctl show -P MainPID spillwayd.service)
	apt --reinstall install /try/spillwayd_*.deb
	after=$(systemctl show -P MainPID spillwayd.service)
	spill ls || return 1
	rm asking
	wait
	sort asked.* | uniq -c
	[ "$before" != "$after" ] && grep -q 200 asked.* &&
		! grep -qv '^200$' asked.*
}

activated_by_socket() {
	systemctl stop spillwayd.service &&
		systemctl enable --now spillwayd.socket &&
		spill ls && systemctl is-active spillwayd.service
}

conffile_is_kept() {
	echo '# edited' >>/etc/spillway/spillway.conf
	apt -o Dpkg::Options::=--force-confold --reinstall install \
		/try/spillwayd_*.deb &&
		grep -x '# edited' /etc/spillway/spillway.conf
}

purge_leaves_nothing() {
	apt purge '?name(spill)' && traces >left
	systemctl is-active spillwayd.socket && return 1
	systemctl is-active spillwayd.service && return 1
	cat left
	[ ! -s left ]
}

check 'the packages install' apt install /try/*.deb
check 'the daemon runs as its user' runs_as_its_user
check 'files go up and down' up_and_down
check 'the daemon reloads' reloads
check 'programs link' links
check 'an upgrade refuses nobody' upgrade_refuses_nobody
check 'spillwayd.socket starts the daemon' activated_by_socket
check 'an upgrade behind spillwayd.socket refuses nobody' \
	upgrade_refuses_nobody
check 'an edited configuration is kept' conffile_is_kept
check 'purge leaves nothing' purge_leaves_nothing
echo "1..$count"
exit "$failed"
