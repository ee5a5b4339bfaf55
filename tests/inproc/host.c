/* SPDX-License-Identifier: MIT */
#include "inproc/host.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tempdir.h"

#define SETTINGS_MAX 32

void host_prepare(void)
{
	signal(SIGPIPE, SIG_IGN);
	/* Without it libc reads the time zone anew each time libzip asks for
	   a date, under a lock that thread sanitizer does not see. */
	setenv("TZ", ":/etc/localtime", 0);
	tzset();
}

void host_make(struct host *h, const char *const *settings)
{
	const char *all[SETTINGS_MAX] = {
	    "server.listen=127.0.0.1:0", "spool.keep_free=0"};
	char dir[192], error[SPW_SERVER_ERROR_SIZE] = "";
	size_t n = 2;

	require(temp_dir(h->dir, sizeof(h->dir)));
	snprintf(dir, sizeof(dir), "spool.dir=%s", h->dir);
	all[n++] = dir;
	for (; settings && *settings; settings++) {
		require(n < SETTINGS_MAX - 1);
		all[n++] = *settings;
	}

	int r = spw_server_new(NULL, all, &h->server, error);
	if (r < 0)
		fprintf(stderr, "%s\n", error);
	require(r == 0);
	h->port = spw_server_port(h->server);
}

void host_open(struct host *h, const char *const *settings)
{
	host_make(h, settings);
	require(spw_server_start(h->server) == 0);
}

void host_close(struct host *h)
{
	spw_server_free(h->server);
	h->server = NULL;
	require(rmdir(h->dir) == 0);
}

static unsigned count_entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	require(d != NULL);
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static struct census count(void)
{
	return (struct census){
	    .fds = count_entries("/proc/self/fd"),
	    .threads = count_entries("/proc/self/task"),
	};
}

static void *note_thread(void *path)
{
	sprintf(path, "/proc/self/task/%d", (int)gettid());
	return NULL;
}

struct census census_take(void)
{
	char path[64];

	/* Thread sanitizer starts one of its own with the first of ours. */
	join_thread(start_thread(note_thread, path));
	eventually(access(path, F_OK) < 0);
	return count();
}

void census_check(const struct census *before)
{
	struct census now = count();
	uint64_t until = now_ms() + PATIENCE_MS;

	/* A thread that was joined may take a moment to leave /proc. */
	while (now.threads > before->threads && now_ms() < until) {
		nap();
		now = count();
	}
	if (now.fds != before->fds || now.threads > before->threads)
		fprintf(stderr, "descriptors: %u, were %u; threads: %u, "
				"were %u\n",
		    now.fds, before->fds, now.threads, before->threads);
	require(now.fds == before->fds && now.threads <= before->threads);
}

void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
