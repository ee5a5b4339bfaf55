/* SPDX-License-Identifier: MIT */
#include "common/tusmeta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static int check(const char *field)
{
	return tusmeta_check(str_from(field));
}

static void metadata_tus_upload_metadata(void **state)
{
	(void)state;
	static const struct {
		const char *field;
		int pairs;
	} good[] = {{"", 0}, {"  ", 0}, {"a", 1}, {"a ", 1}, {"a YQ==", 1},
	    {"a YQ", 1}, {"a YQ==,b", 2}, {"a YQ== , b YQ==", 2},
	    {"filename d29ybGQ=,is_confidential", 2}, {"A YQ==,a YQ==", 2},
	    {"\xC3\xA4 YQ==", 1}};
	static const char *const bad[] = {",", "a,", ",a", "a,,b", "a YQ==,",
	    "a  YQ==", "a YQ== YQ==", "a !!", "a YQ=", "a,a", "a YQ==,b,a",
	    "a\x01 YQ==", "a\tYQ==", "a YQ==,\tb", " , "};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(check(good[i].field), good[i].pairs);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(check(bad[i]), EINVAL);
}

static void many_pairs_and_long_values(void **state)
{
	(void)state;
	char field[8192] = "";
	size_t n = 0;

	for (int i = 0; i < TUSMETA_PAIRS_MAX; i++)
		n += (size_t)snprintf(field + n, sizeof(field) - n, "%sk%d YQ",
		    i ? "," : "", i);
	assert_int_equal(check(field), TUSMETA_PAIRS_MAX);
	snprintf(field + n, sizeof(field) - n, ",more");
	assert_err(check(field), E2BIG);

	memset(field, 'A', 4002);
	field[0] = 'k';
	field[1] = ' ';
	field[4002] = '\0';
	assert_int_equal(check(field), 1);
	field[3000] = '!';
	assert_err(check(field), EINVAL);
	memset(field + 2, 'A', 4000);
	field[129] = '=';
	assert_err(check(field), EINVAL);
}

static void values_are_found(void **state)
{
	(void)state;
	struct str field =
	    str_from("name d29ybGQ=, empty ,b AAEC,long YWJjZGU=");
	char out[6];

	memset(out, 'x', sizeof(out));
	assert_int_equal(tusmeta_find(field, "name", out, 5), 5);
	assert_memory_equal(out, "worldx", 6);
	assert_int_equal(tusmeta_find(field, "empty", out, 5), 0);
	assert_int_equal(tusmeta_find(field, "b", out, 5), 3);
	assert_memory_equal(out, "\0\1\2", 3);
	assert_err(tusmeta_find(field, "long", out, 4), E2BIG);
	assert_err(tusmeta_find(field, "nam", out, 5), ENOENT);
	assert_err(tusmeta_find(field, "Name", out, 5), ENOENT);
	assert_err(tusmeta_find(str_from(NULL), "a", out, 5), ENOENT);
}

static void checksum_tus_upload_checksum(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "sha1", "sha1 ", " sha1",
	    "sha1 =", "sha1 a!", "sha1 YQ== x", "sh a1 YQ==", "sha1  YQ==",
	    "sha1,YQ==",
	    "YQ=="};
	uint8_t out[20];
	struct str alg;

	assert_int_equal(tus_checksum_read(
	    str_from("sha1 Lve95gjOVATpfV8EL5X4nxwjKHE="), &alg, out, 20), 20);
	assert_true(str_eq(alg, "sha1"));
	assert_int_equal(out[0], 0x2e);
	assert_err(tus_checksum_read(
	    str_from("sha1 Lve95gjOVATpfV8EL5X4nxwjKHE="), &alg, out, 19),
	    E2BIG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(tus_checksum_read(str_from(bad[i]), &alg, out, 20),
		    EINVAL);
}

static void concat_tus_upload_concat(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "Partial", "partial;",
	    "partial;a", "final", "final;", "final;  ", "Final;a", "finale;a",
	    "final a",
	    ";a", "partial final;a"};
	enum tus_concat kind;
	struct str urls, url;

	assert_ok(tus_concat_read(str_from("partial"), &kind, &urls));
	assert_int_equal(kind, TUS_CONCAT_PARTIAL);
	assert_ok(tus_concat_read(str_from("final;/files/a  /files/b c"),
	    &kind, &urls));
	assert_int_equal(kind, TUS_CONCAT_FINAL);
	assert_true(tus_concat_next(&urls, &url));
	assert_true(str_eq(url, "/files/a"));
	assert_true(tus_concat_next(&urls, &url));
	assert_true(str_eq(url, "/files/b"));
	assert_true(tus_concat_next(&urls, &url));
	assert_true(str_eq(url, "c"));
	assert_false(tus_concat_next(&urls, &url));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(tus_concat_read(str_from(bad[i]), &kind, &urls),
		    EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(metadata_tus_upload_metadata),
	    cmocka_unit_test(many_pairs_and_long_values),
	    cmocka_unit_test(values_are_found),
	    cmocka_unit_test(checksum_tus_upload_checksum),
	    cmocka_unit_test(concat_tus_upload_concat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
