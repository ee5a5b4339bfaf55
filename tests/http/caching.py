# SPDX-License-Identifier: MIT
"""What the tests of reading through (GET /fetch?url=) share."""
import itertools
import re
from email.utils import formatdate
from time import time
from urllib.parse import quote

from fetching import DATA, Fetching
from harness import until
from origin import Page

TAG = '"v1"'

# A port may be an origin's again: no two cases have the same URLs.
ROOTS = itertools.count()


def ago(seconds):
    """A date so long ago."""
    return formatdate(time() - seconds, usegmt=True)


class Reading(Fetching):
    """What the cases say. All paths are below `root`."""

    DAEMON = False      # of this class itself: it has no cases

    def setUp(self):
        super().setUp()
        self.root = f"/{next(ROOTS)}"

    def page(self, data=DATA, cache="max-age=1000", path="/a", **how):
        """Put a page there that says this of caching: its URL."""
        fields = how.pop("fields", [])
        if cache is not None:
            fields = [("Cache-Control", cache), *fields]
        how.setdefault("etag", TAG)
        return self.origin.add(self.root + path,
                               Page(data, fields=fields, **how))

    def redirect(self, path, location, **how):
        """Put a redirect there: its URL."""
        fields = [("Location", self.root + location)]
        return self.page(b"", how.pop("cache", None), path, etag=None,
                         fields=fields, status=how.pop("status", 302))

    def seen(self, path="/a"):
        """The requests for a page."""
        return self.origin.seen(self.root + path)

    def target(self, url):
        """The request's target for a URL."""
        return "/fetch?url=" + quote(url, safe="")

    def get(self, url, method="GET", **fields):
        """Read it through: the answer."""
        headers = {name.replace("_", "-"): value
                   for name, value in fields.items()}
        return self.http(method, self.target(url), headers)

    def got(self, url, status, data=DATA, **fields):
        """The same; it must be the content, and come as `status` says."""
        answer = self.get(url, **fields)
        self.assertEqual(answer.status, 200, answer)
        self.assert_same(answer.body, data)
        self.assert_status(answer, status)
        return answer

    def assert_status(self, answer, status):
        """Cache-Status begins so; its words end where ours do."""
        self.assertRegex(answer.get("Cache-Status", ""),
                         f"^spillway; {re.escape(status)}(;|$)", answer)

    def ready(self):
        """Wait until nothing is fetched any more."""
        until(lambda: self.metric("fetches_active") == 0, "all to be there")

    def asked(self, path="/a"):
        """How often the origin was asked for it."""
        return len(self.seen(path))
