# SPDX-License-Identifier: MIT
"""What a header declares, as mdoc."""
import itertools
import re

import declare

WIDTH = 78
CLOSING = ".,:;)]?!"
CODE = re.compile(r"`([^`]+)`")
TYPE = re.compile(r"(struct |enum |void$|\w+_t$)")
# What a paragraph is about, in front of it: "Lines." or "Threads:".
SUBJECT = re.compile(r"(?:(\w+(?: \w+){0,2})(\.)|(\w+)(:)) (?=\S)")
# A point, or a tag and what it means.
ROW = re.compile(r"^  (?:(?=- )|(?=\S+ {2,}))(-(?= [^ ])|\S+) +(\S.*)$")
# What a word is, by its form; the first that fits counts.
FORMS = [
    (re.compile(r"`([^`]+)`"), None),
    (re.compile(r"(-E[A-Z0-9]{2,})\b"), "Er"),
    (re.compile(r"(E[A-Z0-9]{3,})\b(?![-\w])"), "Er"),
    (re.compile(r"(\w+)\(\)"), "Fn"),
    (re.compile(r"<([\w/]+\.h)>"), "In"),
    (re.compile(r"(\$[A-Z]+)\b"), "Ev"),
    (re.compile(r"((?:SPW|CURL|CURLE|CURLOPT|ZIP|SEEK|AT|CLOCK|INT64|UINT64|O)"
                r"_\w+(?:\.\.\.)?|NULL|EOF|CURL)(?!\w)"), "Dv"),
]
ERRNOS = {"EOF", "END"}


def escape(text):
    """Text that roff takes as it is."""
    text = text.replace("\\", "\\e")
    return "\\&" + text if text[:1] in (".", "'") else text


def arg(text):
    """One argument of a macro."""
    text = re.sub(r"^-", r"\\-", text.replace("\\", "\\e"))
    return f'"{text}"' if " " in text else text


def code_macro(code):
    """The macro for what stands in backticks."""
    return "Vt" if TYPE.match(code) else "Fa"


def macro_of(word):
    """(macro, argument, rest) for a word that needs one, else None."""
    for form, macro in FORMS:
        match = form.match(word)
        if match and match.group(1) not in ERRNOS:
            name = match.group(1)
            return macro or code_macro(name), name, word[match.end():]
    if word.startswith("EOF"):
        return "Dv", "EOF", word[3:]
    return None


def macro_line(word):
    """The line for a word that is more than text, else None."""
    bare = word.removeprefix("(")
    found = macro_of(bare)
    if not found:
        return None
    macro, name, rest = found
    line = f"{macro} {arg(name)}"
    if bare != word and rest.startswith(")"):
        line, rest = f"Pq {line}", rest[1:]
    elif bare != word:
        line = f"No \\&( Ns {line}"
    closing = rest if rest.startswith("...") else rest.lstrip(CLOSING)
    marks = rest[:len(rest) - len(closing)]
    if marks:
        line += " " + " ".join(marks)
    if closing:
        line += f" Ns {arg(closing)}"
    return f".{line}"


def ends_sentence(word):
    """Whether a new sentence follows, which begins a new line."""
    return word.rstrip(")\"'").endswith((".", "?", "!"))


def prose(text):
    """Lines of mdoc for a paragraph."""
    # A span in backticks is one word.
    text = CODE.sub(lambda m: m.group().replace(" ", "\0"), text)
    lines, line = [], ""
    for word in text.split():
        word = word.replace("\0", " ")
        macro = macro_line(word)
        if macro or len(line) + len(word) >= WIDTH:
            lines += [line] * bool(line)
            line = ""
        if macro:
            lines.append(macro)
            continue
        line = f"{line} {word}" if line else escape(word)
        if ends_sentence(word):
            lines.append(line)
            line = ""
    return lines + [line] * bool(line)


def literal(text, kind=".Bd -literal"):
    """A display of text as it stands."""
    rows = [escape(row) for row in text.split("\n")]
    return [kind, *rows, ".Ed"]


def rows_of(lines):
    """The rows of a block (tag, text); None if it is no list."""
    rows = []
    for line in lines:
        match = ROW.match(line)
        if match:
            rows.append([match[1], match[2]])
        elif rows and line.startswith("    "):
            rows[-1][1] += " " + line.strip()
        else:
            return None
    return rows


def indented(lines):
    """What stands in from the margin: points, a list with tags, or code."""
    rows = rows_of(lines)
    if not rows:
        return literal("\n".join(line[2:] for line in lines),
                       ".Bd -literal -offset 2n")
    if rows[0][0] == "-":
        out = [".Bl -bullet -offset indent -compact"]
        for _, text in rows:
            out += [".It", *prose(text)]
        return out + [".El"]
    out = [".Bl -tag -width Ds -offset indent -compact"]
    for tag, text in rows:
        macro = macro_line(tag)
        out += [".It " + (macro[1:] if macro else escape(tag)), *prose(text)]
    return out + [".El"]


def paragraph(text):
    """Lines for a paragraph, with what is indented in it."""
    out = []
    for deep, group in itertools.groupby(
            text.split("\n"), lambda line: line.startswith("  ")):
        lines = list(group)
        out += indented(lines) if deep else prose(" ".join(lines))
    return out


def paragraphs(texts, subjects=False):
    """Lines for paragraphs, parted by space; or with subjects in front."""
    out = []
    for text in texts:
        subject = SUBJECT.match(text) if subjects and out else None
        lines = paragraph(text[subject.end():] if subject else text)
        if subject:
            name, mark = filter(None, subject.groups())
            lines.insert(0, f".Em {arg(name)} {mark}")
        if not lines[0].startswith(".Bd"):
            out += [".Pp"] * bool(out) + lines
        elif out and out[-1] == ".Ed":
            # Code goes on after an empty line.
            out[-1:] = ["", *lines[1:]]
        else:
            out += lines
    return out


def labels(found):
    """The list of what a contract says under labels."""
    lines = ['.Bl -tag -width "Ownership:" -compact']
    for name, text in found:
        lines += [f".It {name}:", *prose(text)]
    return lines + [".El"]


def contract(found):
    """The body of a function's entry."""
    lines = paragraphs(found.paragraphs)
    if found.labels:
        lines += [".Pp"] * bool(lines) + labels(found.labels)
    return lines


def head(function):
    """The line that begins a function's entry."""
    names = [declare.arg_name(a) for a in function.args]
    return " ".join([".It Fn", function.name, *filter(None, names)])


def synopsis(header, functions):
    """The section that shows how everything is called."""
    lines = [f".In spillway/{header}"]
    for function in functions:
        lines += [f".Ft {arg(function.returns)}", f".Fo {function.name}"]
        lines += [f'.Fa "{a}"' for a in function.args]
        lines.append(".Fc")
    return lines


def types(text):
    """The display of what a header declares besides functions."""
    text = text.replace("/**", "/*")
    rows = [row.expandtabs(8) for row in text.split("\n")]
    # The page is indented already.
    rows = [re.sub(r"^ {8}", "    ", row) for row in rows]
    return literal("\n".join(rows))
