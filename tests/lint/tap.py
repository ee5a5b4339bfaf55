# SPDX-License-Identifier: MIT
"""What the checks print for meson: the Test Anything Protocol."""
import sys


class Tap:
    """One line a check, and the plan at the end."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, what, problems):
        """One check; it fails when there are problems, which are shown."""
        self.count += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {what}")
        for problem in problems:
            for line in str(problem).splitlines():
                print(f"# {line}")
        sys.stdout.flush()

    def skip(self, what, why):
        """A check that cannot be made here."""
        self.count += 1
        print(f"ok {self.count} - {what} # SKIP {why}", flush=True)

    def finish(self):
        """Print the plan; returns the exit code."""
        print(f"1..{self.count}")
        return 1 if self.failed else 0
