# SPDX-License-Identifier: MIT
"""Tokens: who may do what, how much and how often.

Source: API.md section 7; RFC 6750 sections 2.1 and 3; RFC 9110 section 11.
"""
import json
import os
import re
import signal
import tempfile

from daemon import run_program
from guarding import Guarded, TOKENS, bearer, line_of, token_of
from harness import Case, Conn, Daemon, main, table, until

JSON = {"Content-Type": "application/json"}
# What each scope opens: method, target, fields, body.
DOORS = {
    "read": [("GET", "/files/canary", {}, None),
             ("GET", "/files/canary/zip", {}, None),
             ("POST", "/files/zip", JSON, b'{"files":["canary"]}'),
             ("POST", "/files/canary/links", JSON, b"{}")],
    "write": [("POST", "/files", {}, b"x"), ("PUT", "/files/new", {}, b"x"),
              ("PATCH", "/files/new", {"Upload-Complete": "?1"}, b""),
              ("POST", "/links", JSON, b"{}"),
              ("POST", "/files", {"Tus-Resumable": "1.0.0",
                                  "Upload-Length": "3"}, b"")],
    "list": [("GET", "/files", {}, None), ("HEAD", "/files/", {}, None)],
    "fetch": [("POST", "/fetch", JSON, b'{"url":"http://10.0.0.1/"}'),
              ("GET", "/fetch?url=http://10.0.0.1/", {}, None),
              ("POST", "/fetch/check", JSON, b'{"url":"http://10.0.0.1/"}')],
    "delete": [("DELETE", "/files/nothing", {}, None),
               ("POST", "/files/nothing", {
                   "Tus-Resumable": "1.0.0",
                   "X-HTTP-Method-Override": "DELETE"}, b"")],
    "admin": [("GET", "/metrics", {}, None)],
}
HOLDERS = {"read": "reader", "write": "writer", "list": "lister",
           "fetch": "fetcher", "delete": "deleter", "admin": "admin"}
ROWS = [(f"{scope}: {door[0]} {door[1]}", scope, *door)
        for scope, doors in DOORS.items() for door in doors]


class Scopes(Guarded):
    """Each door, and who gets through."""

    @classmethod
    def start(cls):
        super().start()
        cls("id").store("canary", b"canary")

    @table(*ROWS)
    def test_nobody(self, _, *door):
        answer = self.ask(None, *door)
        self.assertEqual(answer.status, 401)
        if door[0] != "HEAD":
            self.assert_problem(answer, 401, "unauthorized")
        self.assertEqual(answer.get("WWW-Authenticate"),
                         'Bearer realm="spillway"')

    @table(*ROWS)
    def test_who_has_the_scope(self, scope, *door):
        answer = self.ask(HOLDERS[scope], *door)
        self.assertNotEqual(answer.status, 401)
        self.assertIsNone(answer.get("WWW-Authenticate"))

    @table(*ROWS)
    def test_who_has_every_other_scope(self, scope, *door):
        for other, who in HOLDERS.items():
            if other == scope:
                continue
            answer = self.ask(who, *door)
            self.assertEqual(answer.status, 403, (who, answer))
            self.assertEqual(
                answer.get("WWW-Authenticate"), 'Bearer realm="spillway", '
                f'error="insufficient_scope", scope="{scope}"')
            if door[0] != "HEAD":
                self.assertIn(f"the scope {scope}", self.assert_problem(
                    answer, 403, "insufficient-scope")["detail"])

    @table(("head", "HEAD", "/files/canary"),
           ("info", "GET", "/files/canary/info"),
           ("events", "HEAD", "/files/canary/events"))
    def test_whether_it_is_there(self, method, target):
        for who in ("reader", "writer"):
            self.assertEqual(self.ask(who, method, target).status, 200)
        self.assertEqual(self.ask("lister", method, target).status, 403)
        self.assertEqual(self.ask(None, method, target).status, 401)

    @table(("index", "/"), ("alive", "/healthz"), ("ready", "/readyz"))
    def test_open_doors(self, target):
        self.assertEqual(self.http("GET", target).status, 200)

    def test_saving_takes_both(self):
        for target, body in (("/files/canary/zip/a?save", b""),
                             ("/files/zip", b'{"files":["canary"],'
                                            b'"save":true}')):
            for who in ("reader", "writer"):
                self.assert_problem(
                    self.ask(who, "POST", target, JSON, body), 403)
            self.assertIn(self.ask("all", "POST", target, JSON, body).status,
                          (201, 422))

    @table(*((method, method) for method in ("HEAD", "PATCH", "DELETE")))
    def test_another_method_is_no_way_around(self, method):
        for who, target, scope in (
                ("reader", "/files/canary/process/x", "process"),
                ("writer", "/files/canary/links", "read"),
                ("deleter", "/files/canary/links", "read"),
                ("writer", "/files/canary/zip/a", "read")):
            conn = self.conn()
            conn.send_request("POST", target, {
                "Tus-Resumable": "1.0.0", "X-HTTP-Method-Override": method,
                **bearer(who)}, b"")
            self.assertIn(f"the scope {scope}", self.assert_problem(
                conn.read(), 403, "insufficient-scope")["detail"])

    def test_nothing_is_told_of_what_is_there(self):
        told = [[(a.status, sorted(n for n, _ in a.fields))
                 for a in (self.ask(None, method, f"/files/{name}")
                           for method in ("GET", "DELETE", "POST", "PATCH",
                                          "OPTIONS", "PURGE"))]
                for name in ("canary", "nothing")]
        self.assertEqual(told[0], told[1])

    def test_preflight(self):
        # Browsers send no credentials with it.
        for target in ("/files", "/files/canary", "/files/canary/info"):
            answer = self.http("OPTIONS", target)
            self.assertEqual(answer.status, 204)
            self.assertIn("GET", answer.get("Allow"))

    @table(("scheme", "Basic YWxsOnNwdw=="), ("no scheme", token_of("all")),
           ("no token", "Bearer"), ("empty token", "Bearer "),
           ("wrong", "Bearer nonsense"), ("cut", f"Bearer {token_of('al')}"),
           ("longer", f"Bearer {token_of('all')}x"),
           ("two words", f"Bearer {token_of('all')} x"),
           ("case", f"Bearer {token_of('all').upper()}"),
           ("hash", "Bearer sha256:"
            + line_of("all", "read").split(":")[1].split()[0]),
           ("long", "Bearer " + "x" * 4000))
    def test_bad_credentials(self, field):
        answer = self.http("GET", "/files", {"Authorization": field})
        self.assert_problem(answer, 401)
        self.assertTrue(answer.get("WWW-Authenticate").startswith(
            'Bearer realm="spillway"'))

    def test_unknown_token_is_told(self):
        answer = self.http("GET", "/files", {"Authorization": "Bearer x"})
        self.assertEqual(answer.get("WWW-Authenticate"),
                         'Bearer realm="spillway", error="invalid_token"')

    def test_two_fields(self):
        field = ("Authorization", f"Bearer {token_of('all')}")
        self.assert_problem(self.http("GET", "/files", [field, field]), 401)

    @table(("lower case", "bearer {}"), ("upper case", "BEARER {}"),
           ("spaces", "Bearer   {} "))
    def test_good_credentials(self, form):
        answer = self.http("GET", "/files", {
            "Authorization": form.format(token_of("lister"))})
        self.assertEqual(answer.status, 200)

    def test_connection_is_not_the_sender(self):
        with self.conn() as conn:
            for who, status in (("lister", 200), (None, 401), ("reader", 403),
                                ("lister", 200)):
                answer = conn.request("GET", "/files",
                                      bearer(who) if who else {})
                self.assertEqual(answer.status, status)

    def test_before_the_body(self):
        # Of a gigabyte not one byte is sent; the answer comes all the same.
        for headers, status in (({}, 401), (bearer("reader"), 403)):
            with Conn(self.daemon.address) as conn:
                conn.send_request("PUT", "/files/huge", {
                    **headers, "Content-Length": str(1 << 30),
                    "Expect": "100-continue"})
                answer = conn.read()
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.interim, [])

    def test_large_body_without_expect(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/huge",
                              {"Content-Length": str(1 << 30)})
            conn.send(b"x" * 100000)
            self.assertEqual(conn.read().status, 401)

    def test_nothing_was_made(self):
        self.ask(None, "PUT", "/files/ghost", (), b"x")
        self.ask("reader", "PUT", "/files/ghost", (), b"x")
        self.assertEqual(self.ask("all", "GET", "/files/ghost").status, 404)

    def test_metrics(self):
        names = {"no-token": None, "scope": "reader"}
        for reason, who in names.items():
            name = f'auth_refused_total{{reason="{reason}"}}'
            before = self.metric_of(name)
            self.ask(who, "GET", "/files")
            self.assertEqual(self.metric_of(name), before + 1)
        name = 'auth_refused_total{reason="bad-token"}'
        before = self.metric_of(name)
        self.http("GET", "/files", {"Authorization": "Bearer x"})
        self.assertEqual(self.metric_of(name), before + 1)


class Log(Guarded):
    """The log knows names, and no tokens."""

    DAEMON = False
    MORE = ["log.access=yes", "log.level=debug"]

    def test_log(self):
        self.daemon = Daemon(*self.OPTIONS)
        self.store("one", b"x", "all")
        self.ask("reader", "DELETE", "/files/one")
        self.http("GET", "/files", {"Authorization": "Bearer s3cr3t"})
        self.daemon.stop()
        text = "\n".join(self.daemon.lines)
        self.assertIn('"PUT /files/one" 201', text)
        self.assertIn('token="all"', text)
        self.assertIn('token="-"', text)
        self.assertNotIn("s3cr3t", text)
        for name in TOKENS:
            self.assertNotIn(token_of(name), text)


class Reload(Guarded):
    """SIGHUP, and what is in the file then."""

    def reload(self, text, wanted):
        """Write it, and have it read."""
        self.write(text)
        begin = len(self.daemon.lines)
        os.kill(self.daemon.pid, signal.SIGHUP)
        until(lambda: any(re.search("was read again|stays as it was", line)
                          for line in self.daemon.lines[begin:]), "the line")
        said = "\n".join(self.daemon.lines[begin:])
        self.assertIn(wanted, said)
        return said

    def test_reload(self):
        self.store("kept", b"x" * 900)
        self.assertEqual(self.ask("new", "GET", "/files").status, 401)
        self.reload(line_of("new", "list") + line_of("all", TOKENS["all"],
                                                     "quota=1000"),
                    "was read again")
        self.assertEqual(self.ask("new", "GET", "/files").status, 200)
        self.assertEqual(self.ask("reader", "GET", "/files/kept").status, 401)
        # The limit is new; what is there counts.
        answer = self.ask("all", "PUT", "/files/more", (), b"x" * 101)
        self.assert_problem(answer, 507)
        said = self.reload(line_of("all", TOKENS["all"])
                           + "\n# why\nhow sha256:00 read\n", "stays as it was")
        self.assertIn(f"{self.file}:4: the hash has 2 digits", said)
        self.assertEqual(self.ask("new", "GET", "/files").status, 200)
        os.unlink(self.file)
        begin = len(self.daemon.lines)
        os.kill(self.daemon.pid, signal.SIGHUP)
        until(lambda: any(f"{self.file}: No such file" in line
                          for line in self.daemon.lines[begin:]), "the line")
        self.assertEqual(self.ask("new", "GET", "/files").status, 200)
        self.reload("".join(self.LINES), "was read again")

    def test_others_go_on(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/long", {
                **bearer("all"), "Content-Length": "10"})
            conn.send(b"12345")
            until(lambda: self.ask("all", "GET", "/files/long/info").status
                  == 200, "the upload")
            self.reload("".join(self.LINES[1:]), "was read again")
            conn.send(b"67890")
            self.assertEqual(conn.read().status, 201)
            # The next request is another one.
            self.assertEqual(conn.request(
                "GET", "/files", bearer("all")).status, 401)
        self.reload("".join(self.LINES), "was read again")


class Start(Case):
    """What it takes to begin."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "tokens")

    def run_with(self, text, *options):
        """Exit code and what it says."""
        with open(self.file, "w", encoding="ascii") as file:
            file.write(text)
        words = [w for option in options for w in ("-o", option)]
        code, _, err = run_program("-c", "/dev/null", "-o",
                                   f"auth.tokens={self.file}", *words,
                                   "--check-config")
        return code, err

    def test_open_address_without_a_word(self):
        code, _, err = run_program("-c", "/dev/null", "-o",
                                   "server.listen=0.0.0.0:0")
        self.assertEqual(code, 2)
        self.assertIn("open to other machines", err)
        self.assertIn("auth.tokens", err)
        self.assertIn("auth.mode = none", err)

    def test_open_address_with_tokens(self):
        self.assertEqual(self.run_with(line_of("a", "read"),
                                       "server.listen=0.0.0.0:0")[0], 0)

    @table(("no name", "\n\n/ sha256:00 read\n", ":3: '/' is no name for a "
            "token; the first word is one, with 1 to 64 of A-Z a-z 0-9"),
           ("no hash", "alice secret read\n", ":1: 'secret' is no hash; the "
            "second word is sha256: and 64 hex digits"),
           ("scope", line_of("a", "read,everything"), ":1: 'everything' is "
            "not a known scope; known are read, write, list"),
           ("quota", line_of("a", "read", "quota=lots"), ":1: quota: 'lots' "
            "is not a size; write bytes, or a number with K, M, G or T, from "
            "0 to 16777215T"),
           ("rate", line_of("a", "read", "rate=0"), ":1: rate: '0' is not a "
            "number from 1 to 1000000"),
           ("limit", line_of("a", "read", "speed=9"), "'speed=9' is no limit;"),
           ("twice", line_of("a", "read") * 2, ":2: 'a': a line above has "),
           ("limits that disagree", line_of("a", "read", "files=1")
            + line_of("a", "read", "files=2", token="x"),
            ":2: 'a': a line above gives this name other limits"),
           ("long line", "#" * 1100 + "\n", ":1: the line is longer"))
    def test_wrong_file(self, text, why):
        code, err = self.run_with(text)
        self.assertEqual(code, 2)
        self.assertIn(why, err)
        self.assertIn(self.file, err)

    def test_no_file(self):
        code, _, err = run_program("-c", "/dev/null", "-o",
                                   "auth.tokens=/nowhere/tokens",
                                   "--check-config")
        self.assertEqual(code, 2)
        self.assertIn("/nowhere/tokens: No such file", err)

    @table(("token without a file", "auth.mode=token", "takes a file"),)
    def test_keys_that_disagree(self, option, why):
        code, _, err = run_program("-c", "/dev/null", "-o", option,
                                   "--check-config")
        self.assertEqual(code, 2)
        self.assertIn(why, err)

    def test_none_with_tokens(self):
        code, err = self.run_with(line_of("a", "read"), "auth.mode=none")
        self.assertEqual(code, 2)
        self.assertIn("nobody is asked", err)

    def test_mode_none(self):
        one = self.daemon = Daemon("auth.mode=none")
        self.addCleanup(one.kill)
        # What is sent for somebody else is not looked at.
        self.assertEqual(self.http("GET", "/files", {
            "Authorization": "Basic eA=="}).status, 200)
        one.stop()

    def test_new_token(self):
        code, line, token = run_program("--new-token", "alice")
        self.assertEqual(code, 0)
        self.assertRegex(token, r"^spw_[A-Za-z0-9_-]{43}\n$")
        self.assertEqual(line, line_of(
            "alice", "read,write,list,fetch,process,delete",
            token=token.strip()))
        self.assertNotEqual(run_program("--new-token", "alice")[2], token)
        self.assertEqual(self.run_with(line)[0], 0)
        code, _, err = run_program("--new-token", "al ice")
        self.assertEqual(code, 2)
        self.assertIn("the name of a token", err)


if __name__ == "__main__":
    main()
