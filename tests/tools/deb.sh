#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: deb.sh [FOLDER]                   (by ./dev deb; packages are installed)
#
# Build the Debian packages of this tree into FOLDER (build/deb), with the unit
# tests unless DEB_BUILD_OPTIONS has nocheck, and have lintian look at them.
# What is built is a copy: the build leaves its traces where it runs.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/deb}

rm -rf "$out"
mkdir -p "$out/spillway"
tar -c --exclude-vcs --exclude='./build*' --exclude='./.cache' . |
	tar -x -C "$out/spillway"
cd "$out/spillway"
DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} parallel=$(nproc)" \
	dpkg-buildpackage -us -uc -b
cd ..
lintian --allow-root --fail-on error ./*.changes
rm -rf spillway
ls -- *.deb
