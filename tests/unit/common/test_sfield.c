/* SPDX-License-Identifier: MIT */
#include "common/sfield.h"

#include <errno.h>
#include <string.h>

#include "check.h"

static int item(const char *field, struct sf_item *ret)
{
	return sf_item_read(str_from(field), ret);
}

static void integers_rfc9651_3_3_1(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {{"0", 0}, {"-0", 0}, {"42", 42}, {"-42", -42},
	    {"  42  ", 42}, {"0042", 42}, {"999999999999999", SF_INTEGER_MAX},
	    {"-999999999999999", -SF_INTEGER_MAX}, {"1;a=2", 1},
	    {"1;  a;b=\"x\"", 1}};
	static const char *const bad[] = {"", " ", "-", "+5", "--1",
	    "1000000000000000", "1,", "1 2", "1x", "0x5", "\t1", "1\t",
	    "5;", "5;A=1", "5; ", "5 ;a", "5;a=", "1,2"};
	struct sf_item it;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(item(good[i].text, &it));
		assert_int_equal(it.type, SF_INTEGER);
		assert_int_equal(it.integer, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(item(bad[i], &it), EINVAL);
}

static void decimals_rfc9651_3_3_2(void **state)
{
	(void)state;
	static const char *const bad[] = {"1.", ".5", "1.2345", "1.2.3",
	    "1234567890123.0", "-.5", "1.-5"};
	struct sf_item it;

	assert_ok(item("4.5", &it));
	assert_int_equal(it.type, SF_DECIMAL);
	assert_int_equal(it.integer, 4500);
	assert_ok(item("-0.125", &it));
	assert_int_equal(it.integer, -125);
	assert_ok(item("123456789012.1", &it));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(item(bad[i], &it), EINVAL);
}

static void booleans_rfc9651_3_3_6(void **state)
{
	(void)state;
	static const char *const bad[] = {"?", "?2", "?01", "true", "1", "0",
	    "? 1", "?1 ?0", "?T", ""};
	bool value = false;

	assert_ok(sf_boolean_read(str_from("?1"), &value));
	assert_true(value);
	assert_ok(sf_boolean_read(str_from(" ?0;why=1 "), &value));
	assert_false(value);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		value = true;
		assert_err(sf_boolean_read(str_from(bad[i]), &value), EINVAL);
		assert_true(value);
	}
}

static void numbers_that_count_something(void **state)
{
	(void)state;
	uint64_t n = 7;

	assert_ok(sf_unsigned_read(str_from("100"), &n));
	assert_int_equal(n, 100);
	assert_err(sf_unsigned_read(str_from("-1"), &n), EINVAL);
	assert_err(sf_unsigned_read(str_from("1.0"), &n), EINVAL);
	assert_err(sf_unsigned_read(str_from("\"1\""), &n), EINVAL);
	assert_err(sf_unsigned_read(str_from(NULL), &n), EINVAL);
	assert_int_equal(n, 100);
}

static void texts_rfc9651_3_3_3(void **state)
{
	(void)state;
	static const char *const bad[] = {"\"", "\"a", "\"a\\\"", "\"a\\n\"",
	    "\"\xC3\xA4\"", "\"a\tb\"", "'a'", "\"a\"b", "%\"%C3%BC\"",
	    "%\"%ff\"", "%\"%c3\"", "%\"%c\"", "%a", "%\"a", "%", "(1)", ":a",
	    ":a b:", ":*:", "@", "@1.5", "@x", "{1}", "\\"};
	struct sf_item it;

	assert_ok(item("\"a\\\"b\\\\\"", &it));
	assert_int_equal(it.type, SF_STRING);
	assert_true(str_eq(it.raw, "a\\\"b\\\\"));
	assert_ok(item("\"\"", &it));
	assert_int_equal(it.raw.n, 0);
	assert_ok(item("*a/b:c;q", &it));
	assert_int_equal(it.type, SF_TOKEN);
	assert_true(str_eq(it.raw, "*a/b:c"));
	assert_true(str_eq(it.params, ";q"));
	assert_ok(item("%\"f%c3%bc\"", &it));
	assert_int_equal(it.type, SF_DISPLAY);
	assert_ok(item("@1659578233", &it));
	assert_int_equal(it.type, SF_DATE);
	assert_int_equal(it.integer, 1659578233);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(item(bad[i], &it), EINVAL);
}

static void bytes_rfc9651_3_3_5(void **state)
{
	(void)state;
	struct sf_item it;
	uint8_t out[4];

	assert_ok(item(":aGk=:", &it));
	assert_int_equal(it.type, SF_BYTES);
	assert_int_equal(sf_bytes(&it, out, sizeof(out)), 2);
	assert_memory_equal(out, "hi", 2);
	assert_ok(item("::", &it));
	assert_int_equal(sf_bytes(&it, out, sizeof(out)), 0);
	assert_ok(item(":aGVsbG8=:", &it));
	assert_err(sf_bytes(&it, out, sizeof(out)), E2BIG);
	assert_ok(item(":=a:", &it));
	assert_err(sf_bytes(&it, out, sizeof(out)), EINVAL);
}

/* Returns: the members, or the error. */
static int count(const char *field)
{
	struct str rest = str_from(field), key;
	struct sf_item it;
	int n = 0, r;

	while ((r = sf_dict_next(&rest, &key, &it)) > 0)
		n++;
	return r < 0 ? r : n;
}

static void dictionaries_rfc9651_3_2(void **state)
{
	(void)state;
	static const char *const bad[] = {"a=1,", ",a=1", "a=1,,b", "A=1",
	    "1=1", "a=", "a=1 b=2", "a==1", "a=(1", "a=(1 2", "a=(1,2)",
	    "a=(1)(2)", "=1", "a=1;", "a=(1;A)", "a=(1)x", "a;=1"};
	struct str rest = str_from(
	    " max-size=100;x=1 ,\tmin-size=0,*k.e_y,l=(1 \"a\");p, :");
	struct str key;
	struct sf_item it;

	assert_int_equal(sf_dict_next(&rest, &key, &it), 1);
	assert_true(str_eq(key, "max-size"));
	assert_int_equal(it.integer, 100);
	assert_true(str_eq(it.params, ";x=1"));
	assert_int_equal(sf_dict_next(&rest, &key, &it), 1);
	assert_true(str_eq(key, "min-size"));
	assert_int_equal(sf_dict_next(&rest, &key, &it), 1);
	assert_true(str_eq(key, "*k.e_y"));
	assert_int_equal(it.type, SF_BOOLEAN);
	assert_true(it.boolean);
	assert_int_equal(sf_dict_next(&rest, &key, &it), 1);
	assert_int_equal(it.type, SF_LIST);
	assert_true(str_eq(it.raw, "1 \"a\""));
	assert_true(str_eq(it.params, ";p"));
	assert_err(sf_dict_next(&rest, &key, &it), EINVAL);

	assert_int_equal(count(""), 0);
	assert_int_equal(count("   "), 0);
	assert_int_equal(count("a"), 1);
	assert_int_equal(count("a=(),b;c=2 , d"), 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(count(bad[i]), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integers_rfc9651_3_3_1),
	    cmocka_unit_test(decimals_rfc9651_3_3_2),
	    cmocka_unit_test(booleans_rfc9651_3_3_6),
	    cmocka_unit_test(numbers_that_count_something),
	    cmocka_unit_test(texts_rfc9651_3_3_3),
	    cmocka_unit_test(bytes_rfc9651_3_3_5),
	    cmocka_unit_test(dictionaries_rfc9651_3_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
