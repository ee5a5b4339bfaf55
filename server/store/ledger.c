/* SPDX-License-Identifier: MIT */
#include "store/ledger.h"

#include <string.h>

/* Locked. Somebody, who may have been killed, has got as far as that, and begun
   the next. */
static void count_from(struct ledger *l, uint64_t done)
{
	l->done = done;
	l->begun = true;
	l->needed = done + 2;
}

/* Locked. The one that has what is written now: not one that is under way, or
   was and may have written so much down. */
static uint64_t next_one(const struct ledger *l)
{
	return l->done + 1 + l->begun;
}

/* What somebody noted: nothing that is written from now on may have a number
   that is in doubt. */
static uint64_t last_of(const struct storemeta *m)
{
	uint64_t doubt = storemeta_last_doubt(m);

	return doubt > m->checkpoint ? doubt - 1 : m->checkpoint;
}

static bool is_same_start(const struct ledger *l)
{
	return memcmp(l->said.boot, l->boot, sizeof(l->boot)) == 0;
}

/* Did the start before this one get so far that one number tells of all? */
static bool has_one_number(const struct ledger *l)
{
	return l->said.others == l->said.checkpoint;
}

/* Of a directory that has this. */
static void open_with(struct ledger *l, const struct storemeta *said)
{
	l->said = l->noted = *said;
	l->settled = false;
	/* A sync has failed in this start since it got so far, if ever. */
	l->in_vain =
	    is_same_start(l) && storemeta_last_doubt(said) > said->others;
	count_from(l, last_of(said) > l->done ? last_of(said) : l->done);
}

void ledger_init(struct ledger *l, const char boot[STOREMETA_BOOT],
    const struct storemeta *said)
{
	*l = (struct ledger){.done = 0};
	pthread_mutex_init(&l->lock, NULL);
	memcpy(l->boot, boot, sizeof(l->boot));
	open_with(l, said);
}

void ledger_fini(struct ledger *l)
{
	pthread_mutex_destroy(&l->lock);
}

void ledger_renew(struct ledger *l, const struct storemeta *said)
{
	pthread_mutex_lock(&l->lock);
	open_with(l, said);
	pthread_mutex_unlock(&l->lock);
}

void ledger_changed(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	l->needed = next_one(l);
	pthread_mutex_unlock(&l->lock);
}

uint64_t ledger_next(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n = next_one(l);
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* Locked. Of a failure the numbers of all that was begun until then are in
   doubt, and of nothing that was begun since: so it is the last that tells.
   Returns: a number that is in doubt; 0. */
static uint64_t doubt_since(const struct ledger *l, uint64_t began)
{
	uint64_t last = storemeta_last_doubt(&l->noted);

	return began && began <= last ? last : 0;
}

uint64_t ledger_number(struct ledger *l, uint64_t began)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n = doubt_since(l, began);
	if (!n)
		n = next_one(l);
	pthread_mutex_unlock(&l->lock);
	return n;
}

bool ledger_doubts(struct ledger *l, uint64_t began)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n = doubt_since(l, began);
	pthread_mutex_unlock(&l->lock);
	return n != 0;
}

bool ledger_trusts(struct ledger *l, struct str boot, uint64_t checkpoint)
{
	pthread_mutex_lock(&l->lock);
	bool yes = storemeta_trusts(&l->said, l->boot, boot, checkpoint);
	/* Somebody has removed what says how far it was. */
	if (yes && checkpoint > next_one(l) && checkpoint < INT64_MAX / 2)
		count_from(l, checkpoint);
	pthread_mutex_unlock(&l->lock);
	return yes;
}

void ledger_settled(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	l->settled = true;
	l->needed = next_one(l);
	pthread_mutex_unlock(&l->lock);
}

/* Locked. There is one number for all earlier starts: if the last of them did
   not get so far it stands until what they left is looked through. */
static bool can_note(const struct ledger *l)
{
	return l->settled || is_same_start(l) || has_one_number(l);
}

bool ledger_unsettled(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	bool yes = !can_note(l);
	pthread_mutex_unlock(&l->lock);
	return yes;
}

uint64_t ledger_due(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n =
	    can_note(l) && l->needed > l->done ? l->needed - l->done : 0;
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* Locked. What was in doubt before this start, and is deleted. Where a start
   between has noted nothing, what failed in it stands with what it found: that
   is above what was noted, and may be of this start. */
static uint64_t last_deleted(const struct ledger *l)
{
	return has_one_number(l) ? storemeta_last_doubt(&l->said)
				 : l->said.checkpoint;
}

/* Locked. What `m` may say of earlier starts. */
static void tell_of_others(const struct ledger *l, struct storemeta *m)
{
	if (l->settled)
		m->others = m->checkpoint;
	else if (!is_same_start(l))
		m->others = l->said.checkpoint;
	if (l->settled && !is_same_start(l))
		storemeta_end_doubts(m, last_deleted(l));
}

void ledger_begin(struct ledger *l, struct storemeta *ret)
{
	pthread_mutex_lock(&l->lock);
	struct storemeta m = l->noted;

	l->begun = true;
	m.checkpoint = l->done + 1;
	memcpy(m.boot, l->boot, sizeof(m.boot));
	if (!l->in_vain)
		tell_of_others(l, &m);
	pthread_mutex_unlock(&l->lock);
	*ret = m;
}

void ledger_done(struct ledger *l, const struct storemeta *m)
{
	pthread_mutex_lock(&l->lock);
	if (l->done + 1 == m->checkpoint) {
		l->noted = *m;
		l->done = m->checkpoint;
		l->begun = false;
	}
	pthread_mutex_unlock(&l->lock);
}

/* Nobody knows what is missing: not only what this one should have had, but
   also what came meanwhile, with the next number; and that what was not to be
   trusted is deleted. So all that was noted stands, for the rest of this start;
   but where there are two numbers for earlier ones nothing can be noted of this
   one without raising the lower. A note that fails now is made with the next;
   only a daemon that follows in this start, and the machine's going down after
   it, would not know. */
void ledger_failed(struct ledger *l, struct storemeta *m)
{
	uint64_t failed = m->checkpoint;

	pthread_mutex_lock(&l->lock);
	bool is_noted = memcmp(l->noted.boot, l->boot, sizeof(l->boot)) == 0;
	/* Nothing of this start is on the disk yet. */
	if (!is_noted && has_one_number(l)) {
		memcpy(l->noted.boot, l->boot, sizeof(l->boot));
		l->noted.checkpoint = failed - 1;
		is_noted = true;
	}
	l->in_vain = is_noted;
	storemeta_add_doubt(
	    &l->noted, (struct storemeta_doubt){failed, failed + 1});
	*m = l->noted;
	if (l->done < failed)
		count_from(l, failed);
	pthread_mutex_unlock(&l->lock);
}
