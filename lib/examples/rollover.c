/* SPDX-License-Identifier: MIT */
/*
 * A spool that tells when it leaves memory, and why.
 *
 *   rollover [DIRECTORY]              where to; /var/tmp without it
 */
#include <stdio.h>
#include <string.h>

#include <spillway/spool.h>

static const char *const reasons[] = {
	[SPW_SPILL_NONE] = "it did not",
	[SPW_SPILL_LIMIT] = "it is longer than it may be in memory",
	[SPW_SPILL_BUDGET] = "memory is short",
	[SPW_SPILL_FORCED] = "it was asked to",
};

/* Called at most once in a spool's life. */
static void moved(struct spw_spool *s, enum spw_spill why, void *user_data)
{
	int *calls = user_data;

	printf("to disk at %llu bytes: %s\n",
	    (unsigned long long)spw_spool_size(s), reasons[why]);
	(*calls)++;
}

static int fill(struct spw_spool *s)
{
	char line[64];

	for (int i = 0; i < 100; i++) {
		int len = snprintf(line, sizeof(line), "line number %d\n", i);
		int r = spw_spool_append(s, line, (size_t)len);

		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = argc > 1 ? argv[1] : "/var/tmp" };
	struct spw_dir *dir = NULL;
	struct spw_spool *s = NULL;
	int calls = 0;

	int r = spw_dir_open(&where, &dir);
	if (r == 0) {
		const struct spw_spool_opts opts = { .size = sizeof(opts),
			.dir = dir, .memory_max = 1000, .on_spill = moved,
			.user_data = &calls };

		r = spw_spool_new(&opts, &s);
	}
	if (r == 0)
		r = fill(s);
	if (r == 0)
		printf("%llu bytes now\n",
		    (unsigned long long)spw_spool_size(s));
	spw_spool_unref(s);
	spw_dir_unref(dir);
	if (r < 0) {
		fprintf(stderr, "rollover: %s\n", strerror(-r));
		return 1;
	}

	return calls == 1 ? 0 : 1;
}
