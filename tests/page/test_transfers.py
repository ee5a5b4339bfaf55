# SPDX-License-Identifier: MIT
"""Uploads and fetches by the page, in Chromium.

Source: API.md sections 2 to 4 and 7; tus 1.0.0.
"""
import os
import re
from datetime import datetime, timedelta

from paging import (ALLOW, Gate, Origin, Page, PageCase, content, main,
                    table, until)

MIB = 1 << 20
LARGE = {"large.bin": content(6 * MIB, 91)}
SMALL = {"a plain name.txt": content(100000, 92), "naïve.bin": b"x",
         "empty.dat": b""}


def creations(requests):
    """How often an upload was made anew."""
    return requests.count("POST 201 /files")


class Uploads(PageCase):
    """Files that are looked at after the browser has sent them."""

    OPTIONS = ["spool.memory_max=1M", "store.durability=restart"]

    def setUp(self):
        super().setUp()
        self.before = self.file_count()

    def run_large(self, flow, meanwhile=None, **more):
        """A flow of the large file, which is looked at."""
        paths = self.files(LARGE)
        return self.flow(flow, meanwhile, files=paths, name="large.bin",
                         **more)

    def assert_one(self, name):
        """It is there, once."""
        self.assert_stored(name, LARGE["large.bin"])
        until(lambda: self.file_count() == self.before + 1, "one file")

    def test_several(self):
        files = {**SMALL, **LARGE}
        found, requests = self.flow("upload", files=self.files(files),
                                    names=list(files))
        for name, data in files.items():
            made = self.assert_stored(found[name], data)
            self.assertEqual(made["name"], name)
        self.assertEqual(creations(requests), len(files))

    def test_many(self):
        files = {f"f{n}.txt": b"%d" % n for n in range(60)}
        found, _ = self.flow("upload", files=self.files(files),
                             names=list(files))
        for name, data in files.items():
            self.assert_stored(found[name], data)

    def test_dropped(self):
        paths = self.files(SMALL)
        os.makedirs(self.path("folder/below"))
        paths.append(self.path("folder"))
        inside = {"folder/one.txt": b"1", "folder/below/two.txt": b"22"}
        self.files(inside)
        names = [*SMALL, "one.txt", "two.txt"]
        found, _ = self.flow("drop", files=paths, names=names)
        for path, data in {**SMALL, **inside}.items():
            self.assert_stored(found[path.rsplit("/", 1)[-1]], data)

    @table(("dragged in folders", True), ("chosen", False))
    def test_alike(self, dragged):
        # Same name, size, type and time; that is all a browser tells of them.
        files = {f"{folder}/__init__.py": b"# %s" % folder.encode()
                 for folder in ("one", "two")}
        for path in files:
            os.mkdir(os.path.dirname(self.path(path)))
        paths = self.files(files)
        for path in paths:
            os.utime(path, (1e9, 1e9))
        if dragged:
            paths = [os.path.dirname(path) for path in paths]
        found, requests = self.flow("alike", files=paths, dragged=dragged,
                                    count=2)
        self.assertEqual(creations(requests), 2)
        stored = [self.http("GET", f"/files/{name}").body for name in found]
        self.assertEqual(sorted(stored), sorted(files.values()))

    def test_life(self):
        made, _ = self.flow("upload", files=self.files({"a.txt": b"a"}),
                            names=["a.txt"], ttl="an hour")
        made = self.info(made["a.txt"])
        created, expires = (datetime.fromisoformat(made[key])
                            for key in ("created", "expires"))
        # From when it was complete; a minute is plenty for that.
        self.assertTrue(timedelta(hours=1) <= expires - created
                        < timedelta(hours=1, minutes=1), made)

    def test_pause(self):
        name, requests = self.run_large("pause")
        self.assertEqual(creations(requests), 1)
        self.assertTrue(any(line.startswith("HEAD 204") for line in requests),
                        requests)
        self.assert_one(name)

    def test_network_lost(self):
        result, requests = self.run_large("offline")
        self.assertIn("No network", result["told"])
        self.assertEqual(creations(requests), 1)
        self.assert_one(result["id"])

    def test_server_that_needs_no_network(self):
        result, requests = self.run_large("loopback")
        self.assertEqual(result["told"], "")
        # Nobody has broken it off.
        self.assertFalse([line for line in requests
                          if line.startswith("HEAD")], requests)
        self.assertEqual(len([line for line in requests
                              if line.startswith("PATCH")]), 1)
        self.assert_one(result["id"])

    def test_reload(self):
        result, requests = self.run_large("reload")
        self.assertRegex(result["told"], r"^Interrupted at [1-9]\d %")
        self.assertEqual(creations(requests), 1)
        self.assert_one(result["id"])

    def test_reload_folder(self):
        os.mkdir(self.path("pack"))
        path = "pack/large.bin"
        self.files({path: LARGE["large.bin"]})
        result, requests = self.flow(
            "reloadFolder", files=[self.path("pack")], path=path,
            name="large.bin")
        # Which folder it was in is not told by what is chosen.
        self.assertEqual(result["buttons"], ["Forget"])
        self.assertEqual(creations(requests), 1)
        self.assert_one(result["id"])

    def test_complete_and_not_heard_of(self):
        paths = self.files({"a.bin": content(100000, 99)})
        left, _ = self.flow("unheard", files=paths, name="a.bin")
        self.assertEqual(left, "[]")

    def test_daemon_restarts(self):
        mark = self.path("mark")

        def crash(answer):
            until(lambda: os.path.exists(mark) or not answer.is_alive(),
                  "the middle of it")
            self.restart()
            os.unlink(mark)

        name, requests = self.run_large("outage", crash, mark=mark)
        self.assertEqual(creations(requests), 1)
        self.assert_one(name)

    @table(("cancelled", "cancel"), ("forgotten after a reload", "forget"))
    def test_given_up(self, flow):
        _, requests = self.run_large(flow)
        self.assertTrue(any(line.startswith("DELETE 204")
                            for line in requests), requests)
        self.assertEqual(self.file_count(), self.before)


class Refused(PageCase):
    """What the server does not take is told in its words."""

    OPTIONS = ["store.max_file_size=1M"]

    def test_too_large(self):
        told, _ = self.flow("refused", files=self.files(LARGE),
                            name="large.bin")
        self.assertIn("the limit is 1048576", told)


class Fetches(PageCase):
    """An origin that stops in the middle, until the page has said so."""

    OPTIONS = ALLOW

    def setUp(self):
        super().setUp()
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.data = content(4 * MIB, 93)
        self.gate = Gate()
        page = Page(self.data, ranges=False, gate=(2 * MIB, self.gate))
        self.job = {"source": self.origin.add("/far/a.bin", page),
                    "name": "a.bin", "mark": self.path("mark")}

    def open_gate(self, answer):
        """When the page has seen half of it, the rest may come."""
        until(lambda: os.path.exists(self.job["mark"])
              or not answer.is_alive(), "half of it")
        self.gate.open()

    def test_progress(self):
        result, requests = self.flow("fetchUrl", self.open_gate, **self.job)
        self.assertRegex(result["text"], r"^2\.0 MiB of 4\.0 MiB")
        self.assert_stored(result["id"], self.data)
        self.assertEqual(len([line for line in requests
                              if line.endswith("/events")]), 1)

    def test_reload(self):
        name, _ = self.flow("fetchReload", self.open_gate, **self.job)
        self.assert_stored(name, self.data)

    def test_network_lost(self):
        name, requests = self.flow("fetchOffline", self.open_gate, **self.job)
        self.assert_stored(name, self.data)
        self.assertEqual(requests.count("POST 202 /fetch"), 1)

    def test_fails(self):
        url = self.origin.add("/b.bin", Page(status=404))
        found, _ = self.flow("fetchFails", name="b.bin", source=url)
        self.assertEqual(found["told"][0], url)
        self.assertRegex(found["told"][1], r"^The fetch failed: .*404")
        self.assertEqual(found["buttons"], ["Try again", "Remove"])
        self.assertTrue(found["marked"])
        self.assertIsNone(self.info(found["id"]))

    def test_again(self):
        before = self.file_count()
        page = Page(self.data, status=404)
        mark = self.path("mark")

        def repair(answer):
            until(lambda: os.path.exists(mark) or not answer.is_alive(),
                  "two failures")
            page.status = 200
            os.unlink(mark)

        # What a server tells of the URL is without the key.
        url = self.origin.add("/b.bin?key=secret", page)
        name, requests = self.flow("fetchAgain", repair, name="b.bin",
                                   source=url, mark=mark)
        self.assert_stored(name, self.data)
        self.assertEqual(requests.count("POST 202 /fetch"), 3)
        self.assertEqual(self.file_count(), before + 1)

    def test_cancel(self):
        before = self.file_count()
        self.flow("fetchCancel", **self.job)
        self.assertEqual(self.file_count(), before)


class Forbidden(PageCase):
    """An address that nobody has allowed."""

    def test_told(self):
        told, _ = self.flow("fetchRefused", source="http://127.0.0.1:1/a")
        self.assertTrue(re.search("127.0.0.1|port", told), told)


if __name__ == "__main__":
    main()
