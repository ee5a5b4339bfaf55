/* SPDX-License-Identifier: MIT */
/* A run of a program: its pipes and its leash, from this side. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/dirsize.h"
#include "process/input.h"
#include "process/limits.h"
#include "process/order.h"
#include "process/run.h"
#include "process/service.h"

#define BLOCK ((size_t)64 * 1024)
/* How often it is looked whether anybody still wants it. */
#define LOOK_MS 200

struct program {
	struct run *run;
	int output, complaints, leash; /* -1: over */
	size_t said;
	bool told; /* what became of it */
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- the start ---------------------------------------------------------- */

/* Both ends of all three: [0] is ours. */
static int make_ends(int output[2], int complaints[2], int leash[2])
{
	if (pipe2(output, O_CLOEXEC) < 0 || pipe2(complaints, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, leash) < 0)
		return -errno;
	return 0;
}

static void describe(struct run *r, struct order *o)
{
	struct digest_set known;

	*o = (struct order){
	    .magic = ORDER_MAGIC,
	    .processor = r->p->index,
	    .size = spw_spool_committed(r->in->spool),
	};
	(void)file_name(r->in, o->name);
	(void)file_type(r->in, o->type);
	if (file_digests(r->in, &known) & DIGEST_BIT(DIGEST_SHA256))
		hex_encode(known.value[DIGEST_SHA256],
		    digest_alg_size(DIGEST_SHA256), o->sha256);
}

static bool order(struct program *g, struct zygote *z, int content)
{
	int output[2] = {-1, -1}, complaints[2] = {-1, -1},
	    leash[2] = {-1, -1};
	struct order o;

	int err = make_ends(output, complaints, leash);
	g->output = output[0];
	g->complaints = complaints[0];
	g->leash = leash[0];
	if (err == 0) {
		const int fds[ORDER_FDS] = {
		    content, output[1], complaints[1], leash[1]};

		describe(g->run, &o);
		err = zygote_run(z, &o, fds);
	}
	shut(&output[1]);
	shut(&complaints[1]);
	shut(&leash[1]);
	if (err == -EPIPE || err == -ECONNRESET)
		return run_end(g->run, RUN_BROKEN,
		    "The process that starts processors is gone; restart the "
		    "server.");
	return err == 0 || run_error(g->run, err);
}

static bool start(struct program *g, struct zygote *z)
{
	struct run *r = g->run;
	uint64_t max = r->p->conf->memory;
	int content = input_open(r->in->spool, max);

	if (content == -EFBIG)
		return run_end(r, RUN_NO_SPACE,
		    "Confidential content is handed to a processor in memory, "
		    "and it has more than the %llu bytes that '%s' may take.",
		    (unsigned long long)max, r->p->name);
	if (content < 0)
		return run_error(r, content);

	bool started = order(g, z, content);
	close(content);
	return started;
}

/* ---- what it does ------------------------------------------------------- */

static void take_output(struct program *g)
{
	char buf[BLOCK];
	ssize_t n = read(g->output, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0 || !run_write(g->run, buf, (size_t)n))
		shut(&g->output);
}

/* The beginning is kept, the rest is read away. */
static void take_complaints(struct program *g)
{
	char buf[4096];
	ssize_t n = read(g->complaints, buf, sizeof(buf));
	size_t room = sizeof(g->run->said) - 1 - g->said;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		shut(&g->complaints);
		return;
	}
	size_t len = (size_t)n < room ? (size_t)n : room;
	/* They are lines of text; who sends something else sees it cut. */
	const char *nul = memchr(buf, '\0', len);
	if (nul)
		len = (size_t)(nul - buf);
	memcpy(g->run->said + g->said, buf, len);
	g->said += len;
}

static void end_over_memory(struct run *r, uint32_t kind)
{
	if (kind == REPORT_HIDDEN)
		run_end(r, RUN_MEMORY,
		    "The processor '%s' ran a program that may not be looked "
		    "at, such as one that cannot be read: nobody can tell what "
		    "memory and files it takes.",
		    r->p->name);
	else if (kind == REPORT_MEMORY_MAPPED)
		run_end(r, RUN_MEMORY,
		    "The processor '%s' had more than %d pieces of shared "
		    "memory mapped and not open, of which nobody can tell the "
		    "size.",
		    r->p->name, LIMITS_MAPPED_MAX);
	else
		run_end(r, RUN_MEMORY,
		    "The processes of the processor '%s' took more than the "
		    "%llu bytes of memory that they may have together.",
		    r->p->name, (unsigned long long)r->p->conf->memory);
}

/* It was over one of its limits: which, and what to do. */
static void end_over(struct program *g, uint32_t kind)
{
	const struct conf_processor *p = g->run->p->conf;
	struct run *r = g->run;

	switch (kind) {
	case REPORT_TIMED_OUT:
		run_end(r, RUN_TIMED_OUT,
		    "The processor '%s' was not done after %llu ms.",
		    r->p->name, (unsigned long long)p->timeout);
		break;
	case REPORT_CPU:
		run_end(r, RUN_TIMED_OUT,
		    "The processor '%s' used up its processor time of %llu "
		    "ms.",
		    r->p->name, (unsigned long long)p->cpu);
		break;
	case REPORT_MEMORY:
	case REPORT_MEMORY_MAPPED:
	case REPORT_HIDDEN:
		end_over_memory(r, kind);
		break;
	case REPORT_TEMP:
		run_end(r, RUN_TEMP,
		    "The processor '%s' wrote more than the %llu bytes that "
		    "its temporary directory may hold.",
		    r->p->name, (unsigned long long)p->temp_max);
		break;
	case REPORT_TEMP_FILES:
		run_end(r, RUN_TEMP,
		    "The processor '%s' made more than the %u files and "
		    "directories that its temporary directory may have, or "
		    "directories more than %d deep.",
		    r->p->name, p->temp_files_max, DIRSIZE_DEPTH_MAX);
		break;
	case REPORT_TEMP_MAPPED:
		run_end(r, RUN_TEMP,
		    "The processor '%s' had more than %d deleted files of its "
		    "temporary directory mapped and not open, of which nobody "
		    "can tell the size.",
		    r->p->name, LIMITS_MAPPED_MAX);
		break;
	default:
		run_end(r, RUN_NO_SPACE,
		    "The processor '%s' wrote to its temporary directory "
		    "until less than %llu bytes of the disk were free.",
		    r->p->name,
		    (unsigned long long)r->p->service->conf->spool.keep_free);
	}
}

/* What the kernel's own limits end it by, those of one process. */
static uint32_t limit_of(int sig)
{
	return sig == SIGXCPU ? REPORT_CPU
	     : sig == SIGXFSZ ? REPORT_TEMP
			      : REPORT_NONE;
}

static void judge(struct program *g, int status)
{
	struct run *r = g->run;
	const char *name = r->p->name;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFEXITED(status))
		run_end(r, RUN_FAILED,
		    "The processor '%s' failed with exit code %d.", name,
		    WEXITSTATUS(status));
	else if (limit_of(WTERMSIG(status)) != REPORT_NONE)
		end_over(g, limit_of(WTERMSIG(status)));
	else
		run_end(r, RUN_FAILED,
		    "The processor '%s' was ended by signal %d (%s).", name,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void take_report(struct program *g)
{
	struct run *r = g->run;
	struct report report;
	ssize_t n = recv(g->leash, &report, sizeof(report), 0);

	if (n < 0 && errno == EINTR)
		return;
	if (n != (ssize_t)sizeof(report)) {
		shut(&g->leash);
		return;
	}
	g->told = true;
	report.step[sizeof(report.step) - 1] = '\0';
	switch (report.kind) {
	case REPORT_ENDED:
		judge(g, report.value);
		break;
	case REPORT_BROKEN:
		run_end(r, RUN_BROKEN,
		    "The processor '%s' cannot be started: %s: %s.",
		    r->p->name, report.step, strerror(-report.value));
		break;
	default:
		end_over(g, report.kind);
	}
}

/* Until pipes and leash are closed, on the other side when it has ended. */
static void attend(struct program *g)
{
	struct pollfd fds[3];
	bool ending = false;

	while (g->leash >= 0) {
		fds[0] = (struct pollfd){g->output, POLLIN, 0};
		fds[1] = (struct pollfd){g->complaints, POLLIN, 0};
		fds[2] = (struct pollfd){g->leash, POLLIN, 0};
		if (poll(fds, 3, LOOK_MS) < 0)
			continue;
		if (fds[0].revents)
			take_output(g);
		if (fds[1].revents)
			take_complaints(g);
		/* Last: what it wrote before it ended is not lost. */
		if (fds[2].revents && !fds[0].revents && !fds[1].revents)
			take_report(g);
		if (!ending && run_is_over(g->run)) {
			/* It is killed, and then the leash is let go. */
			ending = true;
			shut(&g->output);
			shutdown(g->leash, SHUT_WR);
		}
	}
	/* Nobody writes any more: what is there is all. */
	fds[0] = (struct pollfd){g->output, POLLIN, 0};
	while (g->output >= 0 && poll(fds, 1, 0) > 0)
		take_output(g);
}

void run_program(struct run *r, struct zygote *z)
{
	struct program g = {
	    .run = r, .output = -1, .complaints = -1, .leash = -1};

	if (start(&g, z)) {
		attend(&g);
		if (!g.told)
			run_end(r, RUN_BROKEN,
			    "Nobody can tell what became of the processor "
			    "'%s'.",
			    r->p->name);
	}
	shut(&g.output);
	shut(&g.complaints);
	shut(&g.leash);
}
