/* SPDX-License-Identifier: MIT */
#include "process/process.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clients.h"
#include "base/clock.h"
#include "base/incident.h"
#include "http/problem.h"
#include "process/run.h"
#include "process/service.h"

#define CONCURRENCY_MAX 64
#define WAITING_DEFAULT 64

/* ---- the end of a run --------------------------------------------------- */

/* What readers of the output, and the log, are told. */
static const struct {
	enum http_problem_kind kind;
	enum metric metric;
} ENDS[] = {
    [RUN_FAILED] = {PROBLEM_PROCESSOR_FAILED, METRIC_PROCESS_FAILED_EXIT},
    [RUN_TIMED_OUT] = {PROBLEM_PROCESSOR_TIMEOUT,
	METRIC_PROCESS_FAILED_TIMEOUT},
    [RUN_TOO_LONG] = {PROBLEM_PROCESSOR_OUTPUT, METRIC_PROCESS_FAILED_OUTPUT},
    [RUN_TEMP] = {PROBLEM_PROCESSOR_TEMP, METRIC_PROCESS_FAILED_TEMP},
    [RUN_MEMORY] = {PROBLEM_PROCESSOR_MEMORY, METRIC_PROCESS_FAILED_MEMORY},
    [RUN_CANCELLED] = {PROBLEM_PROCESSOR_CANCELLED,
	METRIC_PROCESS_FAILED_CANCELLED},
    [RUN_NO_SPACE] = {PROBLEM_NO_SPACE, METRIC_PROCESS_FAILED_NO_SPACE},
    [RUN_BROKEN] = {PROBLEM_PROCESSOR_FAILED, METRIC_PROCESS_FAILED_ERROR},
};

static void fail(struct run *r)
{
	const struct http_problem_type *type =
	    http_problem_type(ENDS[r->end].kind);
	struct failure e = {
	    .status = type->status, .type = type->name, .title = type->title};

	memcpy(e.detail, r->detail, sizeof(e.detail));
	memcpy(e.said, r->said, sizeof(e.said));
	file_fail(r->out, &e);
	/* What it complained of may hold anything: it comes last. */
	incident(ENDS[r->end].metric,
	    r->end == RUN_CANCELLED ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    "processor %s on %s: %s%s%s", r->p->name, r->in->id, r->detail,
	    r->said[0] ? " It said: " : "", r->said);
}

/* All output is there. Errors: from the disk. */
static int complete(struct run *r)
{
	int err = spw_spool_seal(r->out->spool);

	if (err == 0 && r->stored && store_keeps(r->out->store))
		err = store_keep(r->out->store, r->out);
	return err;
}

static void announce(struct run *r)
{
	if (r->end == RUN_DONE) {
		file_ready(r->out);
		metrics_add(METRIC_PROCESS_COMPLETED, 1);
		log_debug("processor %s on %s: %s", r->p->name, r->in->id,
		    r->out->id);
	} else {
		fail(r);
	}
	store_written(r->out);
}

static void free_run(struct run *r)
{
	file_unref(r->in);
	file_unref(r->out);
	free(r);
}

static void run(struct spw_job *job)
{
	struct run *r = (struct run *)(void *)job;
	struct processor *p = r->p;

	log_for(&r->log);
	r->begun_ms = clock_ms();
	metrics_add(METRIC_PROCESS_WAITING, -1);
	metrics_add(METRIC_PROCESS_RUNNING, 1);
	atomic_fetch_add(&p->running, 1);
	if (!run_is_over(r)) {
		if (p->fn)
			run_function(r);
		else
			run_program(r, p->service->zygote);
	}
	/* Who sees that it is over finds room for the next; and that is seen
	   as soon as the output has its end. */
	atomic_fetch_sub(&p->load, 1);
	clients_leave(r->place);
	int err = r->end == RUN_DONE ? complete(r) : 0;
	if (err < 0)
		run_error(r, err);
	metrics_add(METRIC_PROCESS_TIME,
	    (int64_t)(clock_ms() - r->begun_ms) * 1000);
	metrics_add(METRIC_PROCESS_RUNNING, -1);
	announce(r);
	atomic_fetch_sub(&p->running, 1);
	log_for(NULL);
	free_run(r);
}

/* ---- its beginning ------------------------------------------------------ */

unsigned process_client_max(const struct processor *p)
{
	return clients_part(p->concurrency + p->max_waiting);
}

bool process_has_room(const struct processor *p)
{
	return atomic_load(&p->load) < p->concurrency + p->max_waiting;
}

static int take_place(
    struct processor *p, uint64_t share, struct clients_ticket **ret)
{
	int r = clients_enter(p->clients, share, process_client_max(p), ret);
	if (r < 0)
		return r;
	if (atomic_fetch_add(&p->load, 1) < p->concurrency + p->max_waiting)
		return 0;

	atomic_fetch_sub(&p->load, 1);
	clients_leave(*ret);
	return -EBUSY;
}

int process_start(struct processor *p, struct file *in, struct file *out,
    bool stored, const struct log_request *log)
{
	if (atomic_load(&p->service->stopping))
		return -ESHUTDOWN;

	struct run *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	int err = take_place(p, out->share, &r->place);
	if (err < 0) {
		free(r);
		return err;
	}

	r->job.run = run;
	r->job.share = out->share;
	r->p = p;
	r->in = file_ref(in);
	r->out = file_ref(out);
	r->stored = stored;
	r->log = *log;
	metrics_add(METRIC_PROCESS_STARTED, 1);
	metrics_add(METRIC_PROCESS_WAITING, 1);
	spw_pool_submit(p->pool, &r->job);
	return 0;
}

/* ---- the service -------------------------------------------------------- */

struct processor *process_at(struct process *ps, size_t i)
{
	return i < ps->count ? ps->items[i] : NULL;
}

struct processor *process_find(struct process *ps, struct str name)
{
	for (size_t i = 0; i < ps->count; i++) {
		if (str_eq(name, ps->items[i]->name))
			return ps->items[i];
	}
	return NULL;
}

bool process_is_busy(struct process *ps)
{
	/* A run that writes the end of its output is no load any more. */
	for (size_t i = 0; i < ps->count; i++)
		if (atomic_load(&ps->items[i]->load) > 0 ||
		    atomic_load(&ps->items[i]->running) > 0)
			return true;
	return false;
}

void process_look(struct process *ps)
{
	int status, r;

	if (!ps->zygote || process_is_gone(ps))
		return;
	while ((r = zygote_look(ps->zygote, &status)) > 0)
		incident(METRIC_PROCESS_RESTARTS, LOG_LEVEL_WARN,
		    "the process that starts processors ended (%s %d) and was "
		    "started again",
		    WIFSIGNALED(status) ? "signal" : "exit code",
		    WIFSIGNALED(status) ? WTERMSIG(status)
					: WEXITSTATUS(status));
	if (r == 0)
		return;

	atomic_store(&ps->gone, true);
	log_error("the process that starts processors is gone; restart the "
		  "server");
}

bool process_is_gone(struct process *ps)
{
	return atomic_load(&ps->gone);
}

/* Put one into the list; what is not set yet is the caller's. */
static int add(struct process *ps, const struct processor *p)
{
	struct processor **items =
	    realloc(ps->items, (ps->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;

	ps->items = items;
	struct processor *copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;

	*copy = *p;
	copy->service = ps;
	int r = clients_new(&copy->clients);
	if (r == 0)
		r = spw_pool_new(p->concurrency, &copy->pool);
	if (r < 0) {
		clients_free(copy->clients);
		free(copy);
		return r;
	}
	items[ps->count++] = copy;
	return 0;
}

static int add_program(
    struct process *ps, const struct conf_processor *c, unsigned index)
{
	struct processor p = {
	    .index = index,
	    .conf = c,
	    .timeout_ms = c->timeout,
	    .max_output = c->max_output,
	    .concurrency = c->concurrency,
	    .max_waiting = c->max_waiting,
	};

	memcpy(p.name, c->at.name, sizeof(p.name));
	snprintf(p.type, sizeof(p.type), "%s", c->type);
	return add(ps, &p);
}

int process_new(const struct conf *conf, struct store *store,
    struct zygote *z, struct process **ret)
{
	struct process *ps = calloc(1, sizeof(*ps));
	int r = 0;

	if (!ps)
		return -ENOMEM;

	ps->conf = conf;
	ps->store = store;
	ps->zygote = z;
	for (size_t i = 0; r == 0 && i < conf->processors.count; i++)
		r = add_program(
		    ps, conf->processors.items[i], (unsigned)i);
	if (r < 0) {
		process_free(ps);
		return r;
	}
	*ret = ps;
	return 0;
}

int process_add(struct process *ps, const struct spw_processor *f)
{
	const char *type = f->type ? f->type : "application/octet-stream";
	struct processor p = {
	    .fn = f->fn,
	    .ctx = f->ctx,
	    .timeout_ms = f->timeout_ms,
	    .max_output = f->max_output ? f->max_output : UINT64_MAX,
	    .concurrency = f->concurrency ? f->concurrency : 1,
	    .max_waiting = f->max_waiting ? f->max_waiting : WAITING_DEFAULT,
	};

	if (f->size < sizeof(*f) || !f->fn || !f->name ||
	    !conf_is_name(str_from(f->name)) ||
	    strlen(type) >= sizeof(p.type) || p.concurrency > CONCURRENCY_MAX)
		return -EINVAL;
	if (process_find(ps, str_from(f->name)))
		return -EEXIST;

	snprintf(p.name, sizeof(p.name), "%s", f->name);
	snprintf(p.type, sizeof(p.type), "%s", type);
	return add(ps, &p);
}

void process_stop(struct process *ps)
{
	if (ps)
		atomic_store(&ps->stopping, true);
}

void process_free(struct process *ps)
{
	if (!ps)
		return;

	process_stop(ps);
	for (size_t i = 0; i < ps->count; i++) {
		spw_pool_free(ps->items[i]->pool);
		clients_free(ps->items[i]->clients);
		free(ps->items[i]);
	}
	free(ps->items);
	free(ps);
}
