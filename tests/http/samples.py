# SPDX-License-Identifier: MIT
"""Content for tests: the same bytes for the same seed, on every run."""
import base64
import functools
import hashlib
import io
import random
import struct
import zipfile
import zlib

PIECE = 65536


@functools.lru_cache(maxsize=64)
def content(size, seed=0):
    """Bytes that do not repeat and do not compress."""
    return random.Random(f"{seed}:content").randbytes(size)


@functools.lru_cache(maxsize=16)
def text(size, seed=0):
    """Lines of words: something that does compress."""
    rand = random.Random(f"{seed}:text")
    words = ["spool", "range", "entry", "socket", "origin", "reader", "tail"]
    out = io.StringIO()
    while out.tell() < size:
        out.write(" ".join(rand.choices(words, k=9)))
        out.write(f" {rand.randrange(10**6)}\n")
    return out.getvalue().encode()[:size]


def pieces(size, seed=0):
    """Content too large to hold: an iterator of pieces of PIECE bytes."""
    base = bytearray(content(PIECE, seed))
    for index in range(size // PIECE):
        struct.pack_into("<QQ", base, 0, index, seed)
        yield bytes(base)
    if size % PIECE:
        struct.pack_into("<QQ", base, 0, size // PIECE, seed)
        yield bytes(base[:size % PIECE])


def sha256(data):
    """Hexadecimal digest of bytes, or of an iterable of pieces."""
    digest = hashlib.sha256()
    for piece in [data] if isinstance(data, bytes) else data:
        digest.update(piece)
    return digest.hexdigest()


def differs(found, said, name="sha-256"):
    """How a problem tells that content has another digest."""
    hash_name = {"sha": "sha1"}.get(name, name.replace("-", ""))
    is_, not_ = (digest_field(data, hash_name).strip(":")
                 for data in (found, said))
    return f"{name} is {is_}, not {not_}"


def digest_field(data, algorithm="sha256"):
    """The value of a member of Repr-Digest (RFC 9530): `:base64:`."""
    raw = hashlib.new(algorithm, data).digest()
    return f":{base64.b64encode(raw).decode()}:"


def form(parts, boundary="frontier", preamble=b"", epilogue=b""):
    """A multipart/form-data body.

    parts: (name, content) for fields, (name, content, filename) or
    (name, content, filename, type) for files; a dict instead of the name is
    taken as the part's header.
    """
    out = [preamble + b"\r\n"] if preamble else []
    for part in parts:
        name, data, *more = part
        if isinstance(name, dict):
            head = name
        else:
            value = f'form-data; name="{name}"'
            if more:
                value += f'; filename="{more[0]}"'
            head = {"Content-Disposition": value}
            if len(more) > 1:
                head["Content-Type"] = more[1]
        lines = "".join(f"{n}: {v}\r\n" for n, v in head.items())
        out.append(b"--%s\r\n%s\r\n%s\r\n" % (
            boundary.encode(), lines.encode(), data))
    out.append(b"--%s--\r\n" % boundary.encode())
    return b"".join(out) + epilogue


# Names of sample_zip() and what is in them; small and large, stored and
# deflated, empty, a directory, non-ASCII, and one that needs escaping.
ENTRIES = [
    ("readme.txt", text(3000, 1), zipfile.ZIP_DEFLATED),
    ("stored.bin", content(50000, 2), zipfile.ZIP_STORED),
    ("deep/er/big.txt", text(400000, 3), zipfile.ZIP_DEFLATED),
    ("empty", b"", zipfile.ZIP_STORED),
    ("folder/", b"", zipfile.ZIP_STORED),
    ("Grüße/日本語.txt", text(500, 4), zipfile.ZIP_DEFLATED),
    ("odd name?a=b&c#d%20.txt", content(700, 5), zipfile.ZIP_STORED),
    ("deep/noise.bin", content(90000, 6), zipfile.ZIP_DEFLATED),
]


@functools.lru_cache(maxsize=4)
def sample_zip(comment=b"made for a test", pad=0):
    """A zip of ENTRIES, with `pad` more bytes in one more entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = comment
        for name, data, method in ENTRIES:
            info = zipfile.ZipInfo(name, (2024, 2, 29, 12, 34, 56))
            info.compress_type = method
            info.external_attr = (0o40755 if name.endswith("/")
                                  else 0o100640) << 16
            archive.writestr(info, data)
        if pad:
            archive.writestr("pad", content(pad, 7))
    return out.getvalue()


@functools.lru_cache(maxsize=4)
def many_zip(count):
    """A zip of `count` small entries, f/00000 and so on."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for index in range(count):
            archive.writestr(zipfile.ZipInfo(f"f/{index:05}"),
                             b"%d" % index)
    return out.getvalue()


def raw_zip(entries):
    """A zip made by hand, so that it can say what zipfile would not.

    entries: dicts of name (bytes), data, and optionally method, packed, crc,
    size, flags, local_name, and extra, a field of the directory.
    """
    body, directory = bytearray(), bytearray()
    for entry in entries:
        data = entry["data"]
        method = entry.get("method", 0)
        packed = entry.get("packed", data)
        crc = entry.get("crc", zlib.crc32(data))
        fixed = struct.pack("<HHHHHLLL", 20, entry.get("flags", 0), method,
                            0x6000, 0x5860, crc, len(packed),
                            entry.get("size", len(data)))
        name = entry["name"]
        local = entry.get("local_name", name)
        directory += b"PK\1\2" + struct.pack("<H", 0x0314) + fixed
        extra = entry.get("extra", b"")
        directory += struct.pack("<HHHHHLL", len(name), len(extra), 0, 0, 0,
                                 0o100644 << 16, len(body)) + name + extra
        body += b"PK\3\4" + fixed
        body += struct.pack("<HH", len(local), 0) + local + packed
    return bytes(body + directory) + b"PK\5\6" + struct.pack(
        "<HHHHLLH", 0, 0, len(entries), len(entries), len(directory),
        len(body), 0)


def slow_zip():
    """An archive of which `a` does not fit into sockets."""
    entries = []
    for name, data in ((b"a", bytes(64 << 20)), (b"b", b"b" * 100)):
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        entries.append({"name": name, "data": data, "method": 8,
                        "packed": packer.compress(data) + packer.flush()})
    return raw_zip(entries)
