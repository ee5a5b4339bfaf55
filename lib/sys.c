/* SPDX-License-Identifier: MIT */
/* Memory, threads and what else is no file. */
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void *spw__sys_alloc(size_t n)
{
	return calloc(1, n);
}

void *spw__sys_alloc_dirty(size_t n)
{
	return malloc(n);
}

void spw__sys_free(void *p)
{
	free(p);
}

static void *map(size_t n, int prot, int flags)
{
	void *p =
	    mmap(NULL, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	if (p == MAP_FAILED)
		return NULL;

	/* Content does not belong in a core dump; failing is harmless. */
	(void)madvise(p, n, MADV_DONTDUMP);
	return p;
}

void *spw__sys_map(size_t n)
{
	return map(n, PROT_READ | PROT_WRITE, 0);
}

void *spw__sys_map_room(size_t n, size_t room)
{
	void *p = map(room, PROT_NONE, MAP_NORESERVE);

	if (p && spw__sys_map_more(p, n) < 0) {
		spw__sys_unmap(p, room);
		return NULL;
	}
	return p;
}

int spw__sys_map_more(void *p, size_t n)
{
	return mprotect(p, n, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
}

void spw__sys_unmap(void *p, size_t n)
{
	(void)munmap(p, n);
}

FILE *spw__sys_cookie_file(void *cookie, const char *mode,
    cookie_io_functions_t calls)
{
	return fopencookie(cookie, mode, calls);
}

int spw__sys_random(void *buf, size_t n)
{
	ssize_t r;

	do {
		r = getrandom(buf, n, 0);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;

	/* Up to 256 bytes come whole. */
	return (size_t)r == n ? 0 : -EIO;
}

int spw__sys_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* Neither can fail but by a wrong descriptor: it counts to 1. */
void spw__sys_event_set(int fd)
{
	(void)eventfd_write(fd, 1);
}

void spw__sys_event_clear(int fd)
{
	eventfd_t n;

	(void)eventfd_read(fd, &n);
}

int spw__sys_iconv_open(const char *to, const char *from, iconv_t *ret)
{
	/*
	 * Where no descriptor is to be had, glibc takes every encoding for
	 * unknown, and if it was the first call, for ever.
	 */
	int fd = spw__sys_event();
	if (fd < 0)
		return fd;

	(void)close(fd);
	iconv_t cd = iconv_open(to, from);
	if (cd == (iconv_t)-1)
		return -errno;

	*ret = cd;
	return 0;
}

void spw__sys_iconv_close(iconv_t cd)
{
	(void)iconv_close(cd);
}

ssize_t spw__sys_iconv(iconv_t cd, const void *in, size_t n, void *out,
    size_t size)
{
	char *from = (char *)(uintptr_t)in, *to = out;
	size_t room = size;

	/* The last call is for encodings that hold back what may combine. */
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &from, &n, &to, &room) == (size_t)-1 ||
	    iconv(cd, NULL, NULL, &to, &room) == (size_t)-1)
		return -errno;

	return (ssize_t)(size - room);
}

struct start {
	void *(*fn)(void *);
	void *arg;
};

/* Freeing comes first: an allocator that has something for each thread makes
   it then, while there is memory. jemalloc crashes where there is none. */
static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return s.fn(s.arg);
}

/* Signals are for the host program's threads, never for these. */
int spw__sys_thread(pthread_t *ret, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	struct start *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;

	*s = (struct start){ fn, arg };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(ret, NULL, begin, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		free(s);
	return -err;
}

uint64_t spw__sys_now_ms(void)
{
	return spw__sys_now_us() / 1000;
}

uint64_t spw__sys_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
