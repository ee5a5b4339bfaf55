# SPDX-License-Identifier: MIT
"""A stand-in for spillwayd: as much of its contract as spill speaks, with
faults on demand. It runs in threads of the test, which looks into it."""

import base64
import hashlib
import http.server
import io
import json
import os
import re
import socket
import socketserver
import threading
import urllib.parse
import zipfile

import services
import uploads

CREATED = "2026-11-21T06:00:00Z"
EXPIRES = "2026-11-22T06:00:00Z"


class File:
    """A file, and how the stub misbehaves when it is read."""

    def __init__(self, fid, data=b"", name=None, ctype=None):
        self.id = fid
        self.data = data
        self.name = name
        self.type = ctype
        self.state = "ready"
        self.error = None
        self.query = {}
        self.etag = '"%s"' % hashlib.sha256(data).hexdigest()[:16]
        self.cut_after = None       # close the connection after so many bytes
        self.pause_after = None     # wait for `resume` after so many bytes
        self.resume = threading.Event()
        self.total_unknown = False  # answer ranges as a-b/*, whole as chunks
        self.available = None       # bytes there so far, while total_unknown
        self.hide_info = False      # 403 on info: a link for the content only
        self.cuts = None            # how often it is cut; None: always
        self.sha256 = None          # the digest to tell, rather than its own
        self.no_digest = False
        self.placement = None       # where it is, and why, as info tells it
        self.upload = None          # uploads.Upload while it is one

    def descriptor(self):
        size = len(self.data)
        return {
            "id": self.id,
            "state": self.state,
            "name": self.name,
            "type": self.type,
            "size": None if self.state == "receiving" else size,
            "received": size,
            "etag": self.etag,
            "digest": None,
            "created": CREATED,
            "expires": EXPIRES,
            "storage": {"tier": "memory", "memory_bytes": size,
                        "disk_bytes": 0, "spilled": None},
            "source": {"kind": "upload", "url": None, "error": self.error},
            "links": {"self": "/files/" + self.id},
        }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "client"

    # -- answers ----------------------------------------------------------

    def answer(self, status, body=b"", headers=(), ctype="application/json"):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", ctype)
            self.send_header("Content-Length", str(len(body)))
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def problem(self, status, name, detail, headers=()):
        self.answer(status, {"type": "/problems/" + name, "title": name,
                             "status": status, "detail": detail},
                    headers, "application/problem+json")

    # -- requests ---------------------------------------------------------

    def stub(self):
        return self.server.stub

    def handle_expect_100(self):
        if self.stub().max_size is not None:
            self.close_connection = True
            self.problem(413, "too-large", "the file is too large")
            return False
        return super().handle_expect_100()

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            out = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data = self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return out
                out += data
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        if len(data) != length:
            raise ConnectionError("short body")
        return data

    def dispatch(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        stub = self.stub()
        stub.requests.append((self.command, self.path, dict(self.headers)))
        if stub.token and self.headers.get("Authorization") != \
                "Bearer " + stub.token:
            self.problem(401, "unauthorized", "a token is needed",
                         [("WWW-Authenticate", "Bearer")])
            return
        if stub.canned is not None:
            stub.canned(self)
            return
        for method, pattern, action in self.ROUTES:
            m = re.fullmatch(pattern, url.path)
            if m and method == self.command:
                action(self, query, *m.groups())
                return
        self.problem(404, "not-found", "there is nothing at " + url.path)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = dispatch
    do_PATCH = do_OPTIONS = dispatch

    def find(self, fid):
        f = self.stub().files.get(fid)
        if f is None:
            self.problem(404, "not-found", "there is no file " + fid)
        return f

    # -- files ------------------------------------------------------------

    def create(self, query, fid=None):
        stub = self.stub()
        if "Tus-Resumable" in self.headers:
            uploads.create(self, query)
            return
        key = self.headers.get("Idempotency-Key")
        data = self.body()
        status = 200 if fid in stub.files else 201
        f = File(fid or stub.new_id(), data, query.get("name", fid),
                 self.headers.get("Content-Type"))
        f.query = query
        f = stub.keys.setdefault(key, f) if key else f
        stub.files[f.id] = f
        if stub.lose_answers > 0:
            stub.lose_answers -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.answer(status, f.descriptor(),
                    [("Location", "/files/" + f.id), ("ETag", f.etag)])

    def list(self, query):
        files = list(self.stub().files.values())
        start = 0
        if "after" in query:
            start = [f.id for f in files].index(query["after"]) + 1
        page = files[start:start + int(query.get("limit", 1000))]
        more = start + len(page) < len(files)
        # As the server, it looks at so many, and may find none.
        self.answer(200, {"files": [f.descriptor() for f in page
                                    if query.get("state") in (None, f.state)],
                          "next": page[-1].id if more else None})

    def info(self, query, fid):
        f = self.find(fid)
        if f is None:
            return
        if f.hide_info:
            self.problem(403, "forbidden", "the link is for the content")
            return
        stub = self.stub()
        if "wait" in query and f.state == "receiving":
            stub.waits += 1
            if stub.on_wait is not None:
                stub.on_wait(f, stub.waits)
        placed = {} if f.placement is None else {"placement": f.placement}
        self.answer(200, {**f.descriptor(), **placed})

    def delete(self, query, fid):
        if self.find(fid) is not None:
            del self.stub().files[fid]
            self.answer(204)

    def parse_range(self, f, size):
        want = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if want is None or (condition is not None and condition != f.etag):
            return None
        first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", want).groups()
        if first == "":
            return (max(0, size - int(last)), size - 1)
        return (int(first), min(size - 1, int(last or size)))

    def read(self, query, fid):
        f = self.find(fid)
        if f is not None:
            self.send_file(f)

    def digest(self, f):
        """The field Repr-Digest, when it is wanted."""
        if "Want-Repr-Digest" not in self.headers or f.no_digest:
            return []
        value = f.sha256 or hashlib.sha256(f.data).digest()
        return [("Repr-Digest",
                 "sha-256=:%s:" % base64.b64encode(value).decode())]

    def head(self, query, fid):
        f = self.find(fid)
        if f is None:
            return
        if f.upload is not None:
            f.upload.look(self)
            return
        self.send_response(200)
        for key, value in [("Content-Length", str(len(f.data))),
                           ("ETag", f.etag or ""), *self.digest(f)]:
            self.send_header(key, value)
        self.end_headers()

    def send_file(self, f):
        size = len(f.data) if f.available is None else f.available
        part = self.parse_range(f, size)
        total = "*" if f.total_unknown else str(size)
        headers = [("ETag", f.etag)] if f.etag else []
        if part is not None and part[0] >= size:
            f.total_unknown = False
            self.problem(416, "range-not-satisfiable",
                         "the range lies behind the end",
                         headers + [("Content-Range",
                                     "bytes */%d" % len(f.data))])
            return
        if part is None:
            self.send_response(200)
            data = f.data[:size]
        else:
            self.send_response(206)
            data = f.data[part[0]:part[1] + 1]
            headers.append(("Content-Range", "bytes %d-%d/%s"
                            % (part[0], part[1], total)))
        headers.append(("Content-Length", str(len(data))))
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        if f.pause_after is not None:
            self.wfile.write(data[:f.pause_after])
            self.wfile.flush()
            f.resume.wait(60)
            data = data[f.pause_after:]
        if f.cut_after is not None and f.cuts != 0:
            f.cuts = None if f.cuts is None else f.cuts - 1
            self.wfile.write(data[:f.cut_after])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.wfile.write(data)
        if f.available is not None:
            f.available = len(f.data)

    # -- fetch ------------------------------------------------------------

    def fetch(self, query):
        stub = self.stub()
        order = json.loads(self.body())
        stub.orders.append(order)
        if order["url"].startswith("http://10."):
            self.problem(403, "address-forbidden",
                         "the address is private")
            return
        f = File(stub.new_id(), stub.origin, order.get("name"))
        f.state = "receiving"
        if order.get("mode") == "lazy":
            f.state = "ready"
        stub.files[f.id] = f
        self.answer(202, f.descriptor(), [("Location", "/files/" + f.id)])

    def through(self, query):
        stub = self.stub()
        stub.orders.append(query["url"])
        if stub.origin is None or "broken" in query["url"]:
            self.problem(502, "fetch-failed", "the origin answered 404")
        else:
            self.send_file(File("", stub.origin))

    def check(self, query):
        url = json.loads(self.body())["url"]
        verdict = self.stub().verdicts.get(url)
        if verdict is None:
            self.problem(403, "forbidden", "this server does not fetch")
            return
        self.answer(200, verdict)

    # -- the rest ---------------------------------------------------------

    def options(self, query):
        extensions = self.stub().tus
        self.answer(204, b"", [] if extensions is None else [
            ("Tus-Resumable", "1.0.0"), ("Tus-Extension", extensions),
            *self.stub().tus_fields])

    def patch(self, query, fid):
        f = self.find(fid)
        if f is not None:
            f.upload.append(self)

    # -- zips -------------------------------------------------------------

    def open_zip(self, fid):
        f = self.find(fid)
        if f is None:
            return None
        try:
            return zipfile.ZipFile(io.BytesIO(f.data))
        except zipfile.BadZipFile:
            self.problem(422, "not-a-zip", "the file is not a zip")
            return None

    def zip_list(self, query, fid):
        archive = self.open_zip(fid)
        if archive is None:
            return
        entries = []
        for i, e in enumerate(archive.infolist()):
            name = self.stub().entry_names.get(i, e.filename)
            if not name.startswith(query.get("prefix", "")):
                continue
            entries.append({
                "index": i, "name": name, "size": e.file_size,
                "compressed_size": e.compress_size,
                "method": "stored" if e.compress_type == 0 else "deflated",
                "crc32": "%08x" % e.CRC,
                "modified": "%04d-%02d-%02dT%02d:%02d:%02d" % e.date_time,
                "is_dir": e.is_dir(), "encrypted": False, "mode": None,
                "comment": ""})
        start = int(query.get("after", -1)) + 1
        limit = int(query.get("limit", 1000))
        page = [e for e in entries if e["index"] >= start][:limit]
        more = page and page[-1]["index"] < entries[-1]["index"]
        self.answer(200, {"comment": "", "count": len(entries),
                          "entries": page,
                          "next": page[-1]["index"] if more else None})

    def zip_read(self, query, fid, name):
        archive = self.open_zip(fid)
        if archive is None:
            return
        try:
            if "index" in query:
                entry = archive.infolist()[int(query["index"])]
            else:
                entry = archive.getinfo(urllib.parse.unquote(name))
        except (KeyError, IndexError):
            self.problem(404, "no-entry", "the zip has no such entry")
            return
        self.answer(200, archive.read(entry), [("ETag", '"%08x"' % entry.CRC)],
                    "application/octet-stream")

    ID = r"/files/([A-Za-z0-9._~-]+)"
    ROUTES = [
        ("POST", r"/files", create),
        ("GET", r"/files", list),
        ("PUT", ID, create),
        ("GET", ID, read),
        ("DELETE", ID, delete),
        ("GET", ID + r"/info", info),
        ("GET", ID + r"/zip", zip_list),
        ("GET", ID + r"/zip/(.*)", zip_read),
        ("GET", r"/fetch", through),
        ("POST", r"/fetch", fetch),
        ("POST", r"/fetch/check", check),
        ("HEAD", ID, head),
        ("PATCH", ID, patch),
        ("OPTIONS", r"/files", options),
        ("POST", ID + r"/links", services.link),
        ("POST", r"/links", services.link),
        ("POST", ID + r"/process/(.*)", services.process),
        ("POST", r"/process/(.*)", services.process),
        ("GET", r"/processors", services.processors),
        ("GET", r"/metrics", services.metrics),
    ]


class TcpServer(http.server.ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class Stub:
    """Start it with a path for a unix socket, else on a free port."""

    def __init__(self, path=None):
        self.files = {}
        self.requests = []      # (method, target, headers)
        self.orders = []        # bodies of POST /fetch
        self.verdicts = {}      # URL: answer of POST /fetch/check
        self.token = None
        self.max_size = None    # anything: refuse uploads early
        self.canned = None      # function(handler) that answers everything
        self.origin = b"fetched content"
        self.on_wait = None     # function(file, count) before info?wait
        self.waits = 0
        self.entry_names = {}   # index: name to say instead
        self.ids = 0
        self.keys = {}          # Idempotency-Key: file
        self.lose_answers = 0   # uploads that are stored and not answered
        self.tus = None         # Tus-Extension; None: it is not spoken
        self.tus_fields = []    # more fields about it
        self.faults = []        # for uploads.Upload.append(), in turn
        self.appends = []       # (id, offset, length) of those
        self.stalled = threading.Event()
        self.gate = threading.Event()
        self.numbers = ""       # of GET /metrics
        if path is None:
            self.server = TcpServer(("127.0.0.1", 0), Handler)
            self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        else:
            self.server = UnixServer(path, Handler)
            self.url = "unix:" + path
        self.server.stub = self
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def new_id(self):
        self.ids += 1
        return "id%d-%s" % (self.ids, os.urandom(4).hex())

    def add(self, fid, data, name=None):
        self.files[fid] = File(fid, data, name)
        return self.files[fid]

    def close(self):
        self.gate.set()
        for f in self.files.values():
            f.resume.set()
        self.server.shutdown()
        self.server.server_close()
