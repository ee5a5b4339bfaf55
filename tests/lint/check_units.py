#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The systemd units are sound, and the daemon keeps their promises.

usage: check_units.py SPILLWAYD sysusers.conf tmpfiles.conf
           spillwayd.service spillwayd.socket

systemd-analyze is asked about the units (it needs no running systemd), and the
user and the directories are made in a folder that stands for the root; then
the daemon is started the ways the units start it: with a notify socket and a
watchdog, and with a socket handed over. TAP.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile

from tap import Tap

# In tenths: what `systemd-analyze security` may find at most.
EXPOSURE_MAX = 15
# Seconds; generous, only a hang takes as long.
PATIENCE = 60


def said_wrong(*command):
    """What a command said when it failed; empty when it did not."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False,
                          timeout=PATIENCE)
    return [done.stdout or "no output"] if done.returncode else []


def check_static(tap, daemon, units, folder):
    """What systemd says about the files."""
    names = ["the units load", "the service is confined"]
    if not shutil.which("systemd-analyze"):
        for name in names:
            tap.skip(name, "systemd-analyze is not installed")
        return
    copies = []
    for unit in units:
        # Not installed: the program is where it was built, as is a config.
        text = pathlib.Path(unit).read_text(encoding="utf-8")
        lines = [f"ExecStart={daemon}" if line.startswith("ExecStart=")
                 else line for line in text.splitlines()]
        copy = folder / pathlib.Path(unit).name
        copy.write_text("\n".join(lines) + "\n", encoding="utf-8")
        copies.append(str(copy))
    tap.check(names[0], said_wrong("systemd-analyze", "verify", "--man=no",
                                   *copies))
    tap.check(names[1], said_wrong(
        "systemd-analyze", "security", "--offline=yes", "--no-pager",
        f"--threshold={EXPOSURE_MAX}", copies[0]))


def check_users(tap, users, folders, root):
    """What sysusers.d and tmpfiles.d make."""
    name = "the user and the directories are made"
    if os.geteuid() != 0:
        tap.skip(name, "needs root")
        return
    (root / "etc").mkdir(parents=True)
    problems = []
    for command in (["systemd-sysusers", f"--root={root}", users],
                    ["systemd-tmpfiles", "--create", f"--root={root}",
                     folders]):
        problems += said_wrong(*command)
    if not problems:
        problems = list(wrong_folders(root))
    tap.check(name, problems)


def wrong_folders(root):
    """What is not as the unit's StateDirectory= and RuntimeDirectory= are."""
    passwd = (root / "etc/passwd").read_text(encoding="utf-8")
    user = re.search(r"^spillway:\S*:(\d+):(\d+):.*:/usr/sbin/nologin$",
                     passwd, re.M)
    if not user:
        yield f"no such user: {passwd!r}"
        return
    for path, mode in (("var/lib/spillway", 0o700), ("run/spillway", 0o755)):
        status = (root / path).stat()
        have = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        if have != (int(user[1]), int(user[2]), mode):
            yield f"/{path} is {have}"


def await_message(notify, wanted):
    """Wait for a state that the daemon tells; problems if it does not."""
    heard = []
    try:
        while True:
            states = notify.recv(4096).decode().splitlines()
            if wanted in states:
                return []
            heard += states
    except TimeoutError:
        return [f"{wanted} did not come; heard {heard}"]


def stop(process):
    """End the daemon as systemd does; problems if it does not end well."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return ["does not end on SIGTERM"]
    return [f"exit code {code}"] if code else []


def check_notify(tap, daemon, folder):
    """Type=notify, WatchdogSec=, ExecReload= and the stop."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.settimeout(PATIENCE)
    notify.bind(str(folder / "notify"))
    state = folder / "state"
    state.mkdir()
    env = dict(os.environ, NOTIFY_SOCKET=str(folder / "notify"),
               WATCHDOG_USEC="400000", STATE_DIRECTORY=str(state))
    env.pop("WATCHDOG_PID", None)
    process = subprocess.Popen(
        [daemon, "-c", "/dev/null", "-o", "server.listen=127.0.0.1:0",
         "-o", "log.format=journal", "-o", "log.journal="], env=env,
        stdout=subprocess.DEVNULL)
    try:
        tap.check("tells READY=1", await_message(notify, "READY=1"))
        tap.check("feeds the watchdog", await_message(notify, "WATCHDOG=1"))
        process.send_signal(signal.SIGHUP)
        tap.check("tells RELOADING=1", await_message(notify, "RELOADING=1"))
        tap.check("tells READY=1 again", await_message(notify, "READY=1"))
        process.send_signal(signal.SIGTERM)
        tap.check("tells STOPPING=1", await_message(notify, "STOPPING=1"))
    finally:
        problems = stop(process)
        notify.close()
    tap.check("ends with exit code 0", problems)


def ask(path):
    """The status line for GET /healthz on a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                       b"Connection: close\r\n\r\n")
        answer = b""
        while b"\r\n" not in answer:
            data = client.recv(4096)
            if not data:
                break
            answer += data
    return answer.split(b"\r\n")[0]


def check_activation(tap, daemon, folder):
    """spillwayd.socket: the daemon serves a socket it was handed."""
    name = "serves a socket handed over by systemd"
    if not shutil.which("systemd-socket-activate"):
        tap.skip(name, "systemd-socket-activate is not installed")
        return
    path = folder / "http.sock"
    process = subprocess.Popen(
        ["systemd-socket-activate", f"--listen={path}", daemon,
         "-c", "/dev/null", "-o", "server.listen=systemd",
         "-o", f"spool.dir={folder}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        # Its first line says that the socket is there.
        said = process.stderr.readline()
        while said and "Listening on" not in said:
            said = process.stderr.readline()
        line = ask(path)
        problems = [] if b" 200 " in line else [f"answered {line!r}"]
    except OSError as error:
        problems = [str(error)]
    finally:
        # Nobody reads on: the pipe must not be what stops the daemon.
        problems_at_end = stop(process)
        problems += [process.stderr.read()] * bool(problems)
        process.stderr.close()
    tap.check(name, problems + problems_at_end)


def main():
    """Run the checks."""
    daemon = os.path.abspath(sys.argv[1])
    users, folders, *units = map(os.path.abspath, sys.argv[2:])
    tap = Tap()
    # A unix socket's path is short, so this is not below the build.
    with tempfile.TemporaryDirectory(prefix="spw-", dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        check_static(tap, daemon, units, folder)
        check_users(tap, users, folders, folder / "root")
        check_notify(tap, daemon, folder)
        check_activation(tap, daemon, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
