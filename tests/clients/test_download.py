# SPDX-License-Identifier: MIT
"""wget and aria2c.

Source: API.md section 3; RFC 9110 section 14.
"""
from programs import ProgramCase, main, table
from samples import content

MIB = 1 << 20
DATA = content(20 * MIB, 32)
IN_MEMORY = content(3 * MIB, 33)


class Download(ProgramCase):
    """A file on disk, and one in memory."""

    OPTIONS = ["spool.memory_max=4M"]
    FILES = {"disk.bin": DATA, "memory.bin": IN_MEMORY}

    def setUp(self):
        super().setUp()
        for name, data in self.FILES.items():
            self.upload(data, f"/files/{name}")

    def wget(self, *args):
        """Run wget, without whatever the user has set up for it."""
        return self.run_tool("wget", "--no-config", "-q", *args)

    def aria2(self, name, *args):
        """Run aria2c with all the connections that it may have."""
        return self.run_tool(
            "aria2c", "--no-conf", "-q", "-x16", "-s16", "-k1M",
            "--file-allocation=none", *args, self.url(f"/files/{name}"))

    @table(("from disk", "disk.bin"), ("from memory", "memory.bin"))
    def test_wget(self, name):
        self.wget("-O", "w", self.url(f"/files/{name}"))
        self.assert_same(self.read("w"), self.FILES[name])

    @table(("nothing", 0), ("some", MIB + 1), ("all but a byte", -1),
           ("all", len(DATA)))
    def test_wget_continues(self, have):
        self.write("disk.bin", DATA[:have])
        self.wget("-c", self.url("/files/disk.bin"))
        self.assert_same(self.read("disk.bin"), DATA)

    def test_wget_name(self):
        self.upload(b"x", "/files/n?name=their%20name.txt")
        self.wget("--content-disposition", self.url("/files/n?download"))
        self.assertEqual(self.read("their name.txt"), b"x")

    @table(("from disk", "disk.bin"), ("from memory", "memory.bin"))
    def test_aria2_in_parallel(self, name):
        self.aria2(name)
        self.assert_same(self.read(name), self.FILES[name])

    def test_aria2_continues(self):
        self.write("disk.bin", DATA[:MIB + 1])
        self.aria2("disk.bin", "-c")
        self.assert_same(self.read("disk.bin"), DATA)


if __name__ == "__main__":
    main()
