# SPDX-License-Identifier: MIT
"""Rules that other programs decide: pmccabe, compilers, objdump, mandoc."""
import re
import shutil
import subprocess

FUNCTION_LINES_MAX = 60
COMPLEXITY_MAX = 15

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
PUBLIC_DIRS = ["lib/include", "client/include", "server/include"]
PRIVATE_DIRS = PUBLIC_DIRS + ["lib", "server", "client"]

PMCCABE = re.compile(r"^(\d+)\t\d+\t\d+\t(\d+)\t(\d+)\t(.+)\(\d+\): (.+)$")
# A symbol of objdump -t that lives in writable memory.
WRITABLE = re.compile(
    r"^[0-9a-f]+ .{7} (\.(?:data|bss|tdata|tbss)\b(?!\.rel\.ro)\S*)"
    r"\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$")

# Writable globals that are documented where they are: all of a file, or
# those named.
GLOBALS_ALLOWED = {
    "server/base/incident.c": None,
    "server/base/histogram.c": None,
    "server/base/log.c": None,
    "server/base/log_queue.c": ("queue", "is_open", "turn"),
    "server/base/log_sink.c": None,
    "server/base/metrics.c": None,
    "server/base/procstat.c": ("process",),
    "server/base/id.c": None,
    "server/base/digest.c": ("methods", "able", "looked_up"),
    "client/spill/cli.c": ("interrupted",),
}


class Skip(Exception):
    """The rule cannot be checked here; says why."""


def need(program):
    """Skip the rule when `program` is not there."""
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


def output(command, stdin=None, cwd=None):
    """What a command prints on both channels."""
    return subprocess.run(command, input=stdin, text=True, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace", check=False).stdout


def check_functions(tree):
    """Functions: at most 60 lines, cyclomatic complexity 15"""
    need("pmccabe")
    for source in tree.named(".c"):
        for row in output(["pmccabe", str(source.full)]).splitlines():
            match = PMCCABE.match(row)
            if not match:
                continue
            complexity, line, lines = (int(match.group(n)) for n in (1, 2, 3))
            name = match.group(5)
            if lines > FUNCTION_LINES_MAX:
                yield (source, line, f"{name}() has {lines} lines, at most "
                       f"{FUNCTION_LINES_MAX} are allowed")
            if complexity > COMPLEXITY_MAX:
                yield (source, line, f"{name}() has cyclomatic complexity "
                       f"{complexity}, at most {COMPLEXITY_MAX}")


def compile_alone(tree, header, compiler, folders, name):
    """The first complaint about a header on its own, included twice."""
    text = f"#include <{name}>\n" * 2
    flags = [f"-I{folder}" for folder in folders]
    said = output(compiler + STRICT + flags + ["-"], stdin=text,
                  cwd=tree.root)
    if not said:
        return None
    errors = [row for row in said.splitlines() if "error:" in row]
    what = " ".join(compiler)
    return header, 1, f"alone as {what}: {(errors or said.splitlines())[0]}"


def check_public_headers(tree):
    """Public headers stand alone, in C99 and in C++"""
    compilers = [["gcc", "-std=c99", "-x", "c"]]
    if shutil.which("g++"):
        compilers.append(["g++", "-std=c++11", "-x", "c++"])
    need("gcc")
    for header in tree.public_headers():
        name = f"spillway/{header.path.name}"
        for compiler in compilers:
            bad = compile_alone(tree, header, compiler, PUBLIC_DIRS, name)
            if bad:
                yield bad


def check_private_headers(tree):
    """Private headers stand alone"""
    need("gcc")
    compiler = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-x", "c"]
    public = {f.path for f in tree.public_headers()}
    for header in tree.c_files("lib", "server", "client"):
        if header.suffix != ".h" or header.path in public:
            continue
        folders = PRIVATE_DIRS + [header.path.parent.as_posix()]
        bad = compile_alone(tree, header, compiler, folders,
                            header.path.name)
        if bad:
            yield bad


def object_source(tree, path):
    """The source that meson compiled into this object, or None."""
    # lib/common/libX.a.p/range.c.o, or a path with its slashes as '_'.
    name = path.name.removesuffix(".o")
    folder = path.parent.parent.as_posix()
    flattened = None
    for source in tree.named(".c"):
        inside = source.path.as_posix()
        if inside == f"{folder}/{name}":
            return source
        if inside.replace("/", "_").endswith("_" + name.lstrip("._")):
            flattened = flattened or source
    return flattened


def check_globals(tree, build):
    """No writable globals but the documented ones"""
    need("objdump")
    if not build:
        raise Skip("no build directory given")
    if "b_sanitize=none" not in sanitizer(build):
        raise Skip("a sanitizer adds globals of its own")
    for top in ("lib", "server", "client"):
        for obj in sorted((build / top).rglob("*.c.o")):
            source = object_source(tree, obj.relative_to(build))
            allowed = () if not source else GLOBALS_ALLOWED.get(
                source.path.as_posix(), ())
            if not source or allowed is None:
                continue
            for row in output(["objdump", "-t", str(obj)]).splitlines():
                match = WRITABLE.match(row)
                # Sections are symbols of size 0.
                if (match and int(match.group(2), 16)
                        and match.group(3) not in allowed):
                    yield (source, 1, f"{match.group(3)} is a writable "
                           f"global ({match.group(1)})")


def sanitizer(build):
    """`b_sanitize=VALUE` of a build."""
    code = ("import json,sys\n"
            "for o in json.load(open(sys.argv[1])):\n"
            "    if o['name'] == 'b_sanitize':\n"
            "        print('b_sanitize=' + o['value'])\n")
    info = build / "meson-info" / "intro-buildoptions.json"
    return output(["python3", "-c", code, str(info)])


def check_man(tree):
    """Man pages are good mdoc"""
    need("mandoc")
    for page in tree.named(".1", ".3", ".5", ".8"):
        said = output(["mandoc", "-T", "lint", "-W", "warning",
                       str(page.full)])
        for row in said.splitlines():
            match = re.match(r"mandoc: .*?:(\d+):\d+: (.*)", row)
            if match:
                yield page, int(match.group(1)), match.group(2)
            else:
                yield page, 1, row


def check_format(tree):
    """clang-format has nothing to change (a hint, not a rule)"""
    need("clang-format")
    for source in tree.c_files():
        said = output(["clang-format", "--style=file", "--dry-run",
                       str(source.full)])
        match = re.search(r":(\d+):\d+: warning: code should be", said)
        if match:
            yield source, int(match.group(1)), "clang-format would change it"
