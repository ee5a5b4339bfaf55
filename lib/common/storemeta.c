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
#define TO "to "

size_t storemeta_write(const struct storemeta *m, char out[STOREMETA_SIZE])
{
	return (size_t)snprintf(out, STOREMETA_SIZE,
	    HEAD "%d\n" BOOT "%.*s\n" CHECKPOINT "%020" PRIu64 "\n" OTHERS
		 "%020" PRIu64 "\n" DOUBT "%020" PRIu64 "\n" TO "%020" PRIu64
		 "\n",
	    STOREMETA_VERSION, STOREMETA_BOOT, m->boot, m->checkpoint,
	    m->others, m->doubt_first, m->doubt_last);
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
	    !take_number(&rest, OTHERS, &m.others) ||
	    !take_number(&rest, DOUBT, &m.doubt_first) ||
	    !take_number(&rest, TO, &m.doubt_last) || rest.n)
		return -EBADMSG;
	if (m.others > m.checkpoint || m.checkpoint > INT64_MAX ||
	    m.doubt_first > m.doubt_last || m.doubt_last > INT64_MAX)
		return -EBADMSG;

	memcpy(m.boot, boot.p, STOREMETA_BOOT);
	*ret = m;
	return 0;
}

static bool is_start(struct str boot, const char start[STOREMETA_BOOT])
{
	return boot.n == STOREMETA_BOOT &&
	       memcmp(boot.p, start, STOREMETA_BOOT) == 0;
}

bool storemeta_trusts(const struct storemeta *m,
    const char now[STOREMETA_BOOT], struct str boot, uint64_t checkpoint)
{
	if (!boot.n || is_start(boot, now))
		return true;
	if (m->doubt_last && checkpoint >= m->doubt_first &&
	    checkpoint <= m->doubt_last)
		return false;
	return checkpoint <=
	       (is_start(boot, m->boot) ? m->checkpoint : m->others);
}
