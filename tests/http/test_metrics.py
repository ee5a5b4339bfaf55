# SPDX-License-Identifier: MIT
"""GET /metrics as a scraper reads it, while the daemon works; and what is
watched by it: every metric is described, every alert and panel is of metrics
that there are.

Source: exposition.py; docs/monitoring.md, monitoring/.
"""
import json
import pathlib
import re
import shutil
import subprocess

import exposition
from exposition import Bad
from fetching import ALLOW, Fetching
from harness import Case, Worker, main, table, until
from origin import Page
from samples import content, sample_zip

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
MONITORING = TREE / "monitoring"
OPENMETRICS = "application/openmetrics-text"
# As Prometheus 2 asks.
SCRAPER = (f"{OPENMETRICS};version=1.0.0,{OPENMETRICS};version=0.0.1;q=0.75,"
           "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")

GOOD = ('# HELP a_total A.\n# TYPE a_total counter\na_total{x="1"} 1\n'
        "# HELP took T.\n# TYPE took histogram\n"
        'took_bucket{le="1.0"} 1\ntook_bucket{le="+Inf"} 2\n'
        "took_sum 3\ntook_count 2\n")


class Rules(Case):
    """The reader takes nothing that is wrong."""

    DAEMON = False

    def test_good(self):
        families = exposition.read(GOOD)
        self.assertEqual(families["a_total"].samples,
                         {("a_total", (("x", "1"),)): 1})
        exposition.read(GOOD.replace("a_total", "a", 2) + "# EOF\n", True)

    @table(
        ("no end", "took_count 2\n", "took_count 2"),
        ("no type", "# TYPE a_total counter\n", ""),
        ("no help", "# HELP a_total A.\n", ""),
        ("type twice", "# TYPE a_total counter\n",
         "# TYPE a_total counter\n# TYPE a_total counter\n"),
        ("no type of another", "# TYPE took histogram\n", ""),
        ("no such type", "counter", "number"),
        ("no _total", "a_total", "a"),
        ("_total of a gauge", "counter", "gauge"),
        ("a series twice", 'a_total{x="1"} 1\n',
         'a_total{x="1"} 1\na_total{x="1"} 2\n'),
        ("a family twice", "# HELP took T.\n",
         "# HELP b_total B.\n# TYPE b_total counter\nb_total 1\n"
         "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"
         "# HELP took T.\n"),
        ("another's sample", 'a_total{x="1"} 1\n', 'b_total{x="1"} 1\n'),
        ("a blank line", "# HELP took", "\n# HELP took"),
        ("no value", 'a_total{x="1"} 1', 'a_total{x="1"}'),
        ("no number", 'a_total{x="1"} 1', 'a_total{x="1"} one'),
        ("below zero", 'a_total{x="1"} 1', 'a_total{x="1"} -1'),
        ("a label twice", 'x="1"', 'x="1",x="2"'),
        ("a bare quote", 'x="1"', 'x="1"2"'),
        ("a bare backslash", 'x="1"', r'x="1\2"'),
        ("a name of capitals", "a_total", "aB_total"),
        ("a colon", "a_total", "a:b_total"),
        ("a short unit", "a_total", "a_ms_total"),
        ("no base unit", "a_total", "a_minutes_total"),
        ("a type in a name", "a_total", "a_counter_total"),
        ("no +Inf", 'took_bucket{le="+Inf"} 2\n', ""),
        ("buckets that fall", 'le="+Inf"} 2', 'le="+Inf"} 0'),
        ("another count", "took_count 2", "took_count 3"),
        ("no sum", "took_sum 3\n", ""),
        ("bounds that fall",
         'took_bucket{le="1.0"} 1\ntook_bucket{le="+Inf"} 2\n',
         'took_bucket{le="+Inf"} 2\ntook_bucket{le="1.0"} 2\n'))
    def test_bad(self, old, new):
        self.assertIn(old, GOOD)
        with self.assertRaises(Bad):
            exposition.read(GOOD.replace(old, new))

    @table(
        ("no EOF", "# EOF\n", ""),
        ("behind the EOF", "# EOF\n", "# EOF\n\n"),
        ("the family's name", "# TYPE a counter", "# TYPE a_total counter"),
        ("a bound", 'le="1.0"', 'le="1"'),
        ("a unit", "# TYPE a counter\n",
         "# TYPE a counter\n# UNIT a bytes\n"))
    def test_bad_openmetrics(self, old, new):
        good = GOOD.replace("a_total", "a", 2) + "# EOF\n"
        self.assertIn(old, good)
        with self.assertRaises(Bad):
            exposition.read(good.replace(old, new), True)


class Scraping(Fetching):
    """How all of them ask."""

    DAEMON = False

    def scrape(self, openmetrics=False):
        """The families of this moment."""
        headers = {"Accept": SCRAPER} if openmetrics else {}
        answer = self.http("GET", "/metrics", headers)
        self.assertEqual(answer.status, 200)
        return exposition.read(answer.body.decode("ascii"), openmetrics)

    def count(self, route, kind, name="request_duration_seconds"):
        """How many such requests were observed."""
        key = (f"spillway_{name}_count",
               (("class", kind), ("route", route)))
        return exposition.values(self.scrape()).get(key, 0)


class Load(Scraping):
    """While clients do everything at once."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K", "spool.memory_budget=1M",
               "server.threads=2", "fetch.max_retries=0"]
    ROUNDS = 15

    def client(self, number):
        """What one of them does."""
        url = self.origin.add(f"/{number}", Page(content(1000, number)))
        for turn in range(self.ROUNDS):
            name = f"{number}-{turn}"
            self.upload(content(1000 * 8 ** (turn % 3), turn),
                        f"/files/{name}")
            self.http("GET", f"/files/{name}", {"Range": "bytes=0-9"})
            self.http("GET", f"/files/{name}/zip")
            self.http("GET", f"/files/none-{name}")
            self.http("BREW", "/files")
            self.fetch(url, "wait=20")
            self.http("DELETE", f"/files/{name}")

    def test_scrapes(self):
        clients = [Worker(self.client, number) for number in range(3)]
        before, scrapes = {}, 0
        while any(client.is_alive() for client in clients):
            now = exposition.rising(self.scrape(openmetrics=scrapes % 2))
            # A series that there is stays, and what counts never falls.
            for key, value in before.items():
                self.assertGreaterEqual(now.get(key, -1), value, key)
            before, scrapes = now, scrapes + 1
        for client in clients:
            client.result()
        self.assertGreater(scrapes, 3)
        total = 3 * self.ROUNDS
        for route, kind, name in (
                ("upload", "2xx", "request_duration_seconds"),
                ("upload", "2xx", "request_latency_seconds"),
                ("download", "2xx", "request_latency_seconds"),
                ("download", "4xx", "request_latency_seconds"),
                ("archive", "4xx", "request_latency_seconds"),
                ("fetch", "2xx", "request_latency_seconds"),
                ("delete", "2xx", "request_duration_seconds")):
            until(lambda key=(route, kind, name): self.count(*key) == total,
                  f"{total} of {route} {kind}")

    def test_both_formats_are_one(self):
        """A scraper that changes over finds the same series."""
        self.http("GET", "/files/none")
        old = exposition.values(self.scrape())
        new = exposition.values(self.scrape(openmetrics=True))
        self.assertEqual(old.keys() - new.keys(), set())

    @table(
        ("nothing", None, False), ("anything", "*/*", False),
        ("Prometheus", SCRAPER, True), ("only that", OPENMETRICS, True),
        ("rather not", f"{OPENMETRICS};q=0.1, text/plain", False),
        ("not at all", f"{OPENMETRICS};q=0", False),
        ("something else", "text/html", False))
    def test_accept(self, accept, openmetrics):
        answer = self.http("GET", "/metrics",
                           {"Accept": accept} if accept else {})
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.get("Content-Type"),
            f"{OPENMETRICS}; version=1.0.0; charset=utf-8" if openmetrics
            else "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(answer.get("Vary"), "Accept")
        exposition.read(answer.body.decode("ascii"), openmetrics)


class Routes(Scraping):
    """What requests count as."""

    DAEMON = True
    OPTIONS = [*ALLOW, "processor cat.command=cat"]

    def setUp(self):
        super().setUp()
        self.upload(sample_zip(), "/files/there")

    @table(
        ("page", "page", "2xx", "GET", "/", None),
        ("health", "admin", "2xx", "GET", "/healthz", None),
        ("list", "list", "2xx", "GET", "/files", None),
        ("post", "upload", "2xx", "POST", "/files", b"x"),
        ("put", "upload", "2xx", "PUT", "/files/new", b"x"),
        ("get", "download", "2xx", "GET", "/files/there", None),
        ("head", "download", "2xx", "HEAD", "/files/there", None),
        ("none", "download", "4xx", "GET", "/files/none", None),
        ("info", "info", "2xx", "GET", "/files/there/info", None),
        ("delete", "delete", "4xx", "DELETE", "/files/none", None),
        ("zip", "archive", "2xx", "GET", "/files/there/zip", None),
        ("entry", "archive", "2xx", "GET", "/files/there/zip/empty", None),
        ("make", "archive", "2xx", "POST", "/files/zip",
         b'{"files":["there"]}'),
        ("link", "link", "2xx", "POST", "/files/there/links", b"{}"),
        ("processors", "process", "2xx", "GET", "/processors", None),
        ("process", "process", "2xx", "POST", "/process/cat", b"x"),
        ("process a file", "process", "2xx", "POST",
         "/files/there/process/cat", b""),
        ("through", "through", "4xx", "GET", "/fetch?url=x", None),
        ("preflight", "other", "2xx", "OPTIONS", "/files", None),
        ("nothing there", "other", "4xx", "GET", "/nowhere", None),
        ("no method", "other", "5xx", "BREW", "/files", None))
    def test_route(self, route, kind, method, target, body):
        before = self.count(route, kind)
        answer = self.http(method, target, {
            "Content-Type": "application/json"}, body)
        self.assertEqual(answer.status // 100, int(kind[0]), answer)
        # Of /healthz the harness asks as well.
        until(lambda: self.count(route, kind) > before, "it to be counted")

    def test_fetch(self):
        before = self.count("fetch", "2xx")
        self.fetch(self.origin.add("/a", Page(b"abc")), "wait=20")
        until(lambda: self.count("fetch", "2xx") == before + 1, "it")

    def test_events(self):
        """A stream counts when it is over."""
        before = self.count("events", "2xx")
        conn = self.conn()
        conn.send_request("GET", "/files/there/events")
        conn.read()
        until(lambda: self.count("events", "2xx") == before + 1, "it")

    def test_no_answer(self):
        """It has a duration, and no latency."""
        conn = self.conn()
        conn.send_request("PUT", "/files/cut", {"Content-Length": "9"})
        conn.send(b"abc")
        self.wait_received("cut", 3)
        conn.close()
        until(lambda: self.count("upload", "none") == 1, "it")
        self.assertEqual(
            self.count("upload", "none", "request_latency_seconds"), 0)


def mentioned(expression):
    """(name, matchers) of all metrics of a PromQL expression."""
    return re.findall(r"((?:spillway|process)_\w+)(?:\{([^}]*)\})?", expression)


def panels():
    """The dashboard's panels."""
    text = (MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8")
    return json.loads(text)["panels"]


def documented():
    """{family: {label: values}} of docs/monitoring.md."""
    text = (TREE / "docs/monitoring.md").read_text(encoding="utf-8")
    found = {}
    for name, labels in re.findall(
            r"^\| `((?:spillway|process)_\w+)` \| \w+ \| (.*?) \| .+ \|$", text, re.M):
        found[name] = {
            key: set(values.split(", ")) if values else None
            for key, values in re.findall(r"`(\w+)`(?:: ([^;]+))?", labels)}
    return found


class Watching(Scraping):
    """Documents, dashboard and alerts, against a daemon that runs."""

    DAEMON = True
    OPTIONS = ["server.cors_origins=*"]

    def assert_there(self, expression, families, labels):
        """Of each metric of an expression there is the family, with these
        labels and their values."""
        found = mentioned(expression)
        for name, matchers in found:
            family = re.sub("_(bucket|sum|count)$", "", name)
            self.assertIn(family, families, expression)
            self.assertEqual(families[family].type == "histogram",
                             family != name, expression)
            for key, sign, value in re.findall(
                    r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
                if key in ("job", "instance"):
                    continue
                self.assertIn(key, labels[family], expression)
                wanted = value.split("|") if "~" in sign else [value]
                self.assertLessEqual(set(wanted), labels[family][key],
                                     expression)
        return found

    def test_every_metric_is_described(self):
        families, described = self.scrape(), documented()
        self.assertEqual(families.keys(), described.keys())
        for name, family in families.items():
            live = {}
            for _, labels in family.samples:
                for key, value in labels:
                    live.setdefault(key, set()).add(value)
            live.pop("le", None)
            told = described[name]
            if family.type == "histogram":
                for key, seen in live.items():
                    self.assertLessEqual(seen, told[key], name)
            elif name != "spillway_build_info":
                self.assertEqual(live, told, name)

    def test_every_panel_is_of_metrics(self):
        families, described = self.scrape(), documented()
        seen = set()
        for panel in panels():
            if panel["type"] == "row":
                continue
            self.assertTrue(panel["targets"], panel["title"])
            for target in panel["targets"]:
                found = self.assert_there(target["expr"], families, described)
                self.assertTrue(found, panel["title"])
                seen |= {re.sub("_(bucket|sum|count)$", "", name)
                         for name, _ in found}
        # And what is measured can be seen.
        self.assertEqual(families.keys() - seen, set())

    def test_panels_have_places_of_their_own(self):
        found, cells = set(), set()
        for panel in panels():
            at = panel["gridPos"]
            here = {(at["x"] + x, at["y"] + y) for x in range(at["w"])
                    for y in range(at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            self.assertFalse(cells & here, panel["title"])
            self.assertNotIn(panel["id"], found)
            cells |= here
            found.add(panel["id"])

    def test_every_alert_is_of_metrics(self):
        families, described = self.scrape(), documented()
        text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
        alerts = re.split(r"^      - alert: ", text, flags=re.M)[1:]
        names = [alert.split("\n")[0] for alert in alerts]
        self.assertGreater(len(names), 10)
        self.assertEqual(len(names), len(set(names)))
        page = (TREE / "docs/monitoring.md").read_text(encoding="utf-8")
        for name, alert in zip(names, alerts):
            self.assertRegex(name, "^Spillway[A-Za-z]+$")
            self.assertRegex(alert, r"severity: (info|warning|critical)\n")
            for key in ("summary: ", "description: "):
                self.assertIn(key, alert, name)
            rule = re.search(r"expr: (.*?)\n {8}(?:for|labels):", alert, re.S)
            if name != "SpillwayDown":
                self.assertTrue(self.assert_there(rule[1], families,
                                                  described), name)
            self.assertIn(f"`{name}`", page)

    def test_promtool_agrees(self):
        """Whom our own rules were written after, where it is at hand."""
        promtool = shutil.which("promtool")
        text = self.http("GET", "/metrics").body
        exposition.read(text.decode())
        if not promtool:
            return
        rules = MONITORING / "alerts.yml"
        for command, given in (
                (["check", "metrics"], text), (["check", "rules", rules], b""),
                (["test", "rules", TREE / "tests/http/alerts_test.yml"], b"")):
            done = subprocess.run(
                [promtool, *map(str, command)], input=given, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout.decode())


if __name__ == "__main__":
    main()
