/* SPDX-License-Identifier: MIT */
#include "process/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#define BLOCK 512     /* what st_blocks counts */
#define UNNAMED_MAX 1024 /* beyond it one that two have counts twice */

/* Read what fits of a file of /proc; returns: whether there is anything. */
SPW_PRINTF(3, 4)
static bool read_proc(char *buf, size_t size, const char *fmt, ...)
{
	char path[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = fd < 0 ? 0 : 1;
	while (n > 0 && len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	buf[len] = '\0';
	return len > 0;
}

/* ---- who they are ------------------------------------------------------- */

static void add_children(struct family *f, const char *list)
{
	char *at;

	/* A blank is behind each; without it the list was cut here. */
	for (long pid; f->count < f->max && (pid = strtol(list, &at, 10)) > 0 &&
		       *at == ' ';
	     list = at)
		f->pids[f->count++] = (pid_t)pid;
}

/* Each thread has children of its own. */
static void add_children_of(struct family *f, pid_t pid)
{
	char path[64], list[16384];
	const struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' &&
		    read_proc(list, sizeof(list), "%s/%s/children", path,
			e->d_name))
			add_children(f, list);
	if (d)
		closedir(d);
}

static void find_all(struct family *f)
{
	char list[16384];

	f->count = 0;
	if (read_proc(list, sizeof(list), "/proc/thread-self/children"))
		add_children(f, list);
	for (size_t i = 0; i < f->count; i++)
		add_children_of(f, f->pids[i]);
}

/* ---- memory and time ---------------------------------------------------- */

/* A field such as `VmRSS:  12 kB`, in bytes; 0: there is none. */
static uint64_t field(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += len)
		if ((p == text || p[-1] == '\n') && p[len] == ':')
			return strtoull(p + len + 1, NULL, 10) * 1024;
	return 0;
}

struct memory {
	uint64_t own, shared, swapped;
};

/* Where the kernel says it, and in which fields. */
struct memory_source {
	const char *file, *own, *shared, *swapped;
};

/* Not what is a file's: of that the kernel lets go when it must. */
static const struct memory_source EACH = {
    "status", "RssAnon", "RssShmem", "VmSwap"};
/* Memory that several have counts once. It takes the kernel a while. */
static const struct memory_source SHARES = {
    "smaps_rollup", "Pss_Anon", "Pss_Shmem", "SwapPss"};

static struct memory sum_memory(
    const struct family *f, const struct memory_source *from)
{
	char text[4096];
	struct memory m = {0};

	for (size_t i = 0; i < f->count; i++) {
		if (!read_proc(text, sizeof(text), "/proc/%d/%s",
			(int)f->pids[i], from->file))
			continue;
		m.own += field(text, from->own);
		m.shared += field(text, from->shared);
		m.swapped += field(text, from->swapped);
	}
	return m;
}

/* Of memory files, what is mapped is counted with who maps it. */
static uint64_t total(const struct memory *m, uint64_t files)
{
	return m->own + m->swapped + (files > m->shared ? files : m->shared);
}

/* Its own, and that of its children that it has waited for. proc(5) */
static uint64_t ticks_of(pid_t pid)
{
	char text[1024];
	uint64_t sum = 0;

	if (!read_proc(text, sizeof(text), "/proc/%d/stat", (int)pid))
		return 0;

	/* The name may hold anything; state is the third. */
	char *at = strrchr(text, ')');
	for (int i = 3; at && i <= 17; i++) {
		at = strchr(at + 1, ' ');
		if (at && i >= 14)
			sum += strtoull(at, NULL, 10);
	}
	return sum;
}

static uint64_t sum_cpu_ms(const struct family *f)
{
	uint64_t ticks = 0, second = (uint64_t)sysconf(_SC_CLK_TCK);
	struct rusage r;

	for (size_t i = 0; i < f->count; i++)
		ticks += ticks_of(f->pids[i]);
	getrusage(RUSAGE_CHILDREN, &r);
	return ticks * 1000 / second +
	       (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

/* ---- files without a name ----------------------------------------------- */

struct unnamed {
	struct {
		dev_t dev;
		ino_t ino;
	} known[UNNAMED_MAX];
	size_t count;
	uint64_t memory;
};

static bool is_same(const struct stat *st, dev_t dev, ino_t ino)
{
	return st->st_dev == dev && st->st_ino == ino;
}

/* Returns: whether it was not known. */
static bool remember(struct unnamed *u, const struct stat *st)
{
	for (size_t i = 0; i < u->count; i++)
		if (is_same(st, u->known[i].dev, u->known[i].ino))
			return false;
	if (u->count < UNNAMED_MAX) {
		u->known[u->count].dev = st->st_dev;
		u->known[u->count++].ino = st->st_ino;
	}
	return true;
}

static bool is_memory(pid_t pid, const char *fd)
{
	struct statfs fs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)pid, fd);
	return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC ||
					     fs.f_type == HUGETLBFS_MAGIC);
}

static void add_unnamed(const struct family *f, pid_t pid, struct unnamed *u,
    struct family_usage *sum)
{
	char path[64];
	const struct dirent *e;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		if (fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode) || st.st_nlink > 0 ||
		    is_same(&st, f->content.st_dev, f->content.st_ino) ||
		    !remember(u, &st))
			continue;
		if (st.st_dev == f->disk) {
			sum->unnamed_files++;
			sum->unnamed_bytes += (uint64_t)st.st_blocks * BLOCK;
		} else if (is_memory(pid, e->d_name)) {
			u->memory += (uint64_t)st.st_blocks * BLOCK;
		}
	}
	if (d)
		closedir(d);
}

/* ---- all of it ---------------------------------------------------------- */

int family_init(struct family *f, size_t max, int content_fd, dev_t disk)
{
	*f = (struct family){.max = max, .disk = disk};
	if (fstat(content_fd, &f->content) < 0)
		return -errno;

	f->pids = calloc(max, sizeof(*f->pids));
	return f->pids ? 0 : -ENOMEM;
}

void family_look(
    struct family *f, uint64_t memory_max, struct family_usage *ret)
{
	struct unnamed u = {.count = 0};

	*ret = (struct family_usage){0};
	find_all(f);
	for (size_t i = 0; i < f->count; i++)
		add_unnamed(f, f->pids[i], &u, ret);

	struct memory m = sum_memory(f, &EACH);
	ret->memory = total(&m, u.memory);
	if (ret->memory > memory_max) {
		m = sum_memory(f, &SHARES);
		ret->memory = total(&m, u.memory);
	}
	ret->cpu_ms = sum_cpu_ms(f);
}

void family_fini(struct family *f)
{
	free(f->pids);
	f->pids = NULL;
}
