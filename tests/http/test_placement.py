# SPDX-License-Identifier: MIT
"""GET /files/{id}/info tells where the bytes are and why.

Source: docs/monitoring.md, "One file".
"""
from fetching import ALLOW, Fetching
from harness import Case, main, until
from origin import Page
from samples import content

KIB = 1024


class Placed(Case):
    """What all have in common."""

    DAEMON = False

    def assert_placed(self, name, medium, words, **wanted):
        """It is there, once all is written, for that reason."""
        def there():
            made = self.info(name)
            return made["placement"]["medium"] == medium and made
        made = until(there, f"{name} in {medium}")
        self.assert_descriptor(made)
        place = made["placement"]
        self.assertEqual(place.keys(),
                         {"medium", "holes", "missing_bytes", "reason"})
        self.assertIn(words, place["reason"])
        for key, value in {"holes": 0, "missing_bytes": 0, **wanted}.items():
            self.assertEqual(place[key], value, key)
        return made


class Local(Placed):
    """What was uploaded."""

    DAEMON = True
    OPTIONS = ["spool.memory_max=64K"]

    def test_small(self):
        made = self.upload(content(64 * KIB), "/files/small")
        # The answer to an upload is the descriptor alone.
        self.assertNotIn("placement", made)
        self.assert_placed("small", "memory", "no longer than spool.memory_ma")

    def test_large(self):
        self.upload(content(64 * KIB + 1), "/files/large")
        made = self.assert_placed("large", "file", "longer than spool.memory_")
        self.assertEqual(made["storage"]["spilled"], "limit")

    def test_receiving(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/r", {"Content-Length": "10"})
        conn.send(b"abc")
        self.wait_received("r", 3)
        self.assert_placed("r", "memory", "spool.memory_max", missing_bytes=7)
        conn.send(b"x" * 7)
        self.assertEqual(conn.read().status, 201)
        self.assert_placed("r", "memory", "spool.memory_max")

    def test_receiving_so_much(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/s", {"Transfer-Encoding": "chunked"})
        conn.send(b"3\r\nabc\r\n")
        self.wait_received("s", 3)
        self.assert_placed("s", "memory", "spool.memory_max",
                           missing_bytes=None)


class Short(Placed):
    """Memory is short: small files make room together."""

    DAEMON = True
    OPTIONS = ["spool.memory_max=64K", "spool.memory_budget=512K"]

    def test_segment(self):
        for index in range(30):
            self.upload(content(50 * KIB, index), f"/files/s{index}")
        packed = [index for index in range(30) if self.info(
            f"s{index}")["placement"]["medium"] == "segment"]
        self.assertGreater(len(packed), 10)
        for index in packed:
            made = self.assert_placed(f"s{index}", "segment",
                                      "spool.memory_budget, and this one")
            self.assertEqual(made["storage"]["spilled"], "budget")
            self.assert_content(f"s{index}", content(50 * KIB, index))


class Durable(Placed):
    """What has to survive."""

    DAEMON = True
    OPTIONS = ["store.durability=restart", "store.max_open_files=16"]

    def test_durable(self):
        for index in range(40):
            self.upload(b"abc", f"/files/d{index}")
        # Of most the content is not open.
        for index in range(40):
            made = self.assert_placed(f"d{index}", "file", "store.durability")
            self.assertEqual(made["storage"]["spilled"], "durable")


class Remote(Placed, Fetching):
    """What is fetched as it is read."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.block_size=1K", "fetch.probe_size=1K",
               "fetch.read_ahead=64K"]

    def test_holes(self):
        data = content(100 * KIB)
        url = self.origin.add("/a", Page(data, etag='"v"'))
        made = self.json(self.fetch(url, "wait=20", mode="lazy"), 202)
        name = made["id"]
        until(lambda: self.info(name)["received"], "the first of it to come")
        self.assert_placed(name, "memory", "Only what is read", holes=1,
                           missing_bytes=99 * KIB)
        answer = self.http("GET", f"/files/{name}",
                           {"Range": "bytes=10240-10250"})
        self.assertEqual(answer.status, 206)
        self.assert_placed(name, "memory", "Only what is read", holes=2,
                           missing_bytes=98 * KIB)
        self.assert_content(name, data)
        self.wait_state(name, "ready")
        self.assert_placed(name, "memory", "spool.memory_budget")


if __name__ == "__main__":
    main()
