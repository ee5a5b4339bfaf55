/* SPDX-License-Identifier: MIT */
#include "store/fsck.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <spillway/keep.h>

#include "base/digest.h"
#include "base/id.h"
#include "store/aside.h"
#include "store/disk.h"
#include "store/folder.h"
#include "store/place.h"
#include "store/sys.h"

#define BLOCK ((size_t)64 * 1024)
#define NO_FILE "no plain file"

struct fsck {
	struct place at;
	struct storemeta said;
	struct spw_keep *keep;
	bool repair;
	FILE *out;
	struct fsck_result *result;
};

/* Why something is not well. */
struct verdict {
	const char *why;  /* NULL: it is */
	const char *cure; /* what a repair has done then; NULL: nothing */
};

/* What cannot be read now may be well all the same, and what a newer program
 * wrote is. */
static struct verdict unknown(const char *why)
{
	return (struct verdict){why, NULL};
}

static struct verdict lost(const char *why)
{
	return (struct verdict){why, "deleted"};
}

/* Returns: whether it is to be repaired. */
static bool goes(const struct fsck *c, const struct verdict *v)
{
	return c->repair && v->cure;
}

/* `repaired`: what came of it, if it was to be. */
static void tell(struct fsck *c, const char *what, const char *name,
    const struct verdict *v, int repaired)
{
	c->result->bad++;
	fprintf(c->out, "%s %s: %s", what, name, v->why);
	if (goes(c, v)) {
		c->result->repaired += repaired == 0;
		fprintf(c->out, "; %s%s", repaired ? "cannot be " : "",
		    v->cure);
	}
	fputc('\n', c->out);
}

static int digest_file(int fd, struct digest *d)
{
	char block[BLOCK];
	ssize_t n;
	off_t off = 0;

	while ((n = pread(fd, block, sizeof(block), off)) > 0) {
		digest_add(d, block, (size_t)n);
		off += n;
	}
	return n < 0 ? -errno : 0;
}

/* Returns: 0; 1 when the content is another. */
static int check_digests(int fd, const struct filemeta *m)
{
	unsigned algs = m->digests.have & digest_able();
	struct digest_set got;
	struct digest *d;

	if (!algs)
		return 0;
	int r = digest_new(algs, &d);
	if (r < 0)
		return r;

	r = digest_file(fd, d);
	if (r == 0)
		r = digest_finish(d, &got);
	digest_free(d);
	if (r < 0)
		return r;
	return digest_differs(&got, &m->digests) ? 1 : 0;
}

static struct verdict judge_content(int fd, const struct filemeta *m)
{
	int r = check_digests(fd, m);

	if (r < 0)
		return unknown(strerror(-r));
	return lost(r ? "its content is not what its digest says" : NULL);
}

/* A daemon could neither read nor move it; see disk_set_aside(). Returns: 1;
   0. Errors: from the disk. */
static int is_marked(struct fsck *c, const char *name, const struct filemeta *m)
{
	/* Nothing was lost of it meanwhile. */
	if (c->at.damaged < 0 || !m->boot.n ||
	    storemeta_is_start(m->boot, c->at.boot))
		return 0;

	return aside_has_mark(c->at.dir, name);
}

static struct verdict judge_file(struct fsck *c, const char *name, int fd)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;
	uint64_t size;

	int r = sys_size(fd, &size);
	if (r == -EINVAL)
		return lost(NO_FILE);
	if (r == 0)
		r = disk_get_meta(fd, buf, &m);
	if (r == -ENOTSUP)
		return unknown("of another version");
	if (r == -EBADMSG)
		return lost("nothing says what it is");
	if (r < 0)
		return unknown(strerror(-r));
	if (!id_valid(name, strlen(name)) || !str_eq(m.id, name))
		return lost("not under its own name");
	if (size != m.size)
		return lost("not as long as it was");
	int marked = is_marked(c, name, &m);
	if (marked < 0)
		return unknown(strerror(-marked));
	if (marked ||
	    !storemeta_trusts(&c->said, c->at.boot, m.boot, m.checkpoint))
		return lost("perhaps not whole: the machine went down before "
			    "it was on the disk");
	return judge_content(fd, &m);
}

/* A link, socket, directory or pipe where a file should be? */
static bool is_no_file(int r)
{
	return r == -ELOOP || r == -ENXIO || r == -EISDIR || r == -ESPIPE;
}

static struct verdict judge_name(struct fsck *c, const char *name)
{
	int fd = sys_open(c->at.files, name, O_RDONLY | O_NONBLOCK);
	if (is_no_file(fd))
		return lost(NO_FILE);
	if (fd < 0)
		return unknown(strerror(-fd));

	struct verdict v = judge_file(c, name, fd);
	sys_close(fd);
	return v;
}

/* The daemon gives it back to itself; who looks as root would not notice. */
static struct verdict judge_mode(struct fsck *c, const char *name)
{
	struct verdict v = {NULL, "made readable"};

	if (sys_is_allowed(c->at.files, name) == 0)
		v.why = "its mode forbids its owner to read and write it";
	return v;
}

static int check_file(const char *name, void *ctx)
{
	struct fsck *c = ctx;
	struct verdict v = judge_mode(c, name);

	if (v.why) {
		int r = goes(c, &v) ? sys_allow(c->at.files, name) : -EACCES;

		tell(c, "file", name, &v, r);
		if (r < 0)
			return 0;
	}
	v = judge_name(c, name);

	if (v.why)
		tell(c, "file", name, &v,
		    goes(c, &v) ? folder_remove(c->at.files, name) : 0);
	else
		c->result->files++;
	return 0;
}

/* Files there are what a daemon left that was killed, and the next deletes. */
static int check_passing(const char *name, void *ctx)
{
	struct fsck *c = ctx;
	struct verdict v = lost(NO_FILE);

	int fd = sys_open(c->at.passing, name, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd >= 0)
		sys_close(fd);
	else
		v = unknown(strerror(-fd));
	tell(c, "passing", name, &v,
	    goes(c, &v) ? folder_remove(c->at.passing, name) : 0);
	return 0;
}

/* What a daemon could not read, whatever may be read of it now: nobody knows
   whether it is whole, and the name may be another's since. */
static int check_damaged(const char *name, void *ctx)
{
	struct fsck *c = ctx;
	struct verdict v = lost("could not be read, and was moved away");

	/* A mark, whose file is still there. */
	if (sys_is_allowed(c->at.files, name) != -ENOENT)
		return 0;

	tell(c, PLACE_DAMAGED, name, &v,
	    goes(c, &v) ? folder_remove(c->at.damaged, name) : 0);
	return 0;
}

/* Nothing could be moved there. */
static int check_folder(struct fsck *c)
{
	struct verdict v = lost("no folder");

	int r = c->at.damaged >= 0 ? -ENOENT
				   : sys_is_allowed(c->at.dir, PLACE_DAMAGED);
	if (r < 0 && r != -EISDIR)
		return r == -ENOENT ? 0 : r;

	tell(c, "folder", PLACE_DAMAGED, &v,
	    goes(c, &v) ? sys_unlink(c->at.dir, PLACE_DAMAGED) : 0);
	return 0;
}

static struct verdict judge_upload(struct fsck *c, const char *name)
{
	uint8_t meta[SPW_KEEP_META_MAX];

	ssize_t n = spw_keep_meta(c->keep, name, meta, sizeof(meta));
	if (n == -ENOENT)
		return lost("only half of it is there");
	if (n == -EBADMSG)
		return lost("damaged");
	if (is_no_file((int)n))
		return lost(NO_FILE);
	if (n == -ESTALE)
		return lost("perhaps not whole: the machine went down");
	return unknown(n < 0 ? strerror(-(int)n) : NULL);
}

static int remove_upload(struct fsck *c, const char *name)
{
	static const char *const ends[] = {".spool", ".keep"};
	char file[SPW_KEEP_NAME_MAX + sizeof(".spool")];

	int r = spw_keep_reap(c->keep, name);
	if (!is_no_file(r))
		return r;

	for (int i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s%s", name, ends[i]);
		r = folder_remove(c->at.dir, file);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int check_upload(const char *name, void *ctx)
{
	struct fsck *c = ctx;
	struct verdict v = judge_upload(c, name);

	if (v.why)
		tell(c, "upload", name, &v,
		    goes(c, &v) ? remove_upload(c, name) : 0);
	else
		c->result->uploads++;
	return 0;
}

static int check_all(struct fsck *c, const char *path)
{
	const struct spw_keep_opts opts = {
	    .size = sizeof(opts),
	    .path = path,
	    .flags = c->repair ? 0 : SPW_KEEP_READ,
	};

	int r = spw_keep_open(&opts, &c->keep);
	if (r == 0)
		r = folder_each(c->at.files, check_file, c);
	if (r == 0)
		r = folder_each(c->at.passing, check_passing, c);
	if (r == 0)
		r = folder_each(c->at.damaged, check_damaged, c);
	if (r == 0)
		r = check_folder(c);
	if (r == 0)
		r = spw_keep_list(c->keep, check_upload, c);
	if (r == 0 && c->result->repaired)
		r = sys_sync_all(c->at.dir);
	return r;
}

int fsck_run(
    const char *path, bool repair, FILE *out, struct fsck_result *ret)
{
	char why[DISK_WHY_SIZE] = "";
	struct fsck c = {.repair = repair, .out = out, .result = ret};

	*ret = (struct fsck_result){0};
	int r = place_look(&c.at, path, &c.said, why);
	if (r < 0)
		fprintf(out, "%s: %s\n", path, why);
	else if ((r = check_all(&c, path)) < 0)
		fprintf(out, "%s: %s\n", path, strerror(-r));
	spw_keep_unref(c.keep);
	place_close(&c.at);
	return r;
}
