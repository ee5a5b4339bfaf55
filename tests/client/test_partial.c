/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "spill/partial.h"

#define URL "http://h/files/f"

static char folder[] = "/tmp/spill-partial-XXXXXX";

static bool there(const char *name)
{
	return access(name, F_OK) == 0;
}

static void expect_content(const char *name, const char *want)
{
	char got[64] = "";

	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_true(fread(got, 1, sizeof(got) - 1, f) > 0);
	fclose(f);
	assert_string_equal(got, want);
}

static void test_whole(void **state)
{
	struct partial p;

	(void)state;
	assert_ok(partial_open(&p, "n", URL, true));
	assert_ok(partial_begin(&p, 0, "\"e\""));
	assert_ok(partial_write(&p, "01234", 5));
	assert_true(partial_close(&p));

	assert_ok(partial_open(&p, "n", URL, true));
	assert_int_equal(p.have, 5);
	assert_string_equal(p.etag, "\"e\"");
	assert_err(partial_begin(&p, 4, "\"e\""), EINVAL);
	assert_ok(partial_begin(&p, 5, "\"e\""));
	assert_ok(partial_write(&p, "567", 3));
	assert_ok(partial_commit(&p, false));
	partial_close(&p);
	expect_content("n", "01234567");
	assert_false(there("n.part"));
	assert_false(there("n.part.etag"));
	unlink("n");
}

static void test_split(void **state)
{
	struct partial p;

	(void)state;
	assert_ok(partial_open(&p, "n", URL, true));
	assert_ok(partial_split(&p, "\"e\"", 10, 3));
	assert_int_equal(p.spans[0].end, 3);
	assert_int_equal(p.spans[1].first, 3);
	assert_int_equal(p.spans[2].first, 6);
	assert_int_equal(p.spans[2].end, 10);
	assert_ok(partial_write_at(&p, 2, "67", 2));
	assert_ok(partial_write_at(&p, 0, "012", 3));
	assert_int_equal(partial_there(&p), 5);
	assert_true(partial_close(&p));

	assert_ok(partial_open(&p, "n", URL, true));
	assert_int_equal(p.span_count, 3);
	assert_int_equal(p.have, 0);
	assert_int_equal(p.spans[0].at, 3);
	assert_int_equal(p.spans[1].at, 3);
	assert_int_equal(p.spans[2].at, 8);
	assert_ok(partial_write_at(&p, 1, "345", 3));
	assert_ok(partial_write_at(&p, 2, "89", 2));
	assert_int_equal(partial_there(&p), 10);
	assert_ok(partial_commit(&p, false));
	assert_false(partial_close(&p));
	expect_content("n", "0123456789");
	assert_false(there("n.part.etag"));
	unlink("n");
}

/* After a crash the mark says no more than what is there. */
static void test_crash(void **state)
{
	static char block[8 << 20];
	struct partial p;
	struct partial q;

	(void)state;
	memset(block, 'x', sizeof(block));
	assert_ok(partial_open(&p, "n", URL, true));
	assert_ok(partial_split(&p, "\"e\"", 2 * sizeof(block), 2));
	assert_ok(partial_write_at(&p, 1, block, sizeof(block) - 1));
	assert_ok(partial_write_at(&p, 0, block, 10));
	/* As if it were killed: nothing is told any more. */
	close(p.fd);
	assert_ok(partial_open(&q, "n", URL, true));
	assert_int_equal(q.span_count, 2);
	assert_int_equal(q.spans[1].at, 2 * sizeof(block) - 1);
	assert_int_equal(q.spans[0].at, 0);
	partial_discard(&q);
	assert_int_equal(partial_there(&q), 0);
	assert_false(partial_close(&q));
	assert_false(there("n.part"));
	assert_false(there("n.part.etag"));
	p.fd = -1;
	partial_close(&p);
}

static void write_text(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_damaged_spans(void **state)
{
	static const char *const bad[] = {
	    "0 1\n", "0 1 x\n", "1 2 3\n", "0 2 1\n", "0 1 5\n6 6 9\n",
	    "0 1 5", "0 1 5 6\n", "0 -1 5\n",
	    "0 0 1\n1 1 2\n2 2 3\n3 3 4\n4 4 5\n5 5 6\n6 6 7\n7 7 8\n8 8 9\n"
	    "9 9 10\n10 10 11\n11 11 12\n12 12 13\n13 13 14\n14 14 15\n"
	    "15 15 16\n16 16 17\n",
	};
	struct partial p;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_text("n.part", "01234");
		snprintf(text, sizeof(text), "\"e\"\n" URL "\n%s", bad[i]);
		write_text("n.part.etag", text);
		assert_ok(partial_open(&p, "n", URL, true));
		assert_int_equal(p.span_count, 0);
		assert_int_equal(p.have, 0);
		partial_close(&p);
	}
	unlink("n.part");
	unlink("n.part.etag");
}

static void test_etags(void **state)
{
	char longest[300];
	struct partial p;

	(void)state;
	assert_true(partial_etag_usable("\"\""));
	assert_true(partial_etag_usable("\"a,b\""));
	assert_false(partial_etag_usable(""));
	assert_false(partial_etag_usable("\""));
	assert_false(partial_etag_usable("W/\"a\""));
	assert_false(partial_etag_usable("\"a b\""));
	assert_false(partial_etag_usable("\"a\nb\""));
	memset(longest, 'x', sizeof(longest));
	longest[0] = longest[255] = '"';
	longest[256] = '\0';
	assert_false(partial_etag_usable(longest));
	assert_ok(partial_open(&p, "n", URL, true));
	assert_err(partial_split(&p, "W/\"a\"", 10, 2), EINVAL);
	partial_close(&p);
	assert_false(there("n.part"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_crash),
	    cmocka_unit_test(test_damaged_spans),
	    cmocka_unit_test(test_etags),
	};

	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL) | rmdir(folder);
}
