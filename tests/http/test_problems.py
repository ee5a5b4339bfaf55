# SPDX-License-Identifier: MIT
"""What the types of problems mean can be looked up: GET of a problem's type.

Source: API.md section 7; RFC 9457 sections 3.1.1 and 4.2.1; RFC 9110 sections
12.5.1, 13 and 15.4.5.
"""
import html.parser
import json
import pathlib
import re

from guarding import Guarded
from harness import Case, main, table

DOCUMENT = (pathlib.Path(__file__).resolve().parents[2]
            / "docs" / "openapi.json")
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
JSON = "application/json"
IANA = "https://iana.org/assignments/http-problem-types#"


def types_told():
    """The types of problem that the API's document tells of."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return set(re.findall(r'"(/problems/[a-z-]+|' + re.escape(IANA)
                          + '[a-z-]+)"', text))


class Text(html.parser.HTMLParser):
    """The text of a page, and where it links to."""

    def __init__(self, page):
        super().__init__()
        self.text, self.links = "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        self.text += data


class Problems(Case):
    """GET /problems and below."""

    DAEMON = True

    def look_up(self, target="/problems", accept=JSON):
        """What is said of it, as JSON a list."""
        answer = self.http("GET", target, {"Accept": accept} if accept else {})
        self.assertEqual(answer.status, 200, answer)
        kind = answer.get("Content-Type").partition(";")[0]
        if kind == JSON:
            return json.loads(answer.body)["problems"]
        return answer.body.decode()

    def test_list(self):
        told = self.look_up()
        self.assertEqual({one["type"] for one in told}, types_told())
        self.assertEqual(len({one["title"] for one in told}), len(told))
        for one in told:
            self.assertIn(one["status"], range(400, 600))
            self.assertRegex(one["help"], r"^[A-Z][^<>&]+\.$")

    def test_each(self):
        # What others have registered is looked up there.
        for one in self.look_up():
            if one["type"].startswith("/problems/"):
                self.assertEqual(self.look_up(one["type"]), [one])
                self.assertIn(one["help"], self.look_up(one["type"], None))

    def test_what_is_answered_is_there(self):
        for method, target in (("GET", "/nowhere"), ("DELETE", "/files"),
                               ("GET", "/files/none"), ("FOO", "/")):
            problem = json.loads(self.http(method, target).body)
            told, = self.look_up(problem["type"])
            self.assertEqual((told["title"], told["status"]),
                             (problem["title"], problem["status"]))

    def test_html(self):
        told, = self.look_up("/problems/gone")
        one = Text(self.look_up("/problems/gone", BROWSER))
        self.assertIn(told["help"], one.text)
        self.assertEqual(one.links, ["/problems", "/problems/gone"])
        links = Text(self.look_up("/problems", BROWSER)).links
        self.assertEqual(set(links), types_told())

    @table(("browser", BROWSER, "text/html"), ("curl", "*/*", "text/plain"),
           ("nothing", None, "text/plain"), ("JSON", JSON, JSON),
           ("text first", "application/json;q=0.5, text/plain", "text/plain"),
           ("no HTML", "text/html;q=0, application/json", JSON),
           ("a picture", "image/png", "text/plain"))
    def test_forms(self, accept, kind):
        for target in ("/problems", "/problems/gone"):
            answer = self.http("GET", target,
                               {"Accept": accept} if accept else {})
            self.assertEqual(answer.get("Content-Type").partition(";")[0],
                             kind)
            self.assertEqual(answer.get("Vary"), "Accept")
            self.assertEqual(answer.get("X-Content-Type-Options"), "nosniff")

    @table(("one", "/problems/gone"), ("all", "/problems"))
    def test_conditions(self, target):
        first = self.http("GET", target)
        other = self.http("GET", target, {"Accept": BROWSER})
        self.assertNotEqual(first.get("ETag"), other.get("ETag"))
        again = self.http("GET", target,
                          {"If-None-Match": first.get("ETag")})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(again.get("ETag"), first.get("ETag"))
        self.assertEqual(again.get("Cache-Control"), "public, max-age=3600")
        self.assert_problem(self.http("GET", target, {"If-Match": '"x"'}), 412)

    @table(("one", "/problems/gone"), ("all", "/problems"))
    def test_head(self, target):
        answer, head = (self.http(one, target) for one in ("GET", "HEAD"))
        self.assertEqual((head.status, head.body), (200, b""))
        for name in ("Content-Length", "Content-Type", "ETag", "Vary"):
            self.assertEqual(head.get(name), answer.get(name))

    @table(("unknown", "/problems/none"), ("folder", "/problems/"),
           ("below", "/problems/gone/x"), ("case", "/problems/Gone"),
           ("registered elsewhere", "/problems/completed-upload"),
           ("part", "/problems/gon"), ("glued", "/problemsgone"))
    def test_not_found(self, target):
        self.assert_problem(self.http("GET", target), 404, "not-found")

    @table(("one", "/problems/gone"), ("all", "/problems"))
    def test_methods(self, target):
        self.assert_problem(self.http("DELETE", target), 405)
        self.assertEqual(self.http("OPTIONS", target).get("Allow"),
                         "GET, HEAD, OPTIONS")


class WithoutToken(Guarded):
    """Who is refused may read why."""

    def test_open(self):
        problem = self.assert_problem(self.ask(None, "GET", "/files"), 401)
        for target in ("/problems", problem["type"]):
            self.assertEqual(self.ask(None, "GET", target).status, 200)


if __name__ == "__main__":
    main()
