/* SPDX-License-Identifier: MIT */
#include "base/procstat.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum procstat {
#define ROW(id, ...) STAT_##id,
	PROCSTATS(ROW) STAT_COUNT
#undef ROW
};

static const struct {
	enum { GAUGE, SECONDS } kind;
	const char *name, *help;
} infos[] = {
#define ROW(id, kind, name, help) {kind, name, help},
    PROCSTATS(ROW)
#undef ROW
};

static struct {
	pthread_mutex_t lock;
	unsigned count;		/* of procstat_open() */
	int statm;		/* -1: not to be had */
	DIR *fds;		/* or NULL */
	int64_t began_s;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER, .statm = -1};

/* The second of this process's first call is near enough: the kernel counts
 * from its own start, in ticks. */
void procstat_open(void)
{
	pthread_mutex_lock(&process.lock);
	if (process.count++ == 0) {
		process.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
		process.fds = opendir("/proc/self/fd");
		if (process.began_s == 0)
			process.began_s = clock_unix_ms() / 1000;
	}
	pthread_mutex_unlock(&process.lock);
}

void procstat_close(void)
{
	pthread_mutex_lock(&process.lock);
	if (--process.count == 0) {
		if (process.statm >= 0)
			close(process.statm);
		if (process.fds)
			closedir(process.fds);
		process.statm = -1;
		process.fds = NULL;
	}
	pthread_mutex_unlock(&process.lock);
}

/* What follows is locked. Values are -1 where nobody tells. */

/* Linux says how many there are since 6.2; before, one has to look. */
static int64_t count_fds(void)
{
	struct stat st;
	int64_t n = 0;

	if (!process.fds)
		return -1;
	if (fstat(dirfd(process.fds), &st) == 0 && st.st_size > 0)
		return st.st_size;

	rewinddir(process.fds);
	for (const struct dirent *d; (d = readdir(process.fds));)
		n += d->d_name[0] != '.';
	return n;
}

static void read_memory(int64_t values[STAT_COUNT])
{
	const int64_t page = sysconf(_SC_PAGESIZE);
	static const enum procstat order[] = {STAT_VIRTUAL, STAT_RESIDENT};
	char text[128];

	ssize_t n = process.statm >= 0
	    ? pread(process.statm, text, sizeof(text) - 1, 0)
	    : -1;
	if (n <= 0)
		return;

	text[n] = '\0';
	char *at = text;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		values[order[i]] = strtoll(at, &at, 10) * page;
}

static int64_t limit_of_fds(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
		       limit.rlim_cur <= INT64_MAX
	    ? (int64_t)limit.rlim_cur
	    : -1;
}

static int64_t cpu_us(void)
{
	struct timespec ts;

	return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0
	    ? ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000
	    : -1;
}

static void write_one(struct strbuf *out, enum metrics_format format,
    enum procstat which, int64_t value)
{
	bool seconds = infos[which].kind == SECONDS;

	metrics_write_family(out, format, "process_", infos[which].name,
	    seconds ? "counter" : "gauge", infos[which].help);
	strbuf_addf(out, "process_%s ", infos[which].name);
	if (seconds)
		metrics_write_seconds(out, (uint64_t)value);
	else
		strbuf_addi(out, value);
	strbuf_addc(out, '\n');
}

void procstat_write(struct strbuf *out, enum metrics_format format)
{
	int64_t values[STAT_COUNT] = {
	    [STAT_CPU] = cpu_us(),
	    [STAT_RESIDENT] = -1,
	    [STAT_VIRTUAL] = -1,
	    [STAT_MAX_FDS] = limit_of_fds(),
	};

	pthread_mutex_lock(&process.lock);
	read_memory(values);
	values[STAT_OPEN_FDS] = count_fds();
	values[STAT_START_TIME] = process.began_s > 0 ? process.began_s : -1;
	pthread_mutex_unlock(&process.lock);
	for (size_t i = 0; i < STAT_COUNT; i++)
		if (values[i] >= 0)
			write_one(out, format, (enum procstat)i, values[i]);
}
