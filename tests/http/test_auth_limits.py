# SPDX-License-Identifier: MIT
"""What limits a token besides its scopes: bytes, files, requests.

Source: API.md section 7; RFC 6585 section 4.
"""
import json
import os
import tempfile

from guarding import Guarded, bearer, line_of, token_of
from harness import Case, Conn, Daemon, Truncated, main, until
from processing import processor
from resuming import OFFSET_TYPE, TUS


class Limits(Guarded):
    """What a token has besides scopes."""

    ALL = "read,write,list,delete,process"
    MORE = ["processor large.command=head -c 5000 /dev/zero"]
    LINES = [line_of("all", "read,write,list,delete,admin"),
             line_of("small", ALL, "quota=1000"),
             line_of("few", ALL, "files=2"),
             line_of("slow", ALL, "rate=3"),
             line_of("brisk", ALL, "rate=3"),
             line_of("other", ALL, "rate=3"),
             line_of("twin", ALL, "quota=500", token=token_of("twin1")),
             line_of("twin", ALL, "quota=500", token=token_of("twin2"))]

    def put(self, who, name, size, **fields):
        """Store so many bytes."""
        return self.ask(who, "PUT", f"/files/{name}", fields, b"x" * size)

    def assert_quota(self, answer, used):
        """Refused for the quota of `small`, of which so much is used."""
        problem = self.assert_problem(answer, 507, "insufficient-storage")
        self.assertIn("the token 'small' may have 1000 bytes together "
                      f"(quota), and have {used}; delete some",
                      problem["detail"])
        self.assertEqual(problem["limit"], 1000)

    def test_quota(self):
        self.assertEqual(self.put("small", "q1", 600).status, 201)
        self.assert_quota(self.put("small", "q2", 401), 600)
        self.assertEqual(self.put("small", "q3", 400).status, 201)
        self.assert_problem(self.put("small", "q4", 1), 507)
        # An empty file takes none of it.
        self.assertEqual(self.put("small", "q5", 0).status, 201)
        self.assertEqual(self.ask("small", "DELETE", "/files/q1").status, 204)
        self.assertEqual(self.put("small", "q6", 600).status, 201)
        # Others have not paid for it.
        self.assertEqual(self.put("all", "q7", 5000).status, 201)
        for name in ("q3", "q5", "q6"):
            self.ask("small", "DELETE", f"/files/{name}")

    def test_what_never_fits(self):
        problem = self.assert_problem(
            self.put("small", "n1", 1001), 413, "too-large")
        self.assertEqual(problem["limit"], 1000)
        self.assertIn("has 1001 bytes; files of the token 'small' may have "
                      "1000 together (quota)", problem["detail"])

    def test_before_the_body(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/b1", {
                **bearer("small"), "Content-Length": "1001",
                "Expect": "100-continue"})
            answer = conn.read()
            self.assertEqual((answer.status, answer.interim), (413, []))

    def test_unknown_length(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("POST", "/files", {
                **bearer("small"), "Transfer-Encoding": "chunked"})
            for _ in range(3):
                conn.send_chunk(b"x" * 400)
            conn.send_lossy(b"0\r\n\r\n")
            # Of its own bytes so many had come.
            self.assert_quota(conn.read(), 800)
        # Nothing of it is left, nor charged.
        self.assertEqual(self.put("small", "u1", 1000).status, 201)
        self.ask("small", "DELETE", "/files/u1")

    def test_form(self):
        body = (b"--b\r\nContent-Disposition: form-data; name=a; filename=a"
                b"\r\n\r\n" + b"x" * 500 + b"\r\n--b\r\nContent-Disposition: "
                b"form-data; name=b; filename=b\r\n\r\n" + b"y" * 300
                + b"\r\n--b--\r\n")
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = self.ask("small", "POST", "/files", headers, body)
        self.assertEqual(answer.status, 201)
        # Room for 200 is left, and so for none of a second one.
        answer = self.ask("small", "POST", "/files", headers, body)
        self.assert_quota(answer, 800)
        for name in (one["id"] for one in json.loads(self.ask(
                "small", "GET", "/files").body)["files"]):
            self.ask("small", "DELETE", f"/files/{name}")
        self.assertEqual(self.put("small", "f1", 1000).status, 201)
        self.ask("small", "DELETE", "/files/f1")

    def test_output_of_a_processor(self):
        answer = self.ask("small", "POST", "/process/large", {
            "Prefer": "respond-async"}, b"")
        made = self.json(answer, 202)

        def failed():
            told = self.json(self.ask("small", "GET", made["links"]["info"]))
            return told["state"] != "receiving" and told["source"]["error"]
        error = until(failed, "its end")
        self.assertEqual(error["status"], 507)
        self.assertIn("'small' may have 1000 bytes together", error["detail"])
        self.ask("small", "DELETE", made["links"]["self"])
        self.assertEqual(self.put("small", "o1", 1000).status, 201)
        self.ask("small", "DELETE", "/files/o1")

    def test_resumable(self):
        tus = {**bearer("small"), "Tus-Resumable": "1.0.0"}
        answer = self.http("POST", "/files", {**tus, "Upload-Length": "1001"},
                           b"")
        self.assertIn(answer.status, (413, 507))
        made = self.http("POST", "/files", {**tus, "Upload-Length": "900"},
                         b"")
        self.assertEqual(made.status, 201)
        # It is paid for before it comes.
        self.assert_quota(self.put("small", "r1", 101), 900)
        place = made.get("Location")
        self.assertEqual(self.http("DELETE", place, tus).status, 204)
        self.assertEqual(self.put("small", "r1", 101).status, 201)
        self.ask("small", "DELETE", "/files/r1")

    def test_resumable_of_unknown_length(self):
        tus = {**bearer("small"), "Tus-Resumable": "1.0.0"}
        made = self.http("POST", "/files", {**tus, "Upload-Defer-Length": "1"},
                         b"")
        place = made.get("Location")
        patch = {**tus, "Content-Type": "application/offset+octet-stream"}
        answer = self.http("PATCH", place, {**patch, "Upload-Offset": "0"},
                           b"x" * 900)
        self.assertEqual(answer.status, 204)
        answer = self.http("PATCH", place, {**patch, "Upload-Offset": "900"},
                           b"x" * 101)
        self.assert_quota(answer, 900)
        self.http("DELETE", place, tus)
        self.assertEqual(self.put("small", "d1", 1000).status, 201)
        self.ask("small", "DELETE", "/files/d1")

    def test_files(self):
        self.assertEqual(self.put("few", "w1", 1).status, 201)
        self.assertEqual(self.put("few", "w2", 1).status, 201)
        problem = self.assert_problem(self.put("few", "w3", 1), 507)
        self.assertEqual(problem["limit"], 2)
        self.assertIn("The token 'few' may have 2 files, and has 2; delete",
                      problem["detail"])
        self.ask("few", "DELETE", "/files/w1")
        self.assertEqual(self.put("few", "w3", 1).status, 201)

    def test_replacing(self):
        self.assertEqual(self.put("small", "p1", 400).status, 201)
        for _ in range(5):
            self.assertEqual(self.put("small", "p1", 500).status, 200)
        self.assertEqual(self.put("small", "p2", 500).status, 201)
        for name in ("p1", "p2"):
            self.ask("small", "DELETE", f"/files/{name}")

    def test_rate(self):
        for _ in range(3):
            self.assertEqual(self.ask("slow", "GET", "/files").status, 200)
        answer = self.ask("slow", "GET", "/files")
        self.assert_problem(answer, 429, "too-many-requests")
        self.assertIn(int(answer.get("Retry-After")), range(1, 21))
        # What is refused does not count, and others have their own.
        self.assertEqual(self.ask("slow", "GET", "/files").status, 429)
        self.assertEqual(self.ask("other", "GET", "/files").status, 200)
        self.assertGreaterEqual(
            self.metric_of('auth_refused_total{reason="rate"}'), 2)

    def test_rate_of_links(self):
        """They have as much as the token, and take nothing of it."""
        self.put("brisk", "linked", 10)
        url = self.json(self.ask(
            "brisk", "POST", "/files/linked/links",
            {"Content-Type": "application/json"}, b"{}"), 201)["url"]
        path = url[url.index("/files/"):]
        for _ in range(3):
            self.assertEqual(self.http("GET", path).status, 200)
        self.assert_problem(
            self.http("GET", path), 429, "too-many-requests")
        self.assertEqual(self.ask("brisk", "GET", "/files").status, 200)
        self.ask("all", "DELETE", "/files/linked")

    def test_one_name_with_two_tokens(self):
        one, two = ({"Authorization": f"Bearer {token_of(name)}"}
                    for name in ("twin1", "twin2"))
        self.assertEqual(
            self.http("PUT", "/files/t1", one, b"x" * 300).status, 201)
        self.assert_problem(
            self.http("PUT", "/files/t2", two, b"x" * 300), 507)
        self.assertEqual(self.http("DELETE", "/files/t1", two).status, 204)


class Outputs(Guarded):
    """What processors make is their token's, and counts as it grows."""

    LINES = [line_of("small", "write,read,process,list", "quota=100K"),
             line_of("all", "list,admin,process,write,read")]
    MORE = processor("zeros", "head -c 60000 /dev/zero")

    def test_quota(self):
        target, wait = "/process/zeros", {"Prefer": "respond-async"}
        states = []
        for _ in range(2):
            made = self.json(self.ask("small", "POST", target, wait, b"x"),
                             202)["id"]
            states.append(self.json(self.ask(
                "small", "GET", f"/files/{made}/info?wait=20")))
        self.assertEqual([one["state"] for one in states],
                         ["ready", "failed"])
        self.assertEqual(states[1]["source"]["error"]["type"],
                         "/problems/insufficient-storage")
        # Of one that is only read, too.
        try:
            self.assert_problem(
                self.ask("small", "POST", target, (), b"x"), 507)
        except Truncated:
            pass    # some of it had come by then
        self.assertEqual(
            len(self.ask("all", "POST", target, (), b"x").body), 60000)


class Kept(Case):
    """Whose a file is survives the daemon."""

    DAEMON = False

    def test_what_came_of_unknown_length(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            path = os.path.join(folder, "tokens")
            with open(path, "w", encoding="ascii") as file:
                file.write(line_of("small", "read,write", "quota=1000"))
            options = [f"auth.tokens={path}", "store.durability=restart"]
            me = {**bearer("small"), **TUS}
            one = self.daemon = Daemon(*options, dir=folder)
            url = self.http("POST", "/files", {
                **me, "Upload-Defer-Length": "1"}).get("Location")
            self.assertEqual(self.append(me, url, 0, 700).status, 204)
            one.kill()
            two = self.daemon = Daemon(*options, dir=folder)
            self.addCleanup(two.kill)
            # It counts what it has, before it grows again.
            self.assert_problem(
                self.http("PUT", "/files/a", me, b"x" * 301), 507)
            self.assertEqual(
                self.http("PUT", "/files/a", me, b"x" * 200).status, 201)
            self.assert_problem(self.append(me, url, 700, 101), 507)
            offset = int(self.http("HEAD", url, me).get("Upload-Offset"))
            self.assertEqual(
                self.append(me, url, offset, 800 - offset).status, 204)

    def append(self, me, url, offset, size):
        return self.http("PATCH", url, {
            **me, **OFFSET_TYPE, "Upload-Offset": str(offset)}, b"x" * size)

    def test_restart(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            path = os.path.join(folder, "tokens")
            with open(path, "w", encoding="ascii") as file:
                file.write(line_of("small", "read,write,delete,list",
                                   "quota=1000", "files=3"))
            options = [f"auth.tokens={path}", "store.durability=restart"]
            one = self.daemon = Daemon(*options, dir=folder)
            me = bearer("small")
            for name, size in (("a", 600), ("b", 300)):
                self.assertEqual(self.http(
                    "PUT", f"/files/{name}", me, b"x" * size).status, 201)
            one.terminate()
            self.assertEqual(one.wait(), 0)
            two = self.daemon = Daemon(*options, dir=folder)
            self.addCleanup(two.kill)
            until(lambda: len(json.loads(self.http(
                "GET", "/files", me).body)["files"]) == 2, "the list")
            self.assert_problem(
                self.http("PUT", "/files/c", me, b"x" * 101), 507)
            self.assertEqual(
                self.http("PUT", "/files/c", me, b"x" * 100).status, 201)
            self.assert_problem(self.http("PUT", "/files/d", me, b""), 507)
            self.assertEqual(self.http("DELETE", "/files/a", me).status, 204)
            self.assertEqual(
                self.http("PUT", "/files/d", me, b"x" * 600).status, 201)


if __name__ == "__main__":
    main()
