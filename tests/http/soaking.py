# SPDX-License-Identifier: MIT
"""Clients that do everything at once, and hold each answer against what they
sent, while faults come and go.

Each client has files of its own and knows what each may hold: after an answer
of 2xx just what was sent, after a fault what was there or what was sent. An
answer with other bytes is wrong, whatever its status; without a fault during
the request so is every refusal.
"""
import collections
import contextlib
import errno
import hashlib
import json
import random
import threading
import time
from urllib.parse import quote

import faults
from origin import Page
from resuming import OFFSET_TYPE, TUS
from samples import form, sample_zip
from wire import Conn, WireError, encode_chunk
from zips import BY_NAME

NAMES = 6
ABSENT = None
GONE = (404, 410)
# What a fault may be answered with; 409 and 412: of a file that it took away.
REFUSED = (408, 409, 410, 412, 500, 502, 503, 504, 507)

FAULTS = [
    ("disk full", faults.WRITE, errno.ENOSPC),
    ("no room to reserve", faults.SPACE | faults.OPEN, errno.ENOSPC),
    ("writes fail", faults.WRITE, errno.EIO),
    ("some writes fail", faults.WRITE, errno.EIO),
    ("reads fail", faults.READ | faults.SENDFILE, errno.EIO),
    ("no descriptors", faults.OPEN, errno.EMFILE),
    ("read-only", faults.WRITE | faults.OPEN | faults.NAME, errno.EROFS),
    ("names fail", faults.NAME, errno.EIO),
    ("attributes fail", faults.META, errno.ENOSPC),
    ("syncs fail", faults.SYNC, errno.EIO),
    ("no new connections", faults.ACCEPT, errno.EMFILE),
    ("connections break", faults.SEND, errno.ECONNRESET),
    ("calls do half", faults.WRITE | faults.READ, faults.PARTLY),
    ("nothing at hand", 0, 0),
    ("clock an hour ahead", 0, 3600),
]


class Wrong(AssertionError):
    """The daemon did what it must not."""


class Weather:
    """Switches faults, and tells whether there were any meanwhile."""

    def __init__(self, page, seed):
        self.page = page
        self.rng = random.Random(seed)
        self.changes = 0
        self.bad = False
        self.counts = collections.Counter()

    def storm(self):
        """One fault, from now on."""
        name, calls, error = self.rng.choice(FAULTS)
        self.changes += 1
        self.bad = True
        self.counts[name] += 1
        if calls:
            self.page.fail(calls, error, self.rng.randrange(20),
                           5 if name.startswith("some") else 0)
        elif error:
            self.page.clock(error)
        self.page.cold(name in ("nothing at hand", "reads fail"))

    def clear(self):
        """No fault any more."""
        self.page.stop()
        self.page.clock(0)
        self.page.cold(False)
        self.bad = False
        self.changes += 1

    def mark(self):
        """Before a request."""
        return (self.changes, self.bad)

    def was_fair(self, mark):
        """Whether there was no fault since."""
        return mark == (self.changes, False)


class Client:
    """One client; run() until stop is set."""

    def __init__(self, number, address, weather, origin, seed):
        self.number = number
        self.address = address
        self.weather = weather
        self.origin = origin
        self.rng = random.Random(f"{seed} {number}")
        self.files = {f"s{number}-{i}": [ABSENT] for i in range(NAMES)}
        self.counts = collections.Counter()
        self.bytes = 0
        self.longest = (0, "")     # seconds, and of what
        self.wrong = None
        self.archive = f"s{number}-zip"
        self.serial = 0

    # -- requests -----------------------------------------------------------

    def ask(self, method, target, headers=(), body=None):
        """One request: its answer, and whether no fault was near; None when
        there was no answer."""
        mark, begun = self.weather.mark(), time.monotonic()
        answer = None
        try:
            with Conn(self.address) as conn:
                answer = conn.request(method, target, headers, body)
        except (WireError, OSError) as error:
            if self.weather.was_fair(mark):
                raise Wrong(f"{method} {target}: {error!r}") from error
        fair = self.weather.was_fair(mark)
        self.longest = max(self.longest, (time.monotonic() - begun,
                                          f"{method} {target}"))
        kind = "none" if answer is None else str(answer.status)
        self.counts[kind] += 1
        if answer is not None and answer.status in REFUSED and fair \
                and answer.status not in (404, 409, 410, 412):
            raise Wrong(f"{method} {target}: {answer.status} without a fault:"
                        f" {answer.body[:200]!r}")
        return answer, fair

    def check(self, found, allowed, what):
        """Is this content one of those?"""
        if not any(found == data for data in allowed if data is not ABSENT):
            raise Wrong(
                f"{what}: {len(found)} bytes with digest "
                f"{hashlib.sha256(found).hexdigest()[:16]}, not of "
                f"{[d and len(d) for d in allowed]}")
        self.bytes += len(found)

    # -- what there is to do ------------------------------------------------

    def content(self):
        """Something to send: mostly small."""
        size = self.rng.choice((0, 1, 100, 5000, 30000, 70000, 300000))
        return self.rng.randbytes(size + self.rng.randrange(50))

    def settle(self, name, answer, data, good):
        """What a file may hold after an answer to a change."""
        if answer is not None and answer.status in good:
            self.files[name] = [data]
        elif data not in self.files[name]:
            self.files[name] = self.files[name] + [data]

    def put(self):
        """Upload or replace, with a length or in chunks."""
        name, data = self.rng.choice(list(self.files)), self.content()
        if self.rng.random() < 0.5:
            answer, _ = self.ask("PUT", f"/files/{name}", (), data)
        else:
            cut = self.rng.randrange(len(data) + 1)
            body = b"".join(encode_chunk(part) for part
                            in (data[:cut], data[cut:]) if part)
            answer, _ = self.ask("PUT", f"/files/{name}",
                                 {"Transfer-Encoding": "chunked"},
                                 body + encode_chunk(b""))
        self.settle(name, answer, data, (200, 201))

    def delete(self):
        """Delete."""
        name = self.rng.choice(list(self.files))
        answer, _ = self.ask("DELETE", f"/files/{name}")
        self.settle(name, answer, ABSENT, (204, *GONE))

    def read(self):
        """All of a file, or ranges of it."""
        name = self.rng.choice(list(self.files))
        allowed = self.files[name]
        longest = max((len(d) for d in allowed if d), default=1)
        first = self.rng.randrange(max(longest, 1))
        last = first + self.rng.randrange(100000)
        how = self.rng.random()
        headers = {"Range": f"bytes={first}-{last}"} if how < 0.6 else {}
        answer, fair = self.ask("GET", f"/files/{name}", headers)
        if answer is None:
            return
        if answer.status == 206:
            self.check(answer.body, [d and d[first:last + 1] for d in allowed],
                       f"{name} {headers}")
        elif answer.status == 200:
            self.check(answer.body, allowed, name)
            self.files[name] = [answer.body]
        elif answer.status in GONE and fair and ABSENT not in allowed:
            raise Wrong(f"{name} is gone: {answer.body[:100]!r}")

    def post(self):
        """Upload a file that the server names, read it, delete it; or let it
        expire."""
        data, short = self.content(), self.rng.random() < 0.3
        answer, _ = self.ask("POST", f"/files?ttl={1 if short else 600}",
                             (), data)
        if answer is not None and answer.status == 201:
            self.once(answer.get("Location"), data, short)

    def form(self):
        """The same with a form of two files."""
        one, two = self.content(), self.content()
        body = form([("a", one, "a.bin"), ("b", two, "b.bin")])
        answer, _ = self.ask(
            "POST", "/files?ttl=600",
            {"Content-Type": "multipart/form-data; boundary=frontier"}, body)
        if answer is not None and answer.status == 201:
            for made, data in zip(json.loads(answer.body)["files"],
                                  (one, two)):
                self.once(made["links"]["self"], data, False)

    def once(self, url, data, short):
        """Read a file, and have it deleted."""
        answer, fair = self.ask("GET", url)
        if answer is not None and answer.status == 200:
            self.check(answer.body, [data], url)
        elif fair and not short and answer.status in GONE:
            raise Wrong(f"{url} is gone")
        if not short:
            self.ask("DELETE", url)

    def resume(self):
        """A resumable upload in pieces, from wherever it is."""
        data = self.content() + b"."
        answer, _ = self.ask("POST", "/files?ttl=600", {
            **TUS, "Upload-Length": str(len(data))})
        if answer is None or answer.status != 201:
            return
        url, offset = answer.get("Location"), 0
        while offset < len(data):
            piece = data[offset:offset + self.rng.randrange(1, 100000)]
            answer, _ = self.ask("PATCH", url, {
                **TUS, **OFFSET_TYPE, "Upload-Offset": str(offset)}, piece)
            if answer is not None and answer.status == 204:
                offset = int(answer.get("Upload-Offset"))
                continue
            answer, _ = self.ask("HEAD", url, TUS)
            if answer is None or answer.status not in (200, 204):
                return      # a fault took it; it expires
            told = int(answer.get("Upload-Offset"))
            if told < offset:
                raise Wrong(f"{url}: the offset went back from {offset} to "
                            f"{told}")
            offset = told
        self.once(url, data, False)

    def unzip(self):
        """A listing, and an entry."""
        target = f"/files/{self.archive}"
        answer, _ = self.ask("GET", f"{target}/zip")
        if answer is None or answer.status in GONE:
            self.ask("PUT", target, (), sample_zip())
            return
        if answer.status != 200:
            return
        if json.loads(answer.body)["count"] != len(BY_NAME):
            raise Wrong(f"a listing of {answer.body[:200]!r}")
        name, data = self.rng.choice([
            (n, d) for n, d in BY_NAME.items() if not n.endswith("/")])
        answer, _ = self.ask("GET", f"{target}/zip/{quote(name)}")
        if answer is not None and answer.status == 200:
            self.check(answer.body, [data], name)

    def fetch(self):
        """From an origin that breaks off now and then."""
        data = self.content()
        self.serial += 1
        url = self.origin.add(f"/{self.number}/{self.serial}", Page(
            data, etag='"x"', cut=len(data) // 2, cuts=self.rng.randrange(2)))
        answer, _ = self.ask(
            "POST", "/fetch", {"Content-Type": "application/json",
                               "Prefer": "wait=30"},
            json.dumps({"url": url, "ttl": 600}).encode())
        del self.origin.pages[f"/{self.number}/{self.serial}"]
        if answer is not None and answer.status in (201, 202):
            self.once(answer.get("Location"), data,
                      answer.status == 202)

    def run(self, stop):
        """Do this and that."""
        deeds = [(self.put, 6), (self.read, 8), (self.delete, 1),
                 (self.post, 3), (self.form, 1), (self.resume, 2),
                 (self.unzip, 2), (self.fetch, 2)]
        deeds = [deed for deed, weight in deeds for _ in range(weight)]
        try:
            while not stop.is_set():
                deed = self.rng.choice(deeds)
                deed()
                self.counts[deed.__name__] += 1
        except Exception as error:  # told by who waits for us
            self.wrong = error

    def clean(self):
        """Delete all of it, with no faults."""
        for name in self.files:
            self.delete_now(name)
            self.files[name] = [ABSENT]
        self.delete_now(self.archive)

    def delete_now(self, name):
        """Delete, whether it is there or not."""
        with contextlib.suppress(Wrong):
            self.ask("DELETE", f"/files/{name}")


class Crowd:
    """All clients, on threads of their own."""

    def __init__(self, clients):
        self.clients = clients

    def play(self, seconds, weather, calm, stormy):
        """Let them at it for a while, in turns of good and bad weather."""
        stop = threading.Event()
        threads = [threading.Thread(target=client.run, args=(stop,))
                   for client in self.clients]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.wrong():
            time.sleep(calm)
            weather.storm()
            time.sleep(stormy)
            weather.clear()
        stop.set()
        for thread in threads:
            thread.join()

    def wrong(self):
        """The first that found something wrong, or None."""
        return next((c.wrong for c in self.clients if c.wrong), None)
