# SPDX-License-Identifier: MIT
"""Hooks: what is called when, in which order, how it is signed, and what
happens when the receiver does not take it. The receiver does what it is told,
answer by answer."""
import base64
import hashlib
import hmac
import json
import os
import queue
import signal
import socket
import tempfile
import threading

from daemon import run_program
from harness import PATIENCE, Case, Daemon, main, table, until
from processing import processor, script

SECRET = bytes(range(32))


class Receiver:
    """Takes calls on a port of its own. answers are statuses for the calls to
    come, "cut" or "hold"; then 204."""

    def __init__(self, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "http://127.0.0.1:%d/hook?a=b" % \
            self.listener.getsockname()[1]
        self.answers = list(answers)
        self.calls = queue.Queue()
        self.count = 0
        self.release = threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        with conn, conn.makefile("rb") as file:
            line = file.readline().decode().rstrip()
            fields = {}
            while (field := file.readline().decode().rstrip()):
                name, _, value = field.partition(": ")
                fields[name.lower()] = value
            body = file.read(int(fields.get("content-length", 0)))
            with self.lock:
                answer = self.answers.pop(0) if self.answers else 204
                self.count += 1
            if answer == "hold":
                self.release.wait(PATIENCE)
                answer = 204
            # Before it is answered: what comes next comes later here, too.
            self.calls.put((line, fields, body, answer))
            if answer != "cut":
                conn.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n"
                             b"Connection: close\r\n\r\n" % answer)

    def take(self):
        """The next call: request line, fields, value, what was answered."""
        line, fields, body, answer = self.calls.get(timeout=PATIENCE)
        return line, fields, json.loads(body), body, answer

    def news(self):
        """The next call as (type, id of the file)."""
        _, _, value, _, _ = self.take()
        return value["type"], value["data"]["id"]

    def close(self):
        """No more calls."""
        self.release.set()
        # Closed alone, the thread in accept() would take one more.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def hook(name, receiver, **keys):
    """The -o values of a hook that calls a receiver."""
    keys = {"url": receiver.url, "allow_networks": "127.0.0.1",
            "retry_delay": "1ms", **keys}
    return [f"hook {name}.{key}={value}" for key, value in keys.items()]


class Hooks(Case):
    """Each case has a receiver and a daemon of its own."""

    DAEMON = False

    def begin(self, *answers, options=(), **keys):
        """Both."""
        receiver = Receiver(*answers)
        self.addCleanup(receiver.close)
        self.daemon = Daemon(*hook("one", receiver, **keys), *options)
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)
        return receiver

    def result(self, result):
        return self.metric(f'hook_calls_total{{result="{result}"}}')

    def wait_result(self, result, count):
        until(lambda: self.result(result) == count, f"{count} {result}")

    # -- what is told -----------------------------------------------------

    def test_trace(self):
        """A call belongs to the trace of the request that it comes of, also
        when it is made again; what nobody asked for belongs to none."""
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        receiver = self.begin(500, 204, options=["log.level=info"])
        self.upload(b"abc", "/files/x?ttl=1",
                    {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        spans = set()
        for _ in range(2):
            _, fields, value, _, _ = receiver.take()
            self.assertEqual(value["type"], "file.ready")
            spans.add(fields["traceparent"])
        self.assertEqual(len(spans), 1)
        self.assertRegex(spans.pop(), f"^00-{trace}-[0-9a-f]{{16}}-01$")
        self.assert_logged(f" {trace}] hook one: call ", "again")
        _, fields, value, _, _ = receiver.take()
        self.assertEqual(value["type"], "file.deleted")
        self.assertNotIn("traceparent", fields)

    def test_ready_and_deleted(self):
        receiver = self.begin()
        made = self.upload(b"abc", "/files/x", {"Content-Type": "text/x-y"})
        line, fields, value, _, _ = receiver.take()
        self.assertEqual(line, "POST /hook?a=b HTTP/1.1")
        self.assertEqual(fields["content-type"], "application/json")
        self.assertNotIn("expect", fields)
        self.assertNotIn("webhook-signature", fields)
        self.assertEqual(value["type"], "file.ready")
        self.assertEqual(value["id"], fields["webhook-id"])
        self.assertEqual(value["data"]["state"], "ready")
        self.assert_descriptor(value["data"], id="x", size=3,
                               type="text/x-y", etag=made["etag"])
        self.http("DELETE", "/files/x")
        self.assertEqual(receiver.news(), ("file.deleted", "x"))
        self.wait_result("delivered", 2)
        self.daemon.stop()

    def test_failed(self):
        receiver = self.begin(options=[
            *processor("bad", script("exit 1"))])
        answer = self.http("POST", "/process/bad",
                           {"Prefer": "respond-async"}, b"x")
        made = json.loads(answer.body)
        _, _, value, _, _ = receiver.take()
        self.assertEqual((value["type"], value["data"]["id"]),
                         ("file.failed", made["id"]))
        self.assertEqual(value["data"]["source"]["error"]["type"],
                         "/problems/processor-failed")

    def test_replaced(self):
        receiver = self.begin()
        for _ in range(2):
            self.upload(b"abc", "/files/x")
            self.assertEqual(receiver.news(), ("file.ready", "x"))

    def test_expired_and_read_out(self):
        receiver = self.begin(events="deleted")
        self.upload(b"a", "/files/soon?ttl=1")
        self.assertEqual(receiver.news(), ("file.deleted", "soon"))
        self.upload(b"a", "/files/once?reads=1")
        self.http("GET", "/files/once")
        self.assertEqual(receiver.news(), ("file.deleted", "once"))

    @table(("ready", "ready", ["file.ready"]),
           ("deleted", "deleted", ["file.deleted"]))
    def test_only_what_is_asked_for(self, events, wanted):
        receiver = self.begin(events=events)
        for name in ("a", "b"):
            self.upload(b"x", f"/files/{name}")
            self.http("DELETE", f"/files/{name}")
        got = [receiver.news()[0] for _ in range(2)]
        self.assertEqual(got, wanted * 2)
        self.daemon.stop()
        self.assertEqual(receiver.count, 2)

    def test_kept_files(self):
        receiver = self.begin(options=["store.durability=restart"])
        self.upload(b"x", "/files/k")
        self.assertEqual(receiver.news(), ("file.ready", "k"))
        folder = self.daemon.dir
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(), 0)
        # What was there before is no news; that it goes is.
        self.daemon = Daemon(*hook("one", receiver),
                             "store.durability=restart", dir=folder)
        self.assert_content("k", b"x")
        self.http("DELETE", "/files/k")
        self.assertEqual(receiver.news(), ("file.deleted", "k"))
        self.daemon.stop()

    # -- how it is signed -------------------------------------------------

    def verify(self, fields, body, secret=SECRET):
        """As any receiver would, by the book."""
        signed = b"%s.%s.%s" % (fields["webhook-id"].encode(),
                                fields["webhook-timestamp"].encode(), body)
        mac = hmac.new(secret, signed, hashlib.sha256).digest()
        return fields["webhook-signature"] == \
            "v1," + base64.b64encode(mac).decode()

    def secret_file(self, text):
        with tempfile.NamedTemporaryFile("w", delete=False,
                                         dir="/var/tmp") as file:
            file.write(text)
        self.addCleanup(os.remove, file.name)
        return file.name

    def test_signed(self):
        path = self.secret_file(
            f"whsec_{base64.b64encode(SECRET).decode()}\n")
        receiver = self.begin(500, secret=path)
        self.upload(b"x")
        seen = []
        for _ in range(2):
            _, fields, _, body, _ = receiver.take()
            self.assertTrue(self.verify(fields, body))
            self.assertFalse(self.verify(fields, body + b" "))
            self.assertFalse(self.verify(
                {**fields, "webhook-timestamp": "1"}, body))
            seen.append(fields["webhook-id"])
        # A try again is the same call: a receiver knows it by its id.
        self.assertEqual(seen[0], seen[1])
        self.upload(b"x")
        self.assertNotEqual(receiver.take()[1]["webhook-id"], seen[0])

    # -- who does not take it ---------------------------------------------

    @table(("status", 500), ("not found", 404), ("redirect", 302),
           ("cut", "cut"))
    def test_tried_again(self, answer):
        receiver = self.begin(answer, answer)
        self.upload(b"x", "/files/x")
        for _ in range(3):
            self.assertEqual(receiver.news(), ("file.ready", "x"))
        self.wait_result("delivered", 1)
        self.assertEqual(self.metric("hook_retries_total"), 2)
        self.assertEqual(self.metric("hook_calls_queued"), 0)

    def test_given_up(self):
        receiver = self.begin(*[503] * 3, max_retries=2)
        self.upload(b"x", "/files/x")
        self.wait_result("failed", 1)
        self.assertEqual(receiver.count, 3)
        self.upload(b"x", "/files/y")
        self.wait_result("delivered", 1)

    def test_gone(self):
        receiver = self.begin(410)
        self.upload(b"x", "/files/x")
        self.wait_result("failed", 1)
        self.assertEqual(receiver.count, 1)

    def test_nobody_there(self):
        receiver = self.begin(max_retries=1)
        receiver.close()
        self.upload(b"x")
        self.wait_result("failed", 1)
        self.assert_logged("hook one: call ")
        self.assert_healthy()

    def test_time(self):
        receiver = self.begin("hold", timeout="200ms")
        self.upload(b"x", "/files/x")
        # The second try arrives while the first is still being held.
        self.assertEqual(receiver.news(), ("file.ready", "x"))
        self.wait_result("delivered", 1)
        self.assertEqual(self.metric("hook_retries_total"), 1)

    def test_forbidden(self):
        """A name may lead elsewhere the next time."""
        receiver = self.begin(
            url="http://localhost:1/", allow_networks="10.0.0.0/8",
            max_retries=1)
        self.upload(b"x")
        self.wait_result("failed", 1)
        self.assertEqual(self.metric("hook_retries_total"), 1)
        self.assertEqual(receiver.count, 0)
        self.assert_logged("its address is forbidden (")

    def test_denied_later(self):
        """An address stays what it is: it is not tried again."""
        receiver = Receiver()
        self.addCleanup(receiver.close)
        with tempfile.NamedTemporaryFile("w+", dir="/var/tmp") as file:
            file.write(f"[hook one]\nurl = {receiver.url}\n"
                       "allow_networks = 127.0.0.1\n")
            file.flush()
            self.daemon = Daemon("log.level=info", config=file.name)
            self.addCleanup(self.daemon.clean)
            self.addCleanup(self.daemon.kill)
            self.upload(b"x", "/files/before")
            self.assertEqual(receiver.news(), ("file.ready", "before"))
            file.seek(0)
            file.truncate()
            file.write("[fetch]\ndeny_networks = 127.0.0.0/8\n")
            file.flush()
            os.kill(self.daemon.pid, signal.SIGHUP)
            until(lambda: "reload: fetch.deny_networks has changed"
                  in self.daemon.output(), "the reload")
        self.upload(b"x", "/files/after")
        self.wait_result("refused", 1)
        self.assertEqual(self.metric("hook_retries_total"), 0)
        self.assertEqual(self.metric("hook_calls_queued"), 0)
        self.assert_logged("is not made: its address is forbidden (denied)")
        self.assertEqual(receiver.count, 1)

    def test_no_way_for_fetches(self):
        receiver = self.begin()
        answer = self.http("POST", "/fetch", {
            "Content-Type": "application/json", "Prefer": "wait=60",
        }, json.dumps({"url": receiver.url}).encode())
        self.assertNotIn(answer.status, (201, 202))

    # -- order, bounds, the end -------------------------------------------

    def test_order_of_one_file(self):
        # The first is refused some times; the others do not overtake it.
        receiver = self.begin(500, 500, 500, concurrency=8)
        for _ in range(3):
            self.upload(b"x", "/files/x")
            self.http("DELETE", "/files/x")
        took = []
        while len(took) < 6:
            _, _, value, _, answer = receiver.take()
            if answer == 204:
                took.append(value["type"])
        self.assertEqual(took, ["file.ready", "file.deleted"] * 3)

    def test_files_do_not_wait_for_each_other(self):
        receiver = self.begin("hold")
        self.upload(b"x", "/files/held")
        until(lambda: receiver.count == 1, "the first")
        self.upload(b"x", "/files/free")
        self.assertEqual(receiver.news(), ("file.ready", "free"))
        receiver.release.set()
        self.assertEqual(receiver.news(), ("file.ready", "held"))

    def test_queue_is_bounded(self):
        receiver = self.begin("hold", max_queue=3, concurrency=1)
        self.upload(b"x", "/files/first")
        until(lambda: receiver.count == 1, "the first")
        for name in "abcde":
            self.upload(b"x", f"/files/{name}")
        self.assertEqual(self.result("dropped"), 3)
        self.assertEqual(self.metric("hook_calls_queued"), 3)
        receiver.release.set()
        self.wait_result("delivered", 3)

    def test_drain_delivers(self):
        receiver = self.begin("hold")
        self.upload(b"x", "/files/x")
        until(lambda: receiver.count == 1, "the call")
        self.upload(b"x", "/files/y")
        self.daemon.terminate()
        until(lambda: "finishing what runs" in self.daemon.output(), "drain")
        receiver.release.set()
        self.assertEqual(self.daemon.wait(), 0)
        self.assertEqual({receiver.news()[1], receiver.news()[1]},
                         {"x", "y"})

    def test_drain_does_not_wait_for_a_dead_one(self):
        receiver = self.begin(retry_delay="1h")
        receiver.close()
        self.upload(b"x")
        until(lambda: self.metric("hook_retries_total") == 1, "a try")
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(), 0)
        self.assertIn("1 calls of hooks were not delivered",
                      self.daemon.output())

    def test_two_hooks(self):
        other = Receiver()
        self.addCleanup(other.close)
        receiver = self.begin(
            options=hook("two", other, events="deleted"))
        self.upload(b"x", "/files/x")
        self.http("DELETE", "/files/x")
        self.assertEqual(receiver.news(), ("file.ready", "x"))
        self.assertEqual(receiver.news(), ("file.deleted", "x"))
        self.assertEqual(other.news(), ("file.deleted", "x"))

    # -- what is wrong with it --------------------------------------------

    @table(("no url", ["hook x.timeout=1s"], 2, "has no url"),
           ("event", ["hook x.events=born"], 2, "'born' is not an event"),
           ("no events", ["hook x.events="], 2, "at least 1 item"),
           ("bad url", ["hook x.url=ftp://x/"], 2, "of no use"),
           ("forbidden", ["hook x.url=http://127.0.0.1/"], 2,
            "is refused (loopback); addresses that are not public have to be "
            "in allow_networks of the hook"),
           ("forbidden v6", ["hook x.url=http://[fd00::1]/"], 2,
            "is refused (unique-local)"),
           ("mapped", ["hook x.url=http://[::ffff:127.0.0.1]/",
                       "hook x.allow_networks=10.0.0.0/8"], 2,
            "is refused (loopback)"),
           ("local name", ["hook x.url=http://localhost/"], 2,
            "have to be in allow_networks of the hook"),
           ("denied", ["hook x.url=http://127.0.0.1/",
                       "hook x.allow_networks=127.0.0.1",
                       "fetch.deny_networks=127.0.0.0/8"], 2,
            "is refused (denied); fetch.deny_networks lists its address"),
           ("no secret", ["hook x.url=http://x.example/",
                          "hook x.secret=/nonexistent"], 2,
            "No such file"),
           ("bad secret", ["hook x.url=http://x.example/",
                           "hook x.secret=/etc/hostname"], 2,
            "write whsec_"))
    def test_wrong(self, options, code, said):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            got, out, err = run_program(
                "-c", "/dev/null", "-o", "server.listen=127.0.0.1:0",
                "-o", f"spool.dir={folder}",
                *(word for one in options for word in ("-o", one)))
        self.assertEqual(got, code, out + err)
        self.assertIn(said, out + err)


if __name__ == "__main__":
    main()
