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
