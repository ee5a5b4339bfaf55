# SPDX-License-Identifier: MIT
"""ls, cat, info, rm, fetch."""

import io
import json
import signal
import unittest
import zipfile

import harness
from harness import EVIL, EVIL_SHOWN

def make_zip(names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for i, name in enumerate(names):
            info = zipfile.ZipInfo(name, (2026, 11, 21, 6, 30, 0))
            info.compress_type = zipfile.ZIP_DEFLATED if i % 2 else 0
            z.writestr(info, ("content of %d" % i) * 50)
    return out.getvalue()


class List(harness.Case):
    def test_files(self):
        self.stub.add("one", b"x" * 2048, "first file")
        self.stub.add("two", b"", None)
        lines = self.ok("ls").decode().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(
            lines[0], r"^one +2\.0 KiB ready +\d+[smhd] first file$")
        self.assertRegex(lines[1], r"^two +0 B ready +\d+[smhd] -$")

    def test_empty(self):
        self.assertEqual(self.ok("ls"), b"")

    def test_pages(self):
        for i in range(2500):
            self.stub.add("f%04d" % i, b"", None)
        out = self.ok("ls", "--json").splitlines()
        self.assertEqual([json.loads(line)["id"] for line in out],
                         ["f%04d" % i for i in range(2500)])
        self.assertEqual(len(self.stub.requests), 3)

    def test_limit(self):
        for i in range(20):
            self.stub.add("f%d" % i, b"", None)
        self.assertEqual(len(self.ok("ls", "-n", "7").splitlines()), 7)
        self.assertIn("limit=7", self.stub.requests[0][1])

    def test_state(self):
        self.stub.add("a", b"").state = "receiving"
        self.stub.add("b", b"")
        out = self.ok("ls", "--state", "receiving").decode()
        self.assertTrue(out.startswith("a "))
        self.assertEqual(len(out.splitlines()), 1)
        self.fails(2, "ls", "--state", "odd")

    def test_pages_may_be_empty(self):
        for i in range(2500):
            self.stub.add("f%04d" % i, b"", None)
        self.stub.add("far", b"").state = "receiving"
        out = self.ok("ls", "--state", "receiving").decode()
        self.assertTrue(out.startswith("far "))
        self.assertEqual(len(out.splitlines()), 1)
        self.assertEqual(len(self.stub.requests), 3)

    def test_hostile_name(self):
        self.stub.add("a", b"", EVIL)
        out = self.ok("ls").decode()
        self.assertTrue(out.endswith(" " + EVIL_SHOWN + "\n"), repr(out))
        out = self.ok("ls", "--json")
        self.assertTrue(out.isascii())
        self.assertNotIn(b"\x1b", out)
        self.assertEqual(json.loads(out)["name"], EVIL)

    def test_endless_list(self):
        self.stub.canned = lambda h: h.answer(
            200, {"files": [], "next": "same"})
        self.assertIn("does not come to an end", self.fails(1, "ls"))

    def test_nonsense(self):
        for body in (b"", b"[]", b"{", b'{"files":{}}', b'{"files":[1]}',
                     b'{"files":[{"id":"a/b","state":"ready"}]}',
                     b'{"files":[{"id":"a","state":"odd"}]}',
                     b'{"files":[],"next":{}}', b"\xff\xfe",
                     b"[" * 100000):
            self.stub.canned = lambda h: h.answer(200, body)
            self.assertIn("spillwayd", self.fails(1, "ls"))

    def test_zip(self):
        self.stub.add("z", make_zip(["a.txt", "dir/b.txt"]))
        lines = self.ok("ls", "z").decode().splitlines()
        self.assertRegex(
            lines[0], r"^ +0 +600 B stored +2026-11-21 06:30 a\.txt$")
        self.assertRegex(
            lines[1], r"^ +1 +600 B deflated +2026-11-21 06:30 dir/b\.txt$")

    def test_files_by_prefix(self):
        for name in ("fig-1", "plum", "fig-2", "figs"):
            self.stub.add(name, b"x")
        for args, want in (
                (("--prefix", "fig-"), ["fig-1", "fig-2"]),
                (("--prefix", "fig", "-n", "2"), ["fig-1", "fig-2"]),
                (("--prefix", "none"), []),
                (("--prefix", "fig", "--state", "failed"), []),
                (("--prefix", ""), ["fig-1", "plum", "fig-2", "figs"])):
            lines = self.ok("ls", *args).decode().splitlines()
            self.assertEqual([line.split()[0] for line in lines], want, args)
        lines = self.ok("--json", "ls", "--prefix", "pl").splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], ["plum"])

    def test_zip_pages_and_prefix(self):
        self.stub.add("z", make_zip(["%d/%d" % (i % 2, i)
                                     for i in range(2300)]))
        out = self.ok("ls", "--json", "z").splitlines()
        self.assertEqual([json.loads(line)["index"] for line in out],
                         list(range(2300)))
        self.assertEqual(len(self.stub.requests), 3)
        out = self.ok("ls", "--prefix", "1/", "z").splitlines()
        self.assertEqual(len(out), 1150)

    def test_zip_hostile_names(self):
        self.stub.add("z", make_zip(["a", "b", "c"]))
        self.stub.entry_names = {0: "../../" + EVIL, 1: "nul\0here", 2: ""}
        lines = self.ok("ls", "z").decode().splitlines()
        self.assertTrue(lines[0].endswith(" ../../" + EVIL_SHOWN))
        self.assertTrue(lines[1].endswith(r" nul\x00here"))
        out = self.ok("ls", "--json", "z").splitlines()
        self.assertEqual(json.loads(out[1])["name"], "nul\0here")

    def test_not_a_zip(self):
        self.stub.add("z", b"text")
        self.assertEqual(self.fails(1, "ls", "z"),
                         "spill: z: the file is not a zip\n")

    def test_remote_zip(self):
        self.stub.origin = make_zip(["a.txt"])
        url = "https://example.org/x/a.zip"
        self.assertIn(b"a.txt", self.ok("ls", url))
        self.assertEqual(self.ok("cat", url, "a.txt"), b"content of 0" * 50)
        self.assertEqual(self.stub.orders[0],
                         {"url": url, "mode": "lazy", "ttl": 600})

    def test_no_room_for_output(self):
        for i in range(200):
            self.stub.add("f%d" % i, b"", "name" * 10)
        for args in (("ls",), ("ls", "--json"), ("info", "--json", "f1")):
            with open("/dev/full", "wb") as full:
                result = self.finish(self.start(*args, stdout=full))
            self.assertEqual(result.code, 1, result)
            self.assertIn("cannot write the output: No space left on device",
                          result.err)

    def test_server_without_tls(self):
        url = self.stub.url.replace("http:", "https:")
        self.assertIn("is it http:// there?",
                      self.fails(1, "--server", url, "ls"))

    def test_reader_goes_away(self):
        for i in range(20000):
            self.stub.add("f%d" % i, b"", "name" * 10)
        process = self.start("ls")
        process.stdout.read(10)
        process.stdout.close()
        process.stdout = None
        result = self.finish(process)
        self.assertEqual((result.code, result.err), (4, ""))


class Cat(harness.Case):
    def test_url(self):
        url = "https://example.org/a?b=c&d#e"
        self.stub.origin = b"from elsewhere"
        self.assertEqual(self.ok("cat", url), b"from elsewhere")
        # Each time the server decides what it has to ask for.
        self.assertEqual(self.ok("cat", url), b"from elsewhere")
        self.assertEqual(self.stub.orders, [url, url])
        self.assertEqual(self.stub.files, {})

    def test_url_that_fails(self):
        self.stub.origin = None
        self.assertEqual(self.fails(1, "cat", "https://example.org/a"),
                         "spill: https://example.org/a: the origin answered "
                         "404\n")

    def test_file(self):
        self.stub.add("f", b"\0\x1b content")
        self.assertEqual(self.ok("cat", "f"), b"\0\x1b content")

    def test_entry(self):
        names = ["a", "d/b c?&%41#ü", "../../x", "/abs", "a//b", "d/"]
        self.stub.add("z", make_zip(names))
        for i, name in enumerate(names):
            self.assertEqual(
                self.ok("cat", "z", name), b"content of %d" % i * 50, name)
            self.assertEqual(self.ok("cat", "--index", str(i), "z"),
                             b"content of %d" % i * 50)

    def test_missing_entry(self):
        self.stub.add("z", make_zip(["a"]))
        self.assertIn("no such entry", self.fails(3, "cat", "z", "b"))
        self.fails(3, "cat", "z", "--index", "9")
        self.fails(2, "cat", "z", "")

    def test_cut(self):
        self.stub.add("f", b"0123456789").cut_after = 4
        result = self.run_spill("cat", "f")
        self.assertEqual((result.code, result.out), (4, b"0123"))
        self.assertIn("ended before the content did", result.err)


class Info(harness.Case):
    def test_text(self):
        f = self.stub.add("f", b"x" * 5000, EVIL)
        f.type = "text/plain"
        self.assertEqual(self.ok("info", "f").decode(), (
            "id        f\nname      %s\nstate     ready\n"
            "size      4.8 KiB (5000)\ntype      text/plain\netag      %s\n"
            "created   2026-11-21T06:00:00Z\nexpires   2026-11-22T06:00:00Z\n"
        ) % (EVIL_SHOWN, f.etag))

    def test_receiving(self):
        self.stub.add("f", b"xy").state = "receiving"
        out = self.ok("info", "f")
        self.assertIn(b"size      unknown\nreceived  2 B\n", out)

    def test_failed(self):
        f = self.stub.add("f", b"xy")
        f.state = "failed"
        f.error = {"type": "/problems/origin", "title": "t", "status": 502,
                   "detail": "the origin\x1b broke"}
        self.assertIn(rb"error     the origin\x1b broke", self.ok("info", "f"))
        f.error["stderr"] = "first\nsecond\x1b\n"
        self.assertIn(b"stderr    first\nstderr    second\\x1b\nsize",
                      self.ok("info", "f"))
        f.error = None
        self.assertIn(b"did not say why", self.ok("info", "f"))

    def test_json(self):
        self.stub.add("f", b"xy", "ü")
        out = self.ok("info", "--json", "f")
        self.assertEqual(json.loads(out), self.stub.files["f"].descriptor())
        self.assertEqual(len(out.splitlines()), 1)

    def test_placement(self):
        f = self.stub.add("f", b"xy")
        self.assertNotIn(b"placement", self.ok("info", "f"))
        f.placement = {"medium": "file", "holes": 0, "missing_bytes": 0,
                       "reason": "It is long\x1b."}
        self.assertTrue(self.ok("info", "f").endswith(
            b"placement file\nreason    It is long\\x1b.\n"))

    def test_not_found(self):
        self.fails(3, "info", "nope")


class Remove(harness.Case):
    def test_several(self):
        for fid in ("a", "b", "c"):
            self.stub.add(fid, b"")
        self.assertEqual(
            self.ok("rm", "a", "/files/b", self.stub.url + "/files/c"), b"")
        self.assertEqual(self.stub.files, {})

    def test_missing(self):
        self.stub.add("b", b"")
        self.fails(3, "rm", "a", "b")
        self.assertEqual(self.stub.files, {})

    def test_gone(self):
        self.stub.canned = lambda h: h.problem(410, "gone", "it was deleted")
        self.fails(3, "rm", "a")

    def test_json(self):
        self.stub.add("a", b"")
        self.assertEqual(json.loads(self.ok("rm", "--json", "a")),
                         {"id": "a", "deleted": True})


class Fetch(harness.Case):
    URL = "https://example.org/a.zip"

    def test_admitted(self):
        out = self.ok("fetch", "--name", "ü", "--ttl", "1d", self.URL)
        (f,) = self.stub.files.values()
        self.assertEqual(
            out.decode(), "%s/files/%s\n" % (self.stub.url, f.id))
        self.assertEqual(self.stub.orders[0], {
            "url": self.URL, "name": "ü", "ttl": 86400})
        self.assertEqual(self.stub.waits, 0)

    def test_for_ever(self):
        self.ok("fetch", "--ttl", "0", self.URL)
        self.assertEqual(self.stub.orders[0]["ttl"], 0)

    def finish_at(self, count, state):
        def on_wait(f, waits):
            if waits >= count:
                f.state = state
                f.error = {"type": "/problems/dns_error", "title": "t",
                           "status": 502, "detail": "no such host"}
        self.stub.on_wait = on_wait

    def test_wait(self):
        self.finish_at(3, "ready")
        self.ok("fetch", "--wait", self.URL)
        self.assertEqual(self.stub.waits, 3)

    def test_wait_json(self):
        self.finish_at(2, "ready")
        out = self.ok("--json", "fetch", "--wait=60", self.URL)
        self.assertEqual(json.loads(out)["state"], "ready")

    def test_failed(self):
        self.finish_at(2, "failed")
        result = self.run_spill("fetch", "--wait", self.URL)
        self.assertEqual(result.code, 1, result)
        self.assertEqual(result.err, "spill: fetching %s failed: "
                         "no such host\n" % self.URL)
        self.assertEqual(len(result.out.splitlines()), 1)

    def test_failed_json(self):
        self.finish_at(1, "failed")
        result = self.run_spill("--json", "fetch", "--wait", self.URL)
        self.assertEqual(result.code, 1, result)
        self.assertEqual(json.loads(result.out)["state"], "failed")
        self.assertEqual(json.loads(result.err), {
            "error": "fetching %s failed: no such host" % self.URL,
            "type": "dns_error", "title": "t", "status": 502,
            "detail": "no such host"})

    def test_failed_input_json(self):
        self.stub.origin = b""
        self.finish_at(1, "failed")
        result = self.run_spill("--json", "process", "upper", self.URL)
        self.assertEqual(result.code, 1, result)
        self.assertEqual(json.loads(result.err)["type"], "dns_error")

    def test_waits_in_vain(self):
        result = self.run_spill("fetch", "--wait=1", self.URL)
        self.assertEqual(result.code, 4, result)
        self.assertIn("still being fetched", result.err)

    def test_refused(self):
        err = self.fails(1, "fetch", "http://10.0.0.1/")
        self.assertEqual(
            err, "spill: http://10.0.0.1/: the address is private\n")

    def test_interrupt(self):
        process = self.start("fetch", "--wait", self.URL)
        self.until(lambda: self.stub.waits > 0)
        process.send_signal(signal.SIGINT)
        result = self.finish(process)
        self.assertEqual(result.code, 4, result)
        self.assertIn("interrupted", result.err)
        self.assertEqual(len(self.stub.files), 1)


class CheckUrl(harness.Case):
    URL = "http://h.example/"
    DENIED = {"allowed": False, "rule": "private",
              "detail": "The address 10.0.0.1 is forbidden."}
    ALLOWED = {"allowed": True, "rule": None, "detail": None}

    def verdict(self, whole, *addresses):
        self.stub.verdicts[self.URL] = {
            "host": "h.example", "port": 80, **whole,
            "addresses": [{"address": a, **v} for a, v in addresses]}

    def test_allowed(self):
        self.verdict(self.ALLOWED, ("192.0.2.1", self.ALLOWED),
                     ("10.0.0.1", self.DENIED))
        self.assertEqual(self.ok("check-url", self.URL).decode(), (
            "allowed 192.0.2.1\n"
            "denied  10.0.0.1  private: The address 10.0.0.1 is forbidden.\n"
            "allowed http://h.example/\n"))

    def test_denied(self):
        self.verdict(self.DENIED, ("10.0.0.1", self.DENIED))
        result = self.run_spill("check-url", self.URL)
        self.assertEqual((result.code, result.err), (1, ""), result)
        self.assertEqual(result.out.decode().splitlines()[-1], (
            "denied  http://h.example/  private: The address 10.0.0.1 is "
            "forbidden."))

    def test_json(self):
        self.verdict(self.DENIED)
        result = self.run_spill("--json", "check-url", self.URL)
        self.assertEqual(result.code, 1, result)
        self.assertEqual(json.loads(result.out),
                         self.stub.verdicts[self.URL])
        self.assertEqual(len(result.out.splitlines()), 1)

    def test_hostile(self):
        self.verdict({"allowed": False, "rule": EVIL, "detail": EVIL},
                     (EVIL, self.ALLOWED))
        out = self.run_spill("check-url", self.URL).out.decode()
        self.assertEqual(out.splitlines(), [
            "allowed " + EVIL_SHOWN,
            f"denied  {self.URL}  {EVIL_SHOWN}: {EVIL_SHOWN}"])

    def test_refused(self):
        err = self.fails(1, "check-url", "http://other/")
        self.assertIn("does not fetch", err)

    def test_nonsense(self):
        for answer in ({}, [], {"allowed": 1}, {"allowed": False},
                       {"allowed": False, "rule": "x"},
                       {"allowed": True, "addresses": [{}]}):
            self.stub.verdicts[self.URL] = answer
            self.assertIn("spillwayd", self.fails(1, "check-url", self.URL))


if __name__ == "__main__":
    unittest.main()
