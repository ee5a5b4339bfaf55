/* SPDX-License-Identifier: MIT */
#include "process/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BLOCK 512     /* what st_blocks counts */
#define UNNAMED_MAX 1024 /* beyond it one that two have counts twice */
/* Lines of /proc/PID/maps that are looked at, of all together: some 0.1 s. */
#define MAPPINGS_MAX ((size_t)1 << 17)
/* About what a pair of sockets takes for each of them when nobody reads. */
#define SOCKET_BYTES ((uint64_t)256 << 10)

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

static void add_children(struct family *f, size_t parent, const char *list)
{
	char *at;

	/* A blank is behind each; without it the list was cut here. */
	for (long pid; f->count < f->max && (pid = strtol(list, &at, 10)) > 0 &&
		       *at == ' ';
	     list = at)
		f->all[f->count++] = (struct family_one){(pid_t)pid, parent};
}

/* Where the first thread of a process has ended, only others tell of it. */
static bool has_memory(pid_t thread)
{
	char text[64];

	return read_proc(text, sizeof(text), "/proc/%d/statm", (int)thread) &&
	       text[0] != '0';
}

/* Each thread has children of its own. */
static void add_children_of(struct family *f, size_t parent)
{
	pid_t *pid = &f->all[parent].pid;
	bool seen = has_memory(*pid);
	char path[64], list[16384];
	const struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)*pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		pid_t thread = (pid_t)strtol(e->d_name, NULL, 10);

		if (thread <= 0)
			continue;
		if (read_proc(list, sizeof(list), "%s/%d/children", path,
			(int)thread))
			add_children(f, parent, list);
		if (!seen && (seen = has_memory(thread)))
			*pid = thread;
	}
	if (d)
		closedir(d);
}

/* Whether one of which nothing could be opened lives: who has ended has no
   memory. Where /proc does not even show it (hidepid), a signal finds it.
   `error`: why nothing could. */
static bool is_hidden(pid_t pid, int error)
{
	char text[64];

	/* That is no fault of its own. */
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return false;
	return read_proc(text, sizeof(text), "/proc/%d/statm", (int)pid)
		   ? text[0] != '0'
		   : kill(pid, 0) == 0;
}

static void find_all(struct family *f)
{
	char list[16384];

	f->count = 0;
	if (read_proc(list, sizeof(list), "/proc/thread-self/children"))
		add_children(f, FAMILY_NOBODY, list);
	for (size_t i = 0; i < f->count; i++)
		add_children_of(f, i);
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
	bool once; /* of an address space that two have */
};

/* Not what is a file's: of that the kernel lets go when it must. */
static const struct memory_source EACH = {
    "status", "RssAnon", "RssShmem", "VmSwap", false};
/* Memory that several have counts once. It takes the kernel a while. */
static const struct memory_source SHARES = {
    "smaps_rollup", "Pss_Anon", "Pss_Shmem", "SwapPss", true};

/* A child of vfork() is in its parent's until it runs another program. A kernel
   that does not tell (-1) has two. */
static bool is_in_parents(const struct family *f, const struct family_one *one)
{
	return one->parent != FAMILY_NOBODY &&
	       syscall(SYS_kcmp, one->pid, f->all[one->parent].pid, KCMP_VM, 0,
		   0) == 0;
}

/* Returns: false when the kernel does not say. */
static bool add_memory(
    pid_t pid, const struct memory_source *from, struct memory *m)
{
	char text[4096];

	if (!read_proc(text, sizeof(text), "/proc/%d/%s", (int)pid, from->file))
		return false;
	m->own += field(text, from->own);
	m->shared += field(text, from->shared);
	m->swapped += field(text, from->swapped);
	return true;
}

static struct memory sum_memory(
    const struct family *f, const struct memory_source *from)
{
	struct memory m = {0};

	for (size_t i = 0; i < f->count; i++) {
		if (from->once && is_in_parents(f, &f->all[i]))
			continue;
		/* Of one that hides, what everybody is told. */
		if (!add_memory(f->all[i].pid, from, &m) && from->once)
			(void)add_memory(f->all[i].pid, &EACH, &m);
	}
	return m;
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
		ticks += ticks_of(f->all[i].pid);
	getrusage(RUSAGE_CHILDREN, &r);
	return ticks * 1000 / second +
	       (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

/* ---- files without a name ----------------------------------------------- */

struct known {
	dev_t dev;
	ino_t ino;
	uint64_t counted; /* of what is mapped; UINT64_MAX: it is all in */
};

struct unnamed {
	struct known known[UNNAMED_MAX], other;
	size_t count;
	uint64_t memory, sockets;
	uint64_t mapped; /* memory of which the size is not known */
	size_t mappings;
};

/* Returns: the one that is known, or one of which nothing is counted. */
static struct known *know(
    struct unnamed *u, dev_t dev, ino_t ino, bool *ret_new)
{
	for (size_t i = 0; i < u->count; i++) {
		if (u->known[i].dev == dev && u->known[i].ino == ino) {
			*ret_new = false;
			return &u->known[i];
		}
	}
	struct known *k =
	    u->count < UNNAMED_MAX ? &u->known[u->count++] : &u->other;
	*k = (struct known){dev, ino, 0};
	*ret_new = true;
	return k;
}

/* Returns: whether it was not known. */
static bool remember(struct unnamed *u, const struct stat *st)
{
	bool is_new;

	know(u, st->st_dev, st->st_ino, &is_new)->counted = UINT64_MAX;
	return is_new;
}

static bool is_memory(pid_t pid, const char *fd)
{
	struct statfs fs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)pid, fd);
	return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC ||
					     fs.f_type == HUGETLBFS_MAGIC);
}

static void add_file(pid_t pid, const char *fd, const struct stat *st,
    const struct family *f, struct unnamed *u, struct family_usage *sum)
{
	if (st->st_nlink > 0 || !remember(u, st))
		return;
	if (st->st_dev == f->disk) {
		sum->unnamed_files++;
		sum->unnamed_bytes += (uint64_t)st->st_blocks * BLOCK;
	} else if (is_memory(pid, fd)) {
		u->memory += (uint64_t)st->st_blocks * BLOCK;
	}
}

static void add_open(const struct family *f, pid_t pid, struct unnamed *u,
    struct family_usage *sum)
{
	char path[64];
	const struct dirent *e;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	if (!d && is_hidden(pid, errno))
		sum->hidden = true;
	while (d && (e = readdir(d))) {
		if (fstatat(dirfd(d), e->d_name, &st, 0) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			add_file(pid, e->d_name, &st, f, u, sum);
		else if (S_ISSOCK(st.st_mode) && remember(u, &st))
			u->sockets += SOCKET_BYTES;
	}
	if (d)
		closedir(d);
}

/* ---- files that are only mapped ----------------------------------------- */

#define GONE " (deleted)\n"

/* A line of /proc/PID/maps. */
struct mapping {
	uint64_t end; /* in the file */
	dev_t dev;
	ino_t ino;
	const char *path;
};

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool read_mapping(char *line, struct mapping *ret)
{
	char *at;
	uint64_t from = strtoull(line, &at, 16);

	if (*at != '-')
		return false;
	uint64_t to = strtoull(at + 1, &at, 16);
	at += strlen(" rw-p");
	uint64_t offset = strtoull(at, &at, 16);
	unsigned major = (unsigned)strtoul(at, &at, 16);
	unsigned minor = (unsigned)strtoul(at + 1, &at, 16);
	ino_t ino = strtoull(at, &at, 10);
	*ret = (struct mapping){.end = offset + (to - from),
	    .dev = makedev(major, minor),
	    .ino = ino,
	    .path = at + strspn(at, " ")};
	return true;
}

/* Memory that is shared, with a name or without. */
static bool is_shared(const struct mapping *m)
{
	return begins(m->path, "/memfd:") ||
	       begins(m->path, "/dev/zero" GONE) ||
	       begins(m->path, "[anon_shmem:");
}

static bool is_theirs(const struct family *f, const struct mapping *m)
{
	return begins(m->path, f->dir) && m->path[strlen(f->dir)] == '/';
}

/* Programs and what they are made of may be replaced while they run, and the
   content has no name: so by path. The device that is told there is not that
   of stat() on some file systems. */
static void add_mapping(const struct family *f, const struct mapping *m,
    struct unnamed *u, struct family_usage *sum)
{
	bool theirs = is_theirs(f, m), is_new;

	if (!theirs && !is_shared(m))
		return;

	struct known *k = know(u, theirs ? f->disk : m->dev, m->ino, &is_new);
	if (is_new) {
		sum->unnamed_files += theirs;
		*(theirs ? &sum->mapped_files : &sum->mapped_memory) += 1;
	}
	if (m->end <= k->counted)
		return;
	*(theirs ? &sum->unnamed_bytes : &u->mapped) += m->end - k->counted;
	k->counted = m->end;
}

static bool is_gone(const char *line, size_t len)
{
	return len > strlen(GONE) &&
	       (strcmp(line + len - strlen(GONE), GONE) == 0 ||
		   strstr(line, "[anon_shmem:"));
}

/* When all that is open is known. */
static void add_mapped(const struct family *f, pid_t pid, struct unnamed *u,
    struct family_usage *sum)
{
	char path[64], *line = NULL;
	size_t size = 0;
	ssize_t len;
	struct mapping m;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file && is_hidden(pid, errno))
		sum->hidden = true;
	while (file && u->mappings < f->mappings_max &&
	       (len = getline(&line, &size, file)) > 0) {
		u->mappings++;
		if (is_gone(line, (size_t)len) && read_mapping(line, &m))
			add_mapping(f, &m, u, sum);
	}
	free(line);
	if (file)
		fclose(file);
}

/* ---- all of it ---------------------------------------------------------- */

int family_init(struct family *f, size_t max, int content_fd)
{
	struct stat here;

	*f = (struct family){.max = max, .mappings_max = MAPPINGS_MAX};
	if (fstat(content_fd, &f->content) < 0 || stat(".", &here) < 0)
		return -errno;

	f->disk = here.st_dev;
	f->dir = getcwd(NULL, 0);
	if (!f->dir)
		return -errno;
	f->all = calloc(max, sizeof(*f->all));
	if (!f->all) {
		family_fini(f);
		return -ENOMEM;
	}
	return 0;
}

/* What the whole machine has of memory that may be several processes', in use
   or swapped out: nobody's can be more. Returns: UINT64_MAX: it does not tell.
 */
static uint64_t machine_shared(void)
{
	char text[8192];

	if (!read_proc(text, sizeof(text), "/proc/meminfo") ||
	    !field(text, "Shmem"))
		return UINT64_MAX;
	return field(text, "Shmem") + field(text, "Hugetlb") +
	       field(text, "SwapTotal") - field(text, "SwapFree");
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Of memory files, what is mapped is counted with who maps it. */
static uint64_t total(const struct memory *m, const struct unnamed *u)
{
	uint64_t shared = u->memory + u->mapped;

	return m->own + m->swapped + u->sockets +
	       (shared > m->shared ? shared : m->shared);
}

void family_look(
    struct family *f, uint64_t memory_max, struct family_usage *ret)
{
	struct unnamed u = {.count = 0};

	*ret = (struct family_usage){0};
	(void)remember(&u, &f->content);
	find_all(f);
	for (size_t i = 0; i < f->count; i++)
		add_open(f, f->all[i].pid, &u, ret);
	for (size_t i = 0; i < f->count; i++)
		add_mapped(f, f->all[i].pid, &u, ret);

	struct memory m = sum_memory(f, &EACH);
	ret->memory = total(&m, &u);
	if (ret->memory > memory_max) {
		m = sum_memory(f, &SHARES);
		u.mapped = least(u.mapped, machine_shared());
		ret->memory = total(&m, &u);
	}
	/* Nobody knows what is in those behind, nor waits to see. */
	if (u.mappings == f->mappings_max)
		ret->memory = UINT64_MAX;
	ret->cpu_ms = sum_cpu_ms(f);
}

void family_fini(struct family *f)
{
	free(f->all);
	free(f->dir);
	f->all = NULL;
	f->dir = NULL;
}
