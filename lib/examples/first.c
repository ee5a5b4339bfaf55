/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <spillway/spool.h>

int main(void)
{
	struct spw_dir_opts where = { sizeof(where), .path = "/var/tmp" };
	struct spw_spool_opts opts = { sizeof(opts), .memory_max = 1 << 20 };
	struct spw_spool *s = NULL;
	char text[6] = "";

	/* In memory up to 1 MiB, then in a file; this program cannot tell. */
	int ok = spw_dir_open(&where, &opts.dir) == 0 &&
	    spw_spool_new(&opts, &s) == 0 &&
	    spw_spool_append(s, "hello", 5) == 0 &&
	    spw_spool_pread(s, text, 5, 0) == 5;
	puts(ok ? text : "failed");
	spw_spool_unref(s);
	spw_dir_unref(opts.dir);
	return !ok;
}
