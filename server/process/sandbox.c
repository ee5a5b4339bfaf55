/* SPDX-License-Identifier: MIT */
#include "process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/seccomp.h"

#define FILES_MAX 256

/* The system: programs with what they are made of, and what libc reads. Not
   all of /etc, where secrets of the server's own may be; of /proc its own
   process and what is the machine's, for everybody can read there how others
   were called, and with which arguments. */
static const char *const RUN[] = {
    "/bin", "/lib", "/lib32", "/lib64", "/opt", "/sbin", "/usr"};
static const char *const READ[] = {
    "/dev/full", "/dev/random", "/dev/urandom", "/dev/zero",
    "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/host.conf",
    "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/localtime", "/etc/magic", "/etc/mime.types",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/protocols", "/etc/pki",
    "/etc/resolv.conf", "/etc/services", "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf", "/proc/cpuinfo", "/proc/filesystems",
    "/proc/loadavg", "/proc/meminfo", "/proc/self", "/proc/stat", "/proc/sys",
    "/proc/uptime", "/proc/version", "/run/systemd/resolve",
    "/sys/devices/system/cpu", "/var/cache/fontconfig",
};

static void restore_signals(void)
{
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &as_usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The descriptors may lie anywhere, also where others are to go. */
static int place_descriptors(const struct sandbox *s)
{
	const int from[] = {
	    s->content, s->output, s->complaints, s->content_again};
	int moved[4];

	for (int i = 0; i < 4; i++) {
		moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 16);
		if (moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 4; i++) {
		if (dup2(moved[i], i) < 0)
			return -errno;
	}
	return 0; /* all others close by themselves */
}

static int limit(__rlimit_resource_t what, uint64_t value)
{
	rlim_t v = value == UINT64_MAX ? RLIM_INFINITY : (rlim_t)value;
	/* Of processor time it is told first: that is how it is known. */
	const struct rlimit rl = {v, what == RLIMIT_CPU ? v + 1 : v};
	struct rlimit now;

	if (setrlimit(what, &rl) == 0)
		return 0;
	/* It may not have more than we have; less it has already. */
	if (errno == EPERM && getrlimit(what, &now) == 0 &&
	    now.rlim_max <= rl.rlim_max)
		return 0;
	return -EPERM;
}

static int set_limits(const struct sandbox *s)
{
	const struct conf_processor *p = s->command->conf;
	const struct {
		__rlimit_resource_t what;
		uint64_t value;
	} limits[] = {
	    {RLIMIT_AS, p->memory},
	    {RLIMIT_CPU, (p->cpu + CONF_SEC - 1) / CONF_SEC},
	    {RLIMIT_FSIZE, p->temp_max},
	    {RLIMIT_NPROC, p->processes + (s->counted_apart
					       ? 0
					       : SANDBOX_SHARED_PROCESSES)},
	    {RLIMIT_NOFILE, FILES_MAX},
	    {RLIMIT_CORE, 0},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(limits) / sizeof(limits[0]);
	     i++)
		r = limit(limits[i].what, limits[i].value);
	return r;
}

/* Rather it than the server; that it cannot be said does no harm. */
static void volunteer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "1000", 4);
	close(fd);
}

static int allow_all(struct landlock *l, const struct sandbox *s)
{
	int r = landlock_allow(l, ".", LANDLOCK_OWN);

	if (r == 0)
		r = landlock_allow_fd(l, SANDBOX_CONTENT_FD, LANDLOCK_READ);
	if (r == 0)
		r = landlock_allow(l, s->command->path, LANDLOCK_RUN);
	if (r == 0)
		r = landlock_allow(l, "/dev/null", LANDLOCK_WRITE);
	for (size_t i = 0; r == 0 && i < sizeof(RUN) / sizeof(RUN[0]); i++)
		r = landlock_allow(l, RUN[i], LANDLOCK_RUN);
	for (size_t i = 0; r == 0 && i < sizeof(READ) / sizeof(READ[0]); i++)
		r = landlock_allow(l, READ[i], LANDLOCK_READ);
	for (char **p = s->command->reads; r == 0 && *p; p++)
		r = landlock_allow(l, *p, LANDLOCK_RUN);
	return r;
}

static int confine_files(const struct sandbox *s)
{
	struct landlock l;

	if (!s->command->landlock)
		return 0;

	int r = landlock_open(&l);
	if (r == -EOPNOTSUPP && !s->command->required)
		return 0;
	if (r == 0)
		r = allow_all(&l, s);
	if (r == 0)
		r = landlock_enter(&l);
	landlock_close(&l);
	return r;
}

/* Young kernels' Landlock, or none where none is wanted. */
static bool may_truncate(const struct command *c)
{
	int abi = c->landlock ? landlock_abi() : 0;

	return abi < 1 || abi >= LANDLOCK_ABI_TRUNCATE;
}

static int confine_calls(const struct sandbox *s)
{
	const struct command *c = s->command;
	bool network = c->conf->network;

	if (!c->seccomp && network)
		return 0;

	int r = seccomp_enter_program((network ? SECCOMP_NETWORK : 0) |
				      (may_truncate(c) ? SECCOMP_TRUNCATE : 0));
	/* Who is to have no network has none. */
	return r == -EOPNOTSUPP && network ? 0 : r;
}

int sandbox_enter(const struct sandbox *s, const char **ret_step)
{
	static const struct {
		int (*take)(const struct sandbox *s);
		const char *what;
	} steps[] = {
	    {place_descriptors, "its descriptors"},
	    {confine_files, "landlock"},
	    {set_limits, "its limits"},
	    {confine_calls, "seccomp"},
	};

	setsid();
	restore_signals();
	umask(077);
	volunteer();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i].take(s);

		if (r < 0) {
			*ret_step = steps[i].what;
			return r;
		}
	}
	/* It takes what it does not change. */
	union {
		const char *const *given;
		char *const *taken;
	} env = {.given = s->env};
	execve(s->command->path, s->command->argv, env.taken);
	*ret_step = "the program";
	return -errno;
}
