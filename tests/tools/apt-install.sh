#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage (as root): apt-install.sh PACKAGE...
#
# Install packages without a question and without starting a service: a
# policy-rc.d that refuses stands for the time being, unless the machine has
# one of its own.
set -eu

policy=/usr/sbin/policy-rc.d
ours=
cleanup() {
	[ -z "$ours" ] || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

if [ ! -e "$policy" ]; then
	ours=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

apt="apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120"
$apt update
DEBIAN_FRONTEND=noninteractive $apt install --no-install-recommends "$@"
