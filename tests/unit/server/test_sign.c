/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/sign.h"

static int parse(const char *text, struct sign_secret *ret)
{
	return sign_parse(text, strlen(text), ret);
}

/* The example of Standard Webhooks. */
static void test_known_signature(void **state)
{
	static const char body[] = "{\"test\": 2432232314}";
	struct sign_secret s;
	char out[SIGN_SIZE];

	(void)state;
	assert_ok(parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &s));
	assert_int_equal(s.len, 24);
	assert_ok(sign_call(&s, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
	    body, strlen(body), out));
	assert_string_equal(
	    out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/* Each of what is signed makes another signature. */
static void test_all_of_it_counts(void **state)
{
	struct sign_secret s, other;
	char out[5][SIGN_SIZE];

	(void)state;
	assert_ok(parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &s));
	assert_ok(parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", &other));
	assert_ok(sign_call(&s, "a", 1, "body", 4, out[0]));
	assert_ok(sign_call(&s, "b", 1, "body", 4, out[1]));
	assert_ok(sign_call(&s, "a", 2, "body", 4, out[2]));
	assert_ok(sign_call(&s, "a", 1, "bodY", 4, out[3]));
	assert_ok(sign_call(&other, "a", 1, "body", 4, out[4]));
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(out[i], out[j]);
}

static void test_secrets(void **state)
{
	struct sign_secret s = {.len = 7};
	char longest[200] = "whsec_";

	(void)state;
	assert_ok(parse(
	    "  whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \r\n", &s));
	assert_int_equal(s.len, 24);
	assert_err(parse("", &s), EINVAL);
	assert_err(parse("whsec_", &s), EINVAL);
	assert_err(parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &s), EINVAL);
	assert_err(parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa", &s), EINVAL);
	assert_err(parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!", &s), EINVAL);
	assert_int_equal(s.len, 24);

	/* 64 bytes, and one more. */
	memset(longest + 6, 'A', 86);
	strcpy(longest + 92, "==");
	assert_ok(parse(longest, &s));
	assert_int_equal(s.len, 64);
	strcpy(longest + 92, "A=");
	assert_err(parse(longest, &s), EINVAL);
}

static void test_files(void **state)
{
	char path[] = "/var/tmp/secret-XXXXXX";
	struct sign_secret s;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_err(sign_read(path, &s), EINVAL);
	assert_int_equal(
	    write(fd, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 39), 39);
	assert_ok(sign_read(path, &s));
	assert_int_equal(s.len, 24);
	close(fd);
	unlink(path);
	assert_err(sign_read(path, &s), ENOENT);
	assert_err(sign_read("/var/tmp", &s), EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_signature),
	    cmocka_unit_test(test_all_of_it_counts),
	    cmocka_unit_test(test_secrets),
	    cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
