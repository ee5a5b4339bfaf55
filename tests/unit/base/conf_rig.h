/* SPDX-License-Identifier: MIT */
/* What the tests of conf share: a configuration of each test's own. */
#ifndef TESTS_UNIT_BASE_CONF_RIG_H
#define TESTS_UNIT_BASE_CONF_RIG_H

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"

#define WITH_CONF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/** conf_print() into a string; the caller frees it. */
static inline char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t size;

	FILE *f = open_memstream(&text, &size);
	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static inline int setup(void **state)
{
	static struct conf c;

	*state = &c;
	return conf_init(&c);
}

static inline int teardown(void **state)
{
	conf_fini(*state);
	conf_fini(*state);
	return 0;
}

static inline void set(struct conf *c, const char *assignment)
{
	struct conf_error err = {0};

	int r = conf_set(c, assignment, &err);
	if (r < 0)
		fail_msg("'%s' is refused: %s", assignment, err.msg);
}

/** Refused with these words, and nothing is changed. */
static inline void assert_refused(
    struct conf *c, const char *assignment, const char *msg)
{
	struct conf_error err = {.line = 7, .file = "stale"};
	char *before = printed(c);

	assert_err(conf_set(c, assignment, &err), EINVAL);
	assert_string_equal(err.msg, msg);
	assert_string_equal(err.file, "");
	assert_int_equal(err.line, 0);

	char *after = printed(c);
	assert_string_equal(after, before);
	free(before);
	free(after);
}

#endif
