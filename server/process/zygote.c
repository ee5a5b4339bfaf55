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

/* Before one is started again. */
#define PAUSE_MS 100
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

/* Nothing of the server's but the socket: nobody looks in, nothing is held. */
static int leave_server(struct child *c)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int socket = fcntl(c->socket, F_DUPFD_CLOEXEC, OWN_FDS);
	int last = 0;

	c->base = open(c->z->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int base = fcntl(c->base, F_DUPFD_CLOEXEC, OWN_FDS);
	if (null < 0 || socket < 0 || base < 0)
		return -errno;

	for (int i = 0; i < OWN_FDS; i++)
		dup2(null, i);
	last = base > socket ? base : socket;
	for (int i = OWN_FDS; i < last; i++)
		if (i != base && i != socket)
			close(i);
	closefrom(last + 1);
	c->socket = socket;
	c->base = base;
	return 0;
}

/* The server is gone: when all runs have ended nothing is left of them. */
_Noreturn static void leave(const struct child *c)
{
	close(c->socket);
	while (wait(NULL) >= 0 || errno == EINTR)
		;
	(void)!spw_temp_remove_tree(c->z->dir);
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
	leave(c);
}

/* ---- its keeper --------------------------------------------------------- */

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
	}
	return status;
}

_Noreturn static void keep(const struct zygote *z, int socket)
{
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	struct child c = {.z = z, .socket = socket};

	/* A Ctrl-C at a terminal is for the server, which ends us. */
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGCHLD, &as_usual, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "zygote-keeper", 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (leave_server(&c) < 0)
		_exit(1);

	for (unsigned n = 0;; n++) {
		struct pollfd server = {.fd = c.socket};

		c.runs = n << RUNS_BITS;
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
		const uid_t id = SUPERVISOR_NOBODY;

		if (geteuid() == 0 && setresuid(id, id, id) < 0)
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		_exit(supervisor_isolate() < 0);
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

static int make_directory(struct zygote *z, const char *dir)
{
	const struct spw_temp_opts opts = {
	    .size = sizeof(opts), .dir = dir, .prefix = "process-"};
	int r = spw_temp_mkdtemp(&opts, &z->dir);

	if (r == 0 && geteuid() == 0 &&
	    chown(z->dir, SUPERVISOR_NOBODY, SUPERVISOR_NOBODY) < 0)
		r = -errno;
	return r;
}

static int start(struct zygote *z)
{
	int ends[2];

	z->isolates = can_isolate();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;

	z->pid = fork();
	if (z->pid == 0) {
		close(ends[0]);
		keep(z, ends[1]);
	}
	int r = z->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (r < 0)
		close(ends[0]);
	else
		z->socket = ends[0];
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
		r = make_directory(z, dir);
	if (r == 0 && (r = start(z)) < 0)
		(void)!spw_temp_remove_tree(z->dir);
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
