#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each rule of the lint finds its breach, and lets the like pass.

Every case is a small tree with files; lines to be found end in `BREACH`.
TAP.
"""
import pathlib
import re
import shutil
import sys
import tempfile

import layers
import manual
import quoted
import source
import text
import tools
from tap import Tap

SPDX = "/* SPDX-License-Identifier: MIT */\n"
LONG_BODY = "\tx++;\n" * 60
MANY_IFS = "\tif (x) x++;\n" * 15
HEADER = SPDX + """/* A thing. */
#ifdef __cplusplus
extern "C" {
#endif

/** Do it. Returns: 0. */
SPW_API int spw_a_do(int what, void (*how)(int a, int b));

/** Undo it. */
SPW_API void spw_a_undo(void);

#ifdef __cplusplus
}
#endif
"""
PAGE = """.\\" SPDX
.Sh NAME
.Nm spw_a_do ,
.Nm spw_a_undo
.Nd a thing
.Sh SYNOPSIS
.In spillway/a.h
.Ft int
.Fo spw_a_do
.Fa "int what"
.Fa "void (*how)(int a, int b)"
.Fc
.Ft void
.Fo spw_a_undo
.Fa "void"
.Fc
.Sh DESCRIPTION
A thing.
.Ss Functions
.Bl -tag -width Ds
.It Fn spw_a_do what how
Do it.
.Pp
.Bl -tag -width "Ownership:" -compact
.It Returns:
0.
.El
.It Fn spw_a_undo
Undo it.
.El
"""

# (what, rule, {path: text}): the headers that includes mean are made empty.
CASES = [
    ("a lower layer knows no higher one", layers.check_ranks, {
        "server/store/a.h": "",
        "server/front/b.h": "",
        "server/store/a.c": '#include "front/b.h" // BREACH\n',
        "server/front/b.c": '#include "store/a.h"\n#include "front/b.h"\n'}),
    ("layers of one rank know nothing of each other", layers.check_ranks, {
        "server/store/a.h": "",
        "server/http/b.h": "",
        "server/http/b.c": '#include "store/a.h" // BREACH\n'}),
    ("lib's private headers stay private", layers.check_ranks, {
        "lib/sys.h": "",
        "lib/include/spillway/spool.h": "",
        "lib/a.c": '#include "sys.h"\n',
        "server/store/a.c": '#include "lib/sys.h" // BREACH\n'
                            "#include <spillway/spool.h>\n"}),
    ("lib/common uses nothing", layers.check_ranks, {
        "lib/include/spillway/base.h": "",
        "lib/include/spillway/spool.h": "",
        "lib/common/a.c": "#include <spillway/base.h>\n"
                          "#include <spillway/spool.h> // BREACH\n"}),
    ("the client uses lib only", layers.check_ranks, {
        "lib/common/text.h": "",
        "server/base/log.h": "",
        "client/a.c": '#include "common/text.h"\n'
                      '#include "base/log.h" // BREACH\n'}),
    ("an include that is nowhere", layers.check_ranks, {
        "lib/a.c": '#include "nowhere.h" // BREACH\n#include <stdio.h>\n'}),
    ("libraries have their doors", layers.check_doors, {
        "server/http/a.c": "#include <microhttpd.h>\n",
        "client/a.c": "#include <curl/curl.h>\n",
        "server/store/a.c": "#include <zip.h> // BREACH\n"
                            "#include <microhttpd.h> // BREACH\n"}),
    ("system calls of lib are in sys.c", layers.check_system_calls, {
        "lib/sys.c": "int f(int fd) { return close(fd); }\n",
        "lib/a.c": "int f(struct a *a)\n{\n"
                   "\tclose(a->fd); /* BREACH */\n"
                   "\t/* close() */ spw__sys_close(a->fd);\n"
                   "\treturn a->close(a) + a.read(a);\n}\n",
        "server/base/a.c": "int f(int fd) { return close(fd); }\n"}),
    ("banned calls", text.check_banned, {
        "client/a.c": "void f(char *p)\n{\n"
                      "\tstrcpy(p, q); /* BREACH */\n"
                      '\tputs("strcpy(p)"); /* strcpy(p) */\n'
                      "\tsignal(SIGPIPE, SIG_IGN);\n"
                      "\tsignal(SIGINT, stop); /* BREACH */\n"
                      "\tx->system(p); my_strcpy(p); snprintf(p, 1, q);\n"
                      "}\n"}),
    ("SPDX lines", text.check_spdx, {
        "lib/a.h": "/* BREACH */\n",
        "tests/b.py": "#!/usr/bin/env python3\n"
                      "# SPDX-License-Identifier: MIT\n"}),
    ("file length", text.check_file_length, {
        "lib/a.c": SPDX + "int x;\n" * 499 + "int y; /* BREACH */\n",
        "lib/b.c": SPDX + "int x;\n" * 499}),
    ("columns", text.check_columns, {
        "lib/a.c": "\t" * 9 + "int x;\n" + "\t" * 9 + "int /* BREACH */;\n"}),
    ("white space", text.check_white_space, {
        "lib/a.c": "void f(int a,\n    int b)\n{\n"
                   "        a++; /* BREACH */\n\ta++;\n"
                   "  \ta++; /* BREACH */\n"
                   "/* BREACH */ \n}\n"}),
    ("comments of exported calls", text.check_comments, {
        "lib/include/spillway/a.h":
            "/**\n * Does.\n *\n * Returns:   0.\n */\n"
            "SPW_API int spw_a_do(int a,\n    int b) SPW_MUST_CHECK;\n\n"
            "/** Frees. */\nSPW_API void spw_a_free(struct a *a);\n\n"
            "/** Makes. */\nSPW_API struct a *spw_a_new(void); // BREACH\n"
            "\nSPW_API void spw_a_undo(int a); // BREACH\n"
            "\n/** Returns: this or that. */\n"
            "SPW_API int spw_a_this(void);\nSPW_API int spw_a_that(void);\n"}),
    ("function length and complexity", tools.check_functions, {
        "lib/a.c": f"void f(int x) /* BREACH */\n{{\n{LONG_BODY}}}\n\n"
                   f"int g(int x) /* BREACH */\n{{\n{MANY_IFS}}}\n\n"
                   f"int h(int x)\n{{\n{MANY_IFS[13:]}}}\n"}),
    ("public headers stand alone", tools.check_public_headers, {
        "lib/include/spillway/a.h": "struct a { size_t n; }; // BREACH\n",
        "lib/include/spillway/b.h":
            "#ifndef B\n#define B\n#include <stddef.h>\n"
            "struct b { size_t n; };\n#endif\n",
        "client/include/spillway/c.h":
            "static inline char *c(void *class) // BREACH\n"
            "{ return class; }\n"}),
    ("private headers stand alone", tools.check_private_headers, {
        "server/base/a.h": "bool a(void); /* BREACH */\n",
        "server/base/b.h": '#include <stdbool.h>\nbool b(void);\n'}),
    ("man pages", tools.check_man, {
        "client/a.1": '.\\" SPDX\n.Dd November 21, 2026\n.Dt A 1\n.Os\n'
                      ".Sh NAME\n.Nm a\n.Nd does a\n"
                      ".Xx BREACH\n"}),
    ("pages that say what their headers say", manual.check_manual, {
        "lib/include/spillway/a.h": HEADER,
        "lib/man/spw_a.3": PAGE}),
    ("pages that say something else", manual.check_manual, {
        "lib/include/spillway/a.h":
            HEADER.replace("_undo(void);", "_gone(int BREACH);"),
        "lib/man/spw_a.3":
            PAGE.replace("spw_a_do ,", 'spw_a_do , \\" BREACH')
            .replace("a.h\n", 'a.h \\" BREACH\n')
            .replace("A thing.\n", 'A thing. \\" BREACH\n')
            .replace("what how\n", 'what how \\" BREACH\n')}),
    ("a header without a page", manual.check_manual, {
        "lib/include/spillway/a.h": "/* BREACH */\n"}),
    ("names that do not exist", manual.check_manual_names, {
        "lib/include/spillway/a.h": HEADER,
        "lib/man/spw_a.3": ".Dt SPW_A 3\n.Xr spw_a 3\n.Fn spw_a_do\n"
                           ".Fn spw_a_... \n.Fn spw_a_dont BREACH\n",
        "docs/from-python.md": "`spw_a_do()`\n`spw_b()` BREACH\n"}),
    ("code in documents", quoted.check_quoted_code, {
        "lib/examples/a.c": "int a;\nint f(void)\n{\n\treturn '\\n';\n}\n",
        "README.md": "```c\nint a;\n```\n\n```c\nint b; // BREACH\n```\n"
                     "```python\nb = 1\n```\n",
        "lib/man/spw_a.3": ".Bd -literal\nstruct a;\n.Ed\n.Sh EXAMPLES\n"
                           ".Bd -literal\nint f(void)\n{\n"
                           "\treturn '\\en';\n}\n.Ed\n"
                           ".Bd -literal\nint f(int BREACH)\n.Ed\n"
                           ".Sh SEE ALSO\n"}),
]


def expected(files):
    """The (path, line) of the marks."""
    return {(path, number) for path, body in files.items()
            for number, line in enumerate(body.split("\n"), 1)
            if "BREACH" in line}


def only_first(rule):
    """Whether a rule names files, not lines."""
    return rule in (tools.check_public_headers, tools.check_private_headers)


def run_case(rule, files):
    """Problems with the findings of a rule on these files."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        root = pathlib.Path(name)
        for path, body in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(body, encoding="utf-8")
        found = {(src.path.as_posix(), line)
                 for src, line, _ in rule(source.Tree(root))}
    wanted = expected(files)
    if only_first(rule):
        wanted = {(path, 1) for path, _ in wanted}
    return ([f"missed {path}:{line}" for path, line in wanted - found]
            + [f"found {path}:{line}" for path, line in found - wanted])


def check_globals(tap):
    """The rule about objects, on one that is compiled here."""
    name = "writable globals"
    if not shutil.which("gcc"):
        tap.skip(name, "gcc is not installed")
        return
    code = ("static const char *const names[] = {\"a\", \"b\"};\n"
            "static int counter;\n_Thread_local int mine;\nint set = 1;\n"
            "const char *f(int i)\n{\n\tstatic int last;\n\tlast = i;\n"
            "\tcounter += last + mine + set;\n"
            "\treturn names[counter & 1];\n}\n")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        root = pathlib.Path(folder)
        build = root / "build"
        (root / "lib").mkdir()
        (root / "lib/a.c").write_text(code, encoding="utf-8")
        (build / "lib/liba.a.p").mkdir(parents=True)
        (build / "meson-info").mkdir()
        (build / "meson-info/intro-buildoptions.json").write_text(
            '[{"name": "b_sanitize", "value": "none"}]', encoding="utf-8")
        said = tools.output(["gcc", "-fPIC", "-c", str(root / "lib/a.c"),
                             "-o", str(build / "lib/liba.a.p/a.c.o")])
        found = {re.sub(r"\..*", "", what.split()[0]) for _, _, what
                 in tools.check_globals(source.Tree(root), build)}
    wanted = {"counter", "last", "mine", "set"}
    tap.check(name, [said] * bool(said) + [
        f"found {sorted(found)}, not {sorted(wanted)}"] * (found != wanted))


def main():
    """Run the cases."""
    tap = Tap()
    for what, rule, files in CASES:
        try:
            tap.check(what, run_case(rule, files))
        except tools.Skip as why:
            tap.skip(what, why)
    check_globals(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
