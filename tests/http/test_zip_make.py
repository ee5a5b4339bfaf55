# SPDX-License-Identifier: MIT
"""Files out of zip archives, and zip archives out of files.

Source: API.md section 5; APPNOTE 4.3, 4.4, 4.5.
"""
import io
import json
import os
import subprocess
import tempfile
import zipfile
from urllib.parse import quote

from harness import Case, Truncated, main, need, table, until
from samples import content, raw_zip, sample_zip, sha256, text
from zips import BY_NAME, FILES, Zips, deflate


class Save(Zips, Case):
    """POST /files/{id}/zip/{name}?save"""

    OPTIONS = ["zip.max_ratio=1000", "store.max_file_size=4M"]

    def save(self, target, query="save", of="z"):
        """Make an entry a file."""
        return self.http("POST", f"/files/{of}/zip/{target}?{query}")

    @table(*[(name, index, name, data) for index, name, data in FILES])
    def test_entry(self, index, name, data):
        for target, query in ((quote(name, safe=""), "save"),
                              ("", f"index={index}&save")):
            answer = self.save(target, query)
            made = self.json(answer, 201)
            self.assert_descriptor(made, state="ready", size=len(data))
            self.assertEqual(made["source"]["kind"], "zip")
            self.assertEqual(answer.get("Location"), f"/files/{made['id']}")
            self.assert_content(made["id"], data)
        if name == "readme.txt":
            self.assertEqual(made["name"], "readme.txt")
            self.assertRegex(made["type"], "^text/plain")

    def test_terms(self):
        made = self.json(self.save(
            "readme.txt", "save&name=other.bin&ttl=100&reads=1"), 201)
        self.assertEqual(made["name"], "other.bin")
        for status in (200, 410):
            answer = self.http("GET", f"/files/{made['id']}")
            self.assertEqual(answer.status, status)

    @table(("asked", "&digest=sha-256", {}, ["sha-256"], ["sha-256"]),
           ("two", "&digest=sha-512,crc32c", {}, ["sha-512", "crc32c"],
            ["sha-512", "crc32c"]),
           ("wanted", "", {"Want-Repr-Digest": "sha-512=9"}, ["sha-512"],
            ["sha-512"]),
           ("neither", "", {}, [], []))
    def test_digests(self, query, headers, told, kept):
        # As an upload of the same bytes is answered.
        data = BY_NAME["readme.txt"]
        uploaded = self.http("POST", "/files?" + query[1:], headers, data)
        answer = self.http("POST", f"/files/z/zip/readme.txt?save{query}",
                           headers)
        made = self.json(answer, 201)
        self.assertEqual(made["digest"], self.json(uploaded, 201)["digest"])
        self.assertEqual(list(made["digest"] or {}), kept)
        self.assertEqual(answer.get("Repr-Digest"),
                         uploaded.get("Repr-Digest"))
        self.assertEqual([item.split("=")[0] for item in
                          (answer.get("Repr-Digest") or "").split(", ")],
                         told or [""])

    def test_outlives_the_archive(self):
        made = self.json(self.save("stored.bin"), 201)
        self.http("DELETE", "/files/z")
        self.assert_content(made["id"], BY_NAME["stored.bin"])

    def test_zip_in_zip(self):
        inner = sample_zip()
        middle = raw_zip([{"name": b"in.zip", "data": inner, "method": 8,
                           "packed": deflate(inner)}])
        self.upload(raw_zip([{"name": b"mid.zip", "data": middle}]),
                    "/files/out")
        name = "out"
        for entry in ("mid.zip", "in.zip"):
            name = self.json(self.save(entry, of=name), 201)["id"]
        self.assertEqual([e["name"] for e in self.list("", name)],
                         list(BY_NAME))
        self.assert_same(self.entry("deep/er/big.txt", of=name).body,
                         BY_NAME["deep/er/big.txt"])

    @table(("no save", "readme.txt", "", 400), ("no entry", "nope", "save",
                                                404),
           ("the listing", "", "save", 400),
           ("a folder", quote("folder/", safe=""), "save", 404),
           ("bad ttl", "readme.txt", "save&ttl=x", 400),
           ("bad digest", "readme.txt", "save&digest=x", 400),
           ("bad name", "a%zz", "save", 400))
    def test_refused(self, target, query, status):
        before = self.file_count()
        self.assert_problem(self.save(target, query), status)
        self.assertEqual(self.file_count(), before)

    def test_content_is_refused(self):
        answer = self.http("POST", "/files/z/zip/readme.txt?save", body=b"x")
        self.assert_problem(answer, 400)

    @table(("wrong crc", {"crc": 1}, "corrupt-zip"),
           ("bomb", {"data": bytes(3000000), "method": 8,
                     "packed": deflate(bytes(3000000))}, "zip-limit"),
           ("too large", {"data": content(1000) * 5000, "method": 8,
                          "packed": deflate(content(1000) * 5000)},
            "too-large"),
           ("claims too much", {"data": b"hello", "method": 8,
                                "packed": deflate(b"hello"),
                                "size": 0xfffffff0}, "corrupt-zip"),
           ("cut short", {"data": bytes(1000), "method": 8,
                          "packed": deflate(content(900)), "crc": 0},
            "corrupt-zip"))
    def test_nothing_is_kept(self, how, problem):
        self.upload(raw_zip([{"name": b"a", "data": b"hello", **how}]),
                    "/files/bad")
        before = self.file_count()
        answer = self.save("a", of="bad")
        self.assert_problem(answer, answer.status, problem)
        self.assertEqual(self.file_count(), before)

    def test_client_that_leaves(self):
        data = text(3000000)
        self.upload(raw_zip([{"name": b"a", "data": data, "method": 8,
                              "packed": deflate(data)}]), "/files/big")
        before = self.file_count()
        for _ in range(5):
            conn = self.conn()
            conn.send_request("POST", "/files/big/zip/a?save",
                              {"Content-Length": "0"})
            conn.reset()
        until(lambda: self.metric("zip_active") == 0, "all to end")
        self.assertLessEqual(self.file_count(), before + 5)


FILES_MADE = {"a": text(5000, 1), "b": b"", "c": content(200000, 2),
              "d": text(300000, 3) * 10}


class SaveAlways(Zips, Case):
    """And all files have a digest."""

    OPTIONS = ["store.digest=always"]

    def test_digest(self):
        answer = self.http("POST", "/files/z/zip/stored.bin?save")
        self.assertEqual(self.json(answer, 201)["digest"],
                         {"sha-256": sha256(BY_NAME["stored.bin"])})
        self.assertIsNone(answer.get("Repr-Digest"))

    def test_archive(self):
        answer = self.http("POST", "/files/zip?save", body=b'{"files":["z"]}')
        made = self.json(answer, 201)
        self.wait_state(made["id"], "ready")
        whole = self.http("GET", f"/files/{made['id']}").body
        self.assertEqual(self.info(made["id"])["digest"],
                         {"sha-256": sha256(whole)})


class Build:
    """POST /files/zip"""

    def setUp(self):
        for name, data in FILES_MADE.items():
            self.upload(data, f"/files/{name}")

    def build(self, order, query="", headers=()):
        """Ask for an archive."""
        return self.http("POST", f"/files/zip{query}",
                         {"Content-Type": "application/json", **dict(headers)},
                         json.dumps(order).encode())

    def assert_archive(self, data, members, deflated):
        """It is what python makes of it."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.namelist(), list(members))
            for info in archive.infolist():
                self.assert_same(archive.read(info), members[info.filename])
                self.assertEqual(info.compress_type, 8 if deflated else 0)
                self.assertEqual(info.external_attr >> 16, 0o100644)
                self.assertGreaterEqual(info.date_time[0], 2024)

    @table(("store", False), ("deflate", True))
    def test_answer(self, deflated):
        members = {f"folder/{name}ü": data
                   for name, data in FILES_MADE.items()}
        answer = self.build({
            "files": [{"id": name[7], "name": name} for name in members],
            "method": "deflate" if deflated else "store",
            "name": "all.zip"})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.get("Content-Type"), "application/zip")
        self.assertIn("all.zip", answer.get("Content-Disposition"))
        self.assertEqual(answer.get("Content-Length") is None, deflated)
        self.assert_archive(answer.body, members, deflated)

    @table(("store", False), ("deflate", True))
    def test_file(self, deflated):
        answer = self.build({
            "files": list(FILES_MADE), "save": True, "name": "all.zip",
            "method": "deflate" if deflated else "store"}, "?ttl=1000")
        made = self.json(answer, 201)
        self.assertEqual(made["name"], "all.zip")
        self.assertEqual(made["source"]["kind"], "zip")
        if not deflated:
            self.assertIsNotNone(made["size"])
        whole = self.http("GET", f"/files/{made['id']}").body
        self.assert_archive(whole, FILES_MADE, deflated)
        self.wait_state(made["id"], "ready")
        if not deflated:
            self.assertEqual(made["size"], len(whole))
        part = self.http("GET", f"/files/{made['id']}",
                         {"Range": "bytes=100-199"})
        self.assertEqual((part.status, part.body), (206, whole[100:200]))
        # And it is an archive here, too, with nothing to be told of it.
        page = self.json(self.http("GET", f"/files/{made['id']}/zip"))
        self.assertEqual((page["warnings"], page["headers_checked"]),
                         ([], True))
        for name, data in FILES_MADE.items():
            self.assert_same(self.http(
                "GET", f"/files/{made['id']}/zip/{name}").body, data)

    @table(("asked", "?digest=sha-256", {}), ("two", "?digest=md5,crc32c", {}),
           ("wanted", "", {"Want-Repr-Digest": "sha-512=9"}),
           ("neither", "", {}))
    def test_digests(self, query, headers):
        # As an upload of the same bytes has them, once it is whole.
        order = {"files": list(FILES_MADE), "save": True}
        made = self.json(self.build(order, query, headers), 201)
        self.wait_state(made["id"], "ready")
        whole = self.http("GET", f"/files/{made['id']}").body
        uploaded = self.http("POST", f"/files{query}", headers, whole)
        self.assertEqual(self.info(made["id"])["digest"],
                         self.json(uploaded, 201)["digest"])

    def test_bad_digest(self):
        before = self.file_count()
        answer = self.build({"files": ["a"], "save": True}, "?digest=x")
        self.assert_problem(answer, 400)
        self.assertEqual(self.file_count(), before)

    def test_same_bytes(self):
        order = {"files": list(FILES_MADE)}
        self.assert_same(self.build(order).body, self.build(order).body)

    def test_own_names(self):
        made = self.upload(b"hello", "/files?name=hi.txt")
        answer = self.build({"files": [made["id"], "a"]})
        self.assert_archive(answer.body, {"hi.txt": b"hello",
                                          "a": FILES_MADE["a"]}, False)

    def test_empty(self):
        self.assert_archive(self.build({"files": []}).body, {}, False)

    def test_many(self):
        # More than a directory without zip64 can count.
        count = 66000
        order = {"files": [{"id": "b", "name": f"{i}"}
                           for i in range(count)]}
        answer = self.build(order)
        self.assertEqual(answer.status, 200, answer)
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            self.assertEqual(len(archive.namelist()), count)
        self.upload(answer.body, "/files/many")
        page = self.json(self.http("GET", "/files/many/zip?limit=1"))
        self.assertEqual((page["count"], [w["kind"] for w in
                                          page["warnings"]]),
                         (count, ["zip64"]))

    def test_other_programs(self):
        need("unzip", "7zz")
        for method in ("store", "deflate"):
            data = self.build({"files": list(FILES_MADE),
                               "method": method}).body
            with tempfile.TemporaryDirectory() as folder:
                with open(f"{folder}/a.zip", "wb") as file:
                    file.write(data)
                for command in (["unzip", "-tqq", "a.zip"],
                                ["7zz", "t", "a.zip"],
                                ["unzip", "-qq", "a.zip"]):
                    subprocess.run(command, cwd=folder, check=True,
                                   capture_output=True, timeout=60)
                for name, want in FILES_MADE.items():
                    with open(f"{folder}/{name}", "rb") as file:
                        self.assert_same(file.read(), want)
                    self.assertEqual(
                        os.stat(f"{folder}/{name}").st_mode & 0o777, 0o644)

    @table(("no JSON", b"{", 400), ("a list", b"[]", 400),
           ("no files", b"{}", 400), ("files no list", b'{"files":{}}', 400),
           ("a number", b'{"files":[1]}', 400),
           ("no id", b'{"files":[{"name":"x"}]}', 400),
           ("name a number", b'{"files":[{"id":"a","name":1}]}', 400),
           ("unknown member", b'{"files":[],"x":1}', 400),
           ("method", b'{"files":[],"method":"lzma"}', 400),
           ("save", b'{"files":[],"save":1}', 400),
           ("twice", b'{"files":[],"files":[]}', 400),
           ("unknown file", b'{"files":["nope"]}', 404),
           ("parent", b'{"files":[{"id":"a","name":"../x"}]}', 422),
           ("absolute", b'{"files":[{"id":"a","name":"/x"}]}', 422),
           ("empty name", b'{"files":[{"id":"a","name":""}]}', 422),
           ("folder", b'{"files":[{"id":"a","name":"x/"}]}', 422),
           ("twins", b'{"files":["a","a"]}', 422),
           ("too much", b'{"files":["' + b"a" * 5000000 + b'"]}', 413))
    def test_refused(self, body, status):
        answer = self.http("POST", "/files/zip", body=body)
        self.assert_problem(answer, status)

    @table(("empty", "", "is empty"), ("absolute", "/x", "begins with"),
           ("folder", "x/", "ends in a slash"), ("parent", "x/..", "'..'"),
           ("this", "./y", "'.'"), ("this inside", "x/./y", "'.'"),
           ("nothing between", "x//y", "empty part"),
           ("drive", "C:x", "drive"), ("backslash", "x\\y", "backslash"),
           ("control", "x\ny", "control"), ("NUL", "x\0y", "control"),
           ("direction", "x\u202ey", "laid out"),
           ("long", "x" * 65536, "65535"))
    def test_bad_name(self, name, why):
        answer = self.build({"files": [{"id": "a", "name": name}]})
        problem = self.assert_problem(answer, 422, "invalid")
        self.assertIn(why, problem["detail"])

    @table(("a file and below it", ["d", "d-", "d/x"], "folder"),
           ("far below", ["x/y/z", "d/x/y", "e", "d"], "folder"),
           ("twins", ["d/x", "d-", "d/x"], "Two"),
           ("neighbours", ["d-", "d/x", "d.", "dd/x", "e"], None))
    def test_names_together(self, names, why):
        answer = self.build({"files": [{"id": "a", "name": name}
                                       for name in names]})
        if not why:
            self.assertEqual(answer.status, 200, answer)
            return
        problem = self.assert_problem(answer, 422, "invalid")
        self.assertIn(why, problem["detail"])
        self.assertIn("'d", problem["detail"])

    @table(("id", {"files": ["a\0"]}, 404),
           ("method", {"files": [], "method": "store\0"}, 400),
           ("name", {"files": [], "name": "a\0b"}, 200))
    def test_nul(self, order, status):
        # It is none of the JSON library's business.
        answer = self.build(order)
        self.assertEqual(answer.status, status)
        self.assertNotIn(b"JSON", answer.body)

    @table(("alone", {}), ("and told", {"save": True}),
           ("and not told", {"save": False}))
    def test_save_in_the_query(self, more):
        made = self.json(self.build({"files": ["a"], **more}, "?save"), 201)
        self.wait_state(made["id"], "ready")
        whole = self.http("GET", f"/files/{made['id']}").body
        self.assert_archive(whole, {"a": FILES_MADE["a"]}, False)

    def test_type(self):
        answer = self.http("POST", "/files/zip",
                           {"Content-Type": "text/plain"}, b"{}")
        self.assert_problem(answer, 415)

    def test_file_that_comes(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/coming", {"Content-Length": "10"})
        conn.send(b"hello")
        self.wait_received("coming", 5)
        self.assert_problem(self.build({"files": ["coming"]}), 409)
        conn.send(b"hello")
        self.assertIn(conn.read().status, (200, 201))

    def test_deleted_meanwhile(self):
        conn = self.conn(rcvbuf=4096)
        body = json.dumps({"files": ["c", "d"]}).encode()
        conn.send_request("POST", "/files/zip",
                          {"Content-Length": str(len(body))}, None)
        conn.send(body)
        conn.read_head()
        for name in "cd":
            self.assertEqual(self.http("DELETE", f"/files/{name}").status,
                             204)
        try:
            made = conn.read_body()
        except Truncated:
            # Those that survive are opened in turn, and it was not theirs.
            self.assertIn("store.durability", os.environ["SPW_OPTIONS"])
            return
        self.assert_archive(made, {"c": FILES_MADE["c"],
                                   "d": FILES_MADE["d"]}, False)

    def test_clients_that_leave(self):
        body = json.dumps({"files": list(FILES_MADE)}).encode()
        for turn in range(10):
            conn = self.conn(rcvbuf=4096)
            conn.send_request("POST", "/files/zip",
                              {"Content-Length": str(len(body))}, None)
            conn.send(body)
            if turn % 2:
                conn.read_head()
            conn.reset()
        until(lambda: self.metric("zip_active") == 0, "all to end")

    def test_a_file_called_zip(self):
        self.upload(b"mine", "/files/zip", method="PUT")
        self.assertEqual(self.http("GET", "/files/zip").body, b"mine")
        self.assertEqual(self.build({"files": ["zip"]}).status, 200)
        self.http("DELETE", "/files/zip")


class Memory(Build, Case):
    """Files in memory."""

    OPTIONS = ["spool.memory_max=16M", "zip.max_order=4M"]


class Disk(Build, Case):
    """Files on disk."""

    OPTIONS = ["spool.memory_max=0", "zip.max_order=4M"]


class Limits(Case):
    """What is too much."""

    OPTIONS = ["zip.max_entries=3", "zip.max_order=1K",
               "store.max_file_size=10K"]

    def test_entries(self):
        self.upload(b"x", "/files/x")
        for count, status in ((3, 200), (4, 422)):
            order = {"files": [{"id": "x", "name": str(i)}
                               for i in range(count)]}
            answer = self.http("POST", "/files/zip",
                               body=json.dumps(order).encode())
            self.assertEqual(answer.status, status)

    def test_order(self):
        answer = self.http("POST", "/files/zip", body=b" " * 2000)
        self.assert_problem(answer, 413)

    def test_file(self):
        for name in "ab":
            self.upload(content(6000), f"/files/{name}")
        order = {"files": ["a", "b"], "save": True}
        self.assert_problem(self.http(
            "POST", "/files/zip", body=json.dumps(order).encode()), 413)
        order = {"files": ["a", "b"], "save": True, "method": "deflate"}
        made = self.json(self.http(
            "POST", "/files/zip", body=json.dumps(order).encode()), 201)
        # How long it gets is not known before: it fails on its way.
        error = self.wait_state(made["id"], "failed")["source"]["error"]
        self.assertEqual((error["type"], error["status"]),
                         ("/problems/too-large", 413))
        self.assertIn("longer than a file may be", error["detail"])


if __name__ == "__main__":
    main()
