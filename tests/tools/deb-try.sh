#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage (as root): deb-try.sh FOLDER               (by ./dev deb try)
#
# Try the packages in FOLDER on a machine that has just been installed: a
# container that boots systemd and has no network. deb-inside.sh is what is
# tried. The system that it is a copy of is kept in $SPW_CHROOT.
set -eu
here=$(dirname "$0")
# shellcheck disable=SC1091
. "$here/chroot.sh"
# shellcheck disable=SC1091
. /etc/os-release
base=${SPW_CHROOT:-/var/tmp/spillway-$VERSION_CODENAME}
make_chroot "$VERSION_CODENAME" "$base"

root=$(mktemp -d /var/tmp/spillway-try.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 1' HUP INT TERM
cp -a "$base/." "$root"
mkdir "$root/try"
cp "$1"/*.deb "$here/deb-inside.sh" "$root/try/"
rm -f "$root"/try/*-dbgsym_*.deb

# shellcheck disable=SC2016  # $apt is for the inner shell
# Only what Debian has is installed before the start, the rest is at hand.
chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
	DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	sh -euc '
	apt-get -q update
	apt="apt-get -q -y --no-install-recommends install"
	$apt dbus gcc libc6-dev pkgconf systemd systemd-sysv
	$apt --download-only /try/*.deb
	' >"$root/try/log" 2>&1 </dev/null || {
	tail -n 40 "$root/try/log"
	exit 1
}
cat >"$root/etc/systemd/system/try.service" <<-'UNIT'
	[Unit]
	SuccessAction=exit
	FailureAction=exit
	FailureActionExitStatus=1
	After=multi-user.target
	[Service]
	Type=oneshot
	ExecStart=/bin/sh /try/deb-inside.sh
	StandardOutput=file:/try/result
	StandardError=append:/try/log
	[Install]
	WantedBy=multi-user.target
UNIT
chroot "$root" systemctl -q enable try.service

code=0
systemd-nspawn --quiet --register=no --keep-unit --private-network --boot \
	--console=pipe --directory="$root" </dev/null >/dev/null || code=$?
cat "$root/try/result"
exit "$code"
