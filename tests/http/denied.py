# SPDX-License-Identifier: MIT
"""usage: denied.py CALL ERRNO PROGRAM [ARG...]

Become a program for which a system call fails: by a filter of seccomp, as in
many containers. `command()` is how a test begins it.
"""
import ctypes
import os
import platform
import struct
import sys

# Their numbers, and what the kernel calls a machine.
CALLS = {"x86_64": {"unshare": 272, "landlock_create_ruleset": 444},
         "aarch64": {"unshare": 97, "landlock_create_ruleset": 444}}
ARCHES = {"x86_64": 0xc000003e, "aarch64": 0xc00000b7}
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7fff0000, 0x00050000
NO_NEW_PRIVS, SECCOMP, FILTER = 38, 22, 2


def command(call, error):
    """The words before a program and its arguments."""
    return [sys.executable, os.path.abspath(__file__), call, str(error)]


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def deny(call, error):
    """From here on."""
    machine = platform.machine()
    code = [(LOAD, 0, 0, 4), (IF_EQUAL, 0, 3, ARCHES[machine]),
            (LOAD, 0, 0, 0), (IF_EQUAL, 0, 1, CALLS[machine][call]),
            (RETURN, 0, 0, ERROR | error), (RETURN, 0, 0, ALLOW)]
    raw = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *one) for one in code))
    program = Program(len(code), ctypes.addressof(raw))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(SECCOMP, FILTER, ctypes.byref(program)) == 0


if __name__ == "__main__":
    deny(sys.argv[1], int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
