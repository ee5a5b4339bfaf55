# SPDX-License-Identifier: MIT
"""Resumable uploads that were under way when their daemon ended.

Source: API.md section 2; tus 1.0.0; draft-ietf-httpbis-resumable-upload.
"""
import hashlib
import os
import time

from harness import Worker, main, table, until
from restarting import Restarting
from resuming import (INTEROP, OFFSET_TYPE, PARTIAL_TYPE, TUS, IetfCase,
                      TusCase, encode)
from samples import content
from wire import encode_chunk

SMALL, LARGE = content(5000, 71), content(3000000, 72)


class Tus(Restarting, TusCase):
    """Uploads of tus that were under way."""

    OPTIONS = ["spool.memory_max=64K"]

    @table(("killed", True), ("ended", False))
    def test_goes_on(self, kill):
        url = self.create(len(LARGE), Upload_Metadata="filename Zm9v")
        self.assertEqual(self.offset(url), 0)
        self.again(kill=kill)
        self.assertEqual(self.offset(url), 0)
        self.append(url, 0, LARGE[:1000])
        self.again(kill=kill)
        head = self.head(url)
        self.assertEqual(head.get("Upload-Offset"), "1000")
        self.assertEqual(head.get("Upload-Length"), str(len(LARGE)))
        self.assertEqual(head.get("Upload-Metadata"), "filename Zm9v")
        self.append(url, 1000, LARGE[1000:2000000])
        self.again(kill=kill)
        self.append(url, 2000000, LARGE[2000000:])
        self.assert_upload(url, LARGE)
        self.again(kill=kill)
        self.assert_upload(url, LARGE)
        # Its client may not have had the last answer.
        self.assertEqual(self.offset(url), len(LARGE))
        self.assertEqual(self.head(url).get("Upload-Metadata"),
                         "filename Zm9v")
        self.assertEqual(self.info(url.removeprefix("/files/"))["name"],
                         "foo")
        self.assertEqual(self.kept(), [url.removeprefix("/files/")])

    def test_cut_ones_keep_their_prefix(self):
        url = self.create(len(LARGE))
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(LARGE))}, LARGE[:1500000])
        self.wait_received(url.removeprefix("/files/"), 1500000)
        conn.close()
        self.until_idle()
        self.assertEqual(self.offset(url), 1500000)
        self.again()
        self.assertEqual(self.offset(url), 1500000)
        self.append(url, 1500000, LARGE[1500000:])
        self.assert_upload(url, LARGE)

    def test_a_stop_keeps_their_prefix(self):
        self.again("server.drain_timeout=0")
        url = self.create(len(LARGE))
        self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(LARGE))}, LARGE[:1500000])
        self.wait_received(url.removeprefix("/files/"), 1500000)
        self.again(kill=False)
        self.assertEqual(self.offset(url), 1500000)

    def test_told_while_it_runs(self):
        url = self.create(len(LARGE))
        self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(LARGE))}, LARGE[:1500000])
        self.wait_received(url.removeprefix("/files/"), 1500000)
        told = self.offset(url)
        self.assertEqual(told, 1500000)
        self.again()
        self.assertEqual(self.offset(url), told)

    def test_deferred_length(self):
        url = self.create(Upload_Defer_Length="1")
        self.append(url, 0, SMALL)
        self.again()
        self.assertEqual(self.head(url).get("Upload-Defer-Length"), "1")
        self.append(url, len(SMALL), b"",
                    {"Upload-Length": str(2 * len(SMALL))})
        self.again()
        self.assertEqual(self.head(url).get("Upload-Length"),
                         str(2 * len(SMALL)))
        self.append(url, len(SMALL), SMALL)
        self.assert_upload(url, SMALL + SMALL)

    @table(("right", LARGE, 204), ("wrong", SMALL, 422))
    def test_digest_of_the_whole(self, told, status):
        digest = encode(hashlib.sha256(told).digest())
        url = self.create(len(LARGE), Repr_Digest=f"sha-256=:{digest}:")
        self.append(url, 0, LARGE[:2000])
        self.again()
        answer = self.patch(url, 2000, LARGE[2000:])
        self.assertEqual(answer.status, status, answer)
        if status == 204:
            self.assertEqual(answer.get("Repr-Digest"),
                             f"sha-256=:{digest}:")

    def test_parts(self):
        one, two = self.partial(LARGE), self.create(
            len(SMALL), Upload_Concat="partial")
        self.append(two, 0, SMALL[:100])
        self.again()
        self.restored()
        # They are no files of their own.
        self.assertEqual(self.file_count(), 0)
        self.assertEqual(self.head(one).get("Upload-Concat"), "partial")
        self.append(two, 100, SMALL[100:])
        self.again()
        self.restored()
        answer = self.final([one, two])
        self.assertEqual(answer.status, 201)
        final = answer.get("Location")
        self.assert_upload(final, LARGE + SMALL)
        self.again()
        self.assert_upload(final, LARGE + SMALL)
        self.assertEqual(self.head(final).get("Upload-Concat"),
                         f"final;{one} {two}")

    def test_parts_of_which_nothing_is_known_yet(self):
        one, two = self.partial(LARGE), self.partial(SMALL)
        # Enough to look through for the parts not to be among the first.
        self.upload(SMALL, "/files/many")
        self.daemon.kill()
        for i in range(10000):
            os.link(self.path("many"), self.path(f"many{i}"))
        key = {"Idempotency-Key": "k"}

        def first():
            try:
                return self.final([one, two, one], key)
            except OSError:
                return None     # there is none yet
        soon = Worker(until, first, "the first answer")
        self.run_daemon("server.listen=%s:%d" % self.daemon.address)
        answer = soon.result()
        self.assertEqual(answer.status, 201, answer)
        self.assert_upload(answer.get("Location"), LARGE + SMALL + LARGE)
        again = self.final([one, two, one], key)
        self.assertEqual(again.get("Location"), answer.get("Location"))
        for other in ("/files/nosuch", "/files/many0", "/x"):
            self.assert_problem(self.final([one, other]), 400)

    def test_complete_and_not_open(self):
        url = self.create(len(SMALL))
        self.append(url, 0, SMALL)
        headers = {**TUS, **OFFSET_TYPE, "Upload-Offset": "3"}
        self.again()
        self.restored()
        self.assertEqual(self.metric("files_open"), 0)
        # What the disk says comes before 100, too.
        self.refused(409, "PATCH", url, headers, SMALL)
        self.again()
        self.restored()
        self.assertEqual(self.tus("PATCH", url, headers, SMALL).status, 409)
        self.again()
        self.restored()
        chunked = {**headers, "Transfer-Encoding": "chunked"}
        self.assertEqual(
            self.tus("PATCH", url, chunked, encode_chunk(SMALL) +
                     encode_chunk(b"")).status, 409)
        self.assert_upload(url, SMALL)

    def test_what_is_said_of_them_counts(self):
        # One is complete, one is open.
        long = f"filename {encode('n' * 1000)}"
        for length in (0, 10):
            self.create(length, Upload_Metadata=long)
        self.again()
        self.restored()
        # Of content there is nothing.
        taken = self.metric('spool_bytes{tier="memory"}')
        self.assertGreater(taken, 2 * 1000)
        for url in self.pages("/files", "files"):
            self.http("DELETE", url["links"]["self"])
        until(lambda: self.metric('spool_bytes{tier="memory"}') == 0,
              "the memory to be given back")

    def test_all_that_is_said_is_kept(self):
        said = f"x {encode('n' * 2330)}"
        urls = [self.create(length, Upload_Metadata=said)
                for length in (0, 10)]
        self.append(urls[1], 0, SMALL[:5])
        # What could not be told of later is not taken.
        answer = self.tus("POST", "/files", {
            "Upload-Length": "10",
            "Upload-Metadata": f"x {encode('n' * 2500)}"})
        problem = self.assert_problem(answer, 413, "too-large")
        self.assertEqual(problem["limit"], 3150)
        self.again()
        for url in urls:
            self.assertEqual(
                self.tus("HEAD", url).get("Upload-Metadata"), said)

    def test_deleted(self):
        url = self.create(len(LARGE))
        self.append(url, 0, SMALL)
        self.assertEqual(self.tus("DELETE", url).status, 204)
        self.again()
        self.assertEqual(self.tus("HEAD", url).status, 404)
        self.assertEqual(
            [n for n in os.listdir(self.daemon.spool)
             if n.endswith((".keep", ".spool"))], [])

    def test_expired_meanwhile(self):
        self.again("upload.expire=1s")
        url = self.create(10)
        self.daemon.kill()
        time.sleep(1.1)
        self.run_daemon()
        self.assertEqual(self.tus("HEAD", url).status, 404)
        self.assertEqual(
            [n for n in os.listdir(self.daemon.spool)
             if n.endswith((".keep", ".spool"))], [])

    def test_one_that_is_damaged(self):
        url, other = self.create(10), self.create(10)
        self.append(other, 0, b"12345")
        self.daemon.kill()
        name = url.removeprefix("/files/")
        with open(os.path.join(self.daemon.spool, f"{name}.keep"),
                  "wb") as file:
            file.write(b"nonsense")
        self.run_daemon()
        self.assertEqual(self.tus("HEAD", url).status, 404)
        self.assertEqual(self.offset(other), 5)
        self.assertEqual(self.metric("files_damaged_total"), 1)
        self.assertEqual(self.metric("uploads_restored_total"), 1)


class Ietf(Restarting, IetfCase):
    """The IETF's."""

    def test_goes_on(self):
        url = self.create(LARGE[:1000000])
        self.again()
        for headers in ({}, INTEROP):
            answer = self.http("HEAD", url, headers)
            self.assertEqual(answer.get("Upload-Offset"), "1000000")
            self.assertEqual(answer.get("Upload-Complete"), "?0")
        answer = self.http("PATCH", url, {
            **INTEROP, **PARTIAL_TYPE, "Upload-Offset": "1000000",
            "Upload-Complete": "?1"}, LARGE[1000000:])
        self.assertEqual(answer.status, 201, answer)
        self.again()
        self.assert_content(url.removeprefix("/files/"), LARGE)
        answer = self.http("HEAD", url)
        self.assertEqual(answer.get("Upload-Offset"), str(len(LARGE)))
        self.assertEqual(answer.get("Upload-Complete"), "?1")


main()
