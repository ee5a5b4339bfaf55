/* SPDX-License-Identifier: MIT */
#include "store/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/id.h"
#include "store/sys.h"

/* ---- the folder ---------------------------------------------------------- */

int aside_open(int dir)
{
	return sys_open(dir, PLACE_DAMAGED, O_RDONLY | O_DIRECTORY);
}

bool aside_is_none(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ELOOP;
}

bool aside_may_have_marks(int dir)
{
	int damaged = aside_open(dir);

	if (damaged >= 0)
		sys_close(damaged);
	return !aside_is_none(damaged);
}

/* ---- marks --------------------------------------------------------------- */

/* What came of looking at one, or of removing it. */
static int there_was(int r)
{
	if (r == -ENOENT || r == -EISDIR)
		return 0;
	return r < 0 ? r : 1;
}

static int do_mark(int dir, const char *id, int (*call)(int, const char *))
{
	int damaged = aside_open(dir);
	if (damaged < 0)
		return aside_is_none(damaged) ? 0 : damaged;

	int r = call(damaged, id);
	sys_close(damaged);
	return there_was(r);
}

int aside_has_mark(int dir, const char *id)
{
	return do_mark(dir, id, sys_is_allowed);
}

int aside_drop_mark(int dir, const char *id)
{
	return do_mark(dir, id, sys_unlink);
}

/* ---- what is put there --------------------------------------------------- */

static int make_folder(const struct place *p)
{
	int r = sys_mkdir(p->dir, PLACE_DAMAGED);
	if (r < 0)
		return r;

	return aside_open(p->dir);
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
