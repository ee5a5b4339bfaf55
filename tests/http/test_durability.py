# SPDX-License-Identifier: MIT
"""What survives a restart, how it is found, and what is said of it.

Source: API.md sections 1, 2 and 8; docs/spool-format.md.
"""
import errno
import hashlib
import io
import json
import os
import re
import time
import zipfile
from urllib.parse import quote

import daemon as daemons
import faults
from crashing import powerloss
from fetching import ALLOW, Fetching
from harness import Daemon, main, table, until
from origin import Page
from restarting import HOW, Restarting
from resuming import encode
from samples import content, sample_zip
from wire import encode_request
from zips import BY_NAME, Zips

SMALL, LARGE = content(5000, 71), content(3000000, 72)


class Files(Restarting):
    """Files that were complete."""

    OPTIONS = ["spool.memory_max=64K", "store.max_open_files=16"]

    @table(("killed, restart", True, HOW), ("ended, restart", False, HOW),
           ("killed, fsync", True, "store.durability=fsync"),
           ("ended, fsync", False, "store.durability=fsync"))
    def test_everything_told(self, kill, how):
        self.again(how=how)
        made = []
        for data in (b"", SMALL, LARGE):
            made.append(self.upload(
                data, "/files?name=n%C3%A4.txt&reads=5&ttl=1000",
                {"Content-Type": "text/x-y", "Content-Encoding": "gzip",
                 "Want-Repr-Digest": "sha-256=1"}))
        self.assertEqual({m["storage"]["spilled"] for m in made}, {"durable"})
        before = [self.info(m["id"]) for m in made]
        headers = [self.http("HEAD", f"/files/{m['id']}") for m in made]
        self.again(kill=kill, how=how)
        for old, head, data in zip(before, headers, (b"", SMALL, LARGE)):
            self.assert_content(old["id"], data)
            now = self.info(old["id"])
            # 5 reads, and one of them just now.
            self.assertEqual(now, old)
            new = self.http("HEAD", f"/files/{old['id']}")
            for field in ("ETag", "Last-Modified", "Content-Type",
                          "Content-Encoding", "Content-Length",
                          "Content-Disposition", "Repr-Digest"):
                self.assertEqual(new.get(field), head.get(field), field)
            answer = self.http("GET", f"/files/{old['id']}",
                               {"If-None-Match": old["etag"]})
            self.assertEqual(answer.status, 304)

    def test_replaced_and_deleted(self):
        self.upload(SMALL, "/files/a")
        self.upload(LARGE, "/files/b")
        self.upload(LARGE, "/files/a")
        self.assertEqual(self.http("DELETE", "/files/b").status, 204)
        self.again()
        self.assert_content("a", LARGE)
        self.assert_problem(self.http("GET", "/files/b"), 404)
        self.upload(SMALL, "/files/a", {"If-Match": self.info("a")["etag"]})
        self.again()
        self.assert_content("a", SMALL)
        answer = self.http("PUT", "/files/a", {"If-None-Match": "*"}, b"x")
        self.assert_problem(answer, 412)
        self.assertEqual(self.kept(), ["a"])

    def test_form(self):
        body = (b'--B\r\nContent-Disposition: form-data; name="a"; '
                b'filename="x"\r\n\r\n' + SMALL + b'\r\n--B\r\n'
                b'Content-Disposition: form-data; name="b"; filename="y"'
                b'\r\n\r\n' + LARGE + b"\r\n--B--\r\n")
        made = self.json(self.http(
            "POST", "/files",
            {"Content-Type": "multipart/form-data; boundary=B"}, body), 201)
        self.again()
        one, two = made["files"]
        self.assert_content(one["id"], SMALL)
        self.assert_content(two["id"], LARGE)

    def test_nothing_of_what_failed(self):
        answer = self.http("POST", "/files",
                           {"Content-MD5": encode(bytes(16))}, LARGE)
        self.assert_problem(answer, 422)
        with self.conn() as conn:
            conn.send(encode_request("PUT", "/files/cut",
                                     {"Content-Length": "100000"}))
            conn.send(SMALL)
        until(lambda: self.metric("uploads_active") == 0, "its end")
        self.assertEqual(self.kept(), [])
        self.again()
        self.restored()
        self.assertEqual(self.file_count(), 0)

    def test_file_system_can_be_remounted(self):
        # As long as nothing of it is open to be written to.
        self.upload(SMALL, "/files/a")
        self.assertEqual(self.http("DELETE", "/files/a").status, 204)
        until(lambda: not self.writable(), "files to be closed")

    def writable(self):
        """What the daemon may write to in its directory."""
        found = []
        for fd in os.listdir(f"/proc/{self.daemon.pid}/fd"):
            try:
                name = os.readlink(f"/proc/{self.daemon.pid}/fd/{fd}")
                with open(f"/proc/{self.daemon.pid}/fdinfo/{fd}",
                          encoding="ascii") as file:
                    flags = re.search(r"flags:\s+(\d+)", file.read())[1]
            except FileNotFoundError:
                continue
            if name.startswith(self.daemon.spool) and int(flags, 8) & 3:
                found.append(name)
        return found

    def test_list_by_age(self):
        names = [f"f{i}" for i in (5, 3, 8, 1, 9, 2)]
        for name in names:
            self.upload(b"x", f"/files/{name}")
            time.sleep(0.002)
        self.again()
        self.upload(b"x", "/files/new")
        self.restored()
        self.assertEqual(
            [m["id"] for m in self.pages("/files?limit=2", "files")],
            [*names, "new"])

    def test_reads_are_counted_over_it(self):
        self.upload(SMALL, "/files/r?reads=3")
        self.assert_content("r", SMALL)
        self.again(kill=False)
        self.assert_content("r", SMALL)
        self.again(kill=False)
        self.assert_content("r", SMALL)
        until(lambda: self.info("r") is None, "the last read")
        until(lambda: self.kept() == [], "its file to go")

    def test_expired_meanwhile(self):
        self.upload(SMALL, "/files/soon?ttl=1")
        self.upload(SMALL, "/files/late?ttl=1000")
        self.daemon.kill()
        time.sleep(1.1)
        self.run_daemon()
        self.assert_problem(self.http("GET", "/files/soon"), 404)
        self.restored()
        self.assertEqual(self.kept(), ["late"])
        self.assertEqual(self.file_count(), 1)

    def test_quota_counts_what_is_there(self):
        self.upload(LARGE, "/files/a")
        self.again("spool.disk_quota=4000000")
        self.restored()
        self.assertEqual(self.metric('spool_bytes{tier="disk"}'), len(LARGE))
        self.assert_problem(
            self.http("PUT", "/files/b", (), LARGE), 507)
        self.assertEqual(self.http("DELETE", "/files/a").status, 204)
        self.upload(LARGE, "/files/b")

    def test_many_that_are_not_open(self):
        datas = {f"f{i}": content(2000 + i, i) for i in range(60)}
        for name, data in datas.items():
            self.upload(data, f"/files/{name}")
        self.assertLessEqual(self.metric("files_open"), 17)
        for name, data in reversed(datas.items()):
            self.assert_content(name, data)
            answer = self.http("GET", f"/files/{name}",
                               {"Range": "bytes=10-19"})
            self.assertEqual(answer.body, data[10:20])
        # Each the first to ask for one that is not open.
        asked = iter(list(datas)[20:])

        def ask(method, suffix="", headers=(), body=None):
            name = next(asked)
            return datas[name], self.http(
                method, f"/files/{name}{suffix}", headers, body)
        data, answer = ask("HEAD")
        self.assertEqual(answer.get("Content-Length"), str(len(data)))
        data, answer = ask("GET", "/info?digest=sha-256")
        self.assertEqual(self.json(answer)["digest"]["sha-256"],
                         hashlib.sha256(data).hexdigest())
        data, answer = ask("GET", "/zip")
        self.assert_problem(answer, 422, "not-a-zip")
        data, answer = ask("PUT", body=SMALL)
        self.assertEqual(answer.status, 200)
        data, answer = ask("DELETE")
        self.assertEqual(answer.status, 204)
        data, answer = ask("GET", "/events")
        self.assertEqual(answer.status, 200)
        self.assertLessEqual(self.metric("files_open"), 17)
        self.assertEqual(self.file_count(), 59)

    def test_a_cleaner_was_here(self):
        for i in range(40):
            self.upload(content(100, i), f"/files/f{i}")
        for i in range(40):
            os.unlink(self.path(f"f{i}"))
        gone = 0
        for i in range(40):
            answer = self.http("GET", f"/files/f{i}")
            if answer.status == 200:
                self.assert_same(answer.body, content(100, i))
            else:
                self.assertIn(answer.status, (404, 410))
                gone += 1
        self.assertGreater(gone, 20)
        self.assertEqual(self.metric("files_damaged_total"), gone)
        self.upload(SMALL, "/files/f0")
        self.assert_content("f0", SMALL)


class Archives(Zips, Restarting):
    """Archives among them."""

    def setUp(self):
        Restarting.setUp(self)

    def test_entries(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/b.txt", SMALL)
        self.upload(out.getvalue(), "/files/z")
        self.again()
        answer = self.http("GET", "/files/z/zip/a/b.txt")
        self.assert_same(answer.body, SMALL)


class Fetched(Restarting, Fetching):
    """Files that came by URL."""

    OPTIONS = ALLOW

    def setUp(self):
        Restarting.setUp(self)
        Fetching.setUp(self)

    def test_source_and_time(self):
        date = "Tue, 02 Jan 2024 03:04:05 GMT"
        url = self.origin.add("/x.bin", Page(
            LARGE, type="a/b", fields=[("Last-Modified", date)]))
        made = self.fetched(url)
        self.assertEqual(made["state"], "ready")
        head = self.http("HEAD", f"/files/{made['id']}")
        self.again()
        self.assert_content(made["id"], LARGE)
        now = self.info(made["id"])
        self.assertEqual(now["source"], made["source"])
        self.assertEqual((now["name"], now["type"]), ("x.bin", "a/b"))
        again = self.http("HEAD", f"/files/{made['id']}")
        self.assertEqual(again.get("Last-Modified"),
                         head.get("Last-Modified"))

    def test_failed_ones_are_gone(self):
        made = self.fetched(self.origin.add("/none", Page(b"", status=404)))
        self.assertEqual(made["state"], "failed")
        self.again()
        self.restored()
        self.assertEqual(self.file_count(), 0)


class Made(Restarting):
    """Files that are made of files."""

    OPTIONS = ["store.max_open_files=16"]

    def order(self, ids, **more):
        """Ask for an archive of files."""
        return self.http("POST", "/files/zip",
                         {"Content-Type": "application/json"},
                         json.dumps({"files": ids, **more}).encode())

    def assert_archive(self, data, files):
        """An archive of just these."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertEqual(
                {name: archive.read(name) for name in archive.namelist()},
                files)

    def test_archive_of_files_that_are_not_open(self):
        files = {f"f{i}": content(100 + i, i) for i in range(60)}
        for name, data in files.items():
            self.upload(data, f"/files/{name}")
        self.again()
        # Some are known by then, some are not.
        answer = self.order(list(files))
        self.assertEqual(answer.status, 200)
        self.assert_archive(answer.body, files)
        self.assert_problem(self.order(["f1", "f60"]), 404)
        self.assert_problem(self.order(["f1", "no such"]), 404)
        until(lambda: self.metric("files_open") <= 17, "files to be closed")

    def test_saved_archive(self):
        self.upload(SMALL, "/files/a")
        self.upload(LARGE, "/files/b")
        made = self.json(self.order(["a", "b"], save=True), 201)
        made = self.json(
            self.http("GET", f"/files/{made['id']}/info?wait=60"), 200)
        self.assertEqual(made["state"], "ready")
        self.again()
        answer = self.http("GET", f"/files/{made['id']}")
        self.assert_archive(answer.body, {"a": SMALL, "b": LARGE})
        self.assertEqual(answer.get("ETag"), made["etag"])

    def test_saved_entry(self):
        self.upload(sample_zip(), "/files/z")
        name, data = next((n, d) for n, d in BY_NAME.items() if len(d) > 100)
        made = self.json(
            self.http("POST", f"/files/z/zip/{quote(name)}?save"), 201)
        self.again()
        self.assert_content(made["id"], data)
        self.assertEqual(self.info(made["id"])["source"]["kind"], "zip")


class Failing(Restarting):
    """A disk on which nothing can be waited for any more, for a while."""

    def setUp(self):
        super().setUp()
        self.daemon.stop()
        shadow = os.path.join(self.dir, "shadow")
        os.mkdir(shadow)
        self.broken = os.path.join(shadow, "broken")
        self.daemon = Daemon("store.durability=fsync", dir=self.dir,
                             env=powerloss(shadow))
        self.addCleanup(self.daemon.kill)
        self.upload(SMALL, "/files/old")

    def break_it(self, broken=True):
        """From now on."""
        if broken:
            open(self.broken, "wb").close()
        else:
            os.unlink(self.broken)

    def test_uploads_fail(self):
        self.break_it()
        for method, target in (("POST", "/files"), ("PUT", "/files/new"),
                               ("PUT", "/files/old")):
            self.assert_problem(
                self.http(method, target, (), LARGE), 507)
        self.assertEqual(self.info("new"), None)
        self.assert_content("old", SMALL)
        self.assertEqual(self.kept(), ["old"])
        self.assertGreaterEqual(
            self.metric("store_sync_failures_total"), 3)
        self.break_it(False)
        self.upload(LARGE, "/files/new")
        self.upload(LARGE, "/files/old")
        self.assert_content("old", LARGE)

    def test_deletions_fail(self):
        self.break_it()
        self.assert_problem(self.http("DELETE", "/files/old"), 507)
        self.break_it(False)
        self.assertEqual(self.http("DELETE", "/files/old").status, 204)
        self.assertEqual(self.info("old"), None)
        self.assertEqual(self.kept(), [])

    def test_resumable_ones_fail(self):
        tus = {"Tus-Resumable": "1.0.0"}
        create = {**tus, "Upload-Length": "100"}
        url = self.http("POST", "/files", create).get("Location")
        self.break_it()
        self.assert_problem(self.http("POST", "/files", create), 507)
        patch = {**tus, "Upload-Offset": "0",
                 "Content-Type": "application/offset+octet-stream"}
        answer = self.http("PATCH", url, patch, SMALL[:10])
        self.assert_problem(answer, 507)
        # What the disk has of it nobody knows, and nobody tries.
        self.break_it(False)
        self.assertEqual(self.http("HEAD", url, tus).status, 410)
        self.assertGreaterEqual(
            self.http("PATCH", url, patch, b"x").status, 400)
        answer = self.http("POST", "/files", create)
        self.assertEqual(answer.status, 201)


class Directory(Restarting):
    """The directory itself."""

    def second(self, how=HOW, env=()):
        """Start another daemon on it, which must not: what it says."""
        code, _, err = daemons.run_program(
            "-c", "/dev/null", "-o", "server.listen=127.0.0.1:0",
            "-o", f"spool.dir={self.daemon.spool}", "-o", how, env=env)
        self.assertEqual(code, 1, err)
        self.assertIn(self.daemon.spool, err)
        return err

    def check(self, *args, code=0):
        """Run --check-spool: what it prints."""
        got, out, err = daemons.run_program(
            "-c", "/dev/null", "-o", f"spool.dir={self.daemon.spool}",
            "--check-spool", *args)
        self.assertEqual(got, code, out + err)
        return out

    def test_one_daemon_at_a_time(self):
        self.assertIn("another spillwayd", self.second())
        self.assertIn("another spillwayd", self.check(code=1))
        self.upload(SMALL, "/files/a")
        self.daemon.kill()
        self.run_daemon()
        self.assert_content("a", SMALL)
        # Nor may one that keeps nothing be there by mistake.
        self.assertIn("another spillwayd",
                      self.second("store.durability=none"))
        self.assert_content("a", SMALL)
        # Several of those may share it.
        self.daemon.stop()
        for _ in range(2):
            other = Daemon(dir=self.dir)
            self.addCleanup(other.kill)

    def test_another_version(self):
        self.daemon.stop()
        with open(os.path.join(self.daemon.spool, "meta"), "w",
                  encoding="ascii") as file:
            file.write("spillway-store 1\nflushed 00000001763700000000\n")
        self.assertIn("version", self.second())

    def test_file_system_without_what_it_needs(self):
        self.daemon.stop()
        fault = faults.Faults(self.dir)
        fault.fail(faults.META, errno.EOPNOTSUPP)
        self.assertIn("extended attributes", self.second(env=fault.env))
        fault.stop()
        self.run_daemon()

    def test_check(self):
        self.upload(SMALL, "/files/a?digest=sha-256")
        self.upload(SMALL, "/files/b")
        self.upload(SMALL, "/files/c")
        self.daemon.kill()
        self.assertIn("3 files and 0 open uploads are well, 0 are not",
                      self.check())
        with open(self.path("a"), "r+b") as file:
            file.write(b"other")
        os.truncate(self.path("b"), 7)
        out = self.check(code=1)
        self.assertIn("file a: its content", out)
        self.assertIn("file b: not as long", out)
        self.assertEqual(self.kept(), ["a", "b", "c"])
        self.check("--repair")
        self.assertEqual(self.kept(), ["c"])
        self.assertIn("1 files and 0 open uploads are well, 0 are not",
                      self.check())
        code, _, err = daemons.run_program("--repair")
        self.assertEqual(code, 2, err)
        self.run_daemon()
        self.assert_content("c", SMALL)

    def test_from_one_promise_to_another(self):
        self.upload(SMALL, "/files/a")
        self.again(how="store.durability=fsync")
        self.upload(SMALL, "/files/b")
        self.again(how="store.durability=none")
        self.assert_problem(self.http("GET", "/files/a"), 404)
        self.again()
        self.assert_content("a", SMALL)
        self.assert_content("b", SMALL)

    def test_readiness(self):
        self.restored()
        self.assertEqual(self.http("GET", "/readyz").body, b"ready\n")
        self.assertEqual(self.metric("files_restored_total"), 0)
        self.upload(SMALL, "/files/a")
        self.assertEqual(self.metric("files_kept_total"), 1)
        self.again(kill=False)
        self.restored()
        self.assertEqual(self.metric("files_restored_total"), 1)
        self.assertEqual(json.loads(self.http(
            "GET", "/files").body)["files"][0]["id"], "a")


main()
