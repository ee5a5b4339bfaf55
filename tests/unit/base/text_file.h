/* SPDX-License-Identifier: MIT */
/* A small file of a test's own. */
#ifndef TESTS_UNIT_BASE_TEXT_FILE_H
#define TESTS_UNIT_BASE_TEXT_FILE_H

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text_file {
	char path[64];
};

/** Make one; remove_text_file() when it is of no more use. */
static inline struct text_file make_text_file(const char *text)
{
	struct text_file f = {"/var/tmp/spillway-test-XXXXXX"};
	int fd = mkstemp(f.path);
	size_t n = strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
	return f;
}

static inline void remove_text_file(const struct text_file *f)
{
	unlink(f->path);
}

#endif
