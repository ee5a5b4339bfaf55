/* SPDX-License-Identifier: MIT */
#include "common/authfile.h"

#include <errno.h>
#include <string.h>

#include "check.h"

/* SHA-256 of "secret". */
#define HEX "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

static struct token_line read_line(const char *text)
{
	struct token_line t;
	char why[AUTH_WHY_SIZE] = "";

	if (token_line_read(str_from(text), &t, why) < 0)
		fail_msg("'%s' is refused: %s", text, why);
	return t;
}

static void assert_refused(const char *text, const char *why)
{
	struct token_line t = {.scopes = 77};
	char said[AUTH_WHY_SIZE] = "";

	assert_err(token_line_read(str_from(text), &t, said), EINVAL);
	if (!strstr(said, why))
		fail_msg("'%s': '%s' lacks '%s'", text, said, why);
	assert_int_equal(t.scopes, 77);
}

static void test_token(void **state)
{
	struct token_line t = read_line(" alice\tsha256:" HEX "  read ");

	(void)state;
	assert_true(str_eq(t.name, "alice"));
	assert_int_equal(t.hash[0], 0x2b);
	assert_int_equal(t.hash[31], 0x5b);
	assert_int_equal(t.scopes, AUTH_READ);
	assert_true(t.quota_bytes == UINT64_MAX && t.files == UINT64_MAX);
	assert_int_equal(t.per_minute, 0);

	t = read_line("a.B_c~1- SHA256:" HEX
		      " read,write,list,fetch,process,delete,admin rate=600 "
		      "quota=10G files=0");
	assert_int_equal(t.scopes, (1 << AUTH_SCOPE_COUNT) - 1);
	assert_true(t.quota_bytes == UINT64_C(10) << 30);
	assert_int_equal(t.files, 0);
	assert_int_equal(t.per_minute, 600);
}

static void test_token_wrong(void **state)
{
	(void)state;
	assert_refused("", "'' is no name");
	assert_refused("al/ice sha256:" HEX " read", "'al/ice' is no name");
	assert_refused("al\xc3\xa9 sha256:" HEX " read", "is no name");
	assert_refused("alice", "there is no hash; the second word is sha256:");
	assert_refused("alice sha256: read", "has 0 digits");
	assert_refused("alice md5:" HEX " read", "'md5:2bb8...' is no hash");
	assert_refused("alice sha256:" HEX "00 read", "has 66 digits");
	assert_refused("alice sha256:g" HEX " read", "has 65 digits");
	assert_refused("alice sha256:g2345678901234567890123456789012345678901"
		       "23456789012345678901234 read",
	    "not all are hex digits");
	assert_refused("alice sha256:" HEX, "no scopes");
	assert_refused("alice sha256:" HEX " ,", "no scopes");
	assert_refused("alice sha256:" HEX " read,all",
	    "'all' is not a known scope; known are read, write,");
	assert_refused(
	    "alice sha256:" HEX " read write", "'write' is no limit");
	assert_refused(
	    "alice sha256:" HEX " read quota", "'quota' is no limit");
	assert_refused("alice sha256:" HEX " read =1", "'=1' is no limit");
	assert_refused("alice sha256:" HEX " read quota=x",
	    "quota: 'x' is not a size; write bytes, or a number with K, M, G "
	    "or T, from 0 to 16777215T");
	assert_refused(
	    "alice sha256:" HEX " read quota=16777216T", "not a size");
	assert_refused("alice sha256:" HEX " read files=-1",
	    "files: '-1' is not a number from 0 to 18446744073709551615");
	assert_refused("alice sha256:" HEX " read rate=0",
	    "rate: '0' is not a number from 1 to 1000000");
	assert_refused("alice sha256:" HEX " read rate=1000001",
	    "rate: '1000001' is not a number from 1 to 1000000");
	read_line("alice sha256:" HEX " read quota=16777215T");
}

/* A token itself where its hash should be, or on a line alone. */
static void test_secrets_stay_so(void **state)
{
	struct token_line t;
	char said[AUTH_WHY_SIZE];
	uint8_t key[LINK_KEY_MAX];

	(void)state;
	assert_refused("alice spw_0123456789abcdef read", "'spw_0123...' is");
	assert_err(token_line_read(str_from("spw_+123456789abcdef"), &t, said),
	    EINVAL);
	assert_null(strstr(said, "456789"));
	assert_err(token_line_read(
		       str_from("a spw_0123456789abcdef read"), &t, said),
	    EINVAL);
	assert_null(strstr(said, "456789"));
	assert_err(link_key_read(str_from("x" HEX "0"), key, said), EINVAL);
	assert_null(strstr(said, "2bb8"));
	assert_err(link_key_read(str_from(HEX " x"), key, said), EINVAL);
	assert_null(strstr(said, "2bb8"));
}

static void test_name(void **state)
{
	char name[TOKEN_NAME_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_true(token_name_valid((struct str){name, TOKEN_NAME_MAX}));
	assert_false(token_name_valid((struct str){name, sizeof(name)}));
	assert_false(token_name_valid((struct str){"a\0b", 3}));
	assert_false(token_name_valid((struct str){NULL, 0}));
}

/* What is written is read back. */
static void test_write(void **state)
{
	char name[TOKEN_NAME_MAX], out[TOKEN_LINE_SIZE];
	struct token_line t = {
	    .name = {name, sizeof(name)},
	    .hash = {1, 2, 3},
	    .scopes = (1 << AUTH_SCOPE_COUNT) - 1,
	};

	(void)state;
	memset(name, 'n', sizeof(name));
	size_t n = token_line_write(&t, out);
	assert_int_equal(n, strlen(out));
	struct token_line again = read_line(out);
	assert_int_equal(again.name.n, sizeof(name));
	assert_memory_equal(again.hash, t.hash, sizeof(t.hash));
	assert_int_equal(again.scopes, t.scopes);
	assert_string_equal(auth_scope_name(AUTH_DELETE), "delete");
	assert_string_equal(auth_scope_name(0), "");
}

static void test_key(void **state)
{
	static const char *const bad[] = {
	    "", "secret", HEX " " HEX, "abcd", HEX "f", "x" HEX,
	    HEX HEX "00"};
	uint8_t key[LINK_KEY_MAX];
	char why[AUTH_WHY_SIZE];

	(void)state;
	assert_int_equal(link_key_read(str_from(" " HEX "\t"), key, why), 32);
	assert_int_equal(key[31], 0x5b);
	assert_int_equal(link_key_read(str_from(HEX HEX), key, why), 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		assert_err(link_key_read(str_from(bad[i]), key, why), EINVAL);
		assert_non_null(strstr(why, "openssl rand"));
	}
	assert_err(link_key_read(str_from("abcd"), key, why), EINVAL);
	assert_non_null(strstr(why, "has 4 characters"));
	assert_err(link_key_read(str_from(HEX "f"), key, why), EINVAL);
	assert_non_null(strstr(why, "an even number"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_token),
	    cmocka_unit_test(test_token_wrong),
	    cmocka_unit_test(test_secrets_stay_so),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
