/* SPDX-License-Identifier: MIT */
/*
 * What is known of ids while files are restored, apart from the files: which
 * of them could not be read, so that this is told once and not tried for ever;
 * and which one was to be deleted, and is still there.
 *
 * An entry per id, as long as the restoring takes.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/metrics.h"
#include "store/internal.h"

struct store_unread {
	struct store_unread *next;
	uint64_t since_ms; /* a try to restore all has met it; 0 */
	bool told;
	char gone[ID_LEN + 1]; /* etag of the one that was deleted, or "" */
	char id[];
};

void store_unread_free(struct store *st)
{
	struct store_unread *u, *next;

	for (size_t i = 0; i < STORE_STRIPES; i++) {
		pthread_mutex_lock(&st->stripes[i]);
		for (u = st->unread[i]; u; u = next) {
			next = u->next;
			free(u);
		}
		st->unread[i] = NULL;
		pthread_mutex_unlock(&st->stripes[i]);
	}
}

static struct store_unread *find(struct store *st, const char *id)
{
	struct store_unread *u = st->unread[store_stripe_of(st, id)];

	while (u && strcmp(u->id, id) != 0)
		u = u->next;
	return u;
}

/* Returns: NULL without memory. */
static struct store_unread *have(struct store *st, const char *id)
{
	size_t len = strlen(id);
	struct store_unread **first = &st->unread[store_stripe_of(st, id)];
	struct store_unread *u = find(st, id);
	if (u)
		return u;

	u = calloc(1, sizeof(*u) + len + 1);
	if (u) {
		memcpy(u->id, id, len + 1);
		u->next = *first;
		*first = u;
	}
	return u;
}

bool store_unread_news(struct store *st, const char *id)
{
	struct store_unread *u = have(st, id);

	if (u && u->told)
		return false;
	if (u)
		u->told = true;
	metrics_add(METRIC_FILES_DAMAGED, 1);
	return true;
}

bool store_unread_told(struct store *st, const char *id)
{
	const struct store_unread *u = find(st, id);

	return u && u->told;
}

bool store_unread_for(struct store *st, const char *id, unsigned ms)
{
	struct store_unread *u = have(st, id);
	uint64_t now_ms = clock_ms();

	if (u && u->since_ms)
		return now_ms - u->since_ms >= ms;
	if (u)
		u->since_ms = now_ms;
	return false;
}

void store_gone(struct store *st, const struct file *f)
{
	/* Later nobody looks for it on the disk. */
	struct store_unread *u = store_restoring(st) ? have(st, f->id) : NULL;

	if (u)
		memcpy(u->gone, f->made_id, sizeof(u->gone));
}

bool store_is_gone(struct store *st, const char *id, struct str etag)
{
	const struct store_unread *u = find(st, id);

	return u && u->gone[0] && str_eq(etag, u->gone);
}
