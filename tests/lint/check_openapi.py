#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The document of the API says what is in the code.

usage: check_openapi.py TREE

docs/openapi.json has the routes of the server's tables with their methods and
scopes, the types of problem, the parameters of a query and the header fields
that the code reads and writes, and none besides; what it refers to is there,
what is there is referred to, and every schema is one. tests/http/harness.py has
the answers of the tests checked against it, tests/clients the document itself.
TAP.
"""
import json
import pathlib
import re
import sys

import jsonschema

from tap import Tap

METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}
# Routes that the tables do not have: what stands in front/routes.c beside
# them.
APART = {"/files/zip": {"POST"}, "/page/{}/{}": {"GET", "HEAD", "OPTIONS"},
         "/problems/{}": {"GET", "HEAD", "OPTIONS"},
         "/process/{}": {"POST", "OPTIONS"}}
ROW = re.compile(r'\{"([^"]*)",\s*\{ROUTE_\w+, ROUTE_\w+\},\s*"([A-Z, ]+)",\s*\w+,(.*?)\},?\n'
                 r'(?=    \{|\})', re.S)
NEED = re.compile(r"(READS\(|\[HTTP_(\w+)\] = )((?:AUTH_\w+)(?: \| AUTH_\w+)*)")
# Scopes that have a name of their own.
SCOPES = {"AUTH_LOOK": {"read", "write"}, "AUTH_PUBLIC": set()}
# What the code knows as fields that are of HTTP, of a proxy, or of an origin;
# clients are told of them elsewhere, or need not be.
UNTOLD = {"Authorization", "Connection", "Content-Length", "Content-Type",
          "Cookie", "Date", "Forwarded", "Host", "Keep-Alive", "Origin",
          "Private-Token", "Referer", "Transfer-Encoding", "User-Agent",
          "X-Api-Key", "X-Auth-Token", "X-Forwarded-For", "X-Forwarded-Host",
          "X-Forwarded-Proto", "X-Requested-With", "traceparent",
          "Access-Control-Request-Method", "Accept-Language"}
FIELD_CALL = re.compile(
    r"\b(?:http_(?:header|header_at|header_count|reply_header|answer_field"
    r"|date|trailer|names_etag)|create_number)\s*\(([^;]*?)\)")
FIELD_NAME = re.compile(r'"([A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*)"')


def sources(tree, *folders):
    """The text of the C files of these folders of the server."""
    return "\n".join(path.read_text(encoding="utf-8") for folder in folders
                     for path in sorted((tree / "server" / folder).glob("*.c")))


def rows_of(tree):
    """(path, methods, the rest) of the tables' rows, `{}` for what a path has
    of its own."""
    text = sources(tree, "front")
    tables = re.findall(r"ROUTES\[\] = \{\n(.*?\n)\};", text, re.S)
    for number, table in enumerate(tables):
        for path, allow, rest in ROW.findall(table + "}"):
            below = "{}" if path.endswith("/") else ""
            yield (f"/files/{{}}{path}{below}" if number else path,
                   allow, rest)


def routes_of(tree):
    """{path: methods}"""
    return {**APART, **{path: set(allow.split(", "))
                        for path, allow, _ in rows_of(tree)}}


def scopes_of(tree):
    """{(path, method): scopes, of which one will do}"""
    found = {}
    for path, _, rest in rows_of(tree):
        for reads, method, words in NEED.findall(rest):
            scopes = set()
            for word in words.split(" | "):
                scopes |= SCOPES.get(word, {word[5:].lower()})
            for one in ("GET", "HEAD") if "READS" in reads else (method,):
                found[path, one] = scopes
    return found


def written_of(document):
    """The same of the document."""
    found = {}
    for path, item in document["paths"].items():
        if "$ref" in item:
            item = document["paths"][item["$ref"][8:].replace("~1", "/")]
        found[re.sub(r"\{\w+\}", "{}", path)] = {
            key.upper() for key in item if key in METHODS}
    return found


def check_routes(tree, document):
    """What differs."""
    code, written = routes_of(tree), written_of(document)
    # tus has a POST for another method.
    code["/files/{}"] = code["/files/{}"] | {"POST"}
    for path in sorted(code.keys() | written.keys()):
        if code.get(path) != written.get(path):
            yield (f"{path}: {sorted(code.get(path, ()))} in the code, "
                   f"{sorted(written.get(path, ()))} in the document")


def check_scopes(tree, document):
    """Scopes that are others."""
    paths = {re.sub(r"\{\w+\}", "{}", path): item
             for path, item in document["paths"].items()}
    for (path, method), scopes in scopes_of(tree).items():
        operation = paths.get(path, {}).get(method.lower())
        if operation and set(operation.get("x-scope", ())) != scopes:
            yield (f"{method} {path} takes {sorted(scopes)}, the document "
                   f"says {operation.get('x-scope')}")


def enums_of(value, key):
    """All words of the enums that are called `key` somewhere."""
    if isinstance(value, list):
        for one in value:
            yield from enums_of(one, key)
    elif isinstance(value, dict):
        if isinstance(value.get(key), dict):
            yield from value[key].get("enum", ())
        for one in value.values():
            yield from enums_of(one, key)


def types_of(tree):
    """The types of problem that the code has."""
    header = (tree / "server/http/problem.h").read_text(encoding="utf-8")
    names = set(re.findall(r'X\(\w+, \d+, "([a-z-]+)"', header))
    iana = re.findall(r'HTTP_PROBLEM_IANA "([a-z-]+)"', header)
    base = re.search(r'HTTP_PROBLEM_IANA "(https[^"]+)"', header)[1]
    return {f"/problems/{name}" for name in names} | {
        base + name for name in iana}


def check_types(tree, document):
    """Types of problem that only one of them has."""
    code = types_of(tree)
    written = {word for word in enums_of(document["components"], "type")
               if str(word).startswith(("/problems/", "https:"))}
    return (f"{name} is only in the {'code' if name in code else 'document'}"
            for name in sorted(code ^ written))


def parameters(document, where):
    """The names of the parameters of a kind."""
    return {p["name"] for p in document["components"]["parameters"].values()
            if p["in"] == where}


def check_query(tree, document):
    """Parameters of a query that only one of them has."""
    text = sources(tree, "front", "ingest", "deliver")
    code = set(re.findall(
        r'(?:http_query_(?:get|has)|read_number|parse_number)\(\s*req,\s*"(\w+)"',
        text))
    link = (tree / "lib/common/signedlink.c").read_text(encoding="utf-8")
    members = re.search(r"names\[MEMBERS\] = \{(.*?)\}", link, re.S)[1]
    code |= set(re.findall(r'"(\w+)"', members))
    written = parameters(document, "query")
    return (f"{name} is only in the {'code' if name in code else 'document'}"
            for name in sorted(code ^ written))


def fields_of(tree):
    """The header fields that the code reads and writes."""
    found = set()
    for call in FIELD_CALL.findall(
            sources(tree, "http", "front", "ingest", "deliver")):
        # The first text is the name; the value of one has no capital.
        name = FIELD_NAME.search(call)
        if name and (name[1][0].isupper() or name[1] == "tracestate"):
            found.add(name[1])
    return found - UNTOLD


def check_fields(tree, document):
    """Header fields that the document does not have."""
    written = (parameters(document, "header")
               | document["components"]["headers"].keys())
    return (f"{name} is not in the document"
            for name in sorted(fields_of(tree) - written))


def check_version(tree, document):
    """The document's version is the program's."""
    text = (tree / "meson.build").read_text(encoding="utf-8")
    version = re.search(r"version: '([0-9.]+)'", text)[1]
    if document["info"]["version"] != version:
        yield f"{document['info']['version']}, but the program is {version}"


def check_references(_, document):
    """What is referred to, and is not there; what is not referred to."""
    used = set(re.findall(r'"\$ref": "#/(components/[^"]+)"',
                          json.dumps(document)))
    there = {f"components/{kind}/{name}"
             for kind, items in document["components"].items()
             for name in items if kind != "securitySchemes"}
    names = set()
    for item in [document, *document["paths"].values()]:
        for one in [item, *item.values()]:
            if isinstance(one, dict):
                names |= set(one.get("x-response-headers", ()))
    used |= {f"components/headers/{name}" for name in names}
    # Of what is no answer of an operation, and of what is no JSON as a whole.
    used |= {"components/responses/Refused", "components/schemas/Event",
             "components/schemas/ZipEntry"}
    return (f"{name} is only {'used' if name in used else 'there'}"
            for name in sorted(used ^ there))


def check_schemas(_, document):
    """Schemas that are none."""
    for name, schema in document["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            yield f"{name}: {error.message}"


CHECKS = {"routes": check_routes, "scopes": check_scopes,
          "types of problem": check_types,
          "parameters of a query": check_query, "fields": check_fields,
          "version": check_version, "references": check_references,
          "schemas": check_schemas}


def main():
    """Run the checks."""
    tree = pathlib.Path(sys.argv[1])
    document = json.loads(
        (tree / "docs/openapi.json").read_text(encoding="utf-8"))
    tap = Tap()
    for what, check in CHECKS.items():
        tap.check(what, list(check(tree, document)))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
