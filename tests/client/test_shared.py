# SPDX-License-Identifier: MIT
"""What all commands share: options, servers, tokens, failures."""

import json
import socket
import unittest

import harness
import stub
from harness import EVIL, EVIL_SHOWN


class Shared(harness.Case):
    def test_help_and_version(self):
        for args in (("--help",), ("-h",), ("put", "--help"),
                     ("fetch", "-h"), ("get", "--help"), ("ls", "--help"),
                     ("cat", "--help"), ("info", "--help"),
                     ("rm", "--help"), ("check-url", "--help"),
                     ("uploads", "--help"), ("link", "--help"),
                     ("process", "--help"), ("top", "--help"),
                     ("completion", "--help"), ("help", "--help"),
                     ("help",), ("help", "top")):
            out = self.ok(*args).decode()
            self.assertTrue(out.startswith("Usage: spill "), args)
            self.assertLessEqual(max(map(len, out.splitlines())), 80)
        self.assertRegex(self.ok("--version"), rb"^spill \d+\.\d+\.\d+\n$")
        self.assertEqual(self.stub.requests, [])

    def test_usage(self):
        for args in ((), ("frobnicate",), ("--odd",), ("put",), ("get",),
                     ("get", "-o", "x", "a", "b"), ("get", "--odd", "a"),
                     ("get", "--parts", "0", "a"), ("put", "--parts", "99",
                                                    "a"),
                     ("get", "./a.zip"), ("get", "-e", "n", "a", "b"),
                     ("cat", "./a.zip"), ("rm",), ("link",),
                     ("link", "--upload", "a"), ("process", "a", "b", "c"),
                     ("top", "a"), ("top", "--interval", "x"),
                     ("top", "--interval", "0"), ("help", "frobnicate"),
                     ("help", "put", "get"),
                     ("completion",), ("completion", "csh"),
                     ("put", "--resume", "--no-resume", "a"),
                     ("--retries", "x", "ls"), ("--limit-rate", "0", "ls"),
                     ("--token-file", "/nonexistent", "ls"),
                     ("info",), ("cat",), ("cat", "a", "b", "c"),
                     ("cat", "--index", "1", "a", "b"), ("ls", "a", "b"),
                     ("ls", "--state", "ready", "a"),
                     ("check-url",), ("check-url", "a", "b"),
                     ("fetch",), ("fetch", "--wait=x", "http://h/"),
                     ("put", "--name", "n", "a", "b"), ("put", "--ttl", "1y",
                                                        "a"),
                     ("put", "--reads", "0", "a"), ("ls", "-n", "-1"),
                     ("info", "a b"),
                     ("info", "https://example.org/a.zip"),
                     ("info", "/etc/passwd"), ("info", ".hidden"),
                     ("info", "x" * 201)):
            err = self.fails(2, *args)
            self.assertIn("--help", err, args)
        # A setting that is wrong is told with its place, and what is right.
        for args in (("--server", "ftp://h", "ls"),
                     ("--server", "http://u:p@h", "ls"),
                     ("--server", "unix:relative", "ls"),
                     ("--token", "two words", "ls")):
            err = self.fails(2, *args)
            self.assertIn(f"spill: {args[0]}: ", err, args)
        self.assertEqual(self.stub.requests, [])

    def test_help(self):
        self.assertEqual(self.ok("help"), self.ok("--help"))
        self.assertEqual(self.ok("help", "put"), self.ok("put", "--help"))

    def test_no_authorities(self):
        for args in (("--cacert", "/nonexistent", "ls"),
                     ("ls", "--cacert", "/nonexistent")):
            self.assertIn("/nonexistent: No such file", self.fails(2, *args))
        self.assertEqual(self.stub.requests, [])

    def json_failure(self, code, *args):
        result = self.run_spill("--json", *args)
        self.assertEqual((result.code, result.out), (code, b""), result)
        return [json.loads(line) for line in result.err.splitlines()]

    def test_json_of_a_problem(self):
        self.assertEqual(self.json_failure(3, "info", "nope"), [{
            "error": "nope: there is no file nope", "type": "not-found",
            "title": "not-found", "status": 404,
            "detail": "there is no file nope"}])
        self.stub.canned = lambda h: h.problem(
            503, "overloaded", EVIL, [("Retry-After", "7")])
        (told,) = self.json_failure(1, "ls")
        self.assertEqual((told["retry_after"], told["detail"]), (7, EVIL))

    def test_json_of_a_connection(self):
        (told,) = self.json_failure(1, "--server", "http://127.0.0.1:1", "ls")
        self.assertEqual(told["type"], "connection_refused")
        self.assertNotIn("status", told)

    def test_json_of_this_side(self):
        self.assertEqual(self.json_failure(1, "put", "./none"), [
            {"error": "./none: No such file or directory"}])
        self.assertEqual(self.json_failure(2, "rm"), [
            {"error": "rm needs files: their ids or URLs"}])
        (told,) = self.json_failure(2, "ls", "--odd")
        self.assertIn("--odd", told["error"])
        (told,) = self.json_failure(2, "--odd", "ls")
        self.assertIn("--odd", told["error"])
        (told,) = self.json_failure(1, "put", b"./\xff")
        self.assertIn(r"./\xff", told["error"])

    def test_json_behind_what_is_wrong(self):
        for args, word in ((("--odd", "--json", "ls"), "--odd"),
                           (("--retries", "x", "ls", "--json"), "--retries"),
                           (("ls", "--odd", "--json"), "--odd"),
                           (("ls", "--limit", "--json"), "--limit"),
                           (("nope", "--json"), "nope"),
                           (("--token-file", "none", "ls", "--json"),
                            "--token-file")):
            result = self.run_spill(*args)
            self.assertEqual((result.code, result.out), (2, b""), args)
            (line,) = result.err.splitlines()
            self.assertIn(word, json.loads(line)["error"])
        # Behind this it is the name of a file.
        self.assertTrue(self.fails(1, "put", "--", "--json")
                        .startswith("spill: --json: "))

    def test_json_notes(self):
        with open(self.path("a"), "wb"):
            pass
        error, note = self.json_failure(3, "ls", "a")
        self.assertEqual(error["status"], 404)
        self.assertIn("that is ./a", note["note"])

    def test_options_before_and_after(self):
        self.env["SPILLWAY_URL"] = "http://127.0.0.1:1"
        self.stub.add("f", b"x")
        self.ok("--server", self.stub.url, "info", "f")
        self.ok("info", "f", "--server", self.stub.url)
        self.ok("info", "--server", self.stub.url[7:], "--", "f")

    def test_nobody_listens(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d" % s.getsockname()[1]
            self.assertEqual(self.fails(1, "--server", url, "ls"), (
                "spill: cannot reach %s: connection refused; is spillwayd "
                "running? (--server or SPILLWAY_URL names another)\n") % url)
            self.write("a", b"")
            # One is enough: the others would fail alike.
            err = self.fails(1, "--server", url, "put", "a", "a", "a")
            self.assertEqual(len(err.splitlines()), 1)

    def test_token(self):
        self.stub.token = "s3cret"
        self.stub.add("f", b"x")
        self.assertIn("SPILLWAY_TOKEN", self.fails(1, "info", "f"))
        self.ok("--token", "s3cret", "info", "f")
        self.env["SPILLWAY_TOKEN"] = "s3cret"
        self.ok("info", "f")

    def test_token_is_for_the_configured_server(self):
        other = stub.Stub()
        self.addCleanup(other.close)
        other.add("f", b"x")
        self.env["SPILLWAY_TOKEN"] = "s3cret"
        self.ok("info", other.url + "/files/f")
        self.ok("--token", "given", "info", other.url + "/files/f")
        self.assertEqual([h.get("Authorization")
                          for _, _, h in other.requests],
                         [None, "Bearer given"])
        self.assertEqual(self.stub.requests, [])

    def test_token_is_not_on_show(self):
        f = self.stub.add("f", b"0123456789", "n")
        f.pause_after = 5
        process = self.start("--token", "s3cret", "cat", "f")
        self.until(lambda: len(self.stub.requests) > 0)
        with open("/proc/%d/cmdline" % process.pid, "rb") as cmdline:
            self.assertNotIn(b"s3cret", cmdline.read())
        f.resume.set()
        self.assertEqual(self.finish(process).code, 0)

    def test_environment_proxy_is_not_used(self):
        self.env["http_proxy"] = self.env["ALL_PROXY"] = "http://127.0.0.1:1"
        self.stub.add("f", b"x")
        self.ok("info", "f")

    def test_proxy(self):
        # The stub as a proxy: the request line is then an absolute URL.
        self.stub.canned = lambda h: h.answer(
            200, {"files": [], "next": None})
        self.ok("--server", "http://spillway.invalid", "--proxy",
                self.stub.url, "ls")
        self.assertTrue(self.stub.requests[0][1].startswith(
            "http://spillway.invalid/files?"))

    def test_proxy_that_is_not_there(self):
        self.assertEqual(
            self.fails(1, "--proxy", "http://u:secret@127.0.0.1:1", "ls"),
            "spill: cannot reach the proxy: connection refused; --proxy names "
            "another, or spill.conf\n")

    def test_server_with_a_path(self):
        self.stub.canned = lambda h: h.answer(
            200, stub.File("f").descriptor())
        self.ok("--server", self.stub.url + "/base/", "info", "f")
        self.ok("info", self.stub.url + "/base/files/f")
        self.assertEqual({t for _, t, _ in self.stub.requests},
                         {"/base/files/f/info"})

    def test_busy(self):
        self.stub.canned = lambda h: h.problem(
            503, "busy", "too many uploads", [("Retry-After", "7")])
        self.assertEqual(
            self.fails(1, "ls"),
            "spill: too many uploads; try again in 7 s\n")

    def test_answers_that_are_not_problems(self):
        self.stub.canned = lambda h: h.answer(
            502, b"<html>Bad Gateway\x1b[2J</html>" * 10000, (), "text/html")
        self.assertEqual(
            self.fails(1, "ls"),
            "spill: the server answered HTTP 502 without a reason\n")

    def test_hostile_problem(self):
        self.stub.canned = lambda h: h.problem(
            400, "x" * 1000, EVIL + "ü" * 1000)
        err = self.fails(1, "ls")
        self.assertTrue(err.startswith("spill: " + EVIL_SHOWN + "üü"), err)
        self.assertEqual(len(err.splitlines()), 1)

    def test_redirect(self):
        self.stub.canned = lambda h: h.answer(
            301, b"", [("Location", "https://else.example/")])
        self.assertIn("https://else.example/", self.fails(1, "ls"))

    def test_not_http(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            process = self.start(
                "--server", "127.0.0.1:%d" % s.getsockname()[1], "ls")
            peer, _ = s.accept()
            peer.recv(4096)
            peer.sendall(b"220 mail.example ESMTP\r\n")
            peer.close()
            result = self.finish(process)
        self.assertEqual(result.code, 1, result)
        self.assertIn("not HTTP", result.err)

    def test_output_is_full(self):
        self.stub.add("f", b"x")
        with open("/dev/full", "wb") as full:
            result = self.finish(self.start("info", "f", stdout=full))
        self.assertEqual(result.code, 1, result)
        self.assertIn("cannot write the output", result.err)


if __name__ == "__main__":
    unittest.main()
