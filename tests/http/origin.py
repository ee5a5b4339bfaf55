# SPDX-License-Identifier: MIT
"""An origin for fetch tests that does exactly what a test tells it.

    origin = Origin()
    gate = Gate()
    url = origin.add("/a.bin", Page(data, ranges=False, gate=(5000, gate)))
    ...                     # 5000 bytes of the body are sent, then it waits
    gate.open()
    origin.close()

Every request is kept in origin.requests, every connection is counted in
origin.connections: a Trap is an origin that hopes for none.
"""
import socket
import threading

from wire import PATIENCE


class Gate:
    """A place in the origin that waits until the test opens it."""

    def __init__(self):
        self.reached = threading.Event()
        self._open = threading.Event()

    def open(self):
        """Let everybody pass, now and later."""
        self._open.set()

    def wait_reached(self):
        """Wait until the origin stands before it."""
        if not self.reached.wait(PATIENCE):
            raise AssertionError("the origin never came to the gate")

    def wait(self):
        """Called by the origin."""
        self.reached.set()
        self._open.wait(PATIENCE)


class Page:
    """One resource of an origin.

    data      the body
    type, name, etag, fields   fields of the answer; name is a whole
              Content-Disposition
    ranges    whether Range is heeded; say_ranges: and said to be
    framing   "length", "chunked" or "close"
    declared  a Content-Length that is a lie
    cut       the connection is closed after this many bytes of the body
    cuts      how many requests are cut; later ones are not
    gate      (offset, Gate): waits there; only without Range
    hold      a Gate before each answer
    step      bytes a send: a slow drip
    status    another status, with data as its body

    spans is what was answered by 206: (first, end) in turn.
    """

    def __init__(self, data=b"", **how):
        self.data = data
        self.type = how.pop("type", "application/octet-stream")
        self.name = how.pop("name", None)
        self.etag = how.pop("etag", None)
        self.fields = how.pop("fields", [])
        self.ranges = self.say_ranges = how.pop("ranges", True)
        self.framing = how.pop("framing", "length")
        self.declared = how.pop("declared", None)
        self.cut = how.pop("cut", None)
        self.cuts = how.pop("cuts", 1 << 30)
        self.gate = how.pop("gate", None)
        self.hold = how.pop("hold", None)
        self.step = how.pop("step", 65536)
        self.status = how.pop("status", 200)
        self.spans = []
        assert not how, how


class Request:
    """A request as it came."""

    def __init__(self, head):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target = first.split(" ")[:2]
        self.headers = {}
        for line in lines:
            if line:
                name, _, value = line.partition(":")
                self.headers[name.lower()] = value.strip()


def parse_range(value, size):
    """(first, end) of a single range that can be satisfied, or None."""
    unit, _, rest = value.partition("=")
    first, dash, last = rest.partition("-")
    if unit != "bytes" or not dash or not (first + last).isdecimal():
        return None
    if not first:
        return (max(0, size - int(last)), size) if size else None
    end = min(int(last) + 1, size) if last else size
    return (int(first), end) if int(first) < end else None


class Origin:
    """A small HTTP server on a free port, a thread for each connection;
    with `tls`, an ssl.SSLContext, one of https."""

    def __init__(self, host="127.0.0.1", port=0, tls=None):
        self.pages = {}
        self.requests = []
        self.connections = 0
        self.hung_up = threading.Event()    # a client left in mid-answer
        self.lock = threading.Lock()
        self.tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.create_server((host, port), family=family,
                                         backlog=64)
        self.host, self.port = self.sock.getsockname()[:2]
        name = f"[{self.host}]" if ":" in host else self.host
        self.url = f"http{'s' if tls else ''}://{name}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def add(self, path, page):
        """Put a page there (its query is part of the path): the URL."""
        self.pages[path] = page
        return self.url + path

    def redirect(self, path, location, status=302):
        """Put a redirect there: the URL."""
        return self.add(path, Page(b"elsewhere\n", status=status,
                                   fields=[("Location", location)]))

    def close(self):
        """Take no more connections; open the gates of running answers."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for page in self.pages.values():
            for gate in (page.gate and page.gate[1], page.hold):
                if gate:
                    gate.open()

    def seen(self, path):
        """The requests for one path."""
        return [r for r in self.requests if r.target == path]

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        conn.settimeout(PATIENCE)
        buf = b""
        with conn:
            try:
                if self.tls:
                    conn = self.tls.wrap_socket(conn, server_side=True)
                while True:
                    while b"\r\n\r\n" not in buf:
                        data = conn.recv(65536)
                        if not data:
                            return
                        buf += data
                    head, _, buf = buf.partition(b"\r\n\r\n")
                    request = Request(head)
                    self.requests.append(request)
                    if not self._answer(conn, request):
                        return
            except OSError:
                self.hung_up.set()
            finally:
                self._end(conn)

    @staticmethod
    def _end(conn):
        """Send FIN now, though a watching thread still holds the socket."""
        try:
            conn.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _answer(self, conn, request):
        """Answer one request; False to close the connection."""
        page = self.pages.get(request.target)
        if page is None:
            page = Page(b"no such page\n", type="text/plain", status=404)
        if page.hold:
            page.hold.wait()
        size = len(page.data)
        span, status = (0, size), page.status
        fields = [("Content-Type", page.type), *page.fields]
        if status == 200 and self._unchanged(page, request):
            status, span = 304, (0, 0)
        wanted = request.headers.get("range")
        if_range = request.headers.get("if-range")
        if (page.ranges and wanted and status == 200
                and if_range in (None, page.etag)):
            span = parse_range(wanted, size)
            if span is None:
                conn.sendall(b"HTTP/1.1 416 Range Not Satisfiable\r\n"
                             b"Content-Range: bytes */%d\r\n"
                             b"Content-Length: 0\r\n\r\n" % size)
                return True
            status = 206
            page.spans.append(span)
            fields.append(("Content-Range",
                           f"bytes {span[0]}-{span[1] - 1}/{size}"))
        if page.say_ranges:
            fields.append(("Accept-Ranges", "bytes"))
        if page.etag:
            fields.append(("ETag", page.etag))
        if page.name:
            fields.append(("Content-Disposition", page.name))
        if status == 304:
            pass
        elif page.framing == "chunked":
            fields.append(("Transfer-Encoding", "chunked"))
        elif page.framing == "length":
            length = span[1] - span[0]
            if page.declared is not None and status == 200:
                length = page.declared
            fields.append(("Content-Length", str(length)))
        else:
            fields.append(("Connection", "close"))
        conn.sendall(f"HTTP/1.1 {status} As told\r\n".encode() + "".join(
            f"{n}: {v}\r\n" for n, v in fields).encode() + b"\r\n")
        if request.method == "HEAD" or status == 304:
            return True
        return self._send_body(conn, page, span, status)

    @staticmethod
    def _unchanged(page, request):
        """Whether a condition says that the client has it already."""
        tag = request.headers.get("if-none-match")
        since = request.headers.get("if-modified-since")
        if tag is not None:
            return tag == page.etag
        return since is not None and (
            ("Last-Modified", since) in page.fields)

    def _send_body(self, conn, page, span, status):
        at, end = span
        stop = end
        if page.cut is not None and page.cuts > 0:
            page.cuts -= 1
            stop = min(end, max(at, page.cut))
        gate_at, gate = page.gate if page.gate and status == 200 else (-1, 0)
        while True:
            if at == gate_at:
                self._wait_at(conn, gate)
            if at >= stop:
                break
            until = min(at + page.step, stop)
            if at < gate_at:
                until = min(until, gate_at)
            data = page.data[at:until]
            if page.framing == "chunked":
                data = b"%x\r\n%s\r\n" % (len(data), data)
            conn.sendall(data)
            at = until
        if stop < end or page.framing == "close":
            return False
        if page.framing == "chunked":
            conn.sendall(b"0\r\n\r\n")
        return page.declared is None

    def _wait_at(self, conn, gate):
        """Stand at a gate, and notice a client that leaves meanwhile."""
        def watch():
            try:
                gone = not conn.recv(1, socket.MSG_PEEK)
            except OSError:
                gone = True
            if gone:
                self.hung_up.set()
        threading.Thread(target=watch, daemon=True).start()
        gate.wait()


class Trap(Origin):
    """An origin that nobody may reach; `host` picks a loopback address."""

    def assert_untouched(self):
        """Nobody has connected."""
        if self.connections:
            raise AssertionError(
                f"{self.connections} connections to {self.url}: "
                f"{[r.target for r in self.requests]}")


def dead_port():
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]
