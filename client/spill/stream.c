/* SPDX-License-Identifier: MIT */
#include "spill/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <spillway/client_url.h>
#include <spillway/client_zip.h>

#include "spill/partial.h"

int stream_write(void *arg, const void *buf, size_t len)
{
	struct stream *s = arg;

	s->taken += len;
	return cli_write(s->fd, buf, len);
}

/* Of another version nothing may follow what is out already. */
static int begin(void *arg, const struct spwc_content *content)
{
	struct stream *s = arg;

	if (s->taken > 0)
		return content->offset == s->range.offset + s->taken ? 0
								     : -ESTALE;
	if (partial_etag_usable(content->etag))
		memcpy(s->etag, content->etag, sizeof(s->etag));
	return 0;
}

static int read_once(struct stream *s, struct spwc_error *reterr_error)
{
	const struct spwc_sink sink = {begin, stream_write, s};
	struct spwc_client *client = s->target->client;
	const char *ref = s->target->ref;
	struct spwc_get_opts range = s->range;

	if (s->taken > 0) {
		range.offset += s->taken;
		range.length -= range.length > 0 ? s->taken : 0;
		range.if_range = s->etag;
	}
	if (s->is_entry)
		return spwc_zip_read(client, ref, s->entry, s->index, &range,
		    &sink, NULL, reterr_error);
	if (ref == NULL)
		return spwc_read_url(
		    client, s->target->id, &range, &sink, NULL, reterr_error);
	return spwc_get(client, ref, &range, &sink, NULL, reterr_error);
}

/* Whether to go on with what broke off after some bytes. */
static bool goes_on(const struct stream *s, int r,
    const struct spwc_error *error, uint64_t before)
{
	uint64_t pause = spwc_pause_ms(1, error);

	if (s->cli->retries == 0 || s->taken == before || s->etag[0] == '\0' ||
	    s->range.suffix > 0 || !spwc_transient(r, error) ||
	    pause == UINT64_MAX)
		return false;
	poll(NULL, 0, (int)pause);
	return !cli_interrupted();
}

int stream_run(struct stream *s)
{
	const char *what = s->entry != NULL ? s->entry : s->target->label;
	struct spwc_error error;
	uint64_t before;
	int r;

	s->range.size = sizeof(s->range);
	cli_start_output(s->cli, what);
	do {
		before = s->taken;
		r = read_once(s, &error);
	} while (r < 0 && goes_on(s, r, &error, before));
	progress_clear(&s->cli->progress);
	if (r == 0)
		return EXIT_OK;

	target_explain(s->target, &error);
	return cli_fail_output(s->cli, r, &error, what, s->taken);
}
