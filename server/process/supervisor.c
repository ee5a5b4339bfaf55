/* SPDX-License-Identifier: MIT */
#include "process/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/tempfile.h>

#include "base/clock.h"
#include "process/limits.h"
#include "process/sandbox.h"
#include "process/sweeper.h"

/* Where root's programs run their own directory cannot be named from outside:
   the way to it is root's. */
#define OWN_DIRECTORY "/proc/self/cwd"
#define PATH_SIZE 4200

struct supervisor {
	const struct supervisor_job *job;
	int content, content_again;
	bool was_root;
	char dir[16]; /* its name; "": not there yet */
	pid_t program;
	int signals;
	uint64_t until_ms;
	struct limits limits;
};

static void tell(const struct supervisor *s, enum report_kind kind, int value,
    const char *step)
{
	struct report r = {.kind = kind, .value = value};

	if (step)
		snprintf(r.step, sizeof(r.step), "%s", step);
	/* Whoever does not listen has lost interest. */
	(void)!send(s->job->fds[ORDER_LEASH], &r, sizeof(r), MSG_NOSIGNAL);
}

/* ---- whose it is -------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	ssize_t n = write(fd, text, strlen(text));
	int r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}

int supervisor_isolate(void)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", geteuid(), geteuid());
	snprintf(groups, sizeof(groups), "%u %u 1", getegid(), getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC) < 0)
		return -errno;

	int r = write_file("/proc/self/setgroups", "deny");
	if (r == 0)
		r = write_file("/proc/self/uid_map", users);
	if (r == 0)
		r = write_file("/proc/self/gid_map", groups);
	return r;
}

/* The content to be read twice, and by nobody to be written. */
static int open_content(struct supervisor *s)
{
	int given = s->job->fds[ORDER_CONTENT];
	char path[64];

	/* Who is nobody soon can open it as that. */
	if (s->was_root && fchmod(given, 0644) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", given);
	s->content = open(path, O_RDONLY | O_CLOEXEC);
	s->content_again = open(path, O_RDONLY | O_CLOEXEC);
	return s->content < 0 || s->content_again < 0 ? -errno : 0;
}

static int become_nobody(const struct supervisor *s)
{
	const uid_t id = SWEEPER_NOBODY;

	if (!s->was_root)
		return 0;
	return setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 ||
		       setresuid(id, id, id) < 0
		   ? -errno
		   : 0;
}

static int enter_directory(struct supervisor *s)
{
	const struct supervisor_job *job = s->job;
	char name[sizeof(s->dir)];

	snprintf(name, sizeof(name), "%u", job->number);
	if (fchdir(job->base) < 0 || mkdir(name, 0700) < 0)
		return -errno;

	memcpy(s->dir, name, sizeof(name));
	return chdir(name) < 0 ? -errno : 0;
}

/* The answer does not wait until all of it is deleted. */
static void leave_directory(const struct supervisor *s)
{
	if (!s->dir[0] || fchdir(s->job->base) < 0)
		return;
	if (sweeper_take(s->dir, s->job->wake) < 0)
		(void)!spw_temp_remove_tree(s->dir);
}

/* Into namespaces, as their first process: the one that went in ends. */
static int go_apart(const struct supervisor *s)
{
	if (!s->job->isolates)
		return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno
								     : 0;

	int r = supervisor_isolate();
	pid_t first = r == 0 ? fork() : 0;
	if (first > 0)
		_exit(0);
	return first < 0 ? -errno : r;
}

/* ---- the program -------------------------------------------------------- */

/* Room for `NAME=value` of what comes with the content. */
struct environment {
	char home[PATH_SIZE], tmp[PATH_SIZE];
	char name[FILE_NAME_SIZE + 32], type[FILE_TYPE_SIZE + 32];
	char size[48], sha256[128], processor[CONF_NAME_SIZE + 32];
	const char *all[12];
};

static void make_environment(
    const struct supervisor *s, struct environment *e)
{
	const struct order *o = s->job->order;
	char dir[PATH_SIZE - 16] = OWN_DIRECTORY;

	if (!s->was_root)
		snprintf(dir, sizeof(dir), "%s/%s", s->job->base_path, s->dir);
	snprintf(e->home, sizeof(e->home), "HOME=%s", dir);
	snprintf(e->tmp, sizeof(e->tmp), "TMPDIR=%s", dir);
	snprintf(e->name, sizeof(e->name), "SPILLWAY_NAME=%s", o->name);
	snprintf(e->type, sizeof(e->type), "SPILLWAY_TYPE=%s", o->type);
	snprintf(e->size, sizeof(e->size), "SPILLWAY_SIZE=%llu",
	    (unsigned long long)o->size);
	snprintf(e->sha256, sizeof(e->sha256), "SPILLWAY_SHA256=%s", o->sha256);
	snprintf(e->processor, sizeof(e->processor), "SPILLWAY_PROCESSOR=%s",
	    s->job->command->conf->at.name);
	const char *all[] = {"PATH=" PROGRAM_DIRS, "LANG=C.UTF-8",
	    "SPILLWAY_CONTENT=" SANDBOX_CONTENT_PATH, e->home, e->tmp,
	    e->name, e->type, e->size, e->processor,
	    o->sha256[0] ? e->sha256 : NULL, NULL};
	_Static_assert(sizeof(all) <= sizeof(e->all), "all have room");
	memcpy(e->all, all, sizeof(all));
}

_Noreturn static void become_program(const struct supervisor *s)
{
	struct environment env;
	const char *step;

	make_environment(s, &env);
	const struct sandbox box = {
	    .command = s->job->command,
	    .content = s->content,
	    .content_again = s->content_again,
	    .output = s->job->fds[ORDER_OUTPUT],
	    .complaints = s->job->fds[ORDER_COMPLAINTS],
	    .counted_apart = s->job->isolates,
	    .env = env.all,
	};
	int r = sandbox_enter(&box, &step);
	tell(s, REPORT_BROKEN, r, step);
	_exit(127);
}

/* Of one run, as the kernel counts them. */
static size_t processes_max(const struct supervisor *s)
{
	return s->job->command->conf->processes +
	       (s->job->isolates ? 0 : SANDBOX_SHARED_PROCESSES);
}

static int start_program(struct supervisor *s)
{
	int r = limits_init(
	    &s->limits, s->job->command, s->content, processes_max(s));
	if (r < 0)
		return r;

	s->program = fork();
	if (s->program < 0)
		return -errno;
	if (s->program == 0)
		become_program(s);

	/* It has them; nobody else is to keep a pipe open, or to look here. */
	close(s->content);
	close(s->content_again);
	close(s->job->fds[ORDER_CONTENT]);
	close(s->job->fds[ORDER_OUTPUT]);
	close(s->job->fds[ORDER_COMPLAINTS]);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	s->until_ms = clock_ms() + s->job->command->conf->timeout;
	return 0;
}

/* ---- the end ------------------------------------------------------------ */

/* Those that are children now; theirs are once they have ended. */
static void kill_children(void)
{
	char text[4096], *at = text;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	for (long pid; (pid = strtol(at, &at, 10)) > 0;)
		kill((pid_t)pid, SIGKILL);
}

static void kill_all(const struct supervisor *s)
{
	kill(-s->program, SIGKILL);
	do {
		if (s->job->isolates)
			kill(-1, SIGKILL);
		else
			kill_children();
	} while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* Collect who has ended. Returns: whether the program has. */
static bool reap(const struct supervisor *s, int *ret_status)
{
	bool over = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->program) {
			*ret_status = status;
			over = true;
		}
	}
	return over;
}

/* Wait for a signal, the leash, or when something has to be looked at. */
static void nap(const struct supervisor *s, struct pollfd fds[2], uint64_t now)
{
	uint64_t until =
	    s->until_ms < s->limits.due_ms ? s->until_ms : s->limits.due_ms;
	uint64_t left = until > now ? until - now : 0;

	poll(fds, 2, left < 60000 ? (int)left : 60000);
}

/* Until the program has ended, it is over a limit, or nobody holds the
   leash. */
static void watch(struct supervisor *s)
{
	struct pollfd fds[] = {
	    {.fd = s->signals, .events = POLLIN},
	    {.fd = s->job->fds[ORDER_LEASH], .events = POLLIN},
	};
	struct signalfd_siginfo info;
	enum report_kind over = REPORT_NONE;
	uint64_t now;
	int status;

	while (over == REPORT_NONE && (now = clock_ms()) < s->until_ms) {
		nap(s, fds, now);
		if (fds[1].revents)
			return;
		if (fds[0].revents) {
			(void)!read(s->signals, &info, sizeof(info));
			if (reap(s, &status)) {
				tell(s, REPORT_ENDED, status, NULL);
				return;
			}
		}
		over = limits_look(&s->limits, clock_ms());
	}
	tell(s, over == REPORT_NONE ? REPORT_TIMED_OUT : over, 0, NULL);
}

static int prepare(struct supervisor *s, const char **ret_step)
{
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	sigset_t child;

	*ret_step = "reading the content";
	int r = open_content(s);
	if (r < 0)
		return r;

	*ret_step = "becoming nobody";
	r = become_nobody(s);
	if (r < 0)
		return r;

	*ret_step = "its directory";
	r = enter_directory(s);
	if (r < 0)
		return r;

	*ret_step = "a process";
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = go_apart(s);
	if (r < 0)
		return r;

	sigaction(SIGCHLD, &as_usual, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : start_program(s);
}

_Noreturn void supervisor_main(const struct supervisor_job *job)
{
	struct supervisor s = {
	    .job = job, .signals = -1, .was_root = geteuid() == 0};
	const char *step;

	prctl(PR_SET_NAME, "spillway-run", 0, 0, 0);
	int r = prepare(&s, &step);
	if (r < 0) {
		tell(&s, REPORT_BROKEN, r, step);
	} else {
		watch(&s);
		kill_all(&s);
	}
	limits_fini(&s.limits);
	leave_directory(&s);
	_exit(0);
}
