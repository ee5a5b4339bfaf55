/* SPDX-License-Identifier: MIT */
/*
 * In the place of lib/sys.c: calls that may fail, and otherwise do what the
 * real ones do. They count what they hand out, so that a leak shows.
 */
#include "fault/sys_real.h"

#include <signal.h>
#include <stdatomic.h>

#include "fault/fault.h"

static struct {
	pthread_mutex_t lock;
	bool armed, persistent, hit, short_writes;
	bool half_written;	/* the next write fails */
	unsigned nth, calls;
	enum fault_style style;
	bool kill;
	void (*before)(void *arg);
	void *arg;
	long held;
	uint64_t free_bytes;
	bool in_memory;
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local unsigned spared;
/* Systems that cannot do everything. */
static atomic_bool no_unnamed, no_copy_range;

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

void fault_kill(bool on)
{
	pthread_mutex_lock(&faults.lock);
	faults.kill = on;
	pthread_mutex_unlock(&faults.lock);
}

void fault_before(void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&faults.lock);
	faults.before = fn;
	faults.arg = arg;
	pthread_mutex_unlock(&faults.lock);
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

void fault_in_memory(bool on)
{
	pthread_mutex_lock(&faults.lock);
	faults.in_memory = on;
	pthread_mutex_unlock(&faults.lock);
}

void fault_free_bytes(uint64_t bytes)
{
	pthread_mutex_lock(&faults.lock);
	faults.free_bytes = bytes;
	pthread_mutex_unlock(&faults.lock);
}

void fault_no_unnamed(bool on)
{
	atomic_store(&no_unnamed, on);
}

void fault_no_copy_range(bool on)
{
	atomic_store(&no_copy_range, on);
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
	/* Half a write is done before. */
	if (turn && faults.kill && faults.style == FAULT_BROKEN)
		raise(SIGKILL);
	return turn;
}

/* 0, or what the call fails with. */
static int fault(int broken, int full)
{
	pthread_mutex_lock(&faults.lock);
	bool turn = its_turn();
	enum fault_style style = faults.style;
	void (*before)(void *arg) = faults.before;
	void *arg = faults.arg;
	pthread_mutex_unlock(&faults.lock);
	if (!turn)
		return 0;
	if (before) {
		before(arg);
		return 0;
	}

	return style == FAULT_FULL ? -full : -broken;
}

void *spw__sys_alloc(size_t n)
{
	void *p = fault(ENOMEM, ENOMEM) ? NULL : real_sys_alloc(n);

	hold(p != NULL);
	return p;
}

void *spw__sys_alloc_dirty(size_t n)
{
	void *p = fault(ENOMEM, ENOMEM) ? NULL : real_sys_alloc_dirty(n);

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

void *spw__sys_map_room(size_t n, size_t room)
{
	void *p = fault(ENOMEM, ENOMEM) ? NULL : real_sys_map_room(n, room);

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

int spw__sys_open_dir_at(int dir_fd, const char *path)
{
	int r = fault(EMFILE, ENFILE);

	return r < 0 ? r : held_fd(real_sys_open_dir_at(dir_fd, path));
}

int spw__sys_unnamed(int dir_fd)
{
	int r = fault(EMFILE, ENOSPC);

	if (r == 0 && atomic_load(&no_unnamed))
		r = -EOPNOTSUPP;
	return r < 0 ? r : held_fd(real_sys_unnamed(dir_fd));
}

int spw__sys_create(int dir_fd, const char *name)
{
	int r = fault(EMFILE, ENOSPC);

	return r < 0 ? r : held_fd(real_sys_create(dir_fd, name));
}

int spw__sys_open_file(int dir_fd, const char *name, bool write)
{
	int r = fault(EMFILE, ENFILE);

	return r < 0 ? r : held_fd(real_sys_open_file(dir_fd, name, write));
}

int spw__sys_open_place(const char *path)
{
	int r = fault(EMFILE, ENFILE);

	return r < 0 ? r : held_fd(real_sys_open_place(path));
}

int spw__sys_open_child(int dir_fd, const char *name)
{
	int r = fault(EMFILE, ENFILE);

	return r < 0 ? r : held_fd(real_sys_open_child(dir_fd, name));
}

/* Those of which nothing but success counts. */
#define FALLIBLE(ret, name, broken, full, params, args)                        \
	ret spw__sys_##name params                                             \
	{                                                                      \
		int r = fault(broken, full);                                   \
		return r < 0 ? r : real_sys_##name args;                       \
	}

FALLIBLE(int, map_more, ENOMEM, ENOMEM, (void *p, size_t n), (p, n))
FALLIBLE(int, replace, EIO, EIO, (int fd, int other), (fd, other))
FALLIBLE(int, unlink, EIO, EIO, (int dir_fd, const char *name), (dir_fd, name))
FALLIBLE(int, link, EIO, EXDEV, (int fd, int dir_fd, const char *name),
    (fd, dir_fd, name))
FALLIBLE(int, lock, EIO, ENOLCK, (int fd), (fd))
FALLIBLE(int, links, EIO, EIO, (int fd, uint64_t *ret), (fd, ret))
FALLIBLE(int, boot_id, EIO, ENOENT, (char *ret, size_t n), (ret, n))
FALLIBLE(int, rename, EIO, ENOSPC,
    (int dir_fd, const char *from, const char *to), (dir_fd, from, to))
FALLIBLE(int, chmod, EIO, EIO, (int fd, unsigned mode), (fd, mode))
FALLIBLE(int, sync, EIO, ENOSPC, (int fd), (fd))
FALLIBLE(int, random, EIO, EIO, (void *buf, size_t n), (buf, n))
FALLIBLE(int, truncate, EIO, ENOSPC, (int fd, uint64_t size), (fd, size))
FALLIBLE(int, punch, EIO, EOPNOTSUPP, (int fd, uint64_t off, uint64_t len),
    (fd, off, len))
FALLIBLE(int, reserve, EIO, ENOSPC, (int fd, uint64_t size), (fd, size))
FALLIBLE(int, mkdir, EIO, ENOSPC, (int fd, const char *name), (fd, name))
FALLIBLE(int, rmdir, EIO, EBUSY, (int fd, const char *name), (fd, name))
FALLIBLE(int, move, EIO, EXDEV, (int fd, const char *from, int to_fd,
    const char *to), (fd, from, to_fd, to))
FALLIBLE(int, allow, EIO, EPERM, (int fd, const char *name), (fd, name))
FALLIBLE(ssize_t, list, EIO, EIO, (int fd, void *buf, size_t n), (fd, buf, n))
FALLIBLE(int, rewind, EIO, EIO, (int fd), (fd))
FALLIBLE(int, cwd, ENOENT, ERANGE, (char *ret, size_t n), (ret, n))
FALLIBLE(ssize_t, pread_cached, EIO, EAGAIN, (int fd, void *buf, size_t n,
    uint64_t off), (fd, buf, n, off))

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
		if (faults.kill)
			raise(SIGKILL);
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

ssize_t spw__sys_pwritev(int fd, const struct iovec *iov, int count,
    uint64_t off)
{
	size_t n = 0;

	for (int i = 0; i < count; i++)
		n += iov[i].iov_len;
	ssize_t r = allowed(n);
	if (r < 0 || (size_t)r == n)
		return r < 0 ? r : real_sys_pwritev(fd, iov, count, off);

	/* A part is at most what the first piece with content has. */
	int first = 0;
	while (!iov[first].iov_len)
		first++;
	if ((size_t)r > iov[first].iov_len)
		r = (ssize_t)iov[first].iov_len;
	return real_sys_pwrite(fd, iov[first].iov_base, (size_t)r, off);
}

ssize_t spw__sys_copy_range(int in, uint64_t in_off, int out,
    uint64_t out_off, size_t n)
{
	ssize_t r = atomic_load(&no_copy_range) ? -EXDEV : allowed(n);

	return r < 0 ? r
		     : real_sys_copy_range(
			   in, in_off, out, out_off, (size_t)r);
}

int spw__sys_file_size(int fd, uint64_t *ret)
{
	int r = fault(EIO, EIO);

	return r < 0 ? r : real_sys_file_size(fd, ret);
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
	ret->in_memory = info.in_memory || faults.in_memory;
	pthread_mutex_unlock(&faults.lock);
	ret->free_bytes = free_bytes ? free_bytes : info.free_bytes;
	return 0;
}

FILE *spw__sys_cookie_file(void *cookie, const char *mode,
    cookie_io_functions_t calls)
{
	if (fault(ENOMEM, ENOMEM))
		return NULL;

	return real_sys_cookie_file(cookie, mode, calls);
}

int spw__sys_event(void)
{
	int r = fault(EMFILE, ENFILE);

	return r < 0 ? r : held_fd(real_sys_event());
}

void spw__sys_event_set(int fd)
{
	real_sys_event_set(fd);
}

void spw__sys_event_clear(int fd)
{
	real_sys_event_clear(fd);
}

int spw__sys_iconv_open(const char *to, const char *from, iconv_t *ret)
{
	int r = fault(EMFILE, ENOMEM);

	if (r == 0)
		r = real_sys_iconv_open(to, from, ret);
	hold(r == 0);
	return r;
}

void spw__sys_iconv_close(iconv_t cd)
{
	hold(-1);
	real_sys_iconv_close(cd);
}

/* Fails by what is converted only. */
ssize_t spw__sys_iconv(iconv_t cd, const void *in, size_t n, void *out,
    size_t size)
{
	return real_sys_iconv(cd, in, n, out, size);
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

uint64_t spw__sys_now_us(void)
{
	return real_sys_now_us();
}
