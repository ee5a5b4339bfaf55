# SPDX-License-Identifier: MIT
"""link, process, top, zips of this machine, settings, examples."""

import json
import os
import signal
import subprocess
import unittest

import harness
import stub
import uploads
from harness import EVIL, EVIL_SHOWN
from test_rest import make_zip


class Link(harness.Case):
    def test_file(self):
        self.stub.add("f", b"content", "n")
        out = self.ok("link", "--ttl", "10m", "f").decode().strip()
        self.assertEqual(
            out, self.stub.url + "/files/f?expires=1&signature=s")
        self.assertEqual(self.stub.orders, [{"ttl": 600}])
        # What it gives can be given to it.
        self.assertEqual(self.ok("cat", out), b"content")

    def test_upload(self):
        out = self.ok("--json", "link", "--upload")
        self.assertEqual(json.loads(out),
                         {"url": self.stub.url +
                          "/files?expires=1&signature=s"})
        self.assertEqual(self.stub.orders, [{}])

    def test_upload_with_limits(self):
        self.ok("link", "--upload", "--id", "mine", "--max-size", "2M")
        self.assertEqual(self.stub.orders, [{"id": "mine",
                                             "max_size": 2 << 20}])

    def test_wrong(self):
        for args, why in (
                (("--id", "a", "f"), "are of links for uploads"),
                (("--max-size", "1M", "f"), "are of links for uploads"),
                (("--upload", "--max-size", "0"), "no number of bytes from 1"),
                (("--upload", "f"), "for no file in particular"),
                (("--upload", "--max-size", "much"), "no number of bytes"),
                (("--ttl", "0", "f"), "a second or more"),
                (("--upload", "--id", "a/b"), "cannot be an id")):
            self.assertIn(why, self.fails(2, "link", *args))
        self.assertEqual(self.stub.orders, [])

    def test_none(self):
        self.assertIn("there is no file x", self.fails(3, "link", "x"))

    def test_nonsense(self):
        for answer in ({}, [], {"url": 1}):
            self.stub.canned = lambda h: h.answer(201, answer)
            self.fails(1, "link", "x")

    def test_hostile(self):
        self.stub.canned = lambda h: h.answer(201, {"url": "/" + EVIL})
        self.assertEqual(self.ok("link", "x").decode(),
                         f"{self.stub.url}/{EVIL_SHOWN}\n")


class Process(harness.Case):
    def test_stored_file(self):
        self.stub.add("f", b"content")
        self.assertEqual(self.ok("process", "upper", "f"), b"CONTENT")

    def test_input(self):
        self.assertEqual(self.ok("process", "upper", stdin=b"piped"),
                         b"PIPED")
        self.assertEqual(self.ok("process", "upper", "-", stdin=b"piped"),
                         b"PIPED")
        self.write("here", b"here" * 1000)
        self.assertEqual(self.ok("process", "upper", "./here"),
                         b"HERE" * 1000)
        self.assertIn("that is ./here", self.fails(3, "process", "upper",
                                                   "here"))
        self.fails(1, "process", "upper", "./nothing")

    def test_names_what_it_sends(self):
        self.write("ä b\".txt", b"x")
        self.ok("process", "upper", "./ä b\".txt")
        _, _, fields = self.stub.requests[-1]
        self.assertEqual(fields["Content-Disposition"],
                         "attachment; filename*=UTF-8''%C3%A4%20b%22.txt")
        self.ok("process", "upper", stdin=b"x")
        self.assertNotIn("Content-Disposition", self.stub.requests[-1][2])

    def test_url(self):
        # What it is to work on has to be whole.
        self.stub.origin = b"from elsewhere"

        def on_wait(f, waits):
            if waits == 2:
                f.state = "ready"
        self.stub.on_wait = on_wait
        url = "https://example.org/a"
        self.assertEqual(self.ok("process", "upper", url), b"FROM ELSEWHERE")
        self.assertEqual(self.stub.waits, 2)
        self.assertEqual(self.stub.orders[0].get("mode", "full"), "full")

    def test_save(self):
        self.stub.add("f", b"content")
        out = self.ok("process", "--save", "upper", "f").decode().strip()
        self.assertEqual(self.ok("cat", out), b"CONTENT")
        out = self.ok("--json", "process", "--save", "upper", "f")
        self.assertEqual(json.loads(out)["name"], "out")

    def test_list(self):
        self.assertEqual(self.ok("process"), b"upper\nbroken\n")
        lines = self.ok("--json", "process").splitlines()
        self.assertEqual(json.loads(lines[0]),
                         {"name": "upper", "timeout": 10})

    def test_failures(self):
        self.write("in", b"x")
        self.assertEqual(
            self.fails(1, "process", "broken", "./in"),
            "spill: ./in: the processor 'broken' failed\n"
            "spill: | it said: \\x1b[2J\nspill: | and so on\n")
        self.assertEqual(
            self.fails(3, "process", "a/b?c", "./in"),
            "spill: the server has no processor 'a/b?c'; it has: upper, "
            "broken ('spill process --json' tells more)\n")


NUMBERS = """\
# HELP spillway_spool_bytes Content held now.
# TYPE spillway_spool_bytes gauge
spillway_spool_bytes{tier="memory"} 1048576
spillway_spool_bytes{tier="disk"} 3145728
spillway_spool_memory_budget_bytes 268435456
spillway_received_bytes_total %d
spillway_uploads_active 2
"""


class Top(harness.Case):
    def setUp(self):
        super().setUp()
        self.stub.numbers = NUMBERS % 0
        self.stub.add("small", b"x", "s")
        self.stub.add("large", b"x" * 2048, EVIL)
        self.stub.add("coming", b"xx", "c").state = "receiving"

    def test_once(self):
        out = self.ok("top", "--once", "-n", "2").decode().splitlines()
        self.assertEqual(out[0], "memory     1.0 MiB of 256.0 MiB")
        self.assertEqual(out[1], "disk       3.0 MiB, - free")
        self.assertIn("uploads 2, fetches -", out[3])
        self.assertRegex(out[7], r"^coming +2 B +- receiving c$")
        self.assertRegex(out[8], r"^large +2\.0 KiB +2\.0 KiB ready +")
        self.assertTrue(out[8].endswith(EVIL_SHOWN))
        self.assertEqual(len(out), 9)

    def test_json(self):
        made = json.loads(self.ok("--json", "top", "--once"))
        self.assertEqual(made["memory_bytes"], 1 << 20)
        self.assertIsNone(made["fetches"])
        self.assertEqual([f["id"] for f in made["files"]],
                         ["coming", "large", "small"])

    def test_goes_on(self):
        process = self.start("--json", "top", "--interval", "1s")
        first = json.loads(process.stdout.readline())
        self.assertIsNone(first["in_bytes_per_s"])
        self.stub.numbers = NUMBERS % 1000000
        second = json.loads(process.stdout.readline())
        self.assertGreater(second["in_bytes_per_s"], 0)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).code, 0)

    def test_live(self):
        def act(process, seen):
            self.until(lambda: seen().count(b"\x1b[H") >= 2)
            process.send_signal(signal.SIGINT)
        result = self.on_pty("top", "--interval", "1", stdout="pty", act=act)
        self.assertEqual(result.code, 0, result)
        self.assertIn("1.0 MiB of 256.0 MiB", result.err)
        self.assertIn(EVIL_SHOWN[:12], result.err)
        # What is there is drawn over, not cleared first.
        self.assertNotIn("\x1b[2J", result.err)
        self.assertIn("\x1b[K\r\n\x1b[J", result.err)

    def test_nonsense(self):
        for text in ("what?\n", "a{ 1\n", "a b\n"):
            self.stub.numbers = text
            self.assertIn("spillwayd", self.fails(1, "top", "--once"))

    def test_reader_goes_away(self):
        process = self.start("top", "--interval", "1")
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        self.assertEqual(self.finish(process).code, 4)


class LocalZip(harness.Case):
    NAMES = ["a.txt", "dir/b.txt", "../../evil", "ünï"]

    def setUp(self):
        super().setUp()
        self.zip = make_zip(self.NAMES)
        self.write("a.zip", self.zip)

    def test_ls(self):
        self.stub.add("z", self.zip)
        there = self.ok("--json", "ls", "z").splitlines()
        for args, stdin in ((("./a.zip",), b""), (("-",), self.zip),
                            ((self.path("a.zip"),), b"")):
            here = self.ok("--json", "ls", *args, stdin=stdin).splitlines()
            for mine, theirs in zip(here, there, strict=True):
                mine, theirs = json.loads(mine), json.loads(theirs)
                mine["method"] += {"store": "d", "deflate": "d"}[
                    mine["method"]]
                self.assertEqual(mine, {key: theirs[key] for key in mine})
        self.assertEqual(len(self.ok("ls", "-n", "2", "./a.zip")
                             .splitlines()), 2)
        self.assertIn(b"dir/b.txt", self.ok("ls", "--prefix", "dir/",
                                            "./a.zip"))

    def test_names_as_elsewhere(self):
        # What libzip makes of control characters is not what is there.
        for name in ("tab\there\x1b[31m", "\u202egnp.exe"):
            self.write("b.zip", make_zip([name]))
            self.stub.add("b", self.read("b.zip"))
            here = self.ok("ls", "./b.zip")
            self.assertEqual(here.split()[4:],
                             self.ok("ls", "b").split()[4:])
            self.assertEqual(
                json.loads(self.ok("--json", "ls", "./b.zip"))["name"], name)
            self.assertEqual(self.ok("cat", "./b.zip", name),
                             b"content of 0" * 50)
            self.assertEqual(self.ok("ls", "--prefix", name, "./b.zip"), here)

    def test_cat(self):
        for i, name in enumerate(self.NAMES):
            want = b"content of %d" % i * 50
            self.assertEqual(self.ok("cat", "./a.zip", name), want)
            self.assertEqual(self.ok("cat", "--index", str(i), "./a.zip"),
                             want)
            self.assertEqual(self.ok("cat", "-", name, stdin=self.zip), want)
        self.fails(3, "cat", "./a.zip", "nothing")
        self.fails(3, "cat", "--index", "99", "./a.zip")

    def test_get(self):
        self.assertEqual(self.ok("get", "-e", "dir/b.txt", "./a.zip"),
                         b"b.txt\n")
        self.assertEqual(self.read("b.txt"), b"content of 1" * 50)
        self.assertEqual(self.ok("get", "-e", "../../evil", "./a.zip"),
                         b"evil\n")
        self.assertEqual(self.ok("get", "-e", "a.txt", "-o", "-", "./a.zip"),
                         b"content of 0" * 50)
        self.assertIn("exists", self.fails(1, "get", "-e", "dir/b.txt",
                                           "./a.zip"))
        self.assertEqual(
            json.loads(self.ok("--json", "get", "-f", "--index", "1", "-o",
                               "x", "./a.zip")),
            {"file": "x", "size": 600, "verified": False})
        self.assertEqual(self.names(), ["a.zip", "b.txt", "evil", "x"])

    def test_get_of_the_server(self):
        self.stub.add("z", self.zip)
        self.assertEqual(self.ok("get", "-e", "dir/b.txt", "z"), b"b.txt\n")
        self.assertEqual(self.read("b.txt"), b"content of 1" * 50)
        self.stub.origin = self.zip
        self.ok("get", "-f", "-e", "a.txt", "https://example.org/a.zip")
        self.assertEqual(self.read("a.txt"), b"content of 0" * 50)
        self.fails(3, "get", "-e", "nothing", "-o", "y", "z")
        self.assertEqual(self.names(), ["a.txt", "a.zip", "b.txt"])

    def test_damaged(self):
        self.write("bad.zip", self.zip[:len(self.zip) // 2])
        self.write("text", b"text")
        for name in ("bad.zip", "text", "nothing"):
            self.fails(1, "ls", "./" + name)
        self.fails(1, "ls", "-", stdin=b"text")
        os.mkdir(self.path("d"))
        for args in (("ls", "d/"), ("cat", "./d", "a"),
                     ("get", "-e", "a", "d/")):
            self.assertIn("that is a directory, and not a zip",
                          self.fails(1, *args))
        at = self.zip.index(b"content of 0")
        self.write("crc.zip", self.zip[:at] + b"X" + self.zip[at + 1:])
        result = self.run_spill("get", "-e", "a.txt", "./crc.zip")
        self.assertEqual(result.code, 1, result)
        self.assertNotIn("a.txt", self.names())

    def test_hint(self):
        self.assertIn("that is ./a.zip", self.fails(3, "ls", "a.zip"))
        self.assertIn("that is ./a.zip", self.fails(3, "get", "a.zip"))
        self.assertNotIn("./a.zip", self.fails(3, "info", "a.zip"))

    def test_server_is_not_asked(self):
        self.env["SPILLWAY_URL"] = "http://127.0.0.1:1"
        self.ok("ls", "./a.zip")
        self.ok("cat", "./a.zip", "a.txt")


class Settings(harness.Case):
    def setUp(self):
        super().setUp()
        del self.env["SPILLWAY_URL"]
        self.stub.token = "s3cret"
        self.stub.add("f", b"x")

    def settings(self, text, mode=0o600):
        folder = os.path.join(self.home, ".config", "spillway")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "spill.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def test_file(self):
        self.settings(f"# mine\nserver = {self.stub.url}\ntoken = s3cret\n")
        self.ok("info", "f")

    def test_token_file(self):
        self.settings(f"server = {self.stub.url}\n")
        path = self.write("token", b"s3cret\n")
        self.ok("--token-file", path, "info", "f")
        self.settings(f"server = {self.stub.url}\ntoken_file = {path}\n")
        self.ok("info", "f")

    def test_another_file(self):
        path = self.write(
            "mine", f"server={self.stub.url}\ntoken=s3cret".encode())
        os.chmod(path, 0o600)
        self.settings("server = http://127.0.0.1:1\n")
        self.ok("--config", path, "info", "f")
        err = self.fails(2, "--config", "/nonexistent", "info", "f")
        self.assertIn("/nonexistent: No such file", err)

    def test_token_stays_with_its_server(self):
        other = stub.Stub()
        self.addCleanup(other.close)
        other.add("f", b"x")
        self.settings(f"server = {self.stub.url}\ntoken = s3cret\n")
        self.ok("--server", other.url, "info", "f")
        self.ok("info", other.url + "/files/f")
        self.assertEqual([h.get("Authorization")
                          for _, _, h in other.requests], [None, None])

    def test_others_can_read_it(self):
        path = self.settings(
            f"server = {self.stub.url}\ntoken = s3cret\n", 0o644)
        result = self.run_spill("info", "f")
        self.assertEqual(result.code, 0, result)
        self.assertIn(f"chmod 600 {path}", result.err)
        self.ok("-q", "info", "f")

    def test_wrong(self):
        path = self.settings("server = x\ntokn = y\n")
        self.assertIn(f"{path}:2: there is no setting 'tokn'",
                      self.fails(2, "info", "f"))
    def test_port_that_is_none(self):
        err = self.fails(2, "--server", "http://127.0.0.1:99999", "ls")
        self.assertIn("'http://127.0.0.1:99999' is not a server: its port is "
                      "not one of 1 to 65535", err)

    def test_values_that_are_wrong(self):
        path = self.settings("\nserver = ftp://x\n")
        self.assertIn(f"{path}:2: server: 'ftp://x' is not a server",
                      self.fails(2, "ls"))
        self.write("token", b"a b\n")
        self.assertIn("--token-file: the token is not 1 to 8192 letters",
                      self.fails(2, "--server", self.stub.url,
                                 "--token-file", "token", "ls"))

    def test_paths(self):
        folder = os.path.dirname(self.settings(
            f"server = {self.stub.url}\ntoken_file = mine\n"))
        for mine, text in (("mine", "mine"), ("../../t", "~/t")):
            with open(os.path.join(folder, mine), "w") as f:
                f.write("s3cret\n")
            self.settings(f"server = {self.stub.url}\ntoken_file = {text}\n")
            self.ok("info", "f")
        # The one that is named has its own folder.
        self.write("mine", b"s3cret\n")
        self.write("conf", f"server={self.stub.url}\ntoken_file=mine".encode())
        self.ok("--config", "conf", "info", "f")

    def test_not_needed(self):
        self.settings("server = x\ntokn = y\n")
        # What needs no server needs no settings.
        self.ok("uploads")
        self.ok("--help")


class Examples(harness.Case):
    def example(self, name, *args, code=0, stdin=b""):
        done = subprocess.run(
            [os.environ["EXAMPLE_" + name.upper()], self.stub.url, *args],
            cwd=self.dir, input=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done)
        return done.stdout.decode(), done.stderr.decode()

    def test_put_and_get(self):
        out, _ = self.example("put_and_get", stdin=b"x" * 200)
        (f,) = self.stub.files.values()
        self.assertEqual(out, f"{f.id}, 200 bytes:\n" + "x" * 100)

    def test_two_uploads(self):
        self.write("a", b"a" * 1000000)
        self.write("b", b"b" * 2000000)
        out, _ = self.example("two_uploads", "a", "b")
        self.assertEqual({f.name: f.data for f in self.stub.files.values()},
                         {"a": b"a" * 1000000, "b": b"b" * 2000000})
        for f in self.stub.files.values():
            self.assertIn(f"{f.name} is /files/{f.id}\n", out)
        _, err = self.example("two_uploads", "a", "nothing", code=1)
        self.assertIn("nothing", err)

    def test_resume(self):
        self.write("a", b"0123456789" * 1000)
        self.stub.tus = uploads.EXTENSIONS
        self.stub.faults = [("cut", 300)]
        out, err = self.example("resume", "a", code=1)
        self.assertIn("connection", err)
        _, _ = self.example("resume", "a", out.strip())
        (f,) = self.stub.files.values()
        self.assertEqual(f.data, b"0123456789" * 1000)
        self.assertEqual(self.stub.appends[-1][1], 300)


if __name__ == "__main__":
    unittest.main()
