/* SPDX-License-Identifier: MIT */
#include "base/linkkeys.h"

#include <errno.h>

#include "text_file.h"

#define FOUR(text) text text text text
#define KEY_A FOUR("6f0c8e516f0c8e51")
#define KEY_B FOUR("00ff00ff00ff00ff00")

static struct link_keys *load(const char *text)
{
	struct text_file f = make_text_file(text);
	struct conf_error err = {0};
	struct link_keys *keys = NULL;

	int r = link_keys_load(f.path, &keys, &err);
	remove_text_file(&f);
	if (r < 0)
		fail_msg("line %u: %s", err.line, err.msg);
	return keys;
}

static struct signed_link a_link(void)
{
	return (struct signed_link){
	    .method = {"GET", 3},
	    .path = {"/files/k3v", 10},
	    .expires_s = 1763805600,
	    .by = {"alice", 5},
	};
}

/* As the documentation says it is made, by another program. */
static void test_known(void **state)
{
	struct link_keys *keys = load(KEY_A "\n");
	struct signed_link link = a_link();
	char signature[SIGNATURE_TEXT_LEN + 1];

	(void)state;
	assert_ok(link_keys_sign(keys, &link, signature));
	assert_string_equal(signature,
	    "DPus4nO0J0guopSNIDH6vsF_rJTYU-u2m7IETA3ac8U");
	link.signature = str_from(signature);
	assert_true(link_keys_verify(keys, &link));
	link_keys_free(keys);
}

/* Nothing that it says can be changed. */
static void test_changed(void **state)
{
	struct link_keys *keys = load(KEY_A "\n");
	const struct signed_link good = a_link();
	char signature[SIGNATURE_TEXT_LEN + 1];

	(void)state;
	assert_ok(link_keys_sign(keys, &good, signature));
	for (int what = 0; what < 7; what++) {
		struct signed_link link = good;

		link.signature = str_from(signature);
		if (what == 1)
			link.method = str_from("PUT");
		else if (what == 2)
			link.path = str_from("/files/k3w");
		else if (what == 3)
			link.expires_s++;
		else if (what == 4)
			link.max_size = 1;
		else if (what == 5)
			link.by = str_from("alicf");
		else if (what == 6)
			link.signature.n--;
		assert_int_equal(link_keys_verify(keys, &link), what == 0);
	}
	signature[0] = signature[0] == 'A' ? 'B' : 'A';
	struct signed_link link = good;
	link.signature = str_from(signature);
	assert_false(link_keys_verify(keys, &link));
	link_keys_free(keys);
}

static void test_rotation(void **state)
{
	struct link_keys *old = load(KEY_A "\n");
	struct link_keys *both = load(KEY_B "\n" KEY_A "\n");
	struct link_keys *new = load("# now\n" KEY_B "\n");
	struct signed_link link = a_link();
	char signature[SIGNATURE_TEXT_LEN + 1];

	(void)state;
	assert_ok(link_keys_sign(old, &link, signature));
	link.signature = str_from(signature);
	assert_true(link_keys_verify(both, &link));
	assert_false(link_keys_verify(new, &link));
	assert_ok(link_keys_sign(both, &link, signature));
	assert_true(link_keys_verify(new, &link));
	assert_false(link_keys_verify(old, &link));
	link_keys_free(old);
	link_keys_free(both);
	link_keys_free(new);
	link_keys_free(NULL);
}

static void test_random(void **state)
{
	struct link_keys *a = NULL, *b = NULL;
	struct signed_link link = a_link();
	char signature[SIGNATURE_TEXT_LEN + 1];

	(void)state;
	assert_ok(link_keys_random(&a));
	assert_ok(link_keys_random(&b));
	assert_ok(link_keys_sign(a, &link, signature));
	link.signature = str_from(signature);
	assert_true(link_keys_verify(a, &link));
	assert_false(link_keys_verify(b, &link));
	link_keys_free(a);
	link_keys_free(b);
}

static void test_long_path(void **state)
{
	struct link_keys *keys = load(KEY_A "\n");
	static char path[2 * LINK_PATH_MAX];
	char signature[SIGNATURE_TEXT_LEN + 1];
	struct signed_link link = a_link();

	(void)state;
	memset(path, 'x', sizeof(path));
	link.path = (struct str){path, LINK_PATH_MAX};
	assert_ok(link_keys_sign(keys, &link, signature));
	link.path.n = sizeof(path);
	assert_err(link_keys_sign(keys, &link, signature), E2BIG);
	link.signature = str_from(signature);
	assert_false(link_keys_verify(keys, &link));
	link_keys_free(keys);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "# none\n", "abcd\n",
	    KEY_A "\n" KEY_A " x\n"};
	struct conf_error err = {0};
	struct link_keys *keys = NULL;
	char many[17 * 80] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct text_file f = make_text_file(bad[i]);

		assert_err(link_keys_load(f.path, &keys, &err), EINVAL);
		remove_text_file(&f);
	}
	for (int i = 0; i < 17; i++)
		strcat(many, KEY_A "\n");
	struct text_file f = make_text_file(many);
	assert_err(link_keys_load(f.path, &keys, &err), EINVAL);
	assert_int_equal(err.line, 17);
	remove_text_file(&f);
	assert_null(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known),
	    cmocka_unit_test(test_changed),
	    cmocka_unit_test(test_rotation),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_long_path),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
