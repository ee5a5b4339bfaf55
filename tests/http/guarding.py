# SPDX-License-Identifier: MIT
"""Tokens and keys for daemons, in files of their own."""
import hashlib
import json
import os
import tempfile

from harness import Case

# As their holders have them; files have the hash.
TOKENS = {
    "all": "read,write,list,fetch,process,delete,admin",
    "reader": "read", "writer": "write", "lister": "list",
    "fetcher": "fetch", "deleter": "delete", "admin": "admin",
}


def token_of(name):
    """The text of somebody's token."""
    return f"spw_test-{name}"


def line_of(name, scopes, *limits, token=None):
    """Its line in the file."""
    digest = hashlib.sha256((token or token_of(name)).encode()).hexdigest()
    return " ".join([name, f"sha256:{digest}", scopes, *limits]) + "\n"


def bearer(name):
    """The field that shows it."""
    return {"Authorization": f"Bearer {token_of(name)}"}


class Guarded(Case):
    """A daemon that serves those who have one of TOKENS."""

    LINES = [line_of(*item) for item in TOKENS.items()]
    MORE = []

    @classmethod
    def start(cls):
        cls.folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.file = os.path.join(cls.folder.name, "tokens")
        cls.write("".join(cls.LINES))
        cls.OPTIONS = [f"auth.tokens={cls.file}", *cls.MORE]
        super().start()

    @classmethod
    def finish(cls):
        super().finish()
        cls.folder.cleanup()

    @classmethod
    def write(cls, text):
        """Another file in the place of the one there is."""
        with open(cls.file + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(cls.file + ".new", cls.file)

    def ask(self, who, method, target, headers=(), body=None):
        """A request of somebody; None: of nobody."""
        return self.http(method, target, {
            **(bearer(who) if who else {}), **dict(headers)}, body)

    def metric_of(self, name):
        """As metric(), of the admin's."""
        text = self.ask("all", "GET", "/metrics").body.decode()
        found = [line.rpartition(" ")[2] for line in text.splitlines()
                 if line.startswith(f"spillway_{name} ")]
        self.assertEqual(len(found), 1, name)
        return float(found[0])

    def store(self, name, data, who="all"):
        """A file of somebody: its descriptor."""
        answer = self.ask(who, "PUT", f"/files/{name}", (), data)
        self.assertIn(answer.status, (200, 201), answer)
        return json.loads(answer.body)
