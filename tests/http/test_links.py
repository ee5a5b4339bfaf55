# SPDX-License-Identifier: MIT
"""Signed links: what they open, for how long, and what closes them.

Source: API.md section 7.
"""
import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import signal
import tempfile
import time

from daemon import run_program
from guarding import Guarded, bearer, line_of
from harness import Case, Conn, Daemon, main, table, until
from samples import form

JSON = {"Content-Type": "application/json"}
TYPE = {"Content-Type": "multipart/form-data; boundary=frontier"}
KEYS = ["6f0c8e51" * 8, "00ff" * 20]


def sign(method, path, expires, max_size=0, by="", key=KEYS[0]):
    """The signature of a link, made as the documentation says."""
    text = f"spillway-link-1\n{method}\n{path}\n{expires}\n{max_size}\n{by}\n"
    digest = hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")


def link(method, path, expires, max_size=0, by="", key=KEYS[0]):
    """A link that was made elsewhere, by who has the key."""
    size = f"&max_size={max_size}" if max_size else ""
    who = f"&by={by}" if by else ""
    return (f"{path}?expires={expires}{size}{who}&signature="
            + sign(method, path, expires, max_size, by, key))


class Linked(Guarded):
    """Tokens, and keys in a file."""

    @classmethod
    def start(cls):
        cls.keys = tempfile.NamedTemporaryFile("w", dir="/var/tmp")
        cls.keys.write("# first\n\n" + "\n".join(KEYS) + "\n")
        cls.keys.flush()
        cls.MORE = [f"auth.link_key={cls.keys.name}", "store.ttl=2h"]
        super().start()
        cls("id").store("canary", b"canary")

    @classmethod
    def finish(cls):
        super().finish()
        cls.keys.close()

    def make(self, target, said, who="all"):
        """A link: what the answer tells."""
        answer = self.ask(who, "POST", target, JSON, json.dumps(said).encode())
        self.assertEqual(answer.status, 201, answer)
        made = json.loads(answer.body)
        self.assertEqual(answer.get("Location"), made["url"])
        return made

    def upload_link(self, said, who="all"):
        """The URL of one to upload by."""
        return self.make("/links", said, who)["url"]


class Reading(Linked):
    """Links to files."""

    def test_read(self):
        made = self.make("/files/canary/links", {"ttl": 600})
        self.assertEqual(made["method"], "GET")
        self.assertRegex(made["url"], r"^/files/canary\?expires=\d+&by=all&"
                                      r"signature=[A-Za-z0-9_-]{43}$")
        self.assertRegex(made["expires"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.http("GET", made["url"]).body, b"canary")
        self.assertEqual(self.http("HEAD", made["url"]).status, 200)
        answer = self.http("GET", made["url"] + "&download=x",
                           {"Range": "bytes=1-2"})
        self.assertEqual((answer.status, answer.body), (206, b"an"))

    def test_without_a_body(self):
        answer = self.ask("all", "POST", "/files/canary/links")
        url = json.loads(answer.body)["url"]
        self.assertEqual(self.http("GET", url).status, 200)

    def test_made_elsewhere(self):
        soon = int(time.time()) + 600
        for key in KEYS:
            self.assertEqual(self.http("GET", link(
                "GET", "/files/canary", soon, 0, "all", key)).status, 200)

    def test_expired(self):
        answer = self.http("GET", link(
            "GET", "/files/canary", int(time.time()) - 60, 0, "all"))
        problem = self.assert_problem(answer, 403, "link-expired")
        self.assertRegex(problem["detail"], r"expired 6\d s ago")

    @table(("PUT", "PUT"), ("DELETE", "DELETE"), ("POST", "POST"),
           ("PATCH", "PATCH"))
    def test_other_method(self, method):
        url = self.make("/files/canary/links", {})["url"]
        self.assert_problem(self.http(method, url, (), b"x"), 403,
                            "link-invalid")

    @table(("another file", "/files/other"), ("list", "/files"),
           ("info", "/files/canary/info"), ("zip", "/files/canary/zip"),
           ("links", "/files/canary/links"))
    def test_other_path(self, path):
        query = self.make("/files/canary/links", {})["url"].partition("?")[2]
        self.assert_problem(self.http("GET", f"{path}?{query}"), 403,
                            "link-invalid")

    def test_not_elsewhere(self):
        query = self.make("/files/canary/links", {})["url"].partition("?")[2]
        self.assert_problem(self.http("GET", f"/metrics?{query}"), 401)

    @table(("expiry", r"expires=(\d)", "expires=9\\1"),
           ("whose", "by=all", "by=reader"), ("nobody's", "&by=all", ""),
           ("signature", "signature=.", "signature=_"),
           ("signature cut", "..$", ""), ("longer", "$", "AA"),
           ("no expiry", r"expires=\d+&", ""),
           ("two expiries", r"(expires=\d+)", "\\1&\\1"),
           ("size", "$", "&max_size=5"), ("sign", "expires=", "expires=%2B"))
    def test_changed(self, what, into):
        url = self.make("/files/canary/links", {"ttl": 700})["url"]
        changed = re.sub(what, into, url, count=1)
        if changed == url:
            changed = re.sub("signature=.", "signature=A", url)
        name = 'auth_refused_total{reason="link-invalid"}'
        before = self.metric_of(name)
        self.assert_problem(self.http("GET", changed), 403, "link-invalid")
        self.assertEqual(self.metric_of(name), before + 1)

    def test_wrong_key(self):
        self.assert_problem(self.http("GET", link(
            "GET", "/files/canary", int(time.time()) + 60, 0, "all",
            "aa" * 32)), 403, "link-invalid")

    def test_escaped_path_is_the_same(self):
        url = self.make("/files/canary/links", {})["url"]
        self.assertEqual(self.http("GET", url.replace(
            "/files/canary", "/files/%63anary")).body, b"canary")

    def test_whose_scopes_it_has(self):
        soon = int(time.time()) + 600
        for who, status in (("reader", 200), ("writer", 403), ("gone", 403),
                            ("", 403)):
            self.assertEqual(self.http("GET", link(
                "GET", "/files/canary", soon, 0, who)).status, status, who)

    def test_token_wins(self):
        url = self.make("/files/canary/links", {})["url"]
        self.assertEqual(self.ask("lister", "GET", url).status, 403)
        self.assertEqual(self.ask("reader", "GET", url).status, 200)

    @table(("not JSON", b"{", "is not JSON: "),
           ("a list", b"[]", "is not a JSON object; write {\"ttl\":600}"),
           ("ttl 0", b'{"ttl":0}', "'ttl' is not a whole number of seconds "
            "from 1 to 604800 (auth.link_ttl_max): it is 0."),
           ("ttl text", b'{"ttl":"600"}', ': it is "600".'),
           ("ttl too long", b'{"ttl":604801}', "1 to 604800 (auth.link_ttl_max"
            "): it is 604801."),
           ("ttl huge", b'{"ttl":9223372036854775807}',
            ": it is 9223372036854775807."),
           ("unknown", b'{"tll":600}', "'tll' is not known here; known are "
            "ttl, method."),
           ("method", b'{"method":"PUT"}', "'method' is not GET, which a link "
            'of a file is for: it is "PUT".'),
           ("method of another type", b'{"method":1}', ": it is 1."),
           ("id", b'{"id":"x"}', "'id' is not for the link of a file, which "
            'the path names: it is "x".'),
           ("size", b'{"max_size":5}', "'max_size' is not known here"),
           ("twice", b'{"ttl":1,"ttl":2}', "is not JSON: duplicate"))
    def test_wrong_order(self, body, said):
        answer = self.ask("all", "POST", "/files/canary/links", JSON, body)
        problem = self.assert_problem(answer, 400, "bad-request")
        self.assertIn(said, problem["detail"])
        self.assertEqual(problem.get("limit"),
                         604800 if b'"ttl":' in body and b",\"ttl" not in body
                         else None)

    @table(("unknown", b'{"size":1}', "'size' is not known here; known are "
            "ttl, max_size, file_ttl, id, method."),
           ("file_ttl", b'{"file_ttl":-1}', "'file_ttl' is not a whole number "
            "of seconds from 0 to 922337203685477, where 0 is for ever: it is "
            "-1."),
           ("max_size", b'{"max_size":0}', "'max_size' is not a whole number "
            "of bytes from 1 to 9223372036854775807: it is 0."),
           ("id", b'{"id":"a/b"}', "'id' is not an id, which has 1 to 200 of "
            'the characters A-Z a-z 0-9 . _ ~ -, the first not a dot: it is '
            '"a/b".'),
           ("id of another type", b'{"id":[1,2]}', ": it is [1,2]."),
           ("long", b'{"id":"' + b"/" * 300 + b'"}', "///..."),
           ("not ASCII", '{"id":"\u00e4"}'.encode(), r'it is "\u00E4".'),
           ("method", b'{"method":"PUT"}', "'method' is not POST, which an "
            'upload link without an id is for: it is "PUT".'),
           ("method with an id", b'{"method":"POST","id":"x"}', "'method' is "
            'not PUT, which an upload link with an id is for: it is "POST".'))
    def test_wrong_upload_order(self, body, said):
        answer = self.ask("all", "POST", "/links", JSON, body)
        problem = self.assert_problem(answer, 400, "bad-request")
        self.assertIn(said, problem["detail"])

    def test_long_order(self):
        answer = self.ask("all", "POST", "/links", JSON, b" " * 5000 + b"{}")
        self.assert_problem(answer, 413)

    def test_type(self):
        self.assert_problem(self.ask("all", "POST", "/links", {
            "Content-Type": "text/plain"}, b"{}"), 415)

    def test_no_file(self):
        self.assert_problem(
            self.ask("all", "POST", "/files/none/links", JSON, b"{}"), 404)

    def test_method_said(self):
        self.make("/files/canary/links", {"method": "GET"})
        self.make("/links", {"method": "POST"})
        self.make("/links", {"method": "PUT", "id": "x"})


class Uploading(Linked):
    """Links to upload by."""

    LINES = [*Linked.LINES, line_of("small", "write", "quota=100")]

    def test_upload(self):
        url = self.upload_link({"ttl": 600, "max_size": 10})
        self.assertRegex(url, r"^/files\?expires=\d+&max_size=10&by=all&sig")
        answer = self.http("POST", url + "&name=n", (), b"0123456789")
        self.assertEqual(answer.status, 201)
        made = json.loads(answer.body)
        self.assertEqual(made["name"], "n")
        # It is no link to read it by.
        self.assertEqual(self.http("GET", made["links"]["self"]).status, 401)

    @table(("length", {}, None), ("chunked", {"Transfer-Encoding": "chunked"},
                                  b"b\r\n01234567890\r\n0\r\n\r\n"))
    def test_too_long(self, headers, body):
        url = self.upload_link({"max_size": 10})
        answer = self.http("POST", url, headers, body or b"01234567890")
        problem = self.assert_problem(answer, 413, "too-large")
        if headers:
            self.assertGreater(self.metric_of(
                'uploads_failed_total{reason="too-large"}'), 0)
            self.assertEqual(self.metric_of(
                'uploads_failed_total{reason="aborted"}'), 0)
        self.assertEqual(problem["limit"], 10)

    def test_before_the_body(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("POST", self.upload_link({"max_size": 10}), {
                "Content-Length": "11", "Expect": "100-continue"})
            answer = conn.read()
            self.assertEqual((answer.status, answer.interim), (413, []))

    def test_form(self):
        body = (b"--b\r\nContent-Disposition: form-data; name=a; filename=a"
                b"\r\n\r\nhello\r\n--b--\r\n")
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        url = self.upload_link({"max_size": len(body)})
        self.assertEqual(self.http("POST", url, headers, body).status, 201)
        url = self.upload_link({"max_size": len(body) - 1})
        self.assert_problem(self.http("POST", url, headers, body), 413)

    def file_count_of(self):
        """How many files there are."""
        answer = self.ask("all", "GET", "/files?limit=1000")
        return len(self.json(answer)["files"])

    def life(self, answer):
        """For how many seconds what was uploaded is kept; None: for ever."""
        made = self.json(answer, 201)
        made = made.get("files", [made])[0]
        if not made["expires"]:
            return None
        created, expires = (datetime.datetime.fromisoformat(
            made[key].replace("Z", "+00:00")) for key in
                            ("created", "expires"))
        return (expires - created).total_seconds()

    @table(("for ever", 0, 7200), ("longer", 7201, 7200),
           ("for ever by a short one", 0, 60, {"file_ttl": 60}),
           ("longer by a short one", 61, 60, {"file_ttl": 60}))
    def test_kept_no_longer(self, ttl, most, order=None):
        url = self.upload_link(order or {})
        before = self.file_count_of()
        answers = [
            self.http("POST", f"{url}&ttl={ttl}", (), b"x"),
            self.http("POST", url, TYPE, form(
                [("ttl", str(ttl).encode()), ("f", b"x", "a")])),
            self.http("PUT", self.upload_link(
                {"id": "kept", **(order or {})}) + f"&ttl={ttl}", (), b"x")]
        for answer in answers:
            problem = self.assert_problem(answer, 403, "forbidden")
            self.assertEqual(problem["limit"], most)
            self.assertIn(f"for {most} s at most", problem["detail"])
        self.assertEqual(self.file_count_of(), before)

    @table(("nothing said", "", 7200, {}), ("less", "&ttl=60", 60, {}),
           ("as much", "&ttl=7200", 7200, {}),
           ("nothing said, short", "", 60, {"file_ttl": 60}),
           ("more by its maker", "&ttl=9000", 9000, {"file_ttl": 9000}),
           ("nothing said, long", "", 7200, {"file_ttl": 9000}),
           ("for ever by its maker", "&ttl=0", None, {"file_ttl": 0}),
           ("nothing said, for ever", "", 7200, {"file_ttl": 0}))
    def test_kept(self, said, life, order):
        url = self.upload_link(order)
        self.assertEqual("file_ttl" in order, "file_ttl=" in url)
        self.assertEqual(
            self.life(self.http("POST", url + said, (), b"x")), life)
        self.assertEqual(self.life(self.http(
            "POST", url + said, TYPE, form([("f", b"x", "a")]))), life)

    def test_kept_cannot_be_changed(self):
        url = self.upload_link({"file_ttl": 60})
        for other in (url.replace("file_ttl=60", "file_ttl=0"),
                      url.replace("&file_ttl=60", ""),
                      self.upload_link({}) + "&file_ttl=0"):
            self.assert_problem(
                self.http("POST", other, (), b"x"), 403, "link-invalid")

    def test_under_an_id(self):
        url = self.upload_link({"id": "report", "max_size": 5})
        self.assertTrue(url.startswith("/files/report?"))
        self.assertEqual(self.http("PUT", url, (), b"12345").status, 201)
        self.assertEqual(self.http("PUT", url, (), b"54321").status, 200)
        self.assert_problem(self.http("PUT", url, (), b"123456"), 413)
        self.assert_problem(self.http("GET", url), 403, "link-invalid")
        self.assert_problem(self.http(
            "PUT", url.replace("report", "canary"), (), b"x"), 403)
        self.assertEqual(self.ask("all", "GET", "/files/report").body,
                         b"54321")

    @table(("dot", ".x"), ("slash", "a/b"), ("empty", ""), ("number", 7),
           ("escape", "a%41"))
    def test_bad_id(self, name):
        self.assert_problem(self.ask("all", "POST", "/links", JSON, json.dumps(
            {"id": name}).encode()), 400)

    def test_one_request(self):
        url = self.upload_link({"max_size": 10})
        for headers in ({"Tus-Resumable": "1.0.0", "Upload-Length": "99"},
                        {"Upload-Complete": "?0"}):
            self.assert_problem(
                self.http("POST", url, headers, b""), 403, "forbidden")

    def test_who_pays(self):
        url = self.upload_link({}, "small")
        self.assertEqual(self.http("POST", url, (), b"x" * 60).status, 201)
        self.assert_problem(self.http("POST", url, (), b"x" * 60), 507)

    def test_expired(self):
        answer = self.http("POST", link(
            "POST", "/files", int(time.time()) - 1, 0, "all"), (), b"x")
        self.assert_problem(answer, 403, "link-expired")


class Rotation(Linked):
    """Keys, and tokens, that come and go."""

    def reload(self, wanted="was read again"):
        """SIGHUP."""
        begin = len(self.daemon.lines)
        os.kill(self.daemon.pid, signal.SIGHUP)
        until(lambda: any(wanted in line
                          for line in self.daemon.lines[begin:]), wanted)

    def write_keys(self, *keys):
        """Put these into the file."""
        self.keys.seek(0)
        self.keys.truncate()
        self.keys.write("\n".join(keys) + "\n")
        self.keys.flush()

    def status(self, url):
        """What it is answered."""
        return self.http("GET", url).status

    def test_keys(self):
        old = self.make("/files/canary/links", {})["url"]
        self.write_keys("ab" * 32, *KEYS)
        self.reload()
        new = self.make("/files/canary/links", {})["url"]
        self.assertNotEqual(old, new)
        self.assertEqual((self.status(old), self.status(new)), (200, 200))
        self.write_keys("ab" * 32)
        self.reload()
        self.assertEqual((self.status(old), self.status(new)), (403, 200))
        self.write_keys("secret")
        self.reload("this is no key")
        self.assertEqual(self.status(new), 200)
        self.write_keys(*KEYS)
        self.reload()
        self.assertEqual((self.status(old), self.status(new)), (200, 403))

    def test_withdrawn(self):
        url = self.make("/files/canary/links", {}, "reader")["url"]
        self.assertEqual(self.status(url), 200)
        self.write("".join(line for line in self.LINES
                           if not line.startswith("reader ")))
        self.reload()
        self.assertEqual(self.status(url), 403)
        self.write("".join(self.LINES))
        self.reload()
        self.assertEqual(self.status(url), 200)


class Open(Case):
    """Where nobody needs a token, and no file of keys is there."""

    OPTIONS = ["auth.link_ttl_max=10s", "log.access=yes"]

    def test_links(self):
        self.upload(b"x", "/files/x")
        answer = self.http("POST", "/files/x/links", JSON, b"{}")
        url = self.json(answer, 201)["url"]
        self.assertNotIn("by=", url)
        self.assertEqual(self.http("GET", url).status, 200)
        # Whoever has one is told that it is none any more.
        self.assert_problem(self.http("GET", url[:-1]), 403, "link-invalid")
        self.assert_problem(
            self.http("POST", "/files/x/links", JSON, b'{"ttl":11}'), 400)

    def test_restart(self):
        self.upload(b"x", "/files/r")
        url = self.json(self.http("POST", "/files/r/links"), 201)["url"]
        two = Daemon(*self.OPTIONS)
        self.addCleanup(two.kill)
        with Conn(two.address) as conn:
            conn.request("PUT", "/files/r", (), b"x")
            self.assertEqual(conn.request("GET", url).status, 403)
        two.stop()

    def test_log(self):
        self.upload(b"x", "/files/secret")
        url = self.json(self.http("POST", "/files/secret/links"), 201)["url"]
        self.http("GET", url)
        self.http("GET", url.replace("/secret", "/other"))
        lines = until(lambda: [line for line in self.daemon.lines
                               if "access" in line and "/other?" in line],
                      "the access line")
        self.assertIn("signature= ", lines[0].replace('"', " "))
        self.assertNotIn(url.partition("signature=")[2],
                         "\n".join(self.daemon.lines))

    @table(("short", "abcd\n"), ("empty", "# nothing\n"),
           ("words", "aa" * 32 + " x\n"), ("many", ("aa" * 32 + "\n") * 17))
    def test_wrong_keys(self, text):
        with tempfile.NamedTemporaryFile("w", dir="/var/tmp") as file:
            file.write(text)
            file.flush()
            code, _, err = run_program(
                "-c", "/dev/null", "-o", f"auth.link_key={file.name}",
                "--check-config")
        self.assertEqual(code, 2)
        self.assertIn(file.name, err)
        self.assertIn("key", err)


if __name__ == "__main__":
    main()
