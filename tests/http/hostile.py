# SPDX-License-Identifier: MIT
"""What the tests of hostile requests share."""
from harness import Case, Closed, Conn, Truncated

SMUGGLED = b"GET /files/canary HTTP/1.1\r\nHost: x\r\n\r\n"
CANARY = b"the canary sings"


class Hostile(Case):
    """A case with a canary that must not sing unasked."""

    DAEMON = False
    OPTIONS = ["server.connection_memory=16K", "spool.memory_max=64K"]

    def setUp(self):
        self.upload(CANARY, "/files/canary")

    def say(self, data, half_close=True):
        """Send bytes: all the answers, up to the end of the connection."""
        answers = []
        with Conn(self.daemon.address) as conn:
            conn.send_lossy(data)
            if half_close:
                try:
                    conn.end_sending()
                except OSError:
                    pass        # it has closed already
            while True:
                try:
                    answers.append(conn.read(strict=False))
                except (Closed, Truncated):
                    break
        self.assert_healthy()
        return answers

    def statuses(self, data, **how):
        """The statuses of say()."""
        return [answer.status for answer in self.say(data, **how)]

    def assert_not_smuggled(self, answers):
        """Nobody has got the canary."""
        for answer in answers:
            self.assertNotIn(CANARY, answer.body)
