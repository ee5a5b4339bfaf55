# SPDX-License-Identifier: MIT
"""What the tests of fetching by URL share."""
import json

from harness import Case, until
from origin import Origin
from samples import content

DATA = content(500000, 21)
ALLOW = ["fetch.allow_networks=127.0.0.1/32", "fetch.ports=1-65535"]


class Fetching(Case):
    """A case with an origin of its own."""

    DAEMON = False      # of this class itself: it has no cases

    def setUp(self):
        self.origin = Origin()
        self.addCleanup(self.origin.close)

    def fetch(self, url, prefer=None, **how):
        """POST /fetch: the answer."""
        headers = {"Content-Type": "application/json"}
        if prefer:
            headers["Prefer"] = prefer
        return self.http("POST", "/fetch", headers,
                         json.dumps({"url": url, **how}).encode())

    def begin(self, url, **how):
        """Start a fetch: its descriptor."""
        answer = self.fetch(url, **how)
        made = self.json(answer, 202)
        self.assertEqual(answer.get("Location"), f"/files/{made['id']}")
        return made

    def fetched(self, url, **how):
        """Fetch to the end: the descriptor."""
        name = self.begin(url, **how)["id"]

        def ended():
            made = self.json(self.http("GET", f"/files/{name}/info?wait=20"))
            return made["state"] != "receiving" and made
        return until(ended, "the fetch to end")

    def failed(self, url, error=None, **how):
        """Fetch something that must fail: the problem it tells."""
        made = self.fetched(url, **how)
        self.assertEqual(made["state"], "failed", made)
        problem = made["source"]["error"]
        self.assertRegex(problem["type"], r"^/problems/[a-z0-9-]+$")
        self.assertGreaterEqual(problem["status"], 400)
        self.assertTrue(problem["title"])
        if error:
            self.assertEqual(problem.get("error"), error, problem)
        return problem
