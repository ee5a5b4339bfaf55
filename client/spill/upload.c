/* SPDX-License-Identifier: MIT */
#include "spill/upload.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/client_upload.h>

#include "spill/lanes.h"
#include "spill/state.h"
#include "spill/text.h"

/* How long one answer may take that the parts are a file. */
#define JOIN_WAIT_S 30u

struct upload {
	struct cli *cli;
	struct spwc_client *client;
	const struct upload_opts *opts;
	uint64_t size;
	/** What the server is told; `opts`, but for a part. */
	struct spwc_upload_opts what;
	struct state state;
	struct state_key key;
	/** It is written down. */
	bool remembered;
	struct lanes lanes;
};

SPW_PRINTF(3, 4)
static int fail(struct spwc_error *e, int err, const char *format, ...)
{
	va_list args;

	*e = (struct spwc_error){.status = 0};
	va_start(args, format);
	vsnprintf(e->detail, sizeof(e->detail), format, args);
	va_end(args);
	return err;
}

/* ---- what is remembered ------------------------------------------------- */

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Without a place to remember it, it is uploaded all the same. */
static int recall(struct upload *u, const char *path, struct spwc_error *e)
{
	const struct upload_opts *o = u->opts;

	u->state.fd = -1;
	u->key = (struct state_key){
	    .server = spwc_server(u->client),
	    .path = path,
	    .size = u->size,
	    .mtime_ns = mtime_of(&o->st),
	    .name = o->name,
	    .type = o->type,
	    .ttl_s = o->ttl_s,
	    .reads = o->reads,
	};
	if (!o->remember)
		return 0;

	int r = state_open(&u->state, &u->key);
	u->remembered = r == 0;
	if (r == -EBUSY)
		return fail(e, r, "another spill is uploading it");
	if (r < 0)
		cli_note(u->cli, "%s: the upload cannot be remembered: %s",
		    o->path, strerror(-r));
	if (o->only_resume && u->state.count == 0)
		return fail(e, -ENODATA,
		    "there is no interrupted upload of it to go on with");
	return 0;
}

static void remember(struct upload *u)
{
	if (!u->remembered)
		return;

	int r = state_save(&u->state, &u->key);
	if (r == 0)
		return;
	cli_note(u->cli, "%s: the upload cannot be remembered: %s",
	    u->opts->path, strerror(-r));
	state_remove(&u->state);
	u->remembered = false;
}

/* ---- beginning ---------------------------------------------------------- */

static int check_limits(
    struct upload *u, unsigned int *parts, struct spwc_error *e)
{
	struct spwc_upload_limits limits;
	char most[TEXT_NUMBER_SIZE];

	int r = spwc_upload_limits(u->client, &limits, e);
	if (r < 0)
		return r;
	if (!limits.can_join)
		*parts = 1;
	if (u->size <= limits.max_bytes)
		return 0;

	text_size(most, limits.max_bytes);
	return fail(e, -EFBIG, "the server takes files of up to %s", most);
}

/* Makes an upload for each part. */
static int begin_parts(struct upload *u, struct spwc_error *e)
{
	unsigned int parts = cli_parts_for(u->opts->parts, u->size);

	int r = check_limits(u, &parts, e);
	for (unsigned int i = 0; i < parts && r == 0; i++) {
		uint64_t first = u->size / parts * i;
		uint64_t end =
		    i + 1 < parts ? u->size / parts * (i + 1) : u->size;
		struct spwc_upload_opts what = u->what;
		struct spwc_file file = {0};

		what.length = end - first;
		if (parts > 1) {
			what = (struct spwc_upload_opts){
			    .size = sizeof(what),
			    .length = end - first,
			    .part = true,
			};
		}
		r = spwc_upload_begin(u->client, &what, &file, e);
		if (r == 0 && state_add(&u->state, file.id, first, end) < 0)
			r = fail(e, -ENOMEM, "out of memory");
		spwc_file_fini(&file);
	}
	return r;
}

/* What cannot be deleted now expires. */
static void delete_parts(struct upload *u)
{
	for (size_t i = 0; i < u->state.count; i++)
		(void)!spwc_delete(u->client, u->state.parts[i].id, NULL);
}

/* ---- moving ------------------------------------------------------------- */

static struct upload *upload_of(const struct lane *lane)
{
	return lane->all->arg;
}

static ssize_t read_lane(void *arg, void *buf, size_t len)
{
	struct lane *lane = arg;

	ssize_t n = pread(upload_of(lane)->opts->fd, buf, len, (off_t)lane->at);
	if (n < 0)
		return -errno;
	lane->at += (uint64_t)n;
	return n;
}

/* Only back to where the request began. */
static int seek_lane(void *arg, uint64_t offset)
{
	struct lane *lane = arg;

	lane->at = lane->sure + offset;
	return 0;
}

static int begin_lane(struct lane *lane, struct spwc_error *e)
{
	struct upload *u = upload_of(lane);
	const struct lanes *l = lane->all;
	const char *id = u->state.parts[lane - l->lane].id;
	const struct spwc_source source = {
	    .read = read_lane,
	    .seek = seek_lane,
	    .arg = lane,
	    .size = lane->end - lane->sure,
	};

	if (lane->look)
		return spwc_multi_look(
		    l->multi, u->client, id, lanes_done, lane, &lane->call, e);
	lane->at = lane->sure;
	return spwc_multi_append(l->multi, u->client, id,
	    lane->sure - lane->first, &source, lanes_done, lane, &lane->call,
	    e);
}

static int end_lane(
    struct lane *lane, const struct spwc_result *result, struct spwc_error *e)
{
	uint64_t offset = result->upload.offset;

	if (offset > lane->end - lane->first)
		return fail(e, -EPROTO,
		    "the server says that it has more than was sent");
	lane->look = false;
	lane->sure = lane->first + offset;
	lane->at = lane->sure;
	return 0;
}

static int move(struct upload *u, bool look, struct spwc_error *e)
{
	struct lanes *l = &u->lanes;

	*l = (struct lanes){
	    .cli = u->cli,
	    .count = u->state.count,
	    .begin = begin_lane,
	    .end = end_lane,
	    .arg = u,
	};
	for (size_t i = 0; i < l->count; i++)
		l->lane[i] = (struct lane){
		    .first = u->state.parts[i].first,
		    .at = u->state.parts[i].first,
		    .end = u->state.parts[i].end,
		    .look = look,
		};
	return lanes_run(l, e);
}

/* ---- the end ------------------------------------------------------------ */

/* What was read is one version, or it is worthless. */
static int check_unchanged(const struct upload *u, struct spwc_error *e)
{
	struct stat now;

	if (fstat(u->opts->fd, &now) == 0 && now.st_size >= 0 &&
	    (uint64_t)now.st_size == u->size &&
	    mtime_of(&now) == mtime_of(&u->opts->st))
		return 0;
	return fail(e, -ESTALE, "the file changed while it was sent");
}

static int wait_ready(struct upload *u, const char *id,
    struct spwc_file *ret_file, struct spwc_error *e)
{
	struct spwc_file file = {0};

	do {
		spwc_file_fini(&file);
		int r = spwc_info(u->client, id, JOIN_WAIT_S, &file, e);
		if (r < 0)
			return r;
	} while (file.state == SPWC_RECEIVING);
	if (file.state == SPWC_FAILED) {
		*e = file.error;
		spwc_file_fini(&file);
		return -EREMOTEIO;
	}

	*ret_file = file;
	return 0;
}

static int join(struct upload *u, struct spwc_error *e)
{
	const char *ids[STATE_PARTS_MAX];
	struct spwc_file file = {0};

	for (size_t i = 0; i < u->state.count; i++)
		ids[i] = u->state.parts[i].id;
	int r = spwc_upload_join(
	    u->client, &u->what, ids, u->state.count, &file, e);
	if (r < 0)
		return r;

	u->state.joined = SPW_TAKE(file.id);
	spwc_file_fini(&file);
	remember(u);
	return 0;
}

static int finish(
    struct upload *u, struct spwc_file *ret_file, struct spwc_error *e)
{
	int r = check_unchanged(u, e);
	if (r < 0) {
		delete_parts(u);
		state_remove(&u->state);
		return r;
	}
	if (u->state.count == 1)
		return wait_ready(u, u->state.parts[0].id, ret_file, e);

	r = u->state.joined == NULL ? join(u, e) : 0;
	if (r == 0)
		r = wait_ready(u, u->state.joined, ret_file, e);
	if (r == 0)
		delete_parts(u);
	return r;
}

/* ---- all of it ---------------------------------------------------------- */

static int attempt(struct upload *u, bool resumed, struct spwc_file *ret_file,
    struct spwc_error *e)
{
	int r = 0;

	if (!resumed) {
		state_clear(&u->state);
		r = begin_parts(u, e);
		if (r < 0) {
			delete_parts(u);
			state_clear(&u->state);
			return r;
		}
		remember(u);
	}
	if (r == 0 && u->state.joined == NULL)
		r = move(u, resumed, e);
	if (r == 0)
		r = finish(u, ret_file, e);
	return r;
}

static int run(
    struct upload *u, struct spwc_file *ret_file, struct spwc_error *e)
{
	bool resumed = u->state.count > 0;

	if (resumed)
		cli_note(u->cli, "%s: going on with an earlier upload",
		    u->opts->path);
	int r = attempt(u, resumed, ret_file, e);
	if (r == -ENOENT) {
		/* It expired, or the server forgot it. */
		cli_note(u->cli,
		    "%s: the server no longer has what was uploaded; "
		    "beginning again",
		    u->opts->path);
		r = attempt(u, false, ret_file, e);
	}
	if (r == 0)
		state_remove(&u->state);
	else if (!u->remembered)
		delete_parts(u);
	return r;
}

int upload_run(struct cli *cli, struct spwc_client *client,
    const struct upload_opts *opts, struct spwc_file *ret_file, bool *ret_kept,
    struct spwc_error *reterr_error)
{
	struct upload u = {
	    .cli = cli,
	    .client = client,
	    .opts = opts,
	    .size = (uint64_t)opts->st.st_size,
	    .what =
		{
		    .size = sizeof(u.what),
		    .name = opts->name,
		    .type = opts->type,
		    .ttl_s = opts->ttl_s,
		    .reads = opts->reads,
		},
	};

	char *path = realpath(opts->path, NULL);
	if (path == NULL)
		return fail(reterr_error, -errno, "%s", strerror(errno));

	int r = recall(&u, path, reterr_error);
	if (r == 0)
		r = run(&u, ret_file, reterr_error);
	*ret_kept = u.remembered && u.state.fd >= 0 && u.state.count > 0;
	state_close(&u.state);
	free(path);
	return r;
}
