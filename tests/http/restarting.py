# SPDX-License-Identifier: MIT
"""Words for the tests of what survives: a daemon that is ended and started
again on the same directory."""
import os
import shutil
import tempfile

from harness import Case, Daemon, until

HOW = "store.durability=restart"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
SPACES = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]


def of_start(folder, number, script='exec "$@"'):
    """The words before a program for which this is another start of the
    machine, as often as it begins until the next is asked for here. The rest
    of the script may take words in front of it."""
    boot = os.path.join(folder, "boot")
    with open(boot, "w", encoding="ascii") as file:
        file.write(f"{number:08x}-1111-2222-3333-444444444444\n")
    return [*SPACES, f'mount --bind "$1" {BOOT_ID}; shift; {script}', "sh",
            boot]


class Restarting(Case):
    """Each case has a directory of its own, and a daemon on it."""

    DAEMON = False
    OPTIONS = []

    def setUp(self):
        self.dir = tempfile.mkdtemp(
            prefix="spillway-again-",
            dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.daemon = None
        self.run_daemon()

    def run_daemon(self, *options, how=HOW):
        """Start one, in the place of the one before."""
        self.daemon = Daemon(how, *self.OPTIONS, *options, dir=self.dir)
        self.addCleanup(self.daemon.kill)

    def again(self, *options, kill=True, how=HOW):
        """End it, and start the next: the directory between the two stays."""
        if kill:
            self.daemon.kill()
        else:
            self.daemon.stop()
        self.run_daemon(*options, how=how)

    def restored(self):
        """Wait until all of it is listed."""
        until(lambda: self.metric("store_restoring") == 0, "the list")

    def kept(self, folder="files"):
        """The names on the disk."""
        return sorted(os.listdir(os.path.join(self.daemon.spool, folder)))

    def path(self, name):
        """Where a file lies."""
        return os.path.join(self.daemon.spool, "files", name)
