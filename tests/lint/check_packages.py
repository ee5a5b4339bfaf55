#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""debian/ agrees with what is installed, without a package being built.

usage: check_packages.py TREE BUILD

Goes by what meson plans to install for the configured folder BUILD: each path
is in exactly one package, versions and sonames agree, and the lists of what a
build needs are the same in debian/control and ./dev. TAP.
"""
import fnmatch
import itertools
import json
import os
import pathlib
import re
import sys

from tap import Tap

# Folders of meson's plan, as in a package. No pattern names the architecture.
FOLDERS = {
    "bindir": "usr/bin", "datadir": "usr/share", "includedir": "usr/include",
    "libdir": "usr/lib/TRIPLET", "libdir_shared": "usr/lib/TRIPLET",
    "mandir": "usr/share/man", "prefix": "usr", "sbindir": "usr/sbin",
    "sysconfdir": "etc",
}


def told(build, what):
    """What meson tells of a build."""
    path = build / "meson-info" / f"intro-{what}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def installed(build):
    """The paths that a package build has in debian/tmp."""
    # It is installed by a script, which is not in the plan.
    found = {"etc/spillway/spillway.conf"}
    for group in told(build, "install_plan").values():
        for one in group.values():
            path = one["destination"].format(**FOLDERS).lstrip("/")
            found.add(path)
            # Links to a library are not in the plan, either.
            name, _, version = path.partition(".so.")
            if version:
                found |= {f"{name}.so",
                          f"{name}.so.{version.partition('.')[0]}"}
    return found


def braces(pattern):
    """The patterns that one with {a,b} stands for."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    parts[1::2] = [part.split(",") for part in parts[1::2]]
    parts[::2] = [[part] for part in parts[::2]]
    return ["".join(words) for words in itertools.product(*parts)]


def matches(pattern, path):
    """Whether debhelper's pattern means the path, or a folder that it is in."""
    for one in braces(pattern):
        words = os.path.normpath(one).split("/")
        have = path.split("/")
        if len(have) >= len(words) and all(
                map(fnmatch.fnmatchcase, have, words)):
            return True
    return False


def patterns(path):
    """The sources that a file of debian/ lists."""
    return [line.split()[0] for line in path.read_text().splitlines()
            if line.strip() and not line.startswith("#")]


def check_paths(debian, paths):
    """Every path is in one package, every pattern has a path."""
    lists = {file.name: patterns(file)
             for file in [*sorted(debian.glob("*.install")),
                          debian / "not-installed"]}
    for path in sorted(paths):
        having = [name for name, found in lists.items()
                  if any(matches(one, path) for one in found)]
        if len(having) != 1:
            yield f"{path} is in {having or 'no package'}"
    for name, found in lists.items():
        for one in found:
            if not any(matches(one, path) for path in paths):
                yield f"{name}: nothing is {one}"


def stanzas(debian):
    """The parts of debian/control as {field: text}, the source first."""
    text = re.sub(r"^#.*\n", "", (debian / "control").read_text(), flags=re.M)
    for part in re.split(r"\n\n+", text.strip()):
        fields = re.split(r"^([\w-]+):", part, flags=re.M)[1:]
        yield dict(zip(fields[::2], map(str.strip, fields[1::2])))


def check_versions(debian, build, paths, names):
    """Of the project, of the packages, and of the libraries."""
    version = told(build, "projectinfo")["version"]
    first = (debian / "changelog").read_text().split("\n", 1)[0]
    if not first.startswith(f"spillway ({version}) "):
        yield f"meson.build has {version}, debian/changelog {first!r}"
    for path in paths:
        found = re.search(r"/(lib[\w-]+)\.so\.(\d+)$", path)
        if found and found[1] + found[2] not in names:
            yield f"{path} is in no package {found[1]}{found[2]}"


def check_lists(debian, names):
    """Packages and their lists of files are the same."""
    listed = {file.stem for file in debian.glob("*.install")}
    for name in sorted(listed ^ set(names)):
        yield f"{name} is not both in debian/control and NAME.install"


def libraries(text):
    """The -dev packages that a text names."""
    return set(re.findall(r"\b[a-z][a-z0-9+.-]*-dev\b", text))


def check_needs(tree, source):
    """What is needed to build."""
    text = (tree / "dev").read_text(encoding="utf-8")
    dev = re.search(r"^build_pkgs='([^']*)'", text, re.M)[1]
    # libc6-dev comes with every Debian build, and systemd-dev tells a path.
    for name in sorted((libraries(dev) - {"libc6-dev"})
                       ^ (libraries(source) - {"systemd-dev"})):
        yield f"{name} is not both in ./dev and in Build-Depends"


def main():
    """Run the checks."""
    tree, build = map(pathlib.Path, sys.argv[1:])
    debian = tree / "debian"
    source, *binaries = stanzas(debian)
    names = [one["Package"] for one in binaries]
    paths = installed(build)
    tap = Tap()
    tap.check("something is installed",
              [] if "usr/sbin/spillwayd" in paths else sorted(paths))
    tap.check("each path is in one package", list(check_paths(debian, paths)))
    tap.check("versions agree",
              list(check_versions(debian, build, paths, names)))
    tap.check("packages have their lists", list(check_lists(debian, names)))
    tap.check("what a build needs",
              list(check_needs(tree, source["Build-Depends"])))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
