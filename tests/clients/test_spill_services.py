# SPDX-License-Identifier: MIT
"""spill link and spill process, against a real daemon.

Source: API.md sections 6 and 7; spill(1).
"""
import json
import os
import re

from programs import SpillCase, main, table
from guarding import Guarded, token_of
from harness import Daemon
from origin import Origin, Page
from processing import Gates, processor, script

GATES = Gates()
CONTENT = b"one\ntwo\n"


class Links(Guarded, SpillCase):
    """What a token is needed for, and what a link does without one."""

    DAEMON = True

    def setUp(self):
        super().setUp()
        self.ask("all", "PUT", "/files/canary?name=a.txt", (), CONTENT)

    def link(self, *args, who="all"):
        """What `spill link` prints."""
        return self.spill("link", *args,
                           SPILLWAY_TOKEN=token_of(who)).strip()

    def target(self, url):
        """The part of a URL that goes into a request."""
        self.assertTrue(url.startswith(self.daemon.url + "/"), url)
        return url[len(self.daemon.url):]

    def test_read(self):
        url = self.link("canary")
        self.assertEqual(self.spill("cat", url), CONTENT.decode())
        told = json.loads(self.spill("--json", "get", "-o", "back", url))
        self.assertIs(told["verified"], True)
        self.assertEqual(self.read("back"), CONTENT)

    def test_get_has_no_name(self):
        # The link is for the content only.
        self.assertEqual(self.spill("get", self.link("canary")), "canary\n")
        self.assertEqual(self.read("canary"), CONTENT)

    def test_json(self):
        made = json.loads(self.link("--json", "--ttl", "90", "canary"))
        self.assertEqual(made["method"], "GET")
        self.assertRegex(made["url"], "^http://[^/]*/files/canary[?]")
        self.assertEqual(self.spill("cat", made["url"]), CONTENT.decode())

    def test_not_for_more(self):
        url = self.link("canary")
        for command in ("info", "rm", "ls"):
            self.assertIn("is for another method or path",
                          self.errors(1, command, url))
        self.assertEqual(self.spill("cat", url), CONTENT.decode())

    def test_upload(self):
        answer = self.http("POST", self.target(self.link("--upload")), (),
                           b"new")
        made = self.json(answer, 201)
        self.assertEqual(self.spill("cat", made["id"],
                                     SPILLWAY_TOKEN=token_of("all")), "new")

    def test_upload_with_limits(self):
        target = self.target(self.link("--upload", "--id", "theirs",
                                       "--max-size", "10"))
        self.assert_problem(self.http("PUT", target, (), b"x" * 11), 413,
                            "too-large")
        self.assertEqual(self.http("PUT", target, (), b"x" * 10).status, 201)

    def test_without_token(self):
        err = self.errors(1, "link", "canary")
        self.assertRegex(err, "SPILLWAY_TOKEN, --token-file or a token in")

    @table(("to read", "writer", "canary"), ("to upload", "reader",
                                             "--upload"))
    def test_without_scope(self, who, what):
        err = self.errors(1, "link", what, SPILLWAY_TOKEN=token_of(who))
        self.assertRegex(err, "the scope (read|write)")

    def test_wrong(self):
        self.assertIn("no file with this id", self.errors(
            3, "link", "nothing", SPILLWAY_TOKEN=token_of("all")))
        self.assertIn("from 1 to 604800 (auth.link_ttl_max)", self.errors(
            1, "link", "--ttl", "8d", "canary",
            SPILLWAY_TOKEN=token_of("all")))

    def test_unix_socket(self):
        path = self.path("socket")
        other = Daemon(f"server.listen=127.0.0.1:0,unix:{path}")
        self.addCleanup(other.stop)
        self.env["SPILLWAY_URL"] = f"unix:{path}"
        name = self.spill("put", "-", stdin=CONTENT).strip()
        link = self.spill("link", name).strip()
        self.assertTrue(link.startswith(name + "?"), link)
        self.assertEqual(self.spill("cat", link), CONTENT.decode())


class Process(SpillCase):
    """Processors of the configuration."""

    DAEMON = True
    OPTIONS = [
        "fetch.allow_networks=127.0.0.1/32", "fetch.ports=1-65535",
        *processor("lines", "wc -l", type="text/plain"),
        *processor("what", script(
            "echo $SPILLWAY_NAME, $SPILLWAY_TYPE, $SPILLWAY_SIZE")),
        *processor("same", "cat"),
        *processor("bad", script(
            "echo first >&2; printf \"\\\\033[2J\" >&2; exit 3")),
        *processor("slow", script(GATES.wait("never")), timeout="1s"),
        *processor("half", script("head -c 300000 {}; exit 1".replace(
            "{}", "/dev/zero"))),
        *processor("waits", script(GATES.wait("waits") + "; echo done")),
    ]

    def setUp(self):
        super().setUp()
        self.write("here.txt", CONTENT)
        self.upload(CONTENT, "/files/there?name=t.txt",
                    {"Content-Type": "text/x-t"})

    def test_list(self):
        names = [line.split()[0] for line in
                 self.spill("process").splitlines()]
        self.assertEqual(names, ["lines", "what", "same", "bad", "slow",
                                 "half", "waits"])
        first = json.loads(self.spill("--json", "process").splitlines()[0])
        self.assertEqual((first["name"], first["type"]),
                         ("lines", "text/plain"))

    @table(("of the server", "there"), ("of this machine", "./here.txt"),
           ("standard input", "-"))
    def test_input(self, text):
        self.assertEqual(self.spill("process", "lines", text, stdin=CONTENT),
                         "2\n")

    def test_nothing_is_standard_input(self):
        self.assertEqual(self.spill("process", "lines", stdin=b""), "0\n")

    def test_url(self):
        origin = Origin()
        self.addCleanup(origin.close)
        url = origin.add("/a", Page(CONTENT * 100000))
        self.assertEqual(self.spill("process", "lines", url), "200000\n")

    def test_what_the_processor_is_told(self):
        self.assertEqual(self.spill("process", "what", "there"),
                         "t.txt, text/x-t, 8\n")
        self.write("ä \"b\".txt", b"123")
        self.assertEqual(
            self.spill("process", "--type", "text/y", "what",
                        "./ä \"b\".txt"), "ä \"b\".txt, text/y, 3\n")
        self.assertEqual(self.spill("process", "what", stdin=b"12"),
                         ", application/octet-stream, 2\n")

    def test_large(self):
        # More than pipes and buffers hold, both ways.
        data = os.urandom(1 << 20) * 5
        self.write("large", data)
        self.assert_same(
            self.run_spill("process", "same", "./large")[0], data)

    def test_save(self):
        url = self.spill("process", "--save", "lines", "there").strip()
        self.assert_stored(url, b"2\n")
        made = json.loads(self.spill("--json", "process", "--save", "waits",
                                      "./here.txt"))
        self.assertEqual(made["state"], "receiving")
        GATES.open("waits")
        self.assert_stored(made["id"], b"done\n")

    @table(("of the server", "there"), ("of this machine", "./here.txt"))
    def test_failure(self, text):
        self.assertEqual(
            self.errors(1, "process", "bad", text),
            f"spill: {text}: The processor 'bad' failed with exit code 3\n"
            "spill: | first\n"
            "spill: | \\x1b[2J\n")

    def test_failure_is_kept(self):
        url = self.spill("process", "--save", "bad", "there").strip()
        self.wait_state(url.rpartition("/")[2], "failed")
        out = self.spill("info", url)
        self.assertRegex(out, "error +The processor 'bad' failed with exit "
                              "code 3\nstderr +first\nstderr +"
                              + re.escape("\\x1b[2J") + "\n")

    def test_too_slow(self):
        self.assertIn("'slow' was not done after 1000 ms",
                      self.errors(1, "process", "slow", "there"))

    def test_breaks_off(self):
        out, err = self.run_spill("process", "half", "there", code=4)
        self.assertGreater(len(out), 0)
        self.assertTrue(err.startswith("spill: there: "), err)

    def test_no_such_processor(self):
        for text in ("there", "./here.txt"):
            self.assertEqual(
                self.errors(3, "process", "none", text),
                "spill: the server has no processor 'none'; it has: "
                "lines, what, same, bad, slow, half, waits ('spill process "
                "--json' tells more)\n")

    def test_no_such_input(self):
        self.assertIn("that is ./here.txt",
                      self.errors(3, "process", "lines", "here.txt"))
        self.assertIn("No such file", self.errors(1, "process", "lines",
                                                  "./nothing"))

    def test_not_complete(self):
        made = self.json(self.http(
            "POST", "/files", {"Tus-Resumable": "1.0.0",
                               "Upload-Length": "5"}), 201)
        self.assertIn("is not complete",
                      self.errors(1, "process", "lines", made["id"]))


if __name__ == "__main__":
    main()
