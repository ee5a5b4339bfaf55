/* SPDX-License-Identifier: MIT */
/*
 * Expiry: files hang in slots by the second in which they expire, modulo the
 * wheel's size. Looking at a slot costs what hangs in it, whatever the number
 * of files.
 */
#include "base/metrics.h"
#include "store/internal.h"

/* The second after, so that nothing goes early. */
static int64_t second_of(int64_t unix_ms)
{
	return unix_ms / 1000 + (unix_ms % 1000 > 0);
}

/* Locked. */
static void hang(struct store *st, struct file *f)
{
	int64_t at = second_of(f->expires_ms);

	/* Due already: in the next slot that is looked at. */
	if (at <= st->wheel_s)
		at = st->wheel_s + 1;
	struct file **slot = &st->wheel[(size_t)at % STORE_WHEEL];
	f->wheel_next = *slot;
	f->wheel_prev = slot;
	if (f->wheel_next)
		f->wheel_next->wheel_prev = &f->wheel_next;
	*slot = f;
}

void store_wheel_add(struct store *st, struct file *f)
{
	if (!f->expires_ms)
		return;

	pthread_mutex_lock(&st->wheel_lock);
	hang(st, f);
	pthread_mutex_unlock(&st->wheel_lock);
}

void store_wheel_remove(struct store *st, struct file *f)
{
	pthread_mutex_lock(&st->wheel_lock);
	if (f->wheel_prev) {
		*f->wheel_prev = f->wheel_next;
		if (f->wheel_next)
			f->wheel_next->wheel_prev = f->wheel_prev;
		f->wheel_prev = NULL;
	}
	pthread_mutex_unlock(&st->wheel_lock);
}

/* The clock went back: what was put into slots by the time that it told is
   put there anew. Locked. */
static void turn_back(struct store *st)
{
	struct file *all = NULL, *next;

	for (size_t i = 0; i < STORE_WHEEL; i++) {
		for (struct file *f = st->wheel[i]; f; f = next) {
			next = f->wheel_next;
			f->wheel_next = all;
			all = f;
		}
		st->wheel[i] = NULL;
	}
	for (; all; all = next) {
		next = all->wheel_next;
		hang(st, all);
	}
}

/* Find one file of a slot that is due; with a reference. */
static struct file *find_due(struct store *st, size_t slot, int64_t now_ms)
{
	struct file *f;

	pthread_mutex_lock(&st->wheel_lock);
	for (f = st->wheel[slot]; f; f = f->wheel_next) {
		if (f->expires_ms <= now_ms) {
			file_ref(f);
			break;
		}
	}
	pthread_mutex_unlock(&st->wheel_lock);
	return f;
}

size_t store_expire(struct store *st, int64_t now_ms)
{
	int64_t now_s = now_ms / 1000;
	size_t count = 0;

	/* First of all, so that nothing is put into a slot that was looked at
	   already: it would stay there for a turn. */
	pthread_mutex_lock(&st->wheel_lock);
	int64_t last = st->wheel_s, first = last + 1;
	st->wheel_s = now_s;
	if (now_s < last)
		turn_back(st);
	pthread_mutex_unlock(&st->wheel_lock);
	/* After a jump of the clock every slot is looked at once. */
	if (now_s - first >= STORE_WHEEL || now_s < last)
		first = now_s - STORE_WHEEL + 1;
	for (int64_t s = first; s <= now_s; s++) {
		struct file *f;
		size_t slot = (size_t)s % STORE_WHEEL;

		while ((f = find_due(st, slot, now_ms))) {
			if (store_remove(st, f)) {
				metrics_add(METRIC_FILES_EXPIRED, 1);
				count++;
			}
			file_unref(f);
		}
	}
	return count;
}
