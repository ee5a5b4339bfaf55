# SPDX-License-Identifier: MIT
"""What a public header declares: functions with their contracts, and types.

It reads the house style, not C: prototypes begin in the first column with
SPW_API, or `static inline` for the few that are in the header; the comment
above holds for the prototypes that follow it without an empty line.
"""
import dataclasses
import re

LABELS = ("Units", "Returns", "Errors", "Ownership", "Threads", "Source")
LABEL = re.compile(r"(?:^|(?<=\. ))(" + "|".join(LABELS) + r"):\s+", re.M)
FUNCTION = re.compile(
    r"^(?P<kind>SPW_API|static inline)\s+(?P<type>[^;{}()]*?)"
    r"(?P<name>spw\w+)\((?P<args>[^;{}]*?)\)(?P<marks>[\s\w]*)"
    r"(?P<end>;|\{\n.*?^\})\n?", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
IDENTIFIER = re.compile(r"\b(?:spwc?|SPWC?)_\w+")
# Fields that are nobody's business.
PRIVATE_BODY = re.compile(
    r"(Fields are the library's\..*?\*/\nstruct \w+) \{\n.*?^\};", re.M | re.S)
PRIVATE_REST = re.compile(
    r"\n*(\t/\* The rest is the library's\. \*/\n).*?^\};", re.M | re.S)


@dataclasses.dataclass
class Function:
    """One function. `contract` is None where the header has no comment."""
    name: str
    returns: str
    args: list
    line: int
    contract: "Contract | None"


@dataclasses.dataclass
class Contract:
    """A comment: paragraphs, and (label, text) in the header's order."""
    start: int
    paragraphs: list
    labels: list


def words(text):
    """The text with single spaces."""
    return " ".join(text.split())


def split_args(text):
    """The parameters, not torn apart at the commas of a callback's own."""
    args, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            args.append(words(text[start:at]))
            start = at + 1
    return args + [words(text[start:])]


def arg_name(arg):
    """The name in a parameter; '' for void."""
    match = (re.search(r"\(\*(\w+)\)", arg)
             or re.search(r"(\w+)(\[\w*\])?$", arg))
    return "" if arg == "void" else match.group(1)


def comment_text(comment):
    """What a comment says, without its frame."""
    text = re.sub(r"^/\*+ ?|\s*\*/$", "", comment)
    return re.sub(r"^[ \t]*\* ?", "", text, flags=re.M).strip("\n")


def paragraphs(text):
    """The parts between empty lines."""
    return [p.strip("\n") for p in re.split(r"\n[ \t]*\n", text)
            if p.strip()]


def opening(text):
    """The paragraphs of the comment that a header opens with."""
    comments = COMMENT.finditer(text)
    next(comments)
    return paragraphs(comment_text(next(comments).group()))


def parse_contract(comment, start):
    """Split a comment at its labels, and its head at empty lines."""
    parts = LABEL.split(comment_text(comment))
    labels = [(name, words(text))
              for name, text in zip(parts[1::2], parts[2::2])]
    return Contract(start, paragraphs(parts[0]), labels)


def contract_above(text, offset):
    """The contract that holds for a prototype at `offset`."""
    lines = text[:offset].split("\n")[:-1]
    while lines and not lines[-1].endswith("*/"):
        if not lines[-1] or lines[-1].startswith("#"):
            return None
        lines.pop()
    end = len("\n".join(lines))
    start = text.rfind("/*", 0, end)
    return parse_contract(text[start:end], start) if lines else None


def functions(text):
    """The functions of a header, in its order."""
    for match in FUNCTION.finditer(text):
        yield Function(
            match["name"], words(match["type"]), split_args(match["args"]),
            text.count("\n", 0, match.start("name")) + 1,
            contract_above(text, match.start()))


def types(text):
    """The rest of what is declared, as it stands, comments included."""
    body = text.partition('extern "C" {\n#endif\n')[2]
    body = body.partition("\n#ifdef __cplusplus")[0]
    for contract in {f.contract.start: f.contract
                     for f in functions(text) if f.contract}.values():
        start = contract.start
        comment = text[start:text.index("*/", start) + 3]
        body = body.replace(comment, "", 1)
    body = FUNCTION.sub("", body)
    # What is only named, without a word about it, is in the synopsis.
    body = re.sub(r"(?<!\*/\n)^struct \w+;\n", "", body, flags=re.M)
    body = PRIVATE_BODY.sub(r"\1 { ... };", body)
    body = PRIVATE_REST.sub(r"\n\n\1};", body)
    return re.sub(r"\n{3,}", "\n\n", body).strip("\n")


def identifiers(text):
    """The names that a header gives to things."""
    code = COMMENT.sub(" ", text)
    return set(IDENTIFIER.findall(code))
