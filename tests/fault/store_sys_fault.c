/* SPDX-License-Identifier: MIT */
#include "fault/store_sys_fault.h"

/* The real ones under other names. */
#define sys_open real_open
#define sys_close real_close
#define sys_replace real_replace
#define sys_links real_links
#define sys_mkdir real_mkdir
#define sys_rmdir real_rmdir
#define sys_lock real_lock
#define sys_unnamed real_unnamed
#define sys_link real_link
#define sys_exchange real_exchange
#define sys_rename real_rename
#define sys_unlink real_unlink
#define sys_sync real_sync
#define sys_sync_all real_sync_all
#define sys_is_allowed real_is_allowed
#define sys_allow real_allow
#define sys_size real_size
#define sys_get_meta real_get_meta
#define sys_set_meta real_set_meta
#define sys_read real_read
#define sys_write real_write
#define sys_list real_list
#include "store/sys.c"
#undef sys_open
#undef sys_close
#undef sys_replace
#undef sys_links
#undef sys_mkdir
#undef sys_rmdir
#undef sys_lock
#undef sys_unnamed
#undef sys_link
#undef sys_exchange
#undef sys_rename
#undef sys_unlink
#undef sys_sync
#undef sys_sync_all
#undef sys_is_allowed
#undef sys_allow
#undef sys_size
#undef sys_get_meta
#undef sys_set_meta
#undef sys_read
#undef sys_write
#undef sys_list
#undef STORE_SYS_H
#include "store/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned left;
static bool lasting, hit;
static int error;
static long opened;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static bool doing; /* before a call, which may be another thread's */
static void (*before)(void *ctx);
static void *before_ctx;
/* What has a name. */
struct named {
	const char *name;
	int error;
	bool fixed;
};
static struct named broken, stuck;
static atomic_int looking; /* what each look at a mode fails of */

void store_fault_arm(unsigned nth, bool persistent, int err)
{
	pthread_mutex_lock(&lock);
	left = nth;
	lasting = persistent;
	hit = false;
	error = err;
	before = NULL;
	pthread_mutex_unlock(&lock);
}

void store_fault_broken(const char *name, int err, bool fixed)
{
	pthread_mutex_lock(&lock);
	broken = (struct named){name, err, fixed};
	pthread_mutex_unlock(&lock);
}

void store_fault_stuck(const char *name, int err, bool fixed)
{
	pthread_mutex_lock(&lock);
	stuck = (struct named){name, err, fixed};
	pthread_mutex_unlock(&lock);
}

void store_fault_before(unsigned nth, void (*fn)(void *ctx), void *ctx)
{
	store_fault_arm(nth, false, 0);
	pthread_mutex_lock(&lock);
	before = fn;
	before_ctx = ctx;
	pthread_mutex_unlock(&lock);
}

bool store_fault_disarm(void)
{
	pthread_mutex_lock(&lock);
	left = 0;
	while (doing)
		pthread_cond_wait(&done, &lock);
	bool was = hit;
	pthread_mutex_unlock(&lock);
	return was;
}

long store_fault_open(void)
{
	pthread_mutex_lock(&lock);
	long n = opened;
	pthread_mutex_unlock(&lock);
	return n;
}

/* Returns: 0, or what this call is to fail with. */
static int fault(void)
{
	void (*fn)(void *ctx) = NULL;
	int r = 0;

	pthread_mutex_lock(&lock);
	if (left && (left > 1 ? --left == 0 : true)) {
		r = error;
		fn = before;
		hit = true;
		doing = fn != NULL;
		left = lasting ? 1 : 0;
	}
	pthread_mutex_unlock(&lock);
	if (!fn)
		return r;

	fn(before_ctx);
	pthread_mutex_lock(&lock);
	doing = false;
	pthread_cond_broadcast(&done);
	pthread_mutex_unlock(&lock);
	return r;
}

/* Of what has a name, that is to be renamed, or not. */
static int fault_of(const struct named *n, const char *name, bool renamed)
{
	pthread_mutex_lock(&lock);
	bool meant =
	    n->name && strcmp(name, n->name) == 0 && (!renamed || n->fixed);
	int r = meant ? n->error : 0;
	pthread_mutex_unlock(&lock);
	return r;
}

static int count(int fd)
{
	pthread_mutex_lock(&lock);
	opened += fd >= 0;
	pthread_mutex_unlock(&lock);
	return fd;
}

#define OR_FAULT(call)                                                         \
	int r = fault();                                                       \
	return r < 0 ? r : (call)

int sys_open(int dir_fd, const char *name, int flags)
{
	/* What is made is another. */
	int r = flags & O_CREAT ? 0 : fault_of(&broken, name, false);

	if (r == 0)
		r = fault();
	return r < 0 ? r : count(real_open(dir_fd, name, flags));
}

/* Closes all the same, as the system does. */
int sys_close(int fd)
{
	pthread_mutex_lock(&lock);
	opened--;
	pthread_mutex_unlock(&lock);
	return real_close(fd);
}

int sys_replace(int fd, int other)
{
	OR_FAULT(real_replace(fd, other));
}

int sys_links(int fd, uint64_t *ret)
{
	OR_FAULT(real_links(fd, ret));
}

int sys_mkdir(int dir_fd, const char *name)
{
	OR_FAULT(real_mkdir(dir_fd, name));
}

int sys_rmdir(int dir_fd, const char *name)
{
	OR_FAULT(real_rmdir(dir_fd, name));
}

int sys_lock(int fd, bool share)
{
	OR_FAULT(real_lock(fd, share));
}

int sys_unnamed(int dir_fd)
{
	OR_FAULT(count(real_unnamed(dir_fd)));
}

int sys_link(int fd, int dir_fd, const char *name)
{
	OR_FAULT(real_link(fd, dir_fd, name));
}

int sys_exchange(int from_fd, const char *from, int to_fd, const char *to)
{
	OR_FAULT(real_exchange(from_fd, from, to_fd, to));
}

int sys_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	int r = fault_of(&broken, from, true);

	if (r == 0)
		r = fault_of(&stuck, from, true);
	if (r == 0)
		r = fault();
	return r < 0 ? r : real_rename(from_fd, from, to_fd, to);
}

int sys_unlink(int dir_fd, const char *name)
{
	int r = fault_of(&stuck, name, false);

	if (r == 0)
		r = fault();
	return r < 0 ? r : real_unlink(dir_fd, name);
}

int sys_sync(int fd)
{
	OR_FAULT(real_sync(fd));
}

int sys_sync_all(int fd)
{
	OR_FAULT(real_sync_all(fd));
}

void store_fault_looking(int err)
{
	atomic_store(&looking, err);
}

int sys_is_allowed(int dir_fd, const char *name)
{
	if (atomic_load(&looking) < 0)
		return atomic_load(&looking);
	OR_FAULT(real_is_allowed(dir_fd, name));
}

int sys_allow(int dir_fd, const char *name)
{
	OR_FAULT(real_allow(dir_fd, name));
}

int sys_size(int fd, uint64_t *ret)
{
	OR_FAULT(real_size(fd, ret));
}

ssize_t sys_get_meta(int fd, void *buf, size_t n)
{
	OR_FAULT(real_get_meta(fd, buf, n));
}

int sys_set_meta(int fd, const void *buf, size_t n)
{
	OR_FAULT(real_set_meta(fd, buf, n));
}

ssize_t sys_read(int fd, void *buf, size_t n)
{
	OR_FAULT(real_read(fd, buf, n));
}

int sys_write(int fd, const void *buf, size_t n)
{
	OR_FAULT(real_write(fd, buf, n));
}

ssize_t sys_list(int fd, void *buf, size_t n)
{
	OR_FAULT(real_list(fd, buf, n));
}
