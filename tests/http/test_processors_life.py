# SPDX-License-Identifier: MIT
"""Runs of processors while they last: output as it comes, those that wait, and
all the ways in which a run comes to its end."""
import os
import signal

from harness import Case, Daemon, Truncated, Worker, main, table, until
from processing import Gates, Processing, processor, script
from samples import content


class Streaming(Processing, Case):
    """While it runs."""

    gates = Gates()
    OPTIONS = [
        *processor("two", script(f"echo one; {gates.wait('two')}; echo two")),
        *processor("late", script(f"{gates.wait('late')}; echo late")),
        *processor("breaks", script(
            f"echo one; {gates.wait('breaks')}; echo why >&2; exit 1")),
    ]

    def test_output_comes_at_once(self):
        conn = self.begin("two")
        head = conn.read_head()
        self.assertEqual(head.status, 200)
        self.assertEqual(conn.read_body(4), b"one\n")
        self.gates.open("two")
        self.assertEqual(conn.read_body(), b"two\n")

    def test_async_is_followed(self):
        made = self.process_async("late")
        self.assertEqual(made["state"], "receiving")
        reader = Worker(self.http, "GET", made["links"]["self"])
        until(lambda: self.metric("readers_following") == 1, "a reader")
        self.gates.open("late")
        self.assertEqual(reader.result().body, b"late\n")

    def test_broken_later(self):
        conn = self.begin("breaks")
        self.assertEqual(conn.read_head().status, 200)
        self.gates.open("breaks")
        with self.assertRaises(Truncated) as caught:
            conn.read_body()
        self.assertLessEqual(len(caught.exception.body), 4)

    def test_broken_later_async(self):
        made = self.process_async("breaks")
        self.gates.open("breaks")
        made = self.wait_state(made["id"], "failed")
        error = made["source"]["error"]
        self.assertEqual((error["type"], error["stderr"]),
                         ("/problems/processor-failed", "why\n"))
        self.assertEqual(made["received"], 4)


class Waiting(Processing, Case):
    """More than run at a time."""

    gates = Gates()
    OPTIONS = [
        *processor("full", script(f"{gates.wait('full')}; echo done"),
                   concurrency=1, max_waiting=0),
        *processor("turns", script(
            f"{gates.wait('turns')}; date +%s%N; sleep 0.01"),
            concurrency=1, max_waiting=9),
        *processor("places", script(f"{gates.wait('places')}; echo done"),
                   concurrency=1, max_waiting=3),
        *processor("free", "cat"),
    ]

    def test_full(self):
        first = self.begin("full")
        self.wait_running()
        answer = self.process("full", b"x")
        self.assert_problem(answer, 503, "unavailable")
        self.assertTrue(answer.get("Retry-After"))
        # Others are not in its way.
        self.assertEqual(self.output("free", b"x"), b"x")
        # Told before the body.
        with self.conn() as conn:
            conn.send_request("POST", "/process/full", {
                "Content-Length": "1000000000", "Expect": "100-continue"})
            self.assert_problem(conn.read(), 503)
        self.gates.open("full")
        self.assertEqual(first.read().body, b"done\n")
        self.assertEqual(self.output("full"), b"done\n")

    def test_one_client_does_not_take_all(self):
        # Of four places: one for a run and three for those that wait.
        for count in range(3):
            self.begin("places")
            until(lambda: self.metric("processors_running")
                  + self.metric("processors_waiting") == count + 1, "a place")
        self.assertIn("3 runs", self.assert_problem(
            self.process("places", b"x"), 429, "too-many-requests")["detail"])
        other = self.begin("places", source="127.0.0.2")
        until(lambda: self.metric("processors_waiting") == 3, "another's")
        self.gates.open("places")
        self.assertEqual(other.read().body, b"done\n")
        self.assertEqual(self.output("places"), b"done\n")

    def test_turns(self):
        greedy = [self.begin("turns")]
        self.wait_running()
        for count in range(1, 4):
            greedy.append(self.begin("turns"))
            until(lambda: self.metric("processors_waiting") == count,
                  "the greedy one")
        other = self.begin("turns", source="127.0.0.2")
        until(lambda: self.metric("processors_waiting") == 4, "the other")
        self.gates.open("turns")
        times = [int(conn.read().body) for conn in greedy]
        self.assertEqual(times, sorted(times))
        self.assertLess(int(other.read().body), times[2])


class Ending(Processing, Case):
    """The end of the server, of the client, of the file."""

    gates = Gates()
    OPTIONS = [
        *processor("sleeps", "sleep 1000", timeout="1000s"),
        *processor("babbles", script("yes"), timeout="1000s"),
        *processor("late", script(f"{gates.wait('late')}; echo late")),
    ]

    def cancelled(self):
        return self.metric('processor_runs_failed_total{reason="cancelled"}')

    @table(("nothing was written", "sleeps"), ("it writes on", "babbles"))
    def test_client_goes(self, name):
        before = self.cancelled()
        conn = self.begin(name)
        self.wait_running()
        if name == "babbles":
            conn.read_head()
            conn.read_body(100000)
        conn.close()
        until(lambda: self.cancelled() == before + 1, "it to be cancelled")
        self.assert_nobody_left()

    def test_client_goes_before_its_turn(self):
        before = self.cancelled()
        conns = [self.begin("sleeps") for _ in range(4)]
        self.wait_running(2)
        until(lambda: self.metric("processors_waiting") == 2, "the others")
        for conn in reversed(conns):
            conn.close()
        until(lambda: self.cancelled() == before + 4, "all")
        self.assertEqual(self.metric("processors_waiting"), 0)
        self.assert_nobody_left()

    def test_file_goes(self):
        made = self.process_async("sleeps")
        self.wait_running()
        self.assertEqual(
            self.http("DELETE", made["links"]["self"]).status, 204)
        self.wait_running(0)
        self.assert_nobody_left()

    def test_input_goes(self):
        self.upload(b"x", "/files/input")
        conn = self.conn()
        conn.send_request("POST", "/files/input/process/late")
        self.wait_running()
        self.http("DELETE", "/files/input")
        self.gates.open("late")
        self.assertEqual(conn.read().body, b"late\n")


class Stopping(Processing, Case):
    """Each case has a daemon of its own, and ends it."""

    DAEMON = False

    def setUp(self):
        self.gates = Gates()

    def run_one(self, command, **keys):
        """A daemon with a run of this under way, and its connection."""
        self.daemon = self.started(
            *processor("one", command, timeout="1000s"),
            *(f"{key}={value}" for key, value in keys.items()))
        conn = self.begin("one")
        self.wait_running()
        return conn

    def started(self, *options, **kwargs):
        one = Daemon(*options, **kwargs)
        self.addCleanup(one.clean)
        self.addCleanup(one.kill)
        return one

    def test_drains(self):
        conn = self.run_one(script(f"{self.gates.wait('go')}; echo done"))
        self.daemon.terminate()
        until(lambda: "finishing what runs" in self.daemon.output(), "drain")
        self.gates.open("go")
        self.assertEqual(conn.read().body, b"done\n")
        self.assertEqual(self.daemon.wait(), 0)

    def test_drains_what_nobody_waits_for(self):
        self.daemon = self.started(
            *processor("one", script(f"{self.gates.wait('go')}; echo done")),
            "store.durability=restart")
        made = self.process_async("one")
        self.wait_running()
        self.daemon.terminate()
        until(lambda: "finishing what runs" in self.daemon.output(), "drain")
        self.gates.open("go")
        self.assertEqual(self.daemon.wait(), 0)
        self.daemon = self.started("store.durability=restart",
                                   dir=self.daemon.dir)
        self.assert_content(made["id"], b"done\n")
        self.daemon.stop()

    def test_cut_at_the_end_of_patience(self):
        conn = self.run_one("sleep 1000", **{"server.drain_timeout": "100ms"})
        spool = self.daemon.spool
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(), 0)
        self.assertEqual(os.listdir(spool), [])
        conn.close()

    def test_killed(self):
        conn = self.run_one("sleep 1000")
        self.daemon.kill()
        until(lambda: not os.listdir(self.daemon.spool), "all to go")
        conn.close()

    def test_interrupted_at_a_terminal(self):
        # Ctrl-C reaches the whole group; the answer comes all the same.
        conn = self.run_one(script(f"{self.gates.wait('go')}; echo done"))
        for pid in self.children():
            os.kill(pid, signal.SIGINT)
        self.daemon.terminate()
        until(lambda: "finishing what runs" in self.daemon.output(), "drain")
        self.gates.open("go")
        self.assertEqual(conn.read().body, b"done\n")
        self.assertEqual(self.daemon.wait(), 0)

    def test_zygote_ends(self):
        """It is started again; a run that was under way goes on."""
        self.daemon = self.started(
            *processor("one", "cat"),
            *processor("late", script(f"{self.gates.wait('go')}; echo late")))
        conn = self.begin("late")
        self.wait_running()
        keeper, = self.children()
        for count in range(1, 4):
            # The keeper has the runs of earlier ones, too.
            zygote, = until(lambda: self.children(
                parent=keeper, name="spillway-zygote"), "it")
            os.kill(zygote, signal.SIGKILL)
            until(lambda: self.metric("processor_starter_restarts_total")
                  == count, "another one")
            self.assertEqual(self.output("one", b"x"), b"x")
            self.assertEqual(self.http("GET", "/readyz").status, 200)
        self.assert_logged("ended (signal 9) and was started again")
        self.gates.open("go")
        self.assertEqual(conn.read().body, b"late\n")
        spool = self.daemon.spool
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(), 0)
        self.assertEqual(os.listdir(spool), [])

    def test_zygote_is_gone(self):
        self.daemon = self.started(*processor("one", "cat"))
        keeper, = self.children()
        zygote, = until(lambda: self.children(
            parent=keeper, name="spillway-zygote"), "it")
        os.kill(keeper, signal.SIGKILL)
        until(lambda: self.children("Z"), "the keeper to be gone")
        # It does without the keeper.
        self.assertEqual(self.output("one", b"x"), b"x")
        os.kill(zygote, signal.SIGKILL)
        until(lambda: self.http("GET", "/readyz").status == 503, "the news")
        problem = self.assert_problem(self.http("GET", "/readyz"), 503)
        self.assertIn("restart the server", problem["detail"])
        problem = self.assert_problem(self.process("one", b"x"), 502)
        self.assertIn("restart the server", problem["detail"])
        self.assert_logged("the process that starts processors is gone")
        self.assertEqual(self.daemon.output().count(
            "the process that starts processors is gone"), 1)
        self.assert_healthy()
        self.daemon.stop()


class Kept(Processing, Case):
    """With files that survive."""

    OPTIONS = ["store.durability=restart", *processor("same", "cat"),
               *processor("fails", script("echo x; exit 1"))]

    def test_of_a_kept_file(self):
        data = content(300000, 4)
        self.upload(data, "/files/kept")
        answer = self.http("POST", "/files/kept/process/same",
                           {"Prefer": "respond-async"})
        made = self.json(answer, 202)
        done = self.wait_state(made["id"], "ready")
        self.assertEqual(done["storage"]["spilled"], "durable")
        self.assert_content(made["id"], data)

    def test_nothing_stays_of_the_rest(self):
        before = self.daemon.files()
        self.assertEqual(self.output("same", b"x"), b"x")
        made = self.process_async("fails")
        self.wait_state(made["id"], "failed")
        self.http("DELETE", made["links"]["self"])
        self.assertEqual([f for f, *_ in self.daemon.files()],
                         [f for f, *_ in before])


class Reload(Processing, Case):
    """Processors are what they were at the start."""

    OPTIONS = [*processor("old", "cat")]

    def test_told(self):
        path = os.path.join(self.daemon.dir, "conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("[processor new]\ncommand = wc\n")
        one = Daemon(*self.OPTIONS, config=path)
        self.addCleanup(one.clean)
        with open(path, "w", encoding="ascii") as file:
            file.write("[processor other]\ncommand = wc\n")
        os.kill(one.pid, signal.SIGHUP)
        until(lambda: "configuration was read again" in one.output(), "it")
        for name in ("new", "other"):
            self.assertIn(f"reload: processor.{name} differs, which takes a "
                          "restart", one.output())
        self.assertNotIn("processor.old", one.output())
        one.stop()



if __name__ == "__main__":
    main()
