/* SPDX-License-Identifier: MIT */
/*
 * Files in order of their `seq`: a list, and above it lanes that leave most of
 * them out, so that a place is found in it without walking there (a skip
 * list). What a client asks for may be anywhere, and who adds a file waits.
 *
 * Threads: one at a time for one list; the store's is under `list_lock`.
 */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "store/file.h"

/* Of the files in a lane one in sixteen is in the lane above, too. */
#define LIST_LANES 5

/* Zeros, and a seed that nobody knows: an empty one. */
struct list {
	struct file *first, *last;
	struct {
		struct file *first, *last;
	} lanes[LIST_LANES];
	uint64_t seed;
};

/** Add a file, which is in none, behind all others: its `seq` is above
    theirs. */
void list_append(struct list *l, struct file *f);

/** Take one out. */
void list_remove(struct list *l, struct file *f);

/** Move all of `front`, which are before all of `l`, in front of those. */
void list_prepend(struct list *l, struct list *front);

/** Returns: the first file whose `seq` is above `after`, or NULL. */
struct file *list_seek(const struct list *l, uint64_t after);

#endif
