/* SPDX-License-Identifier: MIT */
/*
 * The real system under other names, and calls in its place that may fail.
 * They count what they hand out, so that a leak shows.
 */
#define spw__fs_info real_fs_info
#define spw__sys_alloc real_sys_alloc
#define spw__sys_free real_sys_free
#define spw__sys_map real_sys_map
#define spw__sys_unmap real_sys_unmap
#define spw__sys_open_dir real_sys_open_dir
#define spw__sys_tmpfile real_sys_tmpfile
#define spw__sys_close real_sys_close
#define spw__sys_dup real_sys_dup
#define spw__sys_pread real_sys_pread
#define spw__sys_pwrite real_sys_pwrite
#define spw__sys_pwritev real_sys_pwritev
#define spw__sys_truncate real_sys_truncate
#define spw__sys_punch real_sys_punch
#define spw__sys_reserve real_sys_reserve
#define spw__sys_fs_info real_sys_fs_info
#define spw__sys_thread real_sys_thread
#define spw__sys_now_ms real_sys_now_ms
#include "sys.c"
#undef spw__fs_info
#undef spw__sys_alloc
#undef spw__sys_free
#undef spw__sys_map
#undef spw__sys_unmap
#undef spw__sys_open_dir
#undef spw__sys_tmpfile
#undef spw__sys_close
#undef spw__sys_dup
#undef spw__sys_pread
#undef spw__sys_pwrite
#undef spw__sys_pwritev
#undef spw__sys_truncate
#undef spw__sys_punch
#undef spw__sys_reserve
#undef spw__sys_fs_info
#undef spw__sys_thread
#undef spw__sys_now_ms
#undef SPILLWAY_LIB_SYS_H
#include "sys.h"

#include "fault/fault.h"

static struct {
	pthread_mutex_t lock;
	bool armed, persistent, hit, short_writes;
	bool half_written;	/* the next write fails */
	unsigned nth, calls;
	enum fault_style style;
	long held;
	uint64_t free_bytes;
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local unsigned spared;

void fault_arm(unsigned nth, bool persistent, enum fault_style style)
{
	pthread_mutex_lock(&faults.lock);
	faults.armed = true;
	faults.persistent = persistent;
	faults.hit = faults.half_written = false;
	faults.nth = nth;
	faults.calls = 0;
	faults.style = style;
	pthread_mutex_unlock(&faults.lock);
}

bool fault_disarm(void)
{
	pthread_mutex_lock(&faults.lock);
	faults.armed = false;
	bool hit = faults.hit;
	pthread_mutex_unlock(&faults.lock);
	return hit;
}

void fault_spare(bool begin)
{
	spared += begin ? 1u : -1u;
}

void fault_short_writes(bool on)
{
	pthread_mutex_lock(&faults.lock);
	faults.short_writes = on;
	pthread_mutex_unlock(&faults.lock);
}

void fault_free_bytes(uint64_t bytes)
{
	pthread_mutex_lock(&faults.lock);
	faults.free_bytes = bytes;
	pthread_mutex_unlock(&faults.lock);
}

long fault_held(void)
{
	pthread_mutex_lock(&faults.lock);
	long held = faults.held;
	pthread_mutex_unlock(&faults.lock);
	return held;
}

static void hold(long n)
{
	pthread_mutex_lock(&faults.lock);
	faults.held += n;
	pthread_mutex_unlock(&faults.lock);
}

/* Is it this call's turn? Locked. */
static bool its_turn(void)
{
	if (!faults.armed || spared)
		return false;

	faults.calls++;
	bool turn = faults.calls == faults.nth ||
	    (faults.persistent && faults.calls > faults.nth);
	faults.hit = faults.hit || turn;
	return turn;
}

/* 0, or what the call fails with. */
static int fault(int broken, int full)
{
	pthread_mutex_lock(&faults.lock);
	bool turn = its_turn();
	enum fault_style style = faults.style;
	pthread_mutex_unlock(&faults.lock);
	if (!turn)
		return 0;

	return style == FAULT_FULL ? -full : -broken;
}

void *spw__sys_alloc(size_t n)
{
	void *p = fault(ENOMEM, ENOMEM) ? NULL : real_sys_alloc(n);

	hold(p != NULL);
	return p;
}

void spw__sys_free(void *p)
{
	hold(p ? -1 : 0);
	real_sys_free(p);
}

void *spw__sys_map(size_t n)
{
	void *p = fault(ENOMEM, ENOMEM) ? NULL : real_sys_map(n);

	hold(p != NULL);
	return p;
}

void spw__sys_unmap(void *p, size_t n)
{
	hold(-1);
	real_sys_unmap(p, n);
}

static int held_fd(int fd)
{
	hold(fd >= 0);
	return fd;
}

int spw__sys_open_dir(const char *path)
{
	int r = fault(EMFILE, ENFILE);

	return r < 0 ? r : held_fd(real_sys_open_dir(path));
}

int spw__sys_tmpfile(int dir_fd)
{
	int r = fault(EMFILE, ENOSPC);

	return r < 0 ? r : held_fd(real_sys_tmpfile(dir_fd));
}

int spw__sys_close(int fd)
{
	int r = fault(EIO, ENOSPC);

	/* The descriptor is gone in any case. */
	hold(-1);
	int closed = real_sys_close(fd);
	return r < 0 ? r : closed;
}

int spw__sys_dup(int fd)
{
	int r = fault(EMFILE, EMFILE);

	return r < 0 ? r : held_fd(real_sys_dup(fd));
}

ssize_t spw__sys_pread(int fd, void *buf, size_t n, uint64_t off)
{
	int r = fault(EIO, EIO);

	return r < 0 ? r : real_sys_pread(fd, buf, n, off);
}

/* How much of a write is done: all, a part, or with an error none. */
static ssize_t allowed(size_t n)
{
	ssize_t r = (ssize_t)n;

	pthread_mutex_lock(&faults.lock);
	bool turn = its_turn();
	if (turn && faults.style == FAULT_BROKEN) {
		r = -EIO;
	} else if (faults.half_written && faults.armed && !spared) {
		faults.half_written = faults.persistent;
		faults.hit = true;
		r = -ENOSPC;
	} else if (turn && n > 1) {
		faults.half_written = true;
		r = (ssize_t)(n / 2);
	} else if (turn) {
		r = -ENOSPC;
	} else if (faults.short_writes && n > 7) {
		r = (ssize_t)(n / 3 + 1);
	}
	pthread_mutex_unlock(&faults.lock);
	return r;
}

ssize_t spw__sys_pwrite(int fd, const void *buf, size_t n, uint64_t off)
{
	ssize_t r = allowed(n);

	return r < 0 ? r : real_sys_pwrite(fd, buf, (size_t)r, off);
}

ssize_t spw__sys_pwritev(
    int fd, const struct iovec *iov, int count, uint64_t off)
{
	size_t n = 0;

	for (int i = 0; i < count; i++)
		n += iov[i].iov_len;

	ssize_t r = allowed(n);
	if (r < 0 || (size_t)r == n)
		return r < 0 ? r : real_sys_pwritev(fd, iov, count, off);

	/* A short one ends somewhere in the first buffer. */
	n = (size_t)r < iov[0].iov_len ? (size_t)r : iov[0].iov_len;
	return real_sys_pwrite(fd, iov[0].iov_base, n, off);
}

int spw__sys_truncate(int fd, uint64_t size)
{
	int r = fault(EIO, ENOSPC);

	return r < 0 ? r : real_sys_truncate(fd, size);
}

int spw__sys_punch(int fd, uint64_t off, uint64_t len)
{
	int r = fault(EIO, EOPNOTSUPP);

	return r < 0 ? r : real_sys_punch(fd, off, len);
}

int spw__sys_reserve(int fd, uint64_t size)
{
	int r = fault(EIO, ENOSPC);

	return r < 0 ? r : real_sys_reserve(fd, size);
}

int spw__sys_fs_info(int fd, struct spw__fs_info *ret)
{
	struct real_fs_info info;
	int r = fault(EIO, EIO);

	if (r == 0)
		r = real_sys_fs_info(fd, &info);
	if (r < 0)
		return r;

	pthread_mutex_lock(&faults.lock);
	uint64_t free_bytes = faults.free_bytes;
	pthread_mutex_unlock(&faults.lock);
	ret->free_bytes = free_bytes ? free_bytes : info.free_bytes;
	ret->in_memory = info.in_memory;
	return 0;
}

int spw__sys_thread(pthread_t *ret, void *(*fn)(void *), void *arg)
{
	int r = fault(EAGAIN, EAGAIN);

	return r < 0 ? r : real_sys_thread(ret, fn, arg);
}

uint64_t spw__sys_now_ms(void)
{
	return real_sys_now_ms();
}
