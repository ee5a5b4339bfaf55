/* SPDX-License-Identifier: MIT */
#include "common/storemeta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD "spillway-store "
#define BOOT "boot "
#define CHECKPOINT "checkpoint "
#define OTHERS "others "
#define DOUBT "doubt "
#define TO '-'

size_t storemeta_write(const struct storemeta *m, char out[STOREMETA_SIZE])
{
	size_t n = (size_t)snprintf(out, STOREMETA_SIZE,
	    HEAD "%d\n" BOOT "%.*s\n" CHECKPOINT "%020" PRIu64 "\n" OTHERS
		 "%020" PRIu64 "\n",
	    STOREMETA_VERSION, STOREMETA_BOOT, m->boot, m->checkpoint,
	    m->others);

	for (size_t i = 0; i < STOREMETA_DOUBTS; i++)
		n += (size_t)snprintf(out + n, STOREMETA_SIZE - n,
		    DOUBT "%020" PRIu64 "%c%020" PRIu64 "\n",
		    m->doubts[i].first, TO, m->doubts[i].last);
	return n;
}

/* Take a line with this word at its beginning. Returns: whether there is. */
static bool take_line(struct str *rest, const char *word, struct str *ret)
{
	size_t n = strlen(word);
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end || (size_t)(end - rest->p) < n ||
	    memcmp(rest->p, word, n) != 0)
		return false;

	*ret = (struct str){rest->p + n, (size_t)(end - rest->p) - n};
	rest->n -= (size_t)(end + 1 - rest->p);
	rest->p = end + 1;
	return true;
}

static bool take_number(struct str *rest, const char *word, uint64_t *ret)
{
	struct str line;

	return take_line(rest, word, &line) && str_u64(line, ret) == 0;
}

static bool take_doubt(struct str *rest, struct storemeta_doubt *ret)
{
	struct str line;

	if (!take_line(rest, DOUBT, &line))
		return false;
	const char *to = line.n ? memchr(line.p, TO, line.n) : NULL;
	if (!to)
		return false;

	struct str first = {line.p, (size_t)(to - line.p)};
	struct str last = {to + 1, line.n - first.n - 1};
	return str_u64(first, &ret->first) == 0 &&
	       str_u64(last, &ret->last) == 0;
}

static bool take_doubts(struct str *rest, struct storemeta *ret)
{
	uint64_t below = 0;
	bool more = true;

	for (size_t i = 0; i < STOREMETA_DOUBTS; i++) {
		struct storemeta_doubt *x = &ret->doubts[i];

		if (!take_doubt(rest, x) || x->last > INT64_MAX)
			return false;
		/* Behind the last of them there are none. */
		if (x->last ? !more || x->first <= below || x->first > x->last
			    : x->first != 0)
			return false;
		more = x->last != 0;
		below = x->last;
	}
	return true;
}

int storemeta_read(const char *p, size_t len, struct storemeta *ret)
{
	struct storemeta m;
	struct str rest = {p, len}, boot;
	uint64_t version;

	if (!take_number(&rest, HEAD, &version))
		return -EBADMSG;
	if (version != STOREMETA_VERSION)
		return -ENOTSUP;
	if (!take_line(&rest, BOOT, &boot) || boot.n != STOREMETA_BOOT ||
	    memchr(boot.p, '\0', boot.n) ||
	    !take_number(&rest, CHECKPOINT, &m.checkpoint) ||
	    !take_number(&rest, OTHERS, &m.others) || !take_doubts(&rest, &m) ||
	    rest.n)
		return -EBADMSG;
	if (m.others > m.checkpoint || m.checkpoint > INT64_MAX)
		return -EBADMSG;

	memcpy(m.boot, boot.p, STOREMETA_BOOT);
	*ret = m;
	return 0;
}

/* ---- doubts ------------------------------------------------------------- */

static size_t count_doubts(const struct storemeta *m)
{
	size_t n = 0;

	while (n < STOREMETA_DOUBTS && m->doubts[n].last)
		n++;
	return n;
}

/* Make one of two that follow each other, and all between them. */
static void join(struct storemeta *m, size_t at)
{
	struct storemeta_doubt *x = &m->doubts[at];

	x->last = x[1].last;
	memmove(x + 1, x + 2, (STOREMETA_DOUBTS - at - 2) * sizeof(*x));
	m->doubts[STOREMETA_DOUBTS - 1] = (struct storemeta_doubt){0, 0};
}

static void join_nearest(struct storemeta *m)
{
	const struct storemeta_doubt *x = m->doubts;
	size_t best = 0;

	for (size_t i = 1; i + 1 < STOREMETA_DOUBTS; i++) {
		if (x[i + 1].first - x[i].last <
		    x[best + 1].first - x[best].last)
			best = i;
	}
	join(m, best);
}

void storemeta_add_doubt(struct storemeta *m, struct storemeta_doubt doubt)
{
	size_t n = count_doubts(m);
	struct storemeta_doubt *last = n ? &m->doubts[n - 1] : NULL;

	/* Of one that failed again, there is none between them. */
	if (last && doubt.first <= last->last + 1) {
		if (doubt.last > last->last)
			last->last = doubt.last;
		return;
	}
	if (n == STOREMETA_DOUBTS) {
		join_nearest(m);
		n--;
	}
	m->doubts[n] = doubt;
}

void storemeta_end_doubts(struct storemeta *m, uint64_t last)
{
	size_t n = count_doubts(m), over = 0;

	while (over < n && m->doubts[over].last <= last)
		over++;
	memmove(m->doubts, m->doubts + over, (n - over) * sizeof(*m->doubts));
	memset(m->doubts + n - over, 0, over * sizeof(*m->doubts));
}

uint64_t storemeta_last_doubt(const struct storemeta *m)
{
	size_t n = count_doubts(m);

	return n ? m->doubts[n - 1].last : 0;
}

static bool is_in_doubt(const struct storemeta *m, uint64_t checkpoint)
{
	for (size_t i = 0; i < count_doubts(m); i++) {
		if (checkpoint >= m->doubts[i].first &&
		    checkpoint <= m->doubts[i].last)
			return true;
	}
	return false;
}

/* ---- trust -------------------------------------------------------------- */

bool storemeta_is_start(struct str boot, const char start[STOREMETA_BOOT])
{
	return boot.n == STOREMETA_BOOT &&
	       memcmp(boot.p, start, STOREMETA_BOOT) == 0;
}

bool storemeta_trusts(const struct storemeta *m,
    const char now[STOREMETA_BOOT], struct str boot, uint64_t checkpoint)
{
	if (!boot.n || storemeta_is_start(boot, now))
		return true;
	if (is_in_doubt(m, checkpoint))
		return false;
	return checkpoint <=
	       (storemeta_is_start(boot, m->boot) ? m->checkpoint : m->others);
}
