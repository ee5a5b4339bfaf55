# SPDX-License-Identifier: MIT
"""What the tests of metrics and log lines share."""
import re

from harness import Case, until


class Watched(Case):
    """What all have in common."""

    DAEMON = False

    def told(self, name, action, pattern, count=1):
        """Do it: the metric grows by `count`, and a line of the log fits."""
        before, begin = self.metric(name), len(self.daemon.lines)
        answer = action()
        until(lambda: self.metric(name) >= before + count, name)
        self.assertEqual(self.metric(name), before + count)
        line = until(lambda: next(filter(re.compile(pattern).search,
                                         self.daemon.lines[begin:]), None),
                     f"a line like {pattern}")
        return answer, line

    def refused(self, reason, status, action, words=""):
        """Do it: it is refused for that reason, under the answer's id."""
        answer, line = self.told(
            f'requests_refused_total{{reason="{reason}"}}', action,
            rf"refused: {status} .*{words}")
        self.assertEqual(answer.status, status)
        name = answer.get("X-Request-Id")
        self.assertRegex(name, r"^[A-Za-z0-9_-]{22}$")
        self.assertIn(f"[{name}] refused: ", line)
        self.assertEqual(answer.get("Content-Type"),
                         "application/problem+json")
        return answer, line
