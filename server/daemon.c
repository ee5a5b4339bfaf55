/* SPDX-License-Identifier: MIT */
/* The server put together: memory, directory, threads, store, front, HTTP. */
#include "daemon.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <spillway/crypto.h>

#include "base/allowance.h"
#include "base/clock.h"
#include "base/incident.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/notify.h"
#include "base/procstat.h"
#include "descriptors.h"
#include "front/front.h"
#include "hook/hook.h"
#include "house.h"
#include "ingest/resumable.h"
#include "store/disk.h"

/* What requests describe at length may have this part of the memory. */
#define DOCUMENTS_PART 4
/* So may the blocks in which answers are sent. */
#define STREAMS_PART 4
/* So may what is said of files, which a server that has everything on disk
   needs some for, too. */
#define TEXTS_PART 4
#define TEXTS_LEAST CONF_MIB
#define ZIP_THREADS 2
#define PATIENCE_MS 60000
#define KEEP_FREE_DEFAULT (64 * CONF_MIB)

struct spw_server {
	struct conf conf;
	struct spw_budget *budget;
	struct allowance documents, streams;
	struct spw_dir *dir;
	struct spw_pool *disk, *readers, *workers;
	struct disk *kept; /* NULL: files are gone with the process */
	struct spw_pool *keepers;
	struct spw_keep *keep;
	struct accounts *accounts;
	struct store *store;
	struct zygote *zygote; /* NULL: there are no processors */
	struct hooks *hooks;   /* NULL: there are none */
	struct front front;
	struct http_server *http;
	struct house *house; /* NULL: it has not started */
	bool logs;	     /* log_begin() was called */
};

/* What survives the process. After spool.dir itself, whose quota counts. */
static int open_kept(
    struct spw_server *s, const char *path, struct conf_error *reterr)
{
	enum conf_durability how = s->conf.store.durability;
	bool sync = how == CONF_DURABILITY_FSYNC;
	char why[DISK_WHY_SIZE] = "";

	int r = how == CONF_DURABILITY_NONE
		    ? disk_check_free(path, why)
		    : disk_open(path, sync, &s->kept, why);
	if (how == CONF_DURABILITY_NONE && r != -EBUSY)
		return 0; /* shared with others who keep nothing */
	if (r < 0)
		return conf_error_set(reterr, r,
		    "cannot keep files in %s: %s", path, why);

	const struct spw_keep_opts opts = {
	    .size = sizeof(opts),
	    .dir = s->dir,
	    .flags = sync ? SPW_KEEP_SYNC : 0,
	};
	r = spw_keep_open(&opts, &s->keep);
	if (r == 0)
		r = spw_pool_new(s->conf.store.keep_threads, &s->keepers);
	return r < 0 ? conf_error_set(reterr, r,
			   "cannot keep uploads in %s: %s", path, strerror(-r))
		     : 0;
}

static int open_dir(struct spw_server *s, struct conf_error *reterr)
{
	char path[DAEMON_PATH_SIZE];
	struct spw_dir_stats st;

	int r = daemon_spool_dir(&s->conf, path, reterr);
	if (r < 0)
		return r;

	/* On a small disk the default must leave something to use. */
	uint64_t keep_free = s->conf.spool.keep_free;
	struct statvfs fs;
	if (keep_free == KEEP_FREE_DEFAULT && statvfs(path, &fs) == 0 &&
	    keep_free > (uint64_t)fs.f_blocks * fs.f_frsize / 16)
		keep_free = (uint64_t)fs.f_blocks * fs.f_frsize / 16;

	struct spw_dir_opts opts = {
	    .size = sizeof(opts),
	    .path = path,
	    .quota_bytes = s->conf.spool.disk_quota == SPW_UNLIMITED
			       ? 0
			       : s->conf.spool.disk_quota,
	    .keep_free_bytes = keep_free,
	    /* Who is to make room has to get in. */
	    .flags = SPW_DIR_MAY_BE_FULL,
	};
	r = spw_dir_open(&opts, &s->dir);
	if (r < 0)
		return conf_error_set(reterr, r,
		    "cannot use the spool directory %s: %s", path,
		    strerror(-r));

	spw_dir_stats(s->dir, &st);
	if (st.in_memory)
		log_warn("the spool directory %s is in memory (tmpfs): what "
			 "goes there frees none",
		    path);
	return open_kept(s, path, reterr);
}

static int open_store(struct spw_server *s)
{
	uint64_t memory = s->conf.spool.memory_budget;
	int r = spw_budget_new(memory ? memory : 1, &s->budget);
	if (r == 0)
		r = spw_pool_new(s->conf.spool.io_threads, &s->disk);
	if (r == 0)
		r = spw_pool_new(s->conf.spool.io_threads, &s->readers);
	if (r == 0)
		r = spw_pool_new(ZIP_THREADS, &s->workers);
	if (r == 0)
		r = accounts_new(&s->accounts);
	if (r < 0)
		return r;

	s->documents.budget = s->budget;
	s->documents.max = (size_t)(memory / DOCUMENTS_PART);
	s->streams.budget = s->budget;
	s->streams.max = (size_t)(memory / STREAMS_PART);
	uint64_t texts_max = memory / TEXTS_PART;
	if (texts_max < TEXTS_LEAST)
		texts_max = TEXTS_LEAST;
	uint64_t memory_max = s->conf.spool.memory_max;
	if (memory_max > memory)
		memory_max = memory;

	struct store_opts opts = {
	    .budget = s->budget,
	    .dir = s->dir,
	    .pool = s->disk,
	    .readers = s->readers,
	    .accounts = s->accounts,
	    .cipher =
		s->conf.spool.confidential ? spw_crypto_aes256ctr() : NULL,
	    .memory_max = memory_max,
	    .max_files = s->conf.store.max_files,
	    .texts_max = (size_t)texts_max,
	    .disk = s->kept,
	    .keepers = s->keepers,
	    .max_open = descriptors_for_files(&s->conf),
	    .patience_ms = PATIENCE_MS,
	    .revive = resumable_revive,
	    .revive_ctx = &s->front.ingest,
	    .on_event = s->hooks ? hooks_tell : NULL,
	    .event_ctx = s->hooks,
	};
	return store_new(&opts, &s->store);
}

static int open_front(struct spw_server *s, struct daemon_files *files,
    struct conf_error *reterr)
{
	struct http_handler handler = {
	    .begin = front_begin,
	    .ctx = &s->front,
	    .documents = &s->documents,
	    .streams = &s->streams,
	};
	struct notify_fds fds;

	(void)notify_listen_fds(&fds);
	s->front.conf = &s->conf;
	s->front.store = s->store;
	int r = auth_new(&s->conf, s->accounts, &s->front.auth);
	if (r == 0)
		r = ingest_init(&s->front.ingest, &s->conf, s->store);
	s->front.ingest.client_most = descriptors_for_client();
	s->front.ingest.open_most = descriptors_for_uploads();
	s->front.ingest.workers = s->workers;
	s->front.ingest.keep = s->keep;
	if (r == 0 && (r = resumable_restore(&s->front.ingest)) < 0)
		return conf_error_set(reterr, r,
		    "cannot look for open uploads in the spool directory: %s",
		    strerror(-r));
	if (r == 0)
		r = hasher_new(s->workers, s->conf.store.max_digest_jobs,
		    &s->front.hasher);
	if (r == 0)
		r = fetcher_new(&s->conf, s->store, &s->front.fetcher);
	if (r == 0)
		r = through_new(&s->conf, s->front.fetcher, s->store,
		    &s->front.through);
	if (r == 0)
		r = process_new(
		    &s->conf, s->store, s->zygote, &s->front.process);
	if (r == 0)
		r = zip_new(&s->conf, s->workers, s->budget, &s->front.zip);
	if (r < 0)
		return r;

	r = http_server_new(&s->conf, &handler, &fds, &s->http, reterr);
	s->front.server = s->http;
	return r < 0 ? r : daemon_use(s, files);
}

int daemon_use(struct spw_server *s, struct daemon_files *files)
{
	int r = auth_use(
	    s->front.auth, &files->auth, http_server_is_public(s->http));
	if (r == 0)
		http_server_use_cert(s->http, SPW_TAKE(files->cert));
	return r;
}

int daemon_prepare(const struct conf *conf, struct zygote **ret,
    struct conf_error *reterr)
{
	char path[DAEMON_PATH_SIZE];
	int r = conf->processors.count ? daemon_spool_dir(conf, path, reterr)
				       : 0;

	return r < 0 ? r : zygote_new(conf, path, ret, reterr);
}

int daemon_new(struct conf *conf, struct daemon_files *files, struct zygote *z,
    struct spw_server **ret, struct conf_error *reterr)
{
	struct spw_server *s = calloc(1, sizeof(*s));

	*reterr = (struct conf_error){0};
	if (!s) {
		zygote_free(z);
		conf_fini(conf);
		daemon_files_drop(files);
		return conf_error_set(reterr, -ENOMEM, "out of memory");
	}

	procstat_open();
	s->zygote = z;
	s->conf = *conf;
	memset(conf, 0, sizeof(*conf));
	int r = open_dir(s, reterr);
	if (r == 0)
		r = hooks_new(&s->conf, &s->hooks, reterr);
	if (r == 0)
		r = open_store(s);
	if (r == 0)
		r = open_front(s, files, reterr);
	daemon_files_drop(files);
	if (r < 0) {
		if (!reterr->msg[0])
			conf_error_set(
			    reterr, r, "cannot start: %s", strerror(-r));
		spw_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct conf *daemon_conf(struct spw_server *s)
{
	return &s->conf;
}

void daemon_log(const struct conf *c)
{
	log_journal(c->log.journal);
	log_init(c->log.level, c->log.format, STDERR_FILENO);
	incident_limit(c->log.max_incidents);
}

/* What spillwayd does for its process. The log is done for this one, too; which
   files it may open, and what it may call, is for the program to say. */
static int adopt(const struct conf *c, struct conf_error *reterr)
{
	bool landlock = c->sandbox.landlock == CONF_CONFINE_REQUIRE;

	if (landlock || c->sandbox.seccomp == CONF_CONFINE_REQUIRE) {
		conf_error_set(reterr, -EINVAL,
		    "sandbox.%s: a program that embeds the server confines "
		    "itself, so this cannot be required; write auto or no",
		    landlock ? "landlock" : "seccomp");
		if (landlock)
			conf_error_at(c, &c->sandbox.landlock, reterr);
		else
			conf_error_at(c, &c->sandbox.seccomp, reterr);
		return -EINVAL;
	}
	daemon_log(c);
	return 0;
}

int spw_server_new(const char *file, const char *const *settings,
    struct spw_server **ret, char error[SPW_SERVER_ERROR_SIZE])
{
	struct conf_error e = {0};
	struct daemon_files files;
	struct conf conf;
	char text[CONF_ERROR_TEXT_SIZE];
	int r = conf_init(&conf);
	if (r < 0) {
		if (error)
			snprintf(error, SPW_SERVER_ERROR_SIZE, "out of memory");
		return r;
	}

	struct zygote *zygote = NULL;
	r = daemon_load(&conf, file, settings, &files, &e);
	if (r == 0 && (r = adopt(&conf, &e)) < 0)
		daemon_files_drop(&files);
	if (r == 0 && (r = daemon_prepare(&conf, &zygote, &e)) < 0)
		daemon_files_drop(&files);
	if (r == 0)
		r = daemon_new(&conf, &files, zygote, ret, &e);
	else
		conf_fini(&conf);
	if (r < 0 && error) {
		conf_error_format(&e, text);
		snprintf(error, SPW_SERVER_ERROR_SIZE, "%s", text);
	}
	return r;
}

int spw_server_start(struct spw_server *s)
{
	metrics_set(METRIC_START_TIME, clock_unix_ms() / 1000);
	metrics_set(METRIC_DRAINING, 0);
	const struct house_opts opts = {
	    .store = s->store,
	    .kept = s->kept,
	    .through = s->front.through,
	    .process = s->front.process,
	    .disk_fails = &s->front.disk_fails,
	};
	int r = log_begin();
	if (r < 0)
		return r;

	s->logs = true;
	r = house_new(&opts, &s->house);
	return r < 0 ? r : http_server_start(s->http);
}

uint16_t spw_server_port(const struct spw_server *s)
{
	return http_server_port(s->http);
}

bool spw_server_url(
    const struct spw_server *s, unsigned i, char out[SPW_SERVER_URL_SIZE])
{
	return http_server_url(s->http, i, out);
}

int spw_server_add_processor(
    struct spw_server *s, const struct spw_processor *p)
{
	return s->house ? -EINVAL : process_add(s->front.process, p);
}

/* What is fetched is gone with the process, unless files are kept. */
static bool is_busy(struct spw_server *s)
{
	return http_server_active(s->http) ||
	       process_is_busy(s->front.process) || hooks_busy(s->hooks) ||
	       (s->kept && fetcher_active(s->front.fetcher));
}

bool spw_server_drain(struct spw_server *s, uint64_t timeout_ms)
{
	uint64_t until = clock_ms() + timeout_ms;
	struct timespec pause = {.tv_nsec = 10000000};

	http_server_drain(s->http);
	while (is_busy(s) && clock_ms() < until)
		nanosleep(&pause, NULL);
	return !is_busy(s);
}

bool spw_server_healthy(struct spw_server *s)
{
	return http_server_beat(s->http);
}

void spw_server_free(struct spw_server *s)
{
	if (!s)
		return;

	house_free(s->house);
	if (s->http)
		http_server_stop(s->http);
	if (s->front.fetcher)
		fetcher_stop(s->front.fetcher);
	hasher_stop(s->front.hasher);
	ingest_stop(&s->front.ingest);
	zip_stop(s->front.zip);
	process_free(s->front.process);
	zygote_free(s->zygote);
	/* Jobs hold files and requests' parts: they go before the store. */
	spw_pool_free(s->workers);
	spw_pool_free(s->readers);
	spw_pool_free(s->keepers);
	http_server_free(s->http);
	hasher_free(s->front.hasher);
	through_free(s->front.through);
	fetcher_free(s->front.fetcher);
	store_settle(s->store);
	store_free(s->store);
	/* What is known of archives hung on their files. */
	zip_free(s->front.zip);
	/* Uploads that were open went with their files. */
	ingest_fini(&s->front.ingest);
	auth_free(s->front.auth);
	accounts_free(s->accounts);
	house_checkpoint(s->kept);
	hooks_free(s->hooks);
	disk_close(s->kept);
	procstat_close();
	spw_keep_unref(s->keep);
	spw_pool_free(s->disk);
	spw_budget_unref(s->budget);
	spw_dir_unref(s->dir);
	conf_fini(&s->conf);
	if (s->logs)
		log_end();
	free(s);
}
