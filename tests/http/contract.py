# SPDX-License-Identifier: MIT
"""Answers of the server against its description, docs/openapi.json.

Contract(document).faults(method, target, answer) tells what of an answer the
document does not say: an operation, a status, a field of the header or one
that has to be there, a type, a body that is not of its schema. JSON Schema is
python3-jsonschema's; how it is found from a request is here.
"""
import functools
import gzip
import json
import pathlib
import re

import jsonschema

DOCUMENT = (pathlib.Path(__file__).resolve().parents[2]
            / "docs" / "openapi.json")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Of the framing, and of every answer: RFC 9110, 6.6.1 and 7.6.1.
FRAMING = {"connection", "content-length", "content-type", "date",
           "transfer-encoding"}
PROBLEM = "application/problem+json"


def resolved(document, value):
    """A value of the document with what it refers to in place of `$ref`."""
    if isinstance(value, list):
        return [resolved(document, one) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        found = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return resolved(document, found)
    return {key: resolved(document, one) for key, one in value.items()}


def pattern_of(path):
    """A path of the document as a regular expression. An entry's name, which
    is the last of its path, has slashes."""
    parts = re.split(r"\{\w+\}", path)
    last = "(?:.*)" if path.endswith("{entry}") else "[^/]*"
    return re.compile("[^/]+".join(map(re.escape, parts[:-1]))
                      + (last if len(parts) > 1 else "")
                      + re.escape(parts[-1]), re.S)


def path_of(target):
    """The path that a target means (RFC 9112, 3.2; RFC 3986, 6.2.2)."""
    path = re.sub(r"(?i)^https?://[^/?]*", "", target).partition("?")[0]
    return re.sub("%([46][1-9A-F]|[57][0-9A]|3[0-9]|2[DE]|5F|7E)",
                  lambda code: chr(int(code[1], 16)), path or "/",
                  flags=re.I)


def validator_of(schema):
    """What checks a value against a schema of JSON Schema 2020-12."""
    return jsonschema.Draft202012Validator(schema)


def first_error(validator, value, where):
    """The first thing that is wrong with a value, as a list of one."""
    for error in validator.iter_errors(value):
        return [f"{where}: {error.json_path}: {error.message[:300]}"]
    return []


def number_or_text(text, schema):
    """A field's value as its schema has it."""
    if schema.get("type") == "integer" and re.fullmatch("[0-9]+", text):
        return int(text)
    return text


class Field:
    """A field of the header of one answer."""

    def __init__(self, field):
        self.required = field.get("required", False)
        self.schema = field["schema"]
        self.validator = validator_of(self.schema)

    def faults(self, name, values):
        """What is wrong with the values that it has."""
        for text in values:
            yield from first_error(
                self.validator, number_or_text(text, self.schema), name)


class Reply:
    """What an operation may answer with one status."""

    def __init__(self, reply, extra):
        fields = reply.get("headers", {})
        self.fields = {name.lower(): Field(field)
                       for name, field in {**extra, **fields}.items()}
        self.required = {name.lower() for name, field in fields.items()
                         if field.get("required")}
        self.types = {kind: validator_of(media["schema"])
                      for kind, media in reply.get("content", {}).items()}

    def faults(self, method, answer):
        """What the document does not say of this answer."""
        given = {}
        for name, value in answer.fields:
            given.setdefault(name.lower(), []).append(value)
        for name in sorted(self.required - given.keys()):
            yield f"the field {name} is missing"
        for name, values in given.items():
            if name in self.fields:
                yield from self.fields[name].faults(name, values)
            elif name not in FRAMING:
                yield f"the field {name} is not in the document"
        if answer.body and method != "HEAD":
            yield from self.body_faults(answer)

    def body_faults(self, answer):
        """The same of its body."""
        kind = (answer.get("Content-Type") or "").partition(";")[0].lower()
        validator = self.types.get(kind) or self.types.get("*/*")
        if validator is None:
            yield f"a body of type '{kind}' is not in the document"
        elif kind in ("application/json", PROBLEM) and kind in self.types:
            body = answer.body
            if answer.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            yield from first_error(validator, json.loads(body), "body")


class Contract:
    """The document, ready to be asked."""

    def __init__(self, document):
        self.document = document
        self.paths = {path: resolved(document, item)
                      for path, item in document["paths"].items()}
        # What stands there as it is comes before what is a pattern.
        self.patterns = sorted(
            ((pattern_of(path), path) for path in self.paths),
            key=lambda pair: pair[1].count("{"))

    def operation(self, method, target):
        """The path and the operation of a request; None twice for none."""
        path = path_of(target)
        for pattern, name in self.patterns:
            operation = method in METHODS and self.paths[name].get(
                method.lower())
            if operation and pattern.fullmatch(path):
                return name, operation
        return None, None

    def known(self, names):
        """Fields by name."""
        fields = self.document["components"]["headers"]
        return {name: fields[name] for name in names}

    @functools.lru_cache(maxsize=None)
    def reply(self, method, path, status):
        """What is said of a status; of operations that there are not, of
        their refusal. None: nothing."""
        extra = list(self.document["x-response-headers"])
        if path is None:
            one = self.document["components"]["responses"]["Refused"]
        else:
            operation = self.paths[path][method.lower()]
            extra += operation.get("x-response-headers", [])
            one = operation["responses"].get(
                str(status), operation["responses"].get("default"))
        return one and Reply(resolved(self.document, one), self.known(extra))

    def faults(self, method, target, answer):
        """What of an answer the document does not say: lines of text."""
        path, operation = self.operation(method, target)
        if not operation and answer.status < 400:
            return [f"{method} {target[:80]} is not in the document"]
        reply = self.reply(method, path, answer.status)
        if not reply:
            return [f"status {answer.status} is not in the document"]
        return list(reply.faults(method, answer))


@functools.lru_cache(maxsize=None)
def load():
    """The contract of this tree."""
    return Contract(json.loads(DOCUMENT.read_text(encoding="utf-8")))
