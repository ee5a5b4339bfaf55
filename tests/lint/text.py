# SPDX-License-Identifier: MIT
"""Rules about the text of files: form, banned calls, header comments."""
import re

FILE_LINES_MAX = 500
COLUMNS_MAX = 80

# What each is replaced by.
BANNED = {
    "strcpy": "snprintf or memcpy with a checked length",
    "strcat": "a strbuf",
    "strncpy": "snprintf or memcpy with a checked length",
    "strncat": "a strbuf",
    "stpcpy": "snprintf or memcpy with a checked length",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets",
    "strtok": "str_list_next or strchr",
    "atoi": "str_u64",
    "atol": "str_u64",
    "atoll": "str_u64",
    "atof": "strtod",
    "sscanf": "the parsers of lib/common",
    "alloca": "a buffer with a maximum",
    "system": "posix_spawn without a shell",
    "popen": "posix_spawn without a shell",
    "mktemp": "O_TMPFILE or mkostemp",
    "tmpnam": "O_TMPFILE or mkostemp",
    "tempnam": "O_TMPFILE or mkostemp",
    "rand": "getrandom",
    "srand": "getrandom",
    "random": "getrandom",
    "gmtime": "httpdate_format or gmtime_r",
    "localtime": "localtime_r",
    "ctime": "httpdate_format",
    "asctime": "httpdate_format",
    "inet_ntoa": "inet_ntop",
    "inet_addr": "inet_pton",
    "gethostbyname": "getaddrinfo",
    "readdir_r": "readdir",
    "signal": "sigaction",
    "setjmp": "plain returns",
    "longjmp": "plain returns",
}
BANNED_CALL = re.compile(
    # Ignoring a signal is what signal() does the same everywhere.
    r"(?<![\w.>])(?!signal\(\w+, SIG_IGN\))("
    + "|".join(BANNED) + r")\s*\(")

PROTOTYPE = re.compile(r"^SPW_API\s+([^;{]+);", re.M)


def check_spdx(tree):
    """Every file starts with one SPDX line"""
    for source in tree.files:
        first = source.lines[0]
        if first.startswith("#!") and len(source.lines) > 1:
            first = source.lines[1]
        if not source.text.strip():
            yield source, 1, "is empty: not even an SPDX line"
        elif "SPDX-License-Identifier: MIT" not in first:
            yield source, 1, "does not start with an SPDX line"


def check_file_length(tree):
    """Files have at most 500 lines"""
    for source in tree.named(".c", ".h", ".py", ".sh"):
        lines = source.text.count("\n")
        if lines > FILE_LINES_MAX:
            yield (source, FILE_LINES_MAX + 1,
                   f"{lines} lines, at most {FILE_LINES_MAX} are allowed")


def width(line):
    """Columns that a line takes, with tabs of 8."""
    return len(line.expandtabs(8))


def check_columns(tree):
    """C lines have at most 80 columns"""
    for source in tree.c_files():
        for number, line in enumerate(source.lines, 1):
            if width(line) > COLUMNS_MAX:
                yield (source, number,
                       f"{width(line)} columns, at most {COLUMNS_MAX}")


def check_white_space(tree):
    """C is indented with tabs; nothing ends in white space"""
    for source in tree.files:
        if not source.text.endswith("\n") and source.text:
            yield source, len(source.lines), "no newline at the end"
        for number, line in enumerate(source.lines, 1):
            if line != line.rstrip():
                yield source, number, "white space at the end of the line"
            if source.suffix not in (".c", ".h"):
                continue
            indent = line[:len(line) - len(line.lstrip())]
            if " \t" in indent:
                yield source, number, "a space before a tab"
            elif " " * 8 in indent:
                yield source, number, "indented with spaces, not tabs"


def check_banned(tree):
    """No call of a banned function, but in tests"""
    for source in tree.c_files("lib", "server", "client"):
        for match in BANNED_CALL.finditer(source.code):
            name = match.group(1)
            yield (source, source.code_line_of(match.start()),
                   f"{name}() is banned; use {BANNED[name]}")


def comment_before(source, offset):
    """The comment above a declaration, or above its group; else None."""
    lines = source.text[:offset].split("\n")[:-1]
    while lines and not lines[-1].rstrip().endswith("*/"):
        if not lines[-1].strip() or lines[-1].startswith("#"):
            return None
        lines.pop()
    end = len(lines)
    while lines and not lines[-1].lstrip().startswith("/*"):
        lines.pop()
    return "\n".join(lines[-1:] + source.lines[len(lines):end])


def check_comments(tree):
    """Exported calls are documented, with what they return"""
    for source in tree.public_headers():
        for match in PROTOTYPE.finditer(source.text):
            prototype = " ".join(match.group(1).split())
            if "(" not in prototype:
                continue
            line = source.line_of(match.start())
            head = prototype.split("(")[0]
            name = head.split()[-1].lstrip("*")
            comment = comment_before(source, match.start())
            if not comment:
                yield source, line, f"{name}() has no comment"
            elif head.split()[0] != "void" or "*" in head:
                if "Returns:" not in comment:
                    yield source, line, f"{name}(): no 'Returns:' above it"
