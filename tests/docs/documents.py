# SPDX-License-Identifier: MIT
"""The commands of a document, run as printed.

A fenced block `sh` of a Markdown file is a script for bash, all of a file in
one session, in an empty directory. Servers that it starts in the background are
on ports 8080 and 8081, which stand for any two that are free, as /tmp does for
a directory of its own. A block `text` or `json` that follows it is what it
prints: `...` stands for anything in a line, and alone for any lines. Comments
before a block that readers do not see say what to do with it:

    <!-- not run: why -->      it is not for this machine
    <!-- file: NAME -->        a block that is to become a file
    <!-- instead: SCRIPT -->   what is run in its place
    <!-- fails -->             one of its commands does, and that is the point
    <!-- reader: WORDS -->     the reader has done something before it

No command may fail otherwise; one of curl does if its answer is an error.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 120
PORTS = ("8080", "8081")
# Where what is begun in the background listens.
SERVES = re.compile(r"(?:server\.listen=\S*:|http\.server .*)(%s)"
                    % "|".join(PORTS))
MARK = "\x1e"

BLOCK = re.compile(
    r"(?:^<!-- (?P<order>[^>]*?) -->\n+)?"
    r"^(?P<fence>```)(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


class Block:
    """A fenced block, and what it prints if the document says so."""

    def __init__(self, match, line):
        self.line = line
        self.kind = match["kind"]
        order, _, rest = (match["order"] or "").partition(": ")
        self.text = rest if order == "instead" else match["text"]
        self.fails = order == "fails"
        self.skipped = order == "not run"
        self.file = rest if order == "file" else None
        self.reader = rest.split() if order == "reader" else None
        self.output = None


def blocks(text):
    """Those of a document, in order; outputs are with their scripts."""
    found = []
    for match in BLOCK.finditer(text):
        block = Block(match, text.count("\n", 0, match.start("fence")) + 1)
        if block.kind in ("text", "json") and not block.file and found:
            found[-1].output = block.text
        else:
            found.append(block)
    return found


def pattern(output):
    """An expression for what an output stands for."""
    lines = [r"(?:.*\n)*?" if line == "..." else
             ".*".join(map(re.escape, line.split("..."))) + "\n"
             for line in output.splitlines()]
    return re.compile("".join(lines) + r"\Z")


def free_ports():
    """For each of PORTS one that nobody listens on now."""
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {}
    for port, sock in zip(PORTS, socks):
        ports[port] = str(sock.getsockname()[1])
        sock.close()
    return ports


def exchange(text, words):
    """Each of these words in a text for what it stands for."""
    return re.sub("|".join(words), lambda match: words[match[0]], text)


def environment(build):
    """As if a build were installed: its programs, headers and libraries."""
    programs = [build / "server"]
    if os.environ.get("SPILL"):
        programs.append(pathlib.Path(os.environ["SPILL"]).resolve().parent)

    def path(*folders):
        return os.pathsep.join(map(str, folders))
    return {
        "PATH": path(*programs, os.environ["PATH"]),
        "LD_LIBRARY_PATH": path(build / "lib", build / "lib" / "adapt",
                                build / "server", build / "client"),
        "CPATH": path(*(TREE / part / "include"
                        for part in ("lib", "server", "client"))),
        "PKG_CONFIG_PATH": path(build / "meson-uninstalled")}


class Session:
    """A bash in an empty directory."""

    def __init__(self, build):
        self.dir = tempfile.mkdtemp(
            prefix="spillway-docs-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.ports = free_ports()
        self.made = ""      # files of the document, all their text
        self.printed = {port: word for word, port in self.ports.items()}
        self.here = {**self.ports, "/tmp/": self.dir + "/tmp/"}
        os.mkdir(self.here["/tmp/"])
        clean = {name: value for name, value in os.environ.items()
                 if not name.lower().endswith("_proxy")}
        self.log = open(os.path.join(self.dir, ".stderr"), "w+",
                        encoding="utf-8")
        with open(os.path.join(self.dir, ".curlrc"), "w",
                  encoding="ascii") as file:
            file.write("fail-with-body\n")
        self.bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=self.dir,
            env={**clean, "HOME": self.dir, "SPILLWAY_URL":
                 f"http://127.0.0.1:{self.ports['8080']}",
                 **environment(build)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, start_new_session=True)
        print("trap 'failed=$?' ERR", file=self.bash.stdin)

    def write(self, name, text):
        """Make a file of a block."""
        self.made += text
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as file:
            file.write(exchange(text, self.ports))

    def run(self, script):
        """Run a script: its exit code, what it prints."""
        print(exchange(script, self.here) + f"\nprintf '{MARK}%d\\n' $?", file=self.bash.stdin, flush=True)
        lines = []
        for line in self.bash.stdout:
            text, mark, code = line.partition(MARK)
            if text:
                lines.append(text if not mark else text + "\n")
            if mark:
                break
        else:
            code = self.bash.wait()
        self.wait_listening(script)
        # What daemons say comes when it comes.
        printed = "".join(line for line in lines
                          if not line.startswith("listening on "))
        return int(code), exchange(printed, self.printed)

    def wait_listening(self, script):
        """Until the servers are there that it starts in the background."""
        begun = re.findall(r"^.*[^&]&$", script.replace("\\\n", ""), re.M)
        if any(line.startswith("./") for line in begun):
            begun.append(self.made)
        for port in SERVES.findall("\n".join(begun)):
            self.wait_port(int(self.ports[port]))

    @staticmethod
    def wait_port(port):
        """Until somebody listens there."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise AssertionError(f"nobody listens on {port}") from None
                time.sleep(0.02)

    @staticmethod
    def wait_ended(group):
        """Until none of a group of processes is left."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.02)
        raise AssertionError("what the document started does not end")

    def complaints(self):
        """What went to standard error, the end of it."""
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def close(self):
        """End all that was started, and leave nothing."""
        self.bash.stdin.close()
        try:
            os.killpg(self.bash.pid, signal.SIGTERM)
            self.bash.wait(PATIENCE)
            # The shell does not wait for those that it started.
            self.wait_ended(self.bash.pid)
        except ProcessLookupError:
            pass
        self.bash.stdout.close()
        self.log.close()
        shutil.rmtree(self.dir)


def check(session, block):
    """Run a script: what is wrong with it, or None."""
    try:
        code, printed = session.run(block.text)
    except AssertionError as error:
        return f"{error}\n{session.complaints()}"
    if bool(code) != block.fails:
        return (f"exit code {code}\n{printed[-2000:]}"
                f"{session.complaints()}")
    if block.output is not None and not pattern(block.output).match(printed):
        return (f"it prints\n{printed[-2000:]}\nand not\n{block.output}"
                f"{session.complaints()}")
    return None


def run(spillwayd, name, reader=None, links=()):
    """The scripts of a document: pairs of a name and what is wrong.

    `reader(session, words)` does what its readers are asked to do; `links`
    has folders that its directory has, by their names.
    """
    document = pathlib.Path(name)
    session = Session(pathlib.Path(spillwayd).resolve().parent.parent)
    try:
        for link, folder in dict(links).items():
            os.symlink(folder, os.path.join(session.dir, link))
        for block in blocks(document.read_text(encoding="utf-8")):
            if block.file:
                session.write(block.file, block.text)
            elif block.kind == "sh" and not block.skipped:
                if block.reader:
                    reader(session, block.reader)
                wrong = check(session, block)
                yield f"{document.name}:{block.line}", wrong
                if wrong:
                    return
    finally:
        session.close()
