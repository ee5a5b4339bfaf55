# SPDX-License-Identifier: MIT
"""Uploads by multipart/form-data.

Source: API.md section 2; RFC 7578, RFC 2046 section 5.1, RFC 6266.
"""
from harness import Case, Conn, main, table, until
from samples import content, form
from wire import encode_chunk, encode_request

TYPE = "multipart/form-data; boundary="


class Form(Case):
    """POST /files with a form."""

    OPTIONS = ["spool.memory_max=64K"]

    def post(self, body, boundary="frontier", query="", **more):
        """Send a form as it is: the answer."""
        headers = {"Content-Type": more.pop("type", TYPE + boundary), **more}
        return self.http("POST", "/files" + query, headers, body)

    def made(self, answer, count=None):
        """The descriptors of a 201."""
        files = self.json(answer, 201)["files"]
        if count is not None:
            self.assertEqual(len(files), count)
        for one in files:
            self.assert_descriptor(one, state="ready")
            self.assertEqual(one["source"]["kind"], "form")
        return files

    def refused(self, body, status=400, **how):
        """A form that is refused and leaves nothing."""
        before = self.file_count()
        answer = self.post(body, **how)
        problem = self.assert_problem(answer, status)
        self.assertEqual(self.file_count(), before)
        return problem

    def test_one_file(self):
        data = content(10000)
        answer = self.post(form([("f", data, "a.bin", "text/x-a")]))
        one, = self.made(answer, 1)
        self.assertEqual((one["name"], one["type"], one["size"]),
                         ("a.bin", "text/x-a", 10000))
        self.assertEqual(answer.get("Location"), f"/files/{one['id']}")
        self.assert_content(one["id"], data)

    def test_several_files_and_fields(self):
        bodies = [content(100, 1), b"", content(200000, 2), content(5, 3)]
        answer = self.post(form(
            [("comment", b"hello")]
            + [("f", b, f"{i}.bin") for i, b in enumerate(bodies)]
            + [("ttl", b"100")]))
        files = self.made(answer, 4)
        self.assertIsNone(answer.get("Location"))
        for index, (one, body) in enumerate(zip(files, bodies)):
            self.assertEqual(one["name"], f"{index}.bin")
            self.assert_content(one["id"], body)

    @table(("before", True), ("after", False))
    def test_ttl_field(self, before):
        parts = [("f", b"x", "a")]
        parts.insert(0 if before else 1, ("ttl", b"60"))
        one, = self.made(self.post(form(parts)), 1)
        from_query, = self.made(
            self.post(form([("f", b"x", "a")]), query="?ttl=60"), 1)
        life = [o["expires"] and o["expires"] > o["created"]
                for o in (one, from_query)]
        self.assertEqual(life, [True, True])
        # The default is a day; a minute never changes the date by that.
        self.assertLess(one["expires"],
                        self.upload(b"x")["expires"])

    def test_reads_field(self):
        one, = self.made(self.post(form([("f", b"x", "a"),
                                         ("reads", b"1")])), 1)
        self.assert_content(one["id"], b"x")
        until(lambda: self.info(one["id"]) is None, "the file to be gone")

    @table(("field before", [("name", b"n.txt"), ("f", b"x", "a")], ""),
           ("field behind", [("f", b"x", "a"), ("name", b"n.txt")], ""),
           ("query", [("f", b"x", "a")], "?name=n.txt"))
    def test_name(self, parts, query):
        one, = self.made(self.post(form(parts), query=query), 1)
        self.assertEqual(one["name"], "n.txt")

    def test_name_for_several_files_names_none(self):
        files = self.made(self.post(form(
            [("name", b"n"), ("f", b"x", "a"), ("g", b"y", "b")])), 2)
        self.assertEqual([one["name"] for one in files], ["a", "b"])

    def test_hostile_name(self):
        one, = self.made(self.post(form(
            [("name", b"../../a\r\nb"), ("f", b"x", "a")])), 1)
        self.assertEqual(one["name"], "ab")

    def test_bad_field(self):
        self.refused(form([("f", b"x", "a"), ("ttl", b"soon")]))

    @table(
        ("plain", {"Content-Disposition":
                   'form-data; name="f"; filename="a b.txt"'}, "a b.txt"),
        ("token", {"Content-Disposition":
                   "form-data; name=f; filename=ab.txt"}, "ab.txt"),
        ("raw utf-8", {"Content-Disposition":
                       'form-data; name="f"; filename="Grüße.txt"'},
         "Grüße.txt"),
        ("filename*", {"Content-Disposition":
                       'form-data; name="f"; filename="x"; '
                       "filename*=UTF-8''%e2%82%ac%20rates"}, "€ rates"),
        ("escaped quote", {"Content-Disposition":
                           r'form-data; name="f"; filename="a\"b.txt"'},
         'a"b.txt'),
        ("semicolon inside", {"Content-Disposition":
                              'form-data; name="f"; filename="a;b=c"'},
         "a;b=c"),
        ("path", {"Content-Disposition":
                  'form-data; name="f"; filename="/etc/passwd"'}, "passwd"),
        ("windows path", {"Content-Disposition": 'form-data; name="f"; '
                          'filename="C:/dir/a.txt"'}, "a.txt"),
        ("other case", {"content-disposition":
                        'Form-Data; NAME="f"; FileName="a.txt"'}, "a.txt"),
        ("fields behind", {"Content-Disposition":
                           'form-data; name="f"; filename="a.txt"',
                           "Content-Type": "text/plain", "X-Other": "y"},
         "a.txt"))
    def test_filename(self, head, name):
        one, = self.made(self.post(form([(head, b"data")])), 1)
        self.assertEqual(one["name"], name)
        self.assert_content(one["id"], b"data")

    @table(
        ("quoted", 'multipart/form-data; boundary="fron tier"', "fron tier"),
        ("parameter behind",
         "multipart/form-data; boundary=frontier; charset=utf-8", "frontier"),
        ("parameter before",
         "multipart/form-data; charset=utf-8; boundary=frontier", "frontier"),
        ("other case", "Multipart/Form-Data; BOUNDARY=frontier", "frontier"),
        ("no space", "multipart/form-data;boundary=frontier", "frontier"),
        ("one byte", "multipart/form-data; boundary=x", "x"),
        ("70 bytes", "multipart/form-data; boundary=" + "b" * 70, "b" * 70),
        ("marks", "multipart/form-data; boundary=\"'()+_,-./:=?\"",
         "'()+_,-./:=?"))
    def test_boundary(self, kind, boundary):
        one, = self.made(self.post(
            form([("f", b"data", "a")], boundary), type=kind), 1)
        self.assert_content(one["id"], b"data")

    @table(
        ("cut delimiters", b"\r\n--frontie\r\n--fron\r\n-\r\n\r\r\n--x"),
        ("delimiter inside a line", b"x--frontier--\r\n"),
        ("ends in CRLF", b"data\r\n"), ("ends in CR", b"data\r"),
        ("only CRLF", b"\r\n"), ("begins with CRLF", b"\r\n\r\ndata"),
        ("flood of CR", b"\r" * 70000),
        ("flood of cut delimiters", b"\r\n--frontie" * 8000))
    def test_content_like_a_delimiter(self, data):
        files = self.made(self.post(form([("a", data, "a"),
                                          ("b", data, "b")])), 2)
        for one in files:
            self.assert_content(one["id"], data)

    @table(("1", 1), ("2", 2), ("7", 7))
    def test_split_over_packets(self, step):
        data = content(300) + b"\r\n--frontie" + content(20)
        body = form([("ttl", b"60"), ("f", data, "a"), ("g", b"", "b")])
        conn = self.conn()
        conn.send_slowly(encode_request(
            "POST", "/files", {"Content-Type": TYPE + "frontier"}, body),
            step)
        files = self.made(conn.read(), 2)
        self.assert_content(files[0]["id"], data)
        self.assert_content(files[1]["id"], b"")

    @table(("1", 1), ("3", 3), ("1000", 1000))
    def test_chunked(self, step):
        data = content(3000)
        body = form([("f", data, "a")])
        chunks = b"".join(encode_chunk(body[at:at + step])
                          for at in range(0, len(body), step))
        one, = self.made(self.post(
            chunks + encode_chunk(b""),
            **{"Transfer-Encoding": "chunked"}), 1)
        self.assert_content(one["id"], data)

    def test_preamble_and_epilogue(self):
        body = form([("f", b"data", "a")], preamble=b"this is ignored",
                    epilogue=b"and this\r\n--frontier\r\ntoo")
        one, = self.made(self.post(body), 1)
        self.assert_content(one["id"], b"data")

    def test_large(self):
        bodies = [content(3000000, 1), content(2000000, 2)]
        files = self.made(self.post(form(
            [("f", b, "a") for b in bodies])), 2)
        for one, body in zip(files, bodies):
            self.assert_content(one["id"], body)
            self.assertEqual(one["storage"]["tier"], "disk")

    @table(
        ("wrong boundary", {"boundary": "other"}),
        ("no boundary", {"type": "multipart/form-data"}),
        ("empty boundary", {"type": "multipart/form-data; boundary="}),
        ("long boundary", {"boundary": "b" * 71}),
        ("boundary with a quote", {"type": 'multipart/form-data; boundary="'}))
    def test_bad_boundary(self, how):
        self.refused(form([("f", b"data", "a")]), **how)

    @table(
        ("empty", b""), ("only a delimiter", b"--frontier\r\n"),
        ("no parts", b"--frontier--\r\n"),
        ("no end of head", b"--frontier\r\nContent-Disposition: form-data; "
         b'name="f"; filename="a"\r\n'),
        ("no delimiter at the end", form([("f", b"data", "a")])[:-16]),
        ("half a delimiter", form([("f", b"data", "a")])[:-4]),
        ("second part cut",
         form([("f", b"data", "a"), ("g", b"x" * 99999, "b")])[:-5000]),
        ("bare LF", b"--frontier\nContent-Disposition: form-data; name=f; "
         b"filename=a\n\ndata\n--frontier--\n"))
    def test_truncated_or_malformed(self, body):
        self.refused(body)

    @table(("no name", {"Content-Disposition": 'form-data; filename="a"'},
            "no name"),
           ("no disposition", {"Content-Type": "text/plain"},
            "no Content-Disposition"),
           ("other disposition", {"Content-Disposition":
                                  'attachment; name="f"; filename="a"'},
            "no Content-Disposition"),
           ("encoded", {"Content-Disposition":
                        'form-data; name="f"; filename="a"',
                        "Content-Transfer-Encoding": "base64"},
            "Content-Transfer-Encoding"),
           ("parts in a part", {"Content-Disposition": 'form-data; name="f"',
                                "Content-Type":
                                "multipart/mixed; boundary=x"},
            "has parts itself"),
           ("open quote", {"Content-Disposition":
                           'form-data; name="f; filename=a'},
            "cannot be read"),
           ("twice", {"Content-Disposition":
                      'form-data; name="f"; filename="a"',
                      "content-disposition": 'form-data; name="g"'},
            "twice"),
           ("a space before the colon", {"Content-Disposition ":
                                         'form-data; name="f"'},
            "no field"))
    def test_bad_head(self, head, why):
        # A good part beside it does not hide what would be lost.
        problem = self.refused(form([(head, b"data"), ("g", b"good", "b")]))
        self.assertIn(why, problem["detail"])

    @table(("name", {"Content-Disposition":
                     f'form-data; name="{"n" * 1025}"'}),
           ("filename", {"Content-Disposition":
                         f'form-data; name=n; filename="{"n" * 1025}"'}))
    def test_long_name(self, head):
        problem = self.refused(form([(head, b"data")]), 413)
        self.assertIn("name", problem["detail"])

    def test_unused_fields_of_a_head_are_skipped(self):
        head = {"Content-Disposition": 'form-data; name="f"; filename="a"',
                "Content-Digest": "sha-256=:AAAA:", "Content-Length": "1"}
        one, = self.made(self.post(form([(head, b"data")])), 1)
        self.assert_content(one["id"], b"data")

    @table(("gzip", "gzip", 415), ("identity", "identity", 201))
    def test_coded_form(self, coding, status):
        answer = self.post(form([("f", b"x", "a")]),
                           **{"Content-Encoding": coding})
        if status == 415:
            self.assert_problem(answer, 415)
            self.assertEqual(answer.get("Accept-Encoding"), "identity")
        else:
            self.made(answer, 1)

    @table(("preamble", {"preamble": b"p" * 70000}),
           ("epilogue", {"epilogue": b"\r\n" + b"e" * 70000}))
    def test_endless_text_around(self, around):
        self.refused(form([("f", b"x", "a")], **around), (400, 413))

    def test_no_file_in_it(self):
        self.refused(form([("a", b"1"), ("b", b"2")]))

    def test_client_leaves(self):
        before = self.file_count()
        body = form([("f", b"data", "a"), ("g", content(200000), "b")])
        with Conn(self.daemon.address) as conn:
            conn.send(encode_request(
                "POST", "/files", {"Content-Type": TYPE + "frontier"},
                body)[:-1000])
        until(lambda: self.file_count() == before, "the parts to be gone")
        self.assert_healthy()

    def test_huge_part_head(self):
        head = {"Content-Disposition": 'form-data; name="f"; filename="a"',
                "X-Long": "y" * 65536}
        self.refused(form([(head, b"data")]), (400, 413, 431))

    def test_endless_field(self):
        # A plain field is not a file: it may not take memory for ever.
        self.refused(form([("ttl", b"1" * 3000000), ("f", b"x", "a")]),
                     (400, 413))


class Limits(Case):
    """max_file_size and max_parts hold for forms."""

    OPTIONS = ["store.max_file_size=100000", "upload.max_parts=20",
               "upload.max_part_header=256", "upload.max_field_size=1000",
               "spool.memory_max=32K"]

    def post(self, parts):
        """Send a form, caring for an answer before its end."""
        before = self.file_count()
        conn = self.conn()
        conn.send_lossy(encode_request(
            "POST", "/files", {"Content-Type": TYPE + "frontier"},
            form(parts)))
        answer = conn.read()
        if answer.status != 201:
            self.assertEqual(self.file_count(), before)
        return answer

    def test_file_of_exactly_the_limit(self):
        answer = self.post([("f", content(100000), "a"),
                            ("g", content(100000), "b")])
        self.json(answer, 201)

    def test_file_over_the_limit(self):
        problem = self.assert_problem(self.post(
            [("f", b"small", "a"), ("g", content(100001), "b")]), 413)
        self.assertEqual(problem["limit"], 100000)

    def test_parts(self):
        self.json(self.post([("f", b"x", "a")] * 20), 201)
        problem = self.assert_problem(
            self.post([("f", b"x", "a")] * 21), 413)
        self.assertEqual(problem["limit"], 20)
        self.assertEqual(problem["detail"], "The form has too many parts; "
                         "allowed are 20 (upload.max_parts).")

    @table(("exactly", 1000, 201), ("over", 1001, 413))
    def test_field(self, size, status):
        answer = self.post([("comment", b"c" * size), ("f", b"x", "a")])
        self.assertEqual(answer.status, status, answer)
        if status == 413:
            problem = self.assert_problem(answer, 413)
            self.assertEqual(problem["limit"], 1000)

    @table(("within", 150, 201), ("over", 300, 413))
    def test_part_header(self, size, status):
        head = {"Content-Disposition": 'form-data; name="f"; filename="a"',
                "X-Long": "y" * size}
        answer = self.post([(head, b"x")])
        self.assertEqual(answer.status, status, answer)
        if status == 413:
            problem = self.assert_problem(answer, 413)
            self.assertEqual(problem["limit"], 256)

    def test_many_fields(self):
        self.assert_problem(self.post([("a", b"")] * 5000), (400, 413))


if __name__ == "__main__":
    main()
