# SPDX-License-Identifier: MIT
"""Clients that remember what they were told, for daemons that are killed.

A Ledger holds, for each file, what may be found after a restart: what was
acknowledged last, and what a request without an answer asked for. Its clients
upload, replace, delete, resume and let expire until the daemon is gone;
verify() then holds the next one against it.
"""
import hashlib
import json
import os
import random
import shutil
import threading
import time

import daemon
from resuming import OFFSET_TYPE, TUS
from wire import Conn, WireError

NAMES = 12          # ids that clients choose
FILES = 300         # and open uploads: so many are left from round to round
UPLOADS = 50
ABSENT = None       # instead of content
GONE = (404, 410)


class Gone(Exception):
    """The daemon does not answer any more."""


def body(rng):
    """Content of some length: mostly small, some of it larger than memory."""
    size = rng.choice((0, 1, 100, 5000, 70000, 300000))
    return rng.randbytes(size + rng.randrange(50) if size else 0)


class Upload:
    """A resumable upload and the offset that was told of it last."""

    def __init__(self, data):
        self.data = data
        self.url = None
        self.told = 0
        self.done = False


class Ledger:
    """What clients know."""

    def __init__(self, seed):
        self.seed = seed
        self.round = 0
        self.lock = threading.Lock()
        self.files = {}         # id -> contents one of which is there
        self.expiring = {}      # id -> (content, when it is gone for sure)
        self.uploads = []
        self.asked = set()      # digests of all that was ever sent
        self.acknowledged = 0
        self.daemon = None

    # -- clients ----------------------------------------------------------

    def request(self, method, target, headers=(), data=None):
        """One request; Gone when there is no answer."""
        try:
            with Conn(self.daemon.address) as conn:
                return conn.request(method, target, headers, data)
        except (WireError, OSError):
            raise Gone from None

    def expect(self, name, data):
        """A request is on its way: this may be found from now on."""
        with self.lock:
            if data is not ABSENT:
                self.asked.add(hashlib.sha256(data).hexdigest())
            self.files.setdefault(name, [ABSENT]).append(data)

    def settle(self, name, data):
        """It was answered: nothing else may be found."""
        with self.lock:
            self.files[name] = [data]
            self.acknowledged += 1

    def put(self, name, rng):
        """Upload, or replace."""
        data = body(rng)
        self.expect(name, data)
        answer = self.request("PUT", f"/files/{name}", (), data)
        if answer.status in (200, 201):
            self.settle(name, data)

    def delete(self, name):
        """Delete, or find nothing."""
        self.expect(name, ABSENT)
        answer = self.request("DELETE", f"/files/{name}")
        if answer.status in (204, *GONE):
            self.settle(name, ABSENT)

    def post(self, rng, ttl=None):
        """Upload under an id that the server makes."""
        data = body(rng)
        with self.lock:
            self.asked.add(hashlib.sha256(data).hexdigest())
        query = f"?ttl={ttl}" if ttl else ""
        answer = self.request("POST", "/files" + query, (), data)
        if answer.status != 201:
            return
        name = json.loads(answer.body)["id"]
        if ttl:
            with self.lock:
                self.expiring[name] = (data, time.time() + ttl)
        else:
            self.settle(name, data)

    def form(self, rng):
        """Two files at once."""
        parts = [body(rng), body(rng)]
        with self.lock:
            self.asked |= {hashlib.sha256(part).hexdigest()
                           for part in parts}
        sent = b"".join(
            b'--B\r\nContent-Disposition: form-data; name="f"; '
            b'filename="x"\r\n\r\n' + part + b"\r\n" for part in parts)
        answer = self.request(
            "POST", "/files",
            {"Content-Type": "multipart/form-data; boundary=B"},
            sent + b"--B--\r\n")
        if answer.status == 201:
            made = json.loads(answer.body)["files"]
            for descriptor, part in zip(made, parts):
                self.settle(descriptor["id"], part)

    def upload(self, rng):
        """Begin a resumable upload."""
        made = Upload(rng.randbytes(rng.randrange(1, 400000)))
        with self.lock:
            self.asked.add(hashlib.sha256(made.data).hexdigest())
        answer = self.request("POST", "/files", {
            **TUS, "Upload-Length": str(len(made.data))})
        if answer.status == 201:
            made.url = answer.get("Location")
            with self.lock:
                self.uploads.append(made)
            self.append(made, rng)

    def append(self, made, rng):
        """Send pieces, until it is complete or one is enough."""
        while not made.done:
            at = made.told
            piece = made.data[at:at + rng.randrange(1, 200000)]
            answer = self.request("PATCH", made.url, {
                **TUS, **OFFSET_TYPE, "Upload-Offset": str(at)}, piece)
            if answer.status != 204:
                return
            made.told = int(answer.get("Upload-Offset"))
            made.done = made.told == len(made.data)
            if made.done:
                self.settle(made.url.rpartition("/")[2], made.data)
            if rng.random() < 0.3:
                return

    def resume(self, made, rng):
        """Ask for the offset, and go on there."""
        answer = self.request("HEAD", made.url, TUS)
        offset = answer.get("Upload-Offset")
        if offset is not None:
            made.told = int(offset)
            self.append(made, rng)

    def client(self, number):
        """Do this and that until the daemon is gone. Each has names of its
        own, so that one at a time is at a file."""
        rng = random.Random(f"{self.seed} {self.round} {number}")
        names = [f"c{number}-{i}" for i in range(NAMES)]
        mine = [u for i, u in enumerate(self.uploads) if i % 4 == number]
        try:
            while True:
                what = rng.random()
                if what < 0.35:
                    self.put(rng.choice(names), rng)
                elif what < 0.50:
                    self.delete(rng.choice(names))
                elif what < 0.60:
                    self.post(rng)
                elif what < 0.65:
                    self.post(rng, ttl=1)
                elif what < 0.70:
                    self.form(rng)
                elif what < 0.85 or not mine:
                    self.upload(rng)
                else:
                    self.resume(rng.choice(mine), rng)
        except Gone:
            pass

    def play(self, victim, clients, seconds):
        """Let clients at it and kill the daemon in the midst of it."""
        self.daemon = victim
        self.round += 1
        threads = [threading.Thread(target=self.client, args=(i,))
                   for i in range(clients)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        victim.kill()
        for thread in threads:
            thread.join()

    # -- what is there ----------------------------------------------------

    def verify(self, found, check):
        """Hold a daemon against the ledger: at once, and when all of it is
        restored; `check` is a test case."""
        self.daemon = found
        self.verify_files(check)
        self.verify_uploads(check)
        self.wait_restored(check)
        self.verify_list(check)
        self.verify_disk(found.spool, check)
        self.delete_old(check)

    def delete_old(self, check):
        """The first round and the thousandth have the same to look at."""
        there = [name for name, (data,) in self.files.items()
                 if data is not ABSENT]
        for name in there[:-FILES]:
            self.delete(name)
            check.assertEqual(self.files[name], [ABSENT])
        for made in self.uploads[:-UPLOADS]:
            answer = self.request("DELETE", made.url, TUS)
            check.assertIn(answer.status, (204, *GONE), answer)
            self.uploads.remove(made)

    def wait_restored(self, check):
        """Wait for the list."""
        while b"restored" in self.request("GET", "/readyz").body:
            time.sleep(0.01)
        check.assertEqual(self.request("GET", "/readyz").status, 200)

    def verify_files(self, check):
        """Each is what it was, or what was asked for last."""
        for name, allowed in sorted(self.files.items()):
            answer = self.request("GET", f"/files/{name}")
            found = ABSENT if answer.status in GONE else answer.body
            if found is not ABSENT:
                check.assertEqual(answer.status, 200, answer)
            check.assertTrue(
                any(found == data for data in allowed),
                f"{name}: found {found if found is None else len(found)}, "
                f"not {[d if d is None else len(d) for d in allowed]}")
            self.files[name] = [found]
            if allowed == [ABSENT]:
                del self.files[name]    # and was before
        for name, (data, end) in list(self.expiring.items()):
            begun = time.time()
            answer = self.request("GET", f"/files/{name}")
            if answer.status in GONE:
                check.assertGreater(time.time(), end - 1.1, name)
            else:
                check.assertEqual(answer.body, data)
                check.assertLess(begun, end + 2, f"{name} has not expired")
            if begun > end + 2:
                del self.expiring[name]

    def verify_uploads(self, check):
        """No offset is behind what was told, and what lies before it is
        what was sent."""
        for made in list(self.uploads):
            answer = self.request("HEAD", made.url, TUS)
            check.assertIn(answer.status, (200, 204), made.url)
            offset = int(answer.get("Upload-Offset"))
            check.assertGreaterEqual(offset, made.told, made.url)
            check.assertLessEqual(offset, len(made.data))
            made.told = offset
            if offset == len(made.data):
                made.done = True
                self.files[made.url.rpartition("/")[2]] = [made.data]
                self.uploads.remove(made)
        # One of them to its end: every byte.
        open_ones = [made for made in self.uploads if made.told]
        if open_ones:
            made = open_ones[0]
            answer = self.request("PATCH", made.url, {
                **TUS, **OFFSET_TYPE, "Upload-Offset": str(made.told)},
                made.data[made.told:])
            check.assertEqual(answer.status, 204, answer)
            answer = self.request("GET", made.url)
            check.assert_same(answer.body, made.data)
            self.files[made.url.rpartition("/")[2]] = [made.data]
            self.uploads.remove(made)

    def listed(self):
        """All that is listed."""
        found, after = [], ""
        while after is not None:
            answer = self.request(
                "GET", f"/files?limit=1000{after and '&after=' + after}")
            page = json.loads(answer.body)
            found += page["files"]
            after = page["next"]
        return found

    def verify_list(self, check):
        """Nothing is there that nobody sent, and nothing in part. What was
        told to nobody may be whole; it is deleted here."""
        known = set(self.files) | set(self.expiring) | {
            made.url.rpartition("/")[2] for made in self.uploads}
        seen = set()
        for made in self.listed():
            check.assertNotIn(made["id"], seen, "listed twice")
            seen.add(made["id"])
            if made["id"] in known:
                continue
            if made["state"] == "ready":
                answer = self.request("GET", made["links"]["self"])
                check.assertTrue(
                    answer.status in GONE
                    or hashlib.sha256(answer.body).hexdigest() in self.asked,
                    made)
            else:
                # An upload whose creation nobody was told of.
                check.assertEqual(made["received"], 0, made)
            answer = self.request("DELETE", made["links"]["self"])
            check.assertIn(answer.status, (204, *GONE), answer)
        for name, allowed in self.files.items():
            if allowed[0] is not ABSENT:
                check.assertIn(name, seen, "not listed")

    def verify_disk(self, spool, check):
        """Whatever lies in the directory is known."""
        listed = {made["id"] for made in self.listed()}
        files = set(os.listdir(os.path.join(spool, "files")))
        # What expires now is deleted a moment later.
        stray = {name for name in files - listed
                 if name not in self.expiring
                 and self.request("GET", f"/files/{name}").status != 200}
        check.assertFalse(stray & set(
            os.listdir(os.path.join(spool, "files"))), "orphans")
        check.assertEqual(
            os.listdir(os.path.join(spool, "passing")), [])
        uploads = {made.url.rpartition("/")[2] for made in self.uploads}
        for entry in os.listdir(spool):
            if entry.endswith((".keep", ".spool")):
                check.assertIn(entry.rpartition(".")[0], uploads, "orphan")


# -- a loss of power --------------------------------------------------------


def powerloss(shadow):
    """The environment of a daemon whose disk loses power."""
    return daemon.preloaded("powerloss", SPW_POWERLOSS=shadow)


def shadow_of(folder, shadow):
    """Note that all of a directory is on the disk."""
    for at, folders, names in os.walk(folder):
        lines = []
        for name in folders + names:
            status = os.lstat(os.path.join(at, name))
            kind = "d" if name in folders else "f"
            lines.append(f"{kind} {status.st_ino} {name}\n")
            if kind == "f":
                copy_file(os.path.join(at, name),
                          os.path.join(shadow, str(status.st_ino)))
        with open(os.path.join(shadow, str(os.stat(at).st_ino)), "w",
                  encoding="ascii") as file:
            file.writelines(lines)


def copy_file(source, target):
    """Content and attribute; a source that is not there is empty."""
    if not os.path.exists(source):
        open(target, "wb").close()
        return
    shutil.copyfile(source, target)
    try:
        value = os.getxattr(source, "user.spillway")
    except OSError:
        return
    os.setxattr(target, "user.spillway", value)


def power_back(folder, shadow):
    """Make a directory what it is after a loss of power (powerloss.c)."""
    old = folder + ".lost"
    os.rename(folder, old)
    restore(os.stat(old).st_ino, folder, shadow)
    shutil.rmtree(old)
    shutil.rmtree(shadow)
    os.mkdir(shadow)
    shadow_of(folder, shadow)


def restore(inode, folder, shadow):
    """One directory, as its names were when they were waited for."""
    os.mkdir(folder, 0o700)
    listing = os.path.join(shadow, str(inode))
    if not os.path.exists(listing):
        return
    with open(listing, encoding="ascii") as file:
        entries = [line.rstrip("\n").split(" ", 2) for line in file]
    for kind, number, name in entries:
        path = os.path.join(folder, name)
        if kind == "d":
            restore(number, path, shadow)
        else:
            copy_file(os.path.join(shadow, number), path)
