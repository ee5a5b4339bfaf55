# SPDX-License-Identifier: MIT
"""tus-js-client, the reference client of tus, in Node.

Uploads are paused, cut and taken up again, by the daemon that has them or, with
store.durability, by the next one.

Source: API.md section 2; tus 1.0.0.
"""
import json
import os

from programs import HERE, NodeCase, Worker, main, table, until
from samples import content

MIB = 1 << 20
DATA = content(24 * MIB, 61)
SMALL = content(300000, 62)
# Of four parallel parts no three are so long: all of them have begun.
MIDDLE = 19 * MIB + 12345


class TusJs(NodeCase):
    """Uploads whose bytes are looked at afterwards."""

    # Of what a test sends half stays in memory, and half goes to disk.
    OPTIONS = ["spool.memory_max=1M", "store.durability=restart"]

    def setUp(self):
        super().setUp()
        self.before = self.file_count()

    def upload_file(self, data=None, options=None, code=0, **more):
        """Upload these bytes, or the file of before."""
        if data is not None:
            self.write("f.bin", data)
        job = {"file": self.path("f.bin"), "endpoint": self.url("/files"),
               "options": options or {}, **more}
        out = self.run_tool("node", str(HERE / "tus.js"), json.dumps(job),
                            code=code, **self.node)
        return json.loads(out)

    def assert_done(self, done, data):
        """It is stored, and nothing else is: no part, no second upload."""
        self.assertIsNone(done["error"])
        self.assert_stored(done["url"], data)
        self.assertEqual(self.file_count(), self.before + 1)

    @table(("nothing", b""), ("one byte", b"x"), ("small", SMALL),
           ("large", DATA))
    def test_plain(self, data):
        self.assert_done(self.upload_file(data), data)

    @table(("creation with upload", {"uploadDataDuringCreation": True}),
           ("chunks", {"chunkSize": 70001}),
           ("chunks from the creation on",
            {"chunkSize": 70001, "uploadDataDuringCreation": True}),
           ("POST for PATCH", {"overridePatchMethod": True}),
           ("request ids", {"addRequestId": True}))
    def test_options(self, options):
        self.assert_done(self.upload_file(SMALL, options), SMALL)

    def test_metadata(self):
        done = self.upload_file(SMALL, {"metadata": {
            "filename": "naïve plän.txt", "filetype": "text/x-plan",
            "other": ""}})
        made = self.assert_stored(done["url"], SMALL)
        self.assertEqual((made["name"], made["type"]),
                         ("naïve plän.txt", "text/x-plan"))

    @table(("one chunk", SMALL), ("large", DATA))
    def test_deferred_length(self, data):
        # Not at sizes that chunks divide, nor 0: tus-js-client 4.3.1 then
        # waits for ever for its own stream (its issue 779).
        done = self.upload_file(data, {"chunkSize": MIB + 1}, stream=True)
        self.assert_done(done, data)

    @table(("two", 2, SMALL), ("four", 4, DATA), ("seven", 7, DATA))
    def test_parallel(self, count, data):
        done = self.upload_file(data, {"parallelUploads": count})
        self.assert_done(done, data)
        self.assertEqual(done["requests"].count("POST 201"), count + 1)

    def test_checksum(self):
        done = self.upload_file(SMALL, {"chunkSize": 70001},
                                checksum="right")
        self.assert_done(done, SMALL)

    def test_wrong_checksum(self):
        job = {"options": {"chunkSize": 70001}, "urls": self.path("urls")}
        done = self.upload_file(SMALL, checksum="wrong", **job)
        self.assertIn("460", done["error"])
        self.assertEqual(done["requests"], ["POST 201", "PATCH 460"])
        # Nothing was taken: the same upload starts over.
        done = self.upload_file(resume=True, checksum="right", **job)
        self.assertEqual(done["requests"], ["HEAD 204"] + 5 * ["PATCH 204"])
        self.assert_done(done, SMALL)

    @table(("in a request", {}), ("in one of many", {"chunkSize": MIB}))
    def test_pause(self, options):
        done = self.upload_file(DATA, options, at=MIDDLE, then="pause")
        self.assertTrue(0 < done["paused_at"] < len(DATA), done)
        self.assertEqual(done["requests"].count("POST 201"), 1)
        self.assertIn("HEAD 204", done["requests"])
        self.assert_done(done, DATA)

    def test_pause_of_parallel_parts(self):
        done = self.upload_file(DATA, {"parallelUploads": 4}, at=MIDDLE,
                                then="pause")
        self.assertEqual(done["requests"].count("POST 201"), 5)
        self.assertIn("HEAD 204", done["requests"])
        self.assert_done(done, DATA)

    @table(("in a request", {}, 0), ("in one of many", {"chunkSize": MIB}, 0),
           ("parallel parts", {"parallelUploads": 4}, 1))
    def test_resume_after_a_crash(self, options, creations):
        # By the URLs that it had stored in a file.
        self.write("f.bin", DATA)
        job = {"options": options, "urls": self.path("urls")}
        self.upload_file(code=-9, at=MIDDLE, then="die", **job)
        done = self.upload_file(resume=True, **job)
        self.assertEqual(done["requests"][0], "HEAD 204")
        self.assertEqual(done["requests"].count("POST 201"), creations)
        self.assert_done(done, DATA)

    @table(("in a request", {}, 0), ("in one of many", {"chunkSize": MIB}, 0),
           ("parallel parts", {"parallelUploads": 4}, 1))
    def test_resume_after_both_crash(self, options, creations):
        self.write("f.bin", DATA)
        job = {"options": options, "urls": self.path("urls")}
        self.upload_file(code=-9, at=MIDDLE, then="die", **job)
        self.restart()
        done = self.upload_file(resume=True, **job)
        self.assertEqual(done["requests"][0], "HEAD 204")
        self.assertEqual(done["requests"].count("POST 201"), creations)
        self.assert_done(done, DATA)
        self.restart()
        self.assert_stored(done["url"], DATA)

    @table(("in a request", {}, 1), ("in one of many", {"chunkSize": MIB}, 1),
           ("parallel parts", {"parallelUploads": 4}, 5))
    def test_daemon_crashes_under_it(self, options, creations):
        # The client lives, and tries until there is another daemon.
        mark = self.path("mark")
        done = Worker(self.upload_file, DATA,
                      {**options, "retryDelays": 1000 * [50]}, at=MIDDLE,
                      then="wait", mark=mark)
        until(lambda: os.path.exists(mark) or not done.is_alive(), "a stall")
        self.restart()
        done = done.result()
        self.assertEqual(done["requests"].count("POST 201"), creations)
        self.assertIn("HEAD 204", done["requests"])
        until(lambda: self.metric("store_restoring") == 0, "the list")
        self.assert_done(done, DATA)

    def test_terminate(self):
        done = self.upload_file(DATA, at=MIDDLE, then="terminate")
        self.assertIsNone(done["error"])
        self.assertIn("DELETE 204", done["requests"])
        gone = self.http("GET", "/files/" + done["url"].rsplit("/", 1)[1])
        self.assertIn(gone.status, (404, 410))
        self.assertEqual(self.file_count(), self.before)


if __name__ == "__main__":
    main()
