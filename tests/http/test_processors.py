# SPDX-License-Identifier: MIT
"""Processors: what they are given, what becomes of what they write, and how
they are asked for. While they run: test_processors_life.py; those that mean no
good: test_processors_hostile.py."""
import hashlib
import json
import socket
import tempfile

from daemon import run_program
from harness import Case, main, table
from processing import Processing, processor, python, script
from samples import content

# Who is in a process that the content names, and who is there at all.
PEEK = script("read pid; for f in comm cmdline status stat io; do "
              "cat /proc/$pid/$f && echo $f; done; ls /proc && echo list; "
              "true")
SHA = "sha256sum; sha256sum <\"$1\"; wc -c \"$1\""


class Output(Processing, Case):
    """What comes out."""

    OPTIONS = [
        *processor("lines", "wc -l", type="text/plain; charset=utf-8"),
        *processor("twice", script(SHA)),
        *processor("same", "cat"),
        *processor("path", "cat {}"),
        *processor("words", "printf %s| a 'b c' \"d'e\" x{}y".replace(
            "%s|", "'%s|'")),
        *processor("closes-in", script("exec <&-; echo out")),
        *processor("closes-out", script("exec >&-; test -e \"$1\"")),
        *processor("silent", "true"),
        *processor("env", "env"),
        *processor("files", "ls /proc/self/fd"),
    ]

    def test_listed(self):
        answer = self.http("GET", "/processors")
        found = {one["name"]: one for one in self.json(answer)["processors"]}
        self.assertEqual(found["lines"]["type"], "text/plain; charset=utf-8")
        self.assertEqual(found["lines"]["links"]["process"], "/process/lines")
        self.assertEqual(found["same"]["timeout_ms"], 60000)
        self.assertEqual(len(found), 10)
        head = self.http("HEAD", "/processors")
        self.assertEqual(head.status, 200)

    def test_answer(self):
        answer = self.process("lines", b"a\nb\nc\n")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body, b"3\n")
        self.assertEqual(answer.get("Content-Type"),
                         "text/plain; charset=utf-8")
        self.assertEqual(answer.get("Cache-Control"), "no-store")
        self.assertEqual(self.file_count(), 0)

    @table(("empty", 0), ("one byte", 1), ("in memory", 100000),
           ("on disk", 3000000))
    def test_content(self, size):
        data = content(size, 1)
        digest = hashlib.sha256(data).hexdigest().encode()
        lines = self.output("twice", data).splitlines()
        self.assertEqual([line.split()[0] for line in lines],
                         [digest, digest, b"%d" % size])
        self.assert_same(self.output("same", data), data)
        self.assert_same(self.output("path", data), data)

    def test_chunked(self):
        with self.conn() as conn:
            conn.send_request("POST", "/process/lines",
                              {"Transfer-Encoding": "chunked"})
            conn.send_chunk(b"a\n")
            conn.send_chunk(b"b\n")
            conn.send_chunk(b"")
            self.assertEqual(conn.read().body, b"2\n")

    def test_words(self):
        self.assertEqual(self.output("words"),
                         b"a|b c|d'e|x/proc/self/fd/3y|")

    @table(("input is not read", "closes-in", b"out\n"),
           ("output is closed early", "closes-out", b""),
           ("no output", "silent", b""))
    def test_no_error(self, name, wanted):
        self.assertEqual(self.output(name, content(2000000, 2)), wanted)

    def test_environment(self):
        data = b"some text"
        env = dict(line.split("=", 1) for line in self.output("env", data, {
            "Content-Type": "text/x-odd", "Content-Disposition":
            "attachment; filename=\"../re port.txt\"",
        }).decode().splitlines())
        self.assertEqual(env["SPILLWAY_NAME"], "re port.txt")
        self.assertEqual(env["SPILLWAY_TYPE"], "text/x-odd")
        self.assertEqual(env["SPILLWAY_SIZE"], "9")
        self.assertEqual(env["SPILLWAY_PROCESSOR"], "env")
        self.assertEqual(env["SPILLWAY_CONTENT"], "/proc/self/fd/3")
        self.assertNotIn("SPILLWAY_SHA256", env)
        self.assertEqual(env.keys() - {
            "SPILLWAY_NAME", "SPILLWAY_TYPE", "SPILLWAY_SIZE",
            "SPILLWAY_PROCESSOR", "SPILLWAY_CONTENT"},
            {"PATH", "HOME", "TMPDIR", "LANG"})

    def test_descriptors(self):
        # The last is the one that ls looks with.
        self.assertEqual(self.output("files").split(),
                         [b"0", b"1", b"2", b"3", b"4"])

    def test_stored(self):
        for size in (1000, 2000000):
            data = content(size, 3)
            made = self.upload(data, f"/files/s{size}?digest=sha-256")
            path = f"{made['links']['self']}/process"
            answer = self.http("POST", f"{path}/same")
            self.assertEqual(answer.status, 200)
            self.assert_same(answer.body, data)
            env = self.http("POST", f"{path}/env").body.decode()
            self.assertIn(f"SPILLWAY_NAME=s{size}\n", env)
            self.assertIn("SPILLWAY_SHA256="
                          + hashlib.sha256(data).hexdigest(), env)
            self.assert_content(f"s{size}", data)
            self.http("DELETE", made["links"]["self"])

    def test_async(self):
        made = self.process_async("lines", b"x\n", "?ttl=100&name=n.txt")
        self.assertEqual(made["source"]["kind"], "process")
        self.assertEqual(made["name"], "n.txt")
        done = self.wait_state(made["id"], "ready")
        self.assert_descriptor(done, size=2, type="text/plain; charset=utf-8")
        self.assert_content(made["id"], b"2\n"[:0] + b"1\n")
        self.http("DELETE", made["links"]["self"])

    def test_async_of_stored(self):
        self.upload(b"1\n2\n", "/files/two")
        answer = self.http("POST", "/files/two/process/lines",
                           {"Prefer": "foo, respond-async; x=1"})
        made = self.json(answer, 202)
        self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], b"2\n")

    @table(("of a body", "/process/none"),
           ("of a file", "/files/f/process/none"))
    def test_no_processor(self, target):
        # A program can tell it from a file that is not there.
        self.upload(b"x", "/files/f")
        problem = self.assert_problem(
            self.http("POST", target, (), b""), 404, "no-processor")
        listed = [one["name"] for one in self.json(
            self.http("GET", "/processors"))["processors"]]
        self.assertTrue(problem["detail"].startswith(
            f"There is no processor 'none', but {listed[0]}, {listed[1]}, "),
            problem)

    @table(("no file", "POST", "/files/none/process/lines", 404),
           ("method", "GET", "/process/lines", 405),
           ("method on a file", "PUT", "/files/f/process/lines", 405),
           ("nothing named", "POST", "/process/", 404),
           ("bad ttl", "POST", "/process/lines?ttl=x", 400),
           ("list is read only", "POST", "/processors", 405))
    def test_refused(self, method, target, status):
        self.upload(b"x", "/files/f")
        self.assert_problem(self.http(method, target, (), b""), status)

    def test_options(self):
        answer = self.http("OPTIONS", "/process/lines")
        self.assertEqual((answer.status, answer.get("Allow")),
                         (204, "POST, OPTIONS"))

    def test_file_with_a_body(self):
        self.upload(b"x", "/files/f")
        self.assert_problem(
            self.http("POST", "/files/f/process/lines", (), b"y"), 400)

    def test_file_that_is_not_complete(self):
        with self.conn() as conn:
            conn.send_request("PUT", "/files/half", {"Content-Length": "10"})
            conn.send(b"12345")
            self.wait_received("half", 5)
            self.assert_problem(
                self.http("POST", "/files/half/process/lines"), 409)


class Confidential(Processing, Case):
    """Encrypted content, which has no file that could be handed on."""

    OPTIONS = ["spool.confidential=yes", "spool.memory_max=64K",
               *processor("same", "cat {}"),
               *processor("small", "cat", memory="1M")]

    def test_same(self):
        for size in (1000, 2000000):
            data = content(size, 5)
            self.assert_same(self.output("same", data), data)

    def test_too_much_of_it(self):
        problem = self.assert_problem(
            self.process("small", content(1048577, 6)), 507)
        self.assertIn("Confidential", problem["detail"])


class Sandbox(Processing, Case):
    """What a processor cannot do."""

    OPTIONS = [
        *processor("socket", python(
            "import socket; print(socket.socket().family)")),
        *processor("online", python(
            "import socket; print(int(socket.socket().family))"),
            network="yes"),
        *processor("writes", script(
            "for f in \"$1\" /proc/self/fd/0 /var/tmp/spillway-$$ /tmp/x$$; "
            "do (echo x >\"$f\") 2>/dev/null && echo wrote $f; done; true")),
        *processor("own", script(
            "echo a >f; mkdir d; mv f d/g; ln -s g d/s; cat d/s; "
            "echo $TMPDIR; mktemp")),
        *processor("spool", script("ls .. ../..; cat ../../*")),
        *processor("run-own", script("cp /bin/true .; ./true")),
        *processor("unshare", "unshare --user true"),
        *processor("status", "cat /proc/self/status"),
        *processor("secret", "cat {}", read="/etc/spillway"),
        *processor("curious", PEEK),
        *processor("trusted", PEEK, read="/proc"),
        *processor("machine", script(
            "cat /proc/meminfo /proc/cpuinfo /proc/stat /proc/sys/kernel/"
            "pid_max >/dev/null && cat /proc/self/fd/3 && exec cat "
            "/proc/self/comm")),
    ]

    @table(("socket", "socket", b"PermissionError"),
           ("other files", "spool", b"Permission denied"),
           ("its own files as programs", "run-own", b"Permission denied"),
           ("namespaces", "unshare", b"Operation not permitted"))
    def test_denied(self, name, said):
        answer = self.process(name)
        problem = self.assert_problem(answer, 502, "processor-failed")
        self.assertIn(said.decode(), problem["stderr"])

    def test_network(self):
        self.assertEqual(self.output("online"),
                         b"%d\n" % int(socket.AF_INET))

    def test_content_is_read_only(self):
        for size in (1000, 2000000):
            data = content(size, 7)
            self.upload(data, "/files/mine")
            answer = self.http("POST", "/files/mine/process/writes")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assert_content("mine", data)

    def test_others_processes(self):
        """Not even how they were called; or by leave of the operator."""
        pid = b"%d\n" % self.daemon.pid
        self.assertEqual(self.output("curious", pid), b"")
        said = self.output("trusted", pid)
        self.assertIn(b"spillwayd", said)
        self.assertIn(b"\nlist\n", said)

    def test_machine(self):
        """Nor is anything missing that programs ask for."""
        self.assertEqual(self.output("machine", b"mine\n"), b"mine\ncat\n")

    def test_own_directory(self):
        lines = self.output("own").decode().splitlines()
        self.assertEqual(lines[0], "a")
        self.assertTrue(lines[2].startswith(lines[1]))
        self.assert_nobody_left()

    def test_status(self):
        status = dict(line.split(":\t", 1) for line in
                      self.output("status").decode().splitlines()
                      if ":\t" in line)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(status["CapEff"], "0" * 16)
        self.assertEqual(status["SigBlk"], "0" * 16)
        self.assertEqual(status["SigIgn"], "0" * 16)
        self.assertNotEqual(status["Uid"].split()[0], "0")


class Unconfined(Processing, Case):
    """Where the kernel has none of it, or nobody wants it."""

    OPTIONS = ["sandbox.landlock=no", "sandbox.seccomp=no",
               *processor("same", "cat"),
               *processor("socket", python("import socket; socket.socket()"))]

    def test_same(self):
        self.assertEqual(self.output("same", b"x"), b"x")

    def test_no_network_all_the_same(self):
        self.assert_problem(self.process("socket"), 502)


class Configuration(Case):
    """What is wrong is told with its place."""

    DAEMON = False

    def check(self, text):
        """What --check-config says of a file."""
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(text)
            file.flush()
            code, out, err = run_program("-c", file.name, "--check-config")
        return code, (out + err).replace(file.name, "FILE")

    @table(
        ("no command", "\n[processor x]\ntimeout = 1s\n",
         "FILE:2: [processor x] has no command, which says program and "
         "arguments"),
        ("no program", "[processor x]\n\ncommand = nosuchprogram -x\n",
         "FILE:3: processor.command: 'nosuchprogram' is no program"),
        ("for a shell", "[processor x]\ncommand = cat | wc\n",
         "FILE:2: processor.command: there is no shell"),
        ("open quote", "[processor x]\ncommand = cat 'a\n",
         "FILE:2: processor.command: a quote is not closed"),
        ("no name", "[processor]\ncommand = cat\n",
         "FILE:1: '' is no name for a section; write [processor NAME]"),
        ("bad name", "[processor a.b]\n", "FILE:1: 'a.b' is no name"),
        ("key", "[processor x]\ncommand = cat\ntimout = 1s\n",
         "FILE:3: processor.timout is not a known key; did you mean "
         "processor.timeout?"),
        ("value", "[processor x]\ncommand = cat\nconcurrency = 65\n",
         "FILE:3: processor.concurrency: '65' is out of range; allowed is 1 "
         "to 64"),
        ("twice", "[processor x]\ncommand = cat\n[processor x]\n"
         "command = wc\n", "FILE:4: processor x.command is set on line 2"))
    def test_wrong(self, text, wanted):
        code, said = self.check(text)
        self.assertEqual(code, 2, said)
        self.assertIn(wanted, said)

    def test_printed_and_read_again(self):
        code, printed, _ = run_program(
            "-c", "/dev/null", "-o", "processor a.command=wc -l '{}'",
            "-o", "processor b.command=cat", "-o", "processor a.timeout=5s",
            "--print-config")
        self.assertEqual(code, 0)
        self.assertIn("[processor a]\n", printed)
        self.assertIn("command = wc -l '{}'\n", printed)
        code, said = self.check(printed)
        self.assertEqual((code, said),
                         (0, "the configuration is right: FILE\n"))


class NoProcessors(Case):
    """Without any there is nothing of it."""

    def test_nothing(self):
        self.assertEqual(json.loads(self.http("GET", "/processors").body),
                         {"processors": []})
        self.assert_problem(self.http("POST", "/process/x", (), b""), 404)
        with open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children",
                  encoding="ascii") as file:
            self.assertEqual(file.read(), "")


if __name__ == "__main__":
    main()
