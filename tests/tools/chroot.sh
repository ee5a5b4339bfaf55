# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# For scripts that need a Debian other than this machine's; sourced.

# Where this machine gets its Debian from, unless $SPW_MIRROR says another.
mirror() {
	if [ -n "${SPW_MIRROR:-}" ]; then
		echo "$SPW_MIRROR"
		return
	fi
	[ -n "$(apt-get indextargets 'Label: Debian')" ] || apt-get -q update >&2
	# shellcheck disable=SC2016  # apt's variables, not the shell's
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Label: Debian' 'Component: main' | head -n 1
}

# Make a chroot of suite $1 at $2, once: one that is there is used again.
make_chroot() {
	[ "$(id -u)" -eq 0 ] || {
		echo "${0##*/}: a chroot needs root" >&2
		exit 1
	}
	if [ ! -e "$2" ]; then
		rm -rf --one-file-system "$2.new"
		debootstrap --variant=minbase "$1" "$2.new" "$(mirror)"
		: >"$2.new/.spillway-chroot"
		mv "$2.new" "$2"
	elif [ ! -e "$2/.spillway-chroot" ]; then
		echo "${0##*/}: $2 is not a chroot of ours" >&2
		exit 1
	fi
	cp -f /etc/resolv.conf /etc/hosts "$2/etc/"
}

# Put this tree into the chroot at $1 as /src, without builds; the one that may
# be in there is kept.
copy_tree() {
	mkdir -p "$1/src"
	find "$1/src" -mindepth 1 -maxdepth 1 ! -name 'build*' \
		-exec rm -rf {} +
	tar -c --exclude-vcs --exclude='./build*' . | tar -x -C "$1/src"
}

# What npm has to know in the chroot at $1: where this machine gets its packages
# from, and whom it trusts there.
npm_settings() {
	command -v npm >/dev/null || return 0
	echo "npm_config_registry=$(npm config get registry)"
	if [ -f "${NODE_EXTRA_CA_CERTS:-}" ]; then
		cp "$NODE_EXTRA_CA_CERTS" "$1/etc/npm-ca.pem"
		echo NODE_EXTRA_CA_CERTS=/etc/npm-ca.pem
	fi
}

# Run the shell commands $2 in /src of the chroot at $1. Mounts and processes
# live in name spaces of their own and end with them. The chroot is a mount, and
# becomes the root of its name space: the kernel gives no user name spaces to
# what was only chrooted.
run_inside() {
	# shellcheck disable=SC2016  # the parameters are the inner shell's
	unshare --mount --propagation private --pid --fork --kill-child \
		sh -euc '
		mount --bind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		mount -t tmpfs tmpfs "$1/dev/shm"
		cd "$1"
		pivot_root . .
		umount -l .
		exec /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb $3 \
			sh -euc "cd /src; $2"' sh "$1" "$2" "$(npm_settings "$1")" \
		</dev/null
}
