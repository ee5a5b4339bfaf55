/* SPDX-License-Identifier: MIT */
#include "process/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/tempfile.h>

#include "base/log.h"
#include "process/command.h"
#include "process/supervisor.h"
#include "process/sweeper.h"

/* Before one is started again. */
#define PAUSE_MS 100
/* What a server that stops waits for the sweeper: half a second. */
#define SWEEP_ROUNDS 50
#define SWEEP_ROUND_MS 10
/* Numbers of runs that one may have; the next begins behind them. */
#define RUNS_BITS 20
/* Below them no descriptor of ours, so that a program can be given these. */
#define OWN_FDS 4

struct zygote {
	int socket; /* the server's end */
	pid_t pid;  /* of its keeper */
	bool isolates;
	/* As of the fork; the server's copy is of no use to it. */
	size_t count;
	struct command *commands;
	char *dir;
	int base; /* that directory, until it is forked */
};

/* One message with an order, and with its descriptors behind it. */
struct packet {
	struct iovec iov;
	struct msghdr msg;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(
	    ORDER_FDS * sizeof(int))];
};

static void packet_init(struct packet *p, struct order *order)
{
	*p = (struct packet){.iov = {order, sizeof(*order)}};
	p->msg.msg_iov = &p->iov;
	p->msg.msg_iovlen = 1;
	p->msg.msg_control = p->control;
	p->msg.msg_controllen = sizeof(p->control);
}

/* ---- its process -------------------------------------------------------- */

struct child {
	const struct zygote *z;
	int socket, base;
	int wake[2]; /* the sweeper's pipe */
	pid_t sweeper;
	unsigned runs;
};

/* Returns: false when the server is gone. */
static bool receive(int socket, struct order *o, int fds[ORDER_FDS])
{
	struct packet p;
	ssize_t n;

	do {
		packet_init(&p, o);
		n = recvmsg(socket, &p.msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&p.msg) : NULL;
	for (int i = 0; i < ORDER_FDS; i++)
		fds[i] = -1;
	if (c && c->cmsg_len == CMSG_LEN(ORDER_FDS * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), ORDER_FDS * sizeof(int));
	if (n != (ssize_t)sizeof(*o) || o->magic != ORDER_MAGIC)
		return false;

	/* Whatever the server has become, they are texts. */
	o->name[sizeof(o->name) - 1] = '\0';
	o->type[sizeof(o->type) - 1] = '\0';
	o->sha256[sizeof(o->sha256) - 1] = '\0';
	return true;
}

static void run_one(
    struct child *c, const struct order *o, const int fds[ORDER_FDS])
{
	struct supervisor_job job = {
	    .command = &c->z->commands[o->processor],
	    .order = o,
	    .base = c->base,
	    .base_path = c->z->dir,
	    .wake = c->wake[1],
	    .number = c->runs++,
	    .isolates = c->z->isolates,
	};
	memcpy(job.fds, fds, sizeof(job.fds));
	pid_t pid = fork();
	if (pid != 0)
		return; /* that it could not be shows by the leash */

	close(c->socket);
	supervisor_main(&job);
}

/* Nothing of the server's but these: nobody looks in, nothing is held. */
static int leave_server(struct child *c)
{
	int *const ours[] = {&c->socket, &c->base, &c->wake[0], &c->wake[1]};
	const int count = (int)(sizeof(ours) / sizeof(ours[0]));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Above all that are there, then down again, in order. */
	int high = OWN_FDS + count;

	if (null < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		*ours[i] = fcntl(*ours[i], F_DUPFD_CLOEXEC, high);
		if (*ours[i] < 0)
			return -errno;
	}
	for (int i = 0; i < OWN_FDS; i++)
		dup2(null, i);
	for (int i = 0; i < count; i++) {
		if (dup3(*ours[i], OWN_FDS + i, O_CLOEXEC) < 0)
			return -errno;
		*ours[i] = OWN_FDS + i;
	}
	closefrom(high);
	return 0;
}

/* The server is gone: it ends when all runs have. */
_Noreturn static void leave_zygote(const struct child *c)
{
	close(c->socket);
	while (wait(NULL) >= 0 || errno == EINTR)
		;
	_exit(0);
}

_Noreturn static void live(struct child *c)
{
	struct order o;
	int fds[ORDER_FDS];

	/* Those that end are not waited for; orphans of theirs neither. */
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "spillway-zygote", 0, 0, 0);
	while (receive(c->socket, &o, fds)) {
		if (o.processor < c->z->count && fds[ORDER_LEASH] >= 0)
			run_one(c, &o, fds);
		for (int i = 0; i < ORDER_FDS; i++)
			close(fds[i]);
	}
	leave_zygote(c);
}

/* ---- its keeper --------------------------------------------------------- */

/* Without one directories wait, at most so many, until there is. */
static void start_sweeper(struct child *c, int pause_ms)
{
	c->sweeper = fork();
	if (c->sweeper != 0)
		return;

	close(c->socket);
	close(c->wake[1]);
	poll(NULL, 0, pause_ms);
	sweeper_main(c->base, c->z->dir, c->wake[0]);
}

/* Start one and wait for its end; orphans of earlier ones are ours. Returns:
   its status; -1 when there was none. */
static int live_once(struct child *c)
{
	int status = -1;
	pid_t ended, pid = fork();

	if (pid == 0)
		live(c);
	while (pid > 0 && (ended = waitpid(-1, &status, 0)) != pid) {
		if (ended < 0 && errno != EINTR)
			break;
		if (ended == c->sweeper)
			start_sweeper(c, PAUSE_MS);
	}
	return status;
}

/* The server is gone, or waits for this: when all runs have ended, which the
   pipe tells, the sweeper has a moment for what they left. */
_Noreturn static void leave(const struct child *c)
{
	struct pollfd runs = {.fd = c->wake[0]};

	close(c->socket);
	close(c->wake[1]);
	while (poll(&runs, 1, -1) < 0 && errno == EINTR)
		;
	for (int i = 0; c->sweeper > 0 && i < SWEEP_ROUNDS; i++) {
		if (waitpid(c->sweeper, NULL, WNOHANG) != 0)
			_exit(0);
		poll(NULL, 0, SWEEP_ROUND_MS);
	}
	/* The sweeper of the next server goes on. */
	if (c->sweeper > 0)
		kill(c->sweeper, SIGKILL);
	while (wait(NULL) >= 0 || errno == EINTR)
		;
	(void)rmdir(c->z->dir);
	_exit(0);
}

_Noreturn static void keep(
    const struct zygote *z, int socket, const int wake[2])
{
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	struct child c = {.z = z,
	    .socket = socket,
	    .base = z->base,
	    .wake = {wake[0], wake[1]}};

	/* A Ctrl-C at a terminal is for the server, which ends us. */
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &as_usual, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "zygote-keeper", 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (leave_server(&c) < 0)
		_exit(1);

	for (unsigned n = 0;; n++) {
		struct pollfd server = {.fd = c.socket};

		c.runs = n << RUNS_BITS;
		if (c.sweeper <= 0)
			start_sweeper(&c, 0);
		int status = live_once(&c);
		if (status == 0 || poll(&server, 1, PAUSE_MS) > 0)
			leave(&c);
		if (status != -1)
			(void)!send(c.socket, &status, sizeof(status),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* ---- the server's side -------------------------------------------------- */

/* In a child, since there is no way back. */
static bool can_isolate(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const uid_t id = SWEEPER_NOBODY;

		if (geteuid() == 0 && setresuid(id, id, id) < 0)
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		_exit(supervisor_isolate() < 0 ? 1 : 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void dispose(struct zygote *z)
{
	for (size_t i = 0; z->commands && i < z->count; i++)
		command_fini(&z->commands[i]);
	free(z->commands);
	spw_temp_path_free(z->dir);
	free(z);
}

static int read_commands(struct zygote *z, const struct conf *c)
{
	z->count = c->processors.count;
	z->commands = calloc(z->count, sizeof(*z->commands));
	int r = z->commands ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < z->count; i++)
		r = command_init(
		    &z->commands[i], c, c->processors.items[i]);
	return r;
}

static int start(struct zygote *z)
{
	int ends[2], wake[2];

	z->isolates = can_isolate();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	int r = pipe2(wake, O_CLOEXEC) < 0 ? -errno : 0;
	/* Its end that is read blocks, the one that supervisors have does
	   not. */
	if (r == 0)
		(void)fcntl(wake[1], F_SETFL, O_NONBLOCK);
	if (r == 0 && (z->pid = fork()) == 0) {
		close(ends[0]);
		keep(z, ends[1], wake);
	}
	if (r == 0) {
		r = z->pid < 0 ? -errno : 0;
		close(wake[0]);
		close(wake[1]);
	}
	close(ends[1]);
	if (r < 0)
		close(ends[0]);
	else
		z->socket = ends[0];
	return r;
}

/* The directory is its children's from here on. */
static int start_in(struct zygote *z, const char *dir)
{
	z->base = sweeper_base(dir, &z->dir);
	int r = z->base < 0 ? z->base : start(z);
	if (z->base >= 0)
		close(z->base);
	if (r < 0 && z->dir)
		(void)rmdir(z->dir);
	return r;
}

int zygote_new(const struct conf *c, const char *dir, struct zygote **ret,
    struct conf_error *reterr)
{
	*ret = NULL;
	if (!c->processors.count)
		return 0;

	struct zygote *z = calloc(1, sizeof(*z));
	if (!z)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	int r = read_commands(z, c);
	if (r == 0)
		r = start_in(z, dir);
	if (r < 0) {
		dispose(z);
		return conf_error_set(reterr, r,
		    "cannot prepare for processors in %s: %s", dir,
		    strerror(-r));
	}
	if (z->isolates)
		log_info("processors: each run in namespaces of its own");
	else
		log_warn("processors: no user namespaces here; processes are "
			 "counted by user, and what a run leaves behind is "
			 "killed one by one");
	*ret = z;
	return 0;
}

int zygote_run(
    struct zygote *z, const struct order *order, const int fds[ORDER_FDS])
{
	struct order copy = *order;
	struct packet p;

	packet_init(&p, &copy);
	struct cmsghdr *c = CMSG_FIRSTHDR(&p.msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(ORDER_FDS * sizeof(int));
	memcpy(CMSG_DATA(c), fds, ORDER_FDS * sizeof(int));
	return sendmsg(z->socket, &p.msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int zygote_look(struct zygote *z, int *ret_status)
{
	ssize_t n = recv(z->socket, ret_status, sizeof(*ret_status),
	    MSG_DONTWAIT);

	if (n == 0)
		return -EPIPE;
	return n == (ssize_t)sizeof(*ret_status);
}

void zygote_free(struct zygote *z)
{
	if (!z)
		return;

	close(z->socket);
	while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
		;
	dispose(z);
}
