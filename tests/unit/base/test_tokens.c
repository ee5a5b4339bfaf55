/* SPDX-License-Identifier: MIT */
#include "base/tokens.h"

#include <errno.h>

#include "common/authfile.h"
#include "text_file.h"

/* SHA-256 of "secret" and of "other". */
#define SECRET \
	"sha256:" \
	"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define OTHER \
	"sha256:" \
	"d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

static struct tokens *load(const char *text)
{
	struct text_file f = make_text_file(text);
	struct conf_error err = {0};
	struct tokens *all = NULL;

	int r = tokens_load(f.path, &all, &err);
	remove_text_file(&f);
	if (r < 0)
		fail_msg("line %u: %s", err.line, err.msg);
	return all;
}

static void assert_refused(const char *text, unsigned line, const char *why)
{
	struct text_file f = make_text_file(text);
	struct conf_error err = {0};
	struct tokens *all = NULL;

	assert_err(tokens_load(f.path, &all, &err), EINVAL);
	remove_text_file(&f);
	assert_null(all);
	assert_int_equal(err.line, line);
	if (!strstr(err.msg, why))
		fail_msg("'%s' lacks '%s'", err.msg, why);
}

static void test_find(void **state)
{
	struct tokens *all = load("# who\nalice " SECRET " read,write rate=5\n"
				  "bob " OTHER " list\n");

	(void)state;
	const struct token *t = tokens_find(all, str_from("secret"));
	assert_non_null(t);
	assert_string_equal(t->name, "alice");
	assert_int_equal(t->scopes, AUTH_READ | AUTH_WRITE);
	assert_int_equal(t->limits.per_minute, 5);
	t = tokens_find(all, str_from("other"));
	assert_non_null(t);
	assert_string_equal(t->name, "bob");
	assert_null(tokens_find(all, str_from("Secret")));
	assert_null(tokens_find(all, str_from("")));
	assert_null(tokens_find(all, (struct str){NULL, 0}));
	assert_null(tokens_find(all, str_from(SECRET)));
	tokens_free(all);
	all = load("");
	assert_null(tokens_find(all, str_from("secret")));
	tokens_free(all);
	tokens_free(NULL);
}

static void test_scopes(void **state)
{
	struct tokens *all = load("a " SECRET " read files=3\n"
				  "a " OTHER " write files=3\n");

	(void)state;
	assert_int_equal(
	    tokens_scopes(all, str_from("a")), AUTH_READ | AUTH_WRITE);
	assert_int_equal(tokens_scopes(all, str_from("b")), 0);
	tokens_free(all);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("\na " SECRET " read\nb " SECRET " read\n", 3,
	    "'b': a line above has this hash");
	assert_refused("a " SECRET " read files=1\na " OTHER " read\n", 2,
	    "'a': a line above gives this name other limits");
	assert_refused("a\n", 1, "no hash");
}

static void test_limit(void **state)
{
	struct tokens *all = load("a " SECRET " read quota=10 files=1\n");
	struct accounts *accounts = NULL;

	(void)state;
	assert_ok(accounts_new(&accounts));
	struct account *a = accounts_get(accounts, str_from("a"));
	assert_ok(account_check(a, 11));
	assert_ok(tokens_limit(all, accounts));
	assert_err(account_check(a, 11), EFBIG);
	tokens_free(all);
	accounts_free(accounts);
}

static void test_make(void **state)
{
	char text[TOKEN_TEXT_SIZE], again[TOKEN_TEXT_SIZE];
	char line[TOKEN_FILE_LINE_SIZE];

	(void)state;
	assert_ok(tokens_make("alice", text, line));
	assert_int_equal(strlen(text), 47);
	assert_memory_equal(text, "spw_", 4);
	struct tokens *all = load(line);
	const struct token *t = tokens_find(all, str_from(text));
	assert_non_null(t);
	assert_string_equal(t->name, "alice");
	assert_int_equal(t->scopes & AUTH_ADMIN, 0);
	tokens_free(all);
	assert_ok(tokens_make("alice", again, line));
	assert_string_not_equal(text, again);
	assert_err(tokens_make("a b", text, line), EINVAL);
	assert_err(tokens_make("", text, line), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_scopes),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
