# SPDX-License-Identifier: MIT
"""Who may include what: folders are ranks, and includes point down."""
import re

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)

# The first folder that fits is the file's layer. Layers of one rank do not
# know each other.
LAYERS = [
    ("lib/common", 0),
    ("lib", 1),
    ("server/base", 2),
    ("client", 2),
    ("server/store", 3),
    ("server/http", 3),
    ("server/guard", 3),
    ("server/ingest", 4),
    ("server/deliver", 4),
    ("server/process", 4),
    ("server/hook", 4),
    ("server/front", 5),
    ("server", 6),
]

# Libraries that are kept behind one door each.
DOORS = {
    "microhttpd.h": ("server/http",),
    "gnutls/abstract.h": ("server/http",),
    "gnutls/gnutls.h": ("server/http",),
    "gnutls/x509.h": ("server/http",),
    "curl/curl.h": ("server/guard", "server/hook", "server/ingest", "client",
                    "lib/adapt", "lib/examples"),
    "zip.h": ("server/deliver", "client/spill", "lib/adapt", "lib/examples"),
}

SEARCHED = ("", "lib", "server", "client", "lib/include", "client/include",
            "server/include")

# lib/ goes through lib/sys.c for these, so that tests can make them fail.
SYSTEM_CALLS = """
    open openat openat2 creat close read write pread pwrite preadv pwritev
    readv writev lseek fallocate posix_fallocate ftruncate truncate link
    linkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir
    mkstemp mkostemp fsync fdatasync syncfs sync_file_range fstat fstatat
    stat lstat statx statfs fstatfs statvfs fstatvfs mmap munmap mremap
    madvise mprotect fcntl dup dup2 dup3 copy_file_range sendfile splice
    fsetxattr fgetxattr flock opendir readdir pthread_create getrandom
    malloc calloc realloc reallocarray free strdup strndup asprintf
    aligned_alloc posix_memalign
""".split()
SYSTEM_CALL = re.compile(
    r"(?<![\w.>])(" + "|".join(SYSTEM_CALLS) + r")\s*\(")


def layer_of(path):
    """The layer (folder, rank) of a path, or None outside of them."""
    for folder, rank in LAYERS:
        if path.startswith(folder + "/"):
            return folder, rank
    return None


def includes(source):
    """The includes of a file: (line, is_local, name)."""
    for match in INCLUDE.finditer(source.text):
        yield (source.line_of(match.start(1)), match.group(1) == '"',
               match.group(2))


def resolve(tree, source, name):
    """The file of the tree that an include means, or None."""
    folders = (source.path.parent.as_posix(),) + SEARCHED
    for folder in folders:
        path = f"{folder}/{name}" if folder else name
        if path in tree.paths:
            return path
    return None


def is_public(path):
    """Whether the header is one that is installed."""
    return "/include/spillway/" in path


def why_not(path, target):
    """Why the file `path` may not include `target`; None if it may."""
    own, rank = layer_of(path)
    other = layer_of(target)
    if not other:
        return "is outside lib/, server/ and client/"
    folder, other_rank = other
    if folder == own:
        return None
    # How structs of options grow is one way for both libraries.
    if own == "client" and target == "lib/opts.h":
        return None
    if folder == "lib" and not is_public(target):
        return "is private to lib/"
    # The ABI words of base.h are below everything.
    if target == "lib/include/spillway/base.h":
        return None
    # The server's public header only declares.
    if target.startswith("server/include/"):
        return None if own.startswith("server") else "belongs to the server"
    if other_rank >= rank:
        return (f"is in {folder}/ (rank {other_rank}); "
                f"{own}/ (rank {rank}) includes only what is below")
    if own == "client" and not target.startswith("lib/"):
        return "is not of lib/, and client/ uses lib/ only"
    return None


def check_ranks(tree):
    """Includes point down"""
    for source in tree.c_files("lib", "server", "client"):
        for line, local, name in includes(source):
            target = resolve(tree, source, name)
            if not target:
                if local or name.startswith("spillway/"):
                    yield source, line, f'"{name}" is not in the tree'
                continue
            if not local and not is_public(target):
                continue
            why = why_not(source.path.as_posix(), target)
            if why:
                yield source, line, f'"{name}" {why}'


def check_doors(tree):
    """Each foreign library has one door"""
    for source in tree.c_files("lib", "server", "client"):
        for line, local, name in includes(source):
            doors = DOORS.get(name)
            if doors and not local and not source.under(*doors):
                yield (source, line,
                       f"<{name}> is for {' and '.join(doors)} only")


def check_system_calls(tree):
    """lib/ makes system calls and allocations in lib/sys*.c only"""
    for source in tree.c_files("lib"):
        path = source.path.as_posix()
        # Examples are programs of their own.
        if (path in ("lib/sys.c", "lib/sys_file.c", "lib/sys.h") or
                path.startswith("lib/examples/")):
            continue
        for match in SYSTEM_CALL.finditer(source.code):
            yield (source, source.code_line_of(match.start()),
                   f"{match.group(1)}() belongs in lib/sys.c")
