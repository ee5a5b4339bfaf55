/* SPDX-License-Identifier: MIT */
/*
 * A client of the stub whose URL a test program is given, which is no test
 * without one.
 *
 *   stub_client(argc, argv, &client) -> cmocka_run_group_tests() -> spwc_free()
 */
#ifndef TESTS_CLIENT_STUB_CLIENT_H
#define TESTS_CLIENT_STUB_CLIENT_H

#include <stdio.h>

#include <spillway/client.h>

/** Returns: 0; else the exit code, and what is wrong was told. */
static inline int stub_client(
    int argc, char **argv, struct spwc_client **ret)
{
	struct spwc_error error;

	if (argc != 2) {
		fprintf(stderr, "usage: %s URL\n", argv[0]);
		return 2;
	}

	const struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = argv[1],
	};
	if (spwc_new(&opts, ret, &error) < 0) {
		fprintf(stderr, "%s\n", error.detail);
		return 1;
	}
	return 0;
}

#endif
