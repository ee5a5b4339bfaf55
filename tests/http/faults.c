/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand in a whole daemon, for LD_PRELOAD: a test maps the file
 * SPW_FAULTS as well (faults.py), and says there which calls fail, and how.
 * Calls on files are meant where they concern the file system that
 * SPW_FAULTS_DIR is on; others pass.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* As in faults.py. */
enum {
	CALL_OPEN = 1 << 0,
	CALL_WRITE = 1 << 1,
	CALL_READ = 1 << 2,
	CALL_SYNC = 1 << 3,
	CALL_SPACE = 1 << 4,  /* truncate and reserve */
	CALL_NAME = 1 << 5,   /* link, rename, unlink */
	CALL_META = 1 << 6,   /* extended attributes */
	CALL_ACCEPT = 1 << 7,
	CALL_SEND = 1 << 8,
	CALL_SENDFILE = 1 << 9,
	CALL_THREAD = 1 << 10,
};

#define CACHESTAT 451 /* newer than some headers */

/* Instead of an error. */
enum {
	HOLD = 10000,	/* wait for a pass, then go on */
	PARTLY = 10001, /* read or write half */
};

static struct page {
	_Atomic uint32_t calls;
	_Atomic uint32_t error;
	_Atomic uint32_t skip;	/* so many pass before */
	_Atomic uint32_t count; /* so many are hit then; 0: all */
	_Atomic uint32_t seen, hits;
	_Atomic uint32_t waiting, passes; /* of HOLD */
	_Atomic uint32_t cold;	/* the kernel has nothing at hand */
	_Atomic uint32_t later_s; /* is added to the time that passes */
	_Atomic int64_t clock_ms; /* is added to the time of day */
	char name[64]; /* "": whatever it is called. Set while none fail. */
} *page;
static dev_t device;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SPW_FAULTS");
	const char *dir = getenv("SPW_FAULTS_DIR");
	struct stat st;

	if (!path || !dir || stat(dir, &st) < 0)
		return;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	device = st.st_dev;
	void *p = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		page = p;
}

static void hold(void)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	uint32_t n;

	atomic_fetch_add(&page->waiting, 1);
	for (;;) {
		n = atomic_load(&page->passes);
		if (!atomic_load(&page->calls) ||
		    (n && atomic_compare_exchange_strong(
			      &page->passes, &n, n - 1)))
			break;
		nanosleep(&nap, NULL);
	}
	atomic_fetch_sub(&page->waiting, 1);
}

/* Returns: 0 to go on; PARTLY; or an errno. */
static int turn(uint32_t call)
{
	if (!page || !(atomic_load(&page->calls) & call))
		return 0;

	uint32_t n = atomic_fetch_add(&page->seen, 1);
	uint32_t skip = atomic_load(&page->skip);
	uint32_t count = atomic_load(&page->count);
	if (n < skip || (count && n - skip >= count))
		return 0;

	int error = (int)atomic_load(&page->error);
	atomic_fetch_add(&page->hits, 1);
	if (error != HOLD)
		return error;
	hold();
	return 0;
}

/* By a call that is told a name, or not. */
static int is_called_so(const char *path)
{
	return !page->name[0] || (path && strcmp(path, page->name) == 0);
}

static int is_there(int fd)
{
	struct stat st;
	int error = errno;
	int r = page && atomic_load(&page->calls) && fstat(fd, &st) == 0 &&
		st.st_dev == device &&
		(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));

	errno = error;
	return r;
}

static int is_meant(int fd)
{
	return page && is_called_so(NULL) && is_there(fd);
}

/* The directory of a path, or what it is relative to. */
static int is_meant_at(int dir_fd, const char *path)
{
	struct stat st;

	if (!page || !atomic_load(&page->calls) || !is_called_so(path))
		return 0;
	if (path[0] != '/')
		return dir_fd != AT_FDCWD && is_there(dir_fd);

	int error = errno;
	int r = stat(path, &st) == 0 && st.st_dev == device;
	errno = error;
	return r;
}

static int failed(int error)
{
	errno = error;
	return -1;
}

#define REAL(ret, name, params)                                                \
	static ret(*real) params;                                              \
	if (!real)                                                             \
		*(void **)&real = dlsym(RTLD_NEXT, name)

/* A call that is hit if `meant`, else done. */
#define CALL(ret, name, call, meant, params, args)                             \
	ret name params;                                                       \
	ret name params                                                        \
	{                                                                      \
		REAL(ret, #name, params);                                      \
		int e = (meant) ? turn(call) : 0;                              \
		return e && e != PARTLY ? failed(e) : real args;               \
	}

/* The same, of `n` bytes, or half of them. */
#define PART(name, call, meant, params, args)                                  \
	ssize_t name params;                                                   \
	ssize_t name params                                                    \
	{                                                                      \
		REAL(ssize_t, #name, params);                                  \
		int e = (meant) ? turn(call) : 0;                              \
		if (e == PARTLY)                                               \
			n = n > 1 ? n / 2 : n;                                 \
		return e && e != PARTLY ? failed(e) : real args;               \
	}

/* ---- files -------------------------------------------------------------- */

int openat64(int dir, const char *path, int flags, ...);
int openat64(int dir, const char *path, int flags, ...)
{
	REAL(int, "openat64", (int, const char *, int, ...));
	va_list ap;

	va_start(ap, flags);
	mode_t mode =
	    flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0;
	va_end(ap);
	/* By a name what is there is meant, and not what is made. */
	int made = page && page->name[0] && (flags & O_CREAT);
	int e = !made && is_meant_at(dir, path) ? turn(CALL_OPEN) : 0;
	return e && e != PARTLY ? failed(e) : real(dir, path, flags, mode);
}

CALL(int, __openat64_2, CALL_OPEN, is_meant_at(dir, path),
    (int dir, const char *path, int flags), (dir, path, flags))

PART(pwrite64, CALL_WRITE, is_meant(fd),
    (int fd, const void *buf, size_t n, off64_t off), (fd, buf, n, off))
PART(pread64, CALL_READ, is_meant(fd),
    (int fd, void *buf, size_t n, off64_t off), (fd, buf, n, off))
PART(sendfile64, CALL_SENDFILE, is_meant(in),
    (int out, int in, off64_t *off, size_t n), (out, in, off, n))

/* Pieces are not cut. */
CALL(ssize_t, pwritev64, CALL_WRITE, is_meant(fd),
    (int fd, const struct iovec *iov, int n, off64_t off), (fd, iov, n, off))
CALL(ssize_t, copy_file_range, CALL_WRITE, is_meant(out),
    (int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags),
    (in, from, out, to, n, flags))

ssize_t preadv64v2(
    int fd, const struct iovec *iov, int n, off64_t off, int flags)
{
	REAL(ssize_t, "preadv64v2",
	    (int, const struct iovec *, int, off64_t, int));
	if (page && (flags & RWF_NOWAIT) && atomic_load(&page->cold))
		return failed(EAGAIN);
	int e = !(flags & RWF_NOWAIT) && is_meant(fd) ? turn(CALL_READ) : 0;
	return e && e != PARTLY ? failed(e) : real(fd, iov, n, off, flags);
}

/* Nobody can tell by cachestat() then. */
long syscall(long number, ...)
{
	REAL(long, "syscall", (long, ...));
	va_list ap;
	long a[6];

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (page && number == CACHESTAT && atomic_load(&page->cold))
		return failed(ENOSYS);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

CALL(int, fsync, CALL_SYNC, is_meant(fd), (int fd), (fd))
CALL(int, fdatasync, CALL_SYNC, is_meant(fd), (int fd), (fd))
CALL(int, syncfs, CALL_SYNC, is_meant(fd), (int fd), (fd))
CALL(int, ftruncate64, CALL_SPACE, is_meant(fd), (int fd, off64_t size),
    (fd, size))
CALL(int, fallocate64, CALL_SPACE, is_meant(fd),
    (int fd, int mode, off64_t off, off64_t len), (fd, mode, off, len))
CALL(int, linkat, CALL_NAME, is_meant_at(to, name),
    (int from, const char *old, int to, const char *name, int flags),
    (from, old, to, name, flags))
CALL(int, renameat, CALL_NAME, is_meant_at(to, name),
    (int from, const char *old, int to, const char *name),
    (from, old, to, name))
CALL(int, renameat2, CALL_NAME, is_meant_at(to, name),
    (int from, const char *old, int to, const char *name, unsigned flags),
    (from, old, to, name, flags))
CALL(int, unlinkat, CALL_NAME, is_meant_at(dir, name),
    (int dir, const char *name, int flags), (dir, name, flags))
CALL(int, fsetxattr, CALL_META, is_meant(fd),
    (int fd, const char *name, const void *value, size_t n, int flags),
    (fd, name, value, n, flags))
CALL(ssize_t, fgetxattr, CALL_META, is_meant(fd),
    (int fd, const char *name, void *value, size_t n), (fd, name, value, n))

/* ---- everything else ---------------------------------------------------- */

CALL(int, accept4, CALL_ACCEPT, 1,
    (int fd, __SOCKADDR_ARG addr, socklen_t *restrict len, int flags),
    (fd, addr, len, flags))
PART(send, CALL_SEND, 1, (int fd, const void *buf, size_t n, int flags),
    (fd, buf, n, flags))
CALL(ssize_t, sendmsg, CALL_SEND, 1,
    (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))

int pthread_create(pthread_t *ret, const pthread_attr_t *attr,
    void *(*fn)(void *), void *arg)
{
	REAL(int, "pthread_create",
	    (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
	int e = turn(CALL_THREAD);
	return e ? e : real(ret, attr, fn, arg);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	REAL(int, "clock_gettime", (clockid_t, struct timespec *));
	int r = real(id, ret);

	if (r == 0 && page && id == CLOCK_REALTIME) {
		int64_t ms = atomic_load(&page->clock_ms);

		ret->tv_sec += ms / 1000;
	}
	if (r == 0 && page && id == CLOCK_MONOTONIC_COARSE)
		ret->tv_sec += atomic_load(&page->later_s);
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
