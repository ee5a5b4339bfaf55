# SPDX-License-Identifier: MIT
"""HTTP/1.1 over a raw socket, read strictly.

A Conn sends exactly the bytes it is given and reads answers by the letter of
RFC 9112: anything that a lenient client would let pass (a bare LF, a folded
line, two lengths, a field twice, bytes after the end) raises WireError. An
answer that ends before its framing says so raises Truncated, which is how a
cut connection is told from a clean end.

    with Conn(address) as conn:
        conn.send_request("GET", "/files/x", {"Range": "bytes=0-9"})
        answer = conn.read()

For answers that are to be watched while they arrive:

    head = conn.read_head()
    first = conn.read_body(100)     # exactly 100 bytes
    rest = conn.read_body()         # up to the end
"""
import re
import socket

# Seconds. Nothing takes this long unless it hangs, sanitizers included.
PATIENCE = 120

STATUS_LINE = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t \x21-\x7e\x80-\xff]*")
FIELD_LINE = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*)")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[\t \x21-\x7e]*)?")

# Fields that stand at most once in an answer.
SINGLE = ("content-length", "content-type", "content-range", "etag", "date",
          "last-modified", "location", "content-disposition", "server",
          "accept-ranges", "content-encoding", "transfer-encoding",
          "x-content-type-options", "cache-control")


class WireError(AssertionError):
    """The answer is not correct HTTP/1.1."""


class Truncated(WireError):
    """The connection ended in the middle of an answer."""

    def __init__(self, what, body=b""):
        super().__init__(f"cut {what} ({len(body)} bytes of body had come)")
        self.body = body


class Closed(WireError):
    """The connection ended cleanly where an answer should have begun."""


class Response:
    """Status, fields in order as (name, value) of text, and the body."""

    def __init__(self, status, fields):
        self.status = status
        self.fields = fields
        self.body = b""
        self.interim = []
        self.framing = None
        self.trailers = []

    def all(self, name):
        """The values of every field of this name."""
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        """The value of the first field of this name."""
        return next(iter(self.all(name)), default)

    def __repr__(self):
        head = ", ".join(f"{n}: {v}" for n, v in self.fields)
        shown = 300 if self.body[:1] in b"{" else 40
        return f"<{self.status} {{{head}}} {self.body[:shown]!r}>"


def parse_field(line):
    """One field line, without its end, as (name, value)."""
    match = FIELD_LINE.fullmatch(line)
    if not match:
        raise WireError(f"bad field line {line[:200]!r}")
    return match[1].decode("ascii"), match[2].rstrip(b" \t").decode("latin-1")


def encode_request(method, target, headers=(), body=None, host="spillway"):
    """The bytes of a request.

    headers is a dict or a list of pairs; Host is added unless it is there or
    host is None, Content-Length when there is a body and no framing given.
    """
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    names = {name.lower() for name, _ in pairs}
    if host is not None and "host" not in names:
        pairs.insert(0, ("Host", host))
    if body is not None and not names & {"content-length",
                                         "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    head = f"{method} {target} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + (body or b"")


def encode_chunk(data):
    """One chunk; of no bytes: the last one, with no trailers."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class Conn:
    """One client connection."""

    def __init__(self, address, timeout=PATIENCE, rcvbuf=None, source=None):
        self.address = address
        self.sock = socket.socket(
            socket.AF_UNIX if isinstance(address, str) else socket.AF_INET,
            socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        if not isinstance(address, str):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = bytearray()
        self.eof = False
        self.left = None    # of the body that is being read
        self.framing = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """End the connection; twice is allowed."""
        self.sock.close()

    def reset(self):
        """End the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    # -- sending ----------------------------------------------------------

    def send(self, data):
        """Send these very bytes."""
        self.sock.sendall(data)

    def send_lossy(self, data):
        """Send; True when the peer took it, False when it has gone."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_slowly(self, data, step=1):
        """Send in packets of `step` bytes."""
        for at in range(0, len(data), step):
            self.sock.sendall(data[at:at + step])

    def send_request(self, method, target, headers=(), body=None):
        """Send a request as encode_request() makes it."""
        host, port = (("spillway", 80) if isinstance(self.address, str)
                      else self.address)
        self.send(encode_request(method, target, headers, body,
                                 f"{host}:{port}"))

    def send_chunk(self, data):
        """Send one chunk of a chunked body."""
        self.send(encode_chunk(data))

    def end_sending(self):
        """Half-close: no more bytes come from this side."""
        self.sock.shutdown(socket.SHUT_WR)

    # -- receiving --------------------------------------------------------

    def _fill(self):
        if self.eof:
            return False
        try:
            data = self.sock.recv(262144)
        except ConnectionResetError:
            data = b""
        if not data:
            self.eof = True
            return False
        self.buf += data
        return True

    def _take(self, count):
        data = bytes(self.buf[:count])
        del self.buf[:count]
        return data

    def _line(self, what, limit=65536):
        while (end := self.buf.find(b"\n")) < 0:
            if len(self.buf) > limit:
                raise WireError(f"endless line in {what}")
            if not self._fill():
                if not self.buf and what == "status line":
                    raise Closed("closed instead of an answer")
                raise Truncated(f"in {what} {bytes(self.buf[:80])!r}")
        line = self._take(end + 1)
        if not line.endswith(b"\r\n"):
            raise WireError(f"bare LF in {what}: {line[:200]!r}")
        return line[:-2]

    def _fields(self):
        fields = []
        while line := self._line("fields"):
            fields.append(parse_field(line))
        return fields

    def _one_head(self, strict):
        line = self._line("status line")
        match = STATUS_LINE.fullmatch(line)
        if not match:
            raise WireError(f"bad status line {line[:200]!r}")
        answer = Response(int(match[1]), self._fields())
        if strict:
            for name in SINGLE:
                if len(answer.all(name)) > 1:
                    raise WireError(f"{name} twice: {answer}")
        return answer

    def read_interim(self):
        """Read one head, expected to be a 1xx; read() then goes on."""
        return self._one_head(True)

    def read_head(self, method="GET", strict=True):
        """Read interim answers and the head of the final one.

        strict=False lets fields stand twice: libmicrohttpd before 1.0 sends
        its own error heads doubled.
        """
        interim = []
        while True:
            answer = self._one_head(strict)
            if answer.status >= 200:
                break
            interim.append(answer)
        answer.interim = interim
        self._set_framing(answer, method, strict)
        # Who refuses a connection has no clock at hand (RFC 9110, 6.6.1).
        if strict and answer.status < 500 and not answer.get("Date"):
            raise WireError(f"no Date: {answer}")
        return answer

    def _set_framing(self, answer, method, strict):
        length = answer.get("Content-Length")
        coding = answer.get("Transfer-Encoding")
        if length is not None and not length.isdecimal():
            raise WireError(f"Content-Length: {length}")
        if coding is not None and length is not None and strict:
            raise WireError(f"two framings: {answer}")
        if method == "HEAD" or answer.status in (204, 304):
            if answer.status == 204 and (length or coding):
                raise WireError(f"framing in a 204: {answer}")
            self.framing, self.left = "none", 0
        elif coding is not None:
            if coding != "chunked":
                raise WireError(f"Transfer-Encoding: {coding}")
            self.framing, self.left = "chunked", 0
        elif length is not None:
            self.framing, self.left = "length", int(length)
        else:
            if "close" not in (answer.get("Connection") or "").lower():
                raise WireError(f"no framing and no close: {answer}")
            self.framing, self.left = "close", 0
        answer.framing = self.framing

    def _next_chunk(self, answer):
        """Begin the next chunk; False at the last one."""
        line = self._line("chunk size")
        match = CHUNK_LINE.fullmatch(line)
        if not match:
            raise WireError(f"bad chunk size {line[:100]!r}")
        self.left = int(match[1], 16)
        if self.left:
            return True
        trailers = self._fields()
        if answer is not None:
            answer.trailers = trailers
        self.framing = "none"
        return False

    def _piece(self, want, answer):
        """Some bytes of the body, at most `want`; none at its end."""
        if self.framing == "chunked" and not self.left:
            if not self._next_chunk(answer):
                return b""
        if self.framing == "close":
            if not self.buf:
                self._fill()
            return self._take(min(len(self.buf), want))
        if not self.left:
            return b""
        if not self.buf and not self._fill():
            raise Truncated("in the body")
        data = self._take(min(len(self.buf), self.left, want))
        self.left -= len(data)
        if self.framing == "chunked" and not self.left:
            if self._line("chunk end"):
                raise WireError("chunk longer than its size")
        return data

    def read_body(self, count=None, answer=None):
        """Read exactly `count` bytes of the body, or all that is left."""
        out = bytearray()
        try:
            while count is None or len(out) < count:
                want = 1 << 62 if count is None else count - len(out)
                piece = self._piece(want, answer)
                if not piece:
                    break
                out += piece
        except Truncated as cut:
            raise Truncated("in the body", bytes(out)) from cut
        if count is not None and len(out) < count:
            raise WireError(f"body ended after {len(out)} of {count} bytes")
        return bytes(out)

    def read(self, method="GET", strict=True):
        """Read one whole answer."""
        answer = self.read_head(method, strict)
        answer.body = self.read_body(None, answer)
        return answer

    def request(self, method, target, headers=(), body=None):
        """Send a request and read its answer."""
        self.send_request(method, target, headers, body)
        return self.read(method)

    def read_end(self):
        """Wait for the end of the connection: the bytes that still came."""
        while self._fill():
            pass
        return self._take(len(self.buf))

    def is_in_step(self):
        """Whether the connection is open and nothing is left over on it.

        Another request is answered, and by its own answer: so no stray byte
        stood before it.
        """
        try:
            answer = self.request("GET", "/healthz")
        except (WireError, OSError):
            return False
        return answer.status == 200 and not self.buf
