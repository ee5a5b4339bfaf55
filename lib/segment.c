/* SPDX-License-Identifier: MIT */
#include "segment.h"

#include <errno.h>
#include <stdbool.h>

#include "dir.h"
#include "sys.h"

#define PAGE UINT64_C(4096)

struct spw__segment {
	struct spw_dir *dir;	/* kept alive by the members' spools */
	int fd;
	/* Both under the directory's lock. */
	uint64_t end;
	size_t members;
};

uint64_t spw__segment_room(uint64_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

static int make(struct spw_dir *d, struct spw__segment **ret)
{
	struct spw__segment *seg = spw__sys_alloc(sizeof(*seg));
	if (!seg)
		return -ENOMEM;

	seg->fd = spw__dir_file(d);
	if (seg->fd < 0) {
		int r = seg->fd;

		spw__sys_free(seg);
		return r;
	}
	seg->dir = d;
	*ret = seg;
	return 0;
}

int spw__segment_take(struct spw_dir *d, uint64_t room, size_t members,
    struct spw__segment **ret, uint64_t *ret_off)
{
	struct spw__segment **current = spw__dir_lock_segment(d);
	int r = 0;

	/* One that is full lives on by its members alone. */
	if (!*current || (*current)->end + room > SPW__SEGMENT_SIZE)
		r = make(d, current);
	if (r == 0) {
		struct spw__segment *seg = *current;

		*ret = seg;
		*ret_off = seg->end;
		seg->end += spw__segment_room(room);
		seg->members += members;
	}
	spw__dir_unlock_segment(d);
	return r;
}

/* Returns: whether it was the last place. */
static bool leave(struct spw__segment *seg)
{
	struct spw__segment **current = spw__dir_lock_segment(seg->dir);
	bool last = --seg->members == 0;

	if (last && *current == seg)
		*current = NULL;
	spw__dir_unlock_segment(seg->dir);
	return last;
}

void spw__segment_give(struct spw__segment *seg, uint64_t off, uint64_t size)
{
	/* First, while this place still keeps the segment. What cannot be
	   given back now goes with the segment. */
	if (size)
		(void)spw__sys_punch(seg->fd, off, spw__segment_room(size));
	if (leave(seg)) {
		spw__dir_close(seg->dir, seg->fd);
		spw__sys_free(seg);
	}
}

struct spw_dir *spw__segment_dir(const struct spw__segment *seg)
{
	return seg->dir;
}

int spw__segment_fd(const struct spw__segment *seg)
{
	return seg->fd;
}
