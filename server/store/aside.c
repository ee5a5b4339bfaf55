/* SPDX-License-Identifier: MIT */
#include "store/aside.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/id.h"
#include "store/sys.h"

static int make_folder(const struct place *p)
{
	int r = sys_mkdir(p->dir, PLACE_DAMAGED);
	if (r < 0)
		return r;

	return sys_open(p->dir, PLACE_DAMAGED, O_RDONLY | O_DIRECTORY);
}

/* Two that had the same name both stay. */
static int move(const struct place *p, int damaged, const char *id)
{
	char name[ID_LEN_MAX + 1 + ID_LEN + 1], made[ID_LEN + 1];

	int r = id_new(made);
	if (r < 0)
		return r;

	snprintf(name, sizeof(name), "%s.%s", id, made);
	return sys_rename(p->files, id, damaged, name);
}

/* An empty file. */
static int mark(int damaged, const char *id)
{
	int fd = sys_open(damaged, id, O_WRONLY | O_CREAT);
	if (fd < 0)
		return fd;

	sys_close(fd);
	return DISK_LEFT;
}

int aside_move(const struct place *p, const char *id)
{
	int damaged = make_folder(p);
	if (damaged < 0)
		return damaged;

	int r = move(p, damaged, id);
	if (r == 0)
		(void)sys_unlink(damaged, id);
	else if (r < 0) /* such as one whose inode is damaged */
		r = mark(damaged, id);
	sys_close(damaged);
	return r;
}

int aside_mark(const struct place *p, const char *id)
{
	int damaged = make_folder(p);
	if (damaged < 0)
		return damaged;

	int r = mark(damaged, id);
	sys_close(damaged);
	return r;
}
