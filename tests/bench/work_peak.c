/* SPDX-License-Identifier: MIT */
/*
 * Memory: how much 200 MiB take, how much more while they are spilled, and
 * how much when they only pass through. Each in a process of its own, whose
 * peak the kernel knows.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/spool.h>

#include "bench.h"

#define TOTAL (200 * MIB)
#define TOTAL_SMOKE (4 * MIB)

/* A line of /proc/self/status, in KiB. */
static double status_kib(const char *field)
{
	char line[256];
	size_t len = strlen(field);
	double kib = -1;
	FILE *f = fopen("/proc/self/status", "re");

	need(f != NULL, "/proc/self/status");
	while (kib < 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, len) == 0 && line[len] == ':')
			kib = strtod(line + len + 1, NULL);
	}
	fclose(f);
	need(kib >= 0, field);
	return kib;
}

/* From here on the peak counts. Returns: what is in use now. */
static double peak_reset(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	need(fd >= 0 && write(fd, "5", 1) == 1, "/proc/self/clear_refs");
	close(fd);
	return status_kib("VmRSS");
}

static double peak_since(double start)
{
	double peak = status_kib("VmHWM");

	return peak > start ? peak - start : 0;
}

/* Ours, and what one would write by hand. */
struct holder {
	const char *name;
	void (*open)(const char *dir, uint64_t memory_max, uint64_t hint);
	void (*append)(const void *buf, size_t len);
	void (*spill)(void);
	void (*close)(void);
};

static struct spw_spool *spool;

static void ours_open(const char *dir, uint64_t memory_max, uint64_t hint)
{
	const struct spw_dir_opts dir_opts = { .size = sizeof(dir_opts),
		.path = dir };
	struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = memory_max, .size_hint = hint };

	need(spw_dir_open(&dir_opts, &opts.dir) == 0, "spw_dir_open");
	need(spw_spool_new(&opts, &spool) == 0, "spw_spool_new");
	spw_dir_unref(opts.dir);
}

static void ours_append(const void *buf, size_t len)
{
	need(spw_spool_append(spool, buf, len) == 0, "spw_spool_append");
}

static void ours_spill(void)
{
	need(spw_spool_rollover(spool) == 0, "spw_spool_rollover");
}

static void ours_close(void)
{
	spw_spool_unref(spool);
}

static char *memory;
static size_t memory_len;
static uint64_t memory_most;
static FILE *stream;
static int fd = -1;

static void hand_open(const char *dir, uint64_t memory_max, uint64_t hint)
{
	(void)hint;
	memory_most = memory_max;
	stream = open_memstream(&memory, &memory_len);
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	need(stream && fd >= 0, dir);
}

static void hand_spill(void)
{
	if (!stream)
		return;

	need(fclose(stream) == 0, "fclose");
	stream = NULL;
	for (size_t done = 0; done < memory_len;) {
		ssize_t n = write(fd, memory + done, memory_len - done);

		need(n > 0, "write");
		done += (size_t)n;
	}
	free(memory);
	memory = NULL;
}

static void hand_append(const void *buf, size_t len)
{
	if (stream && (uint64_t)ftello(stream) + len > memory_most)
		hand_spill();
	if (stream)
		need(fwrite(buf, 1, len, stream) == len, "fwrite");
	else
		need(write(fd, buf, len) == (ssize_t)len, "write");
}

static void hand_close(void)
{
	close(fd);
}

static const struct holder holders[] = {
	{ "spillway", ours_open, ours_append, ours_spill, ours_close },
	{ "open_memstream", hand_open, hand_append, hand_spill, hand_close },
};

static void fill(const struct holder *h, size_t total)
{
	for (size_t done = 0; done < total; done += PATTERN_MAX)
		h->append(pattern(), PATTERN_MAX);
}

static void tell_kib(const char *work, const char *peer, double kib)
{
	tell(work, peer, "KiB", 0, kib, kib);
}

/* Have all code in memory, so that only content is counted. */
static void rehearse(const struct holder *h, const char *dir)
{
	h->open(dir, NEVER_SPILL, 0);
	fill(h, 2 * PATTERN_MAX);
	h->spill();
	h->close();
}

static void hold_and_spill(const struct holder *h, const char *dir,
    size_t total)
{
	rehearse(h, dir);
	double start = peak_reset();
	h->open(dir, NEVER_SPILL, 0);
	fill(h, total);
	tell_kib("peak-fill", h->name, peak_since(start));

	double full = peak_reset();
	tell_kib("peak-hold", h->name, full - start);
	h->spill();
	tell_kib("peak-spill", h->name, peak_since(full));
	h->close();
}

static void stream_through(const struct holder *h, const char *dir,
    size_t total)
{
	rehearse(h, dir);
	double start = peak_reset();
	h->open(dir, MIB, 0);
	fill(h, total);
	tell_kib("peak-stream", h->name, peak_since(start));
	h->close();
}

static void in_a_child(void (*run)(const struct holder *h, const char *dir,
    size_t total), const struct holder *h, const struct settings *set)
{
	int status;
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		run(h, set->dir, set->smoke ? TOTAL_SMOKE : TOTAL);
		exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0, "child");
}

unsigned work_peak_run(const struct settings *set, const char *only)
{
	if (!is_wanted("peak", only))
		return 0;

	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++) {
		in_a_child(hold_and_spill, &holders[i], set);
		in_a_child(stream_through, &holders[i], set);
	}
	return 1;
}
