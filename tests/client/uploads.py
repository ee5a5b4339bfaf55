# SPDX-License-Identifier: MIT
"""Resumable uploads of the stand-in, with faults on demand.

stub.faults is what happens to appending requests in turn:

    ("cut", N)      the connection ends after N bytes, which are kept
    ("lose", N)     the same, and nothing is kept
    ("stall", N)    after N bytes, which are kept, nothing is read any more
                    until stub.gate is set
    ("status", S)   the answer is a problem of that status, nothing is kept
    ("gone",)       the upload is not there any more
"""
import base64
import socket
import threading

EXTENSIONS = "creation,termination,concatenation"


class Upload:
    """One that is not complete, and the file it becomes."""

    def __init__(self, file, length, part):
        self.file = file
        self.length = length
        self.part = part
        self.lock = threading.Lock()

    def look(self, handler):
        """HEAD."""
        if self.file.state == "gone":
            handler.problem(410, "gone", "it expired")
            return
        fields = [("Upload-Offset", str(len(self.file.data)))]
        if self.length is not None:
            fields.append(("Upload-Length", str(self.length)))
        handler.answer(204, b"", fields)

    def take(self, handler, count):
        """Read bytes of the body, keep them: how many came."""
        left = count
        while left:
            data = handler.rfile.read1(min(left, 65536))
            if not data:
                break
            self.file.data += data
            left -= len(data)
        return count - left

    def append(self, handler):
        """PATCH."""
        stub = handler.stub()
        length = int(handler.headers["Content-Length"])
        offset = int(handler.headers["Upload-Offset"])
        if "Upload-Length" in handler.headers:
            self.length = int(handler.headers["Upload-Length"])
        stub.appends.append((self.file.id, offset, length))
        with self.lock:
            if offset != len(self.file.data):
                # What is not read could take the answer along.
                handler.rfile.read(length)
                handler.problem(409, "upload-offset", "the wrong place")
                return
            fault = stub.faults.pop(0) if stub.faults else ("none",)
            if not self.misbehave(handler, fault):
                return
            self.take(handler, length)
        if len(self.file.data) == self.length:
            self.file.state = "ready"
        handler.answer(204, b"", [
            ("Upload-Offset", str(len(self.file.data)))])

    def misbehave(self, handler, fault):
        """Returns: whether to go on as if nothing were."""
        stub, (kind, *args) = handler.stub(), fault
        if kind == "none":
            return True
        handler.close_connection = True
        if kind == "gone":
            self.file.state = "gone"
            handler.problem(410, "gone", "it expired")
        elif kind == "status":
            handler.problem(args[0], "trouble", "not now")
        else:
            before = self.file.data
            self.take(handler, args[0])
            if kind == "lose":
                self.file.data = before
            if kind == "stall":
                stub.stalled.set()
                stub.gate.wait(60)
            handler.connection.shutdown(socket.SHUT_RDWR)
        return False


def metadata(handler):
    """The pairs of Upload-Metadata."""
    pairs = filter(None, handler.headers.get("Upload-Metadata", "").split(","))
    return {key: base64.b64decode(value).decode()
            for key, value in (pair.split() for pair in pairs)}


def create(handler, query):
    """POST /files of tus: one, a part, or one put together of parts."""
    stub = handler.stub()
    handler.body()
    kind, _, ids = handler.headers.get("Upload-Concat", "").partition(";")
    f = stub.add(stub.new_id(), b"", metadata(handler).get("filename"))
    f.type = metadata(handler).get("filetype")
    f.query = query
    if kind == "final":
        parts = [stub.files[url.split("/")[-1]] for url in ids.split()]
        assert all(p.upload.part and p.state == "ready" for p in parts)
        f.data = b"".join(p.data for p in parts)
    else:
        f.state = "receiving"
        length = handler.headers.get("Upload-Length")
        f.upload = Upload(f, length and int(length), kind == "partial")
    handler.answer(201, f.descriptor(), [("Location", "/files/" + f.id)])
