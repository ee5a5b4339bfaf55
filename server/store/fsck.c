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
#include "store/disk.h"
#include "store/sys.h"

#define BLOCK ((size_t)64 * 1024)

struct fsck {
	struct disk *disk;
	struct spw_keep *keep;
	bool repair;
	FILE *out;
	struct fsck_result *result;
};

static void tell(struct fsck *c, const char *what, const char *name,
    const char *why, int repaired)
{
	c->result->bad++;
	c->result->repaired += repaired == 0 && c->repair;
	fprintf(c->out, "%s %s: %s%s\n", what, name, why,
	    !c->repair	    ? ""
	    : repaired == 0 ? "; deleted"
			    : "; cannot be deleted");
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

/* Returns: NULL when it is well, else why it is not. */
static const char *verdict(struct fsck *c, const char *name, int fd)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;
	uint64_t size;

	int r = sys_size(fd, &size);
	if (r < 0)
		return r == -EINVAL ? "no plain file" : strerror(-r);
	r = disk_get_meta(fd, buf, &m);
	if (r < 0)
		return r == -ENOTSUP ? "of another version"
				     : "nothing says what it is";
	if (!id_valid(name, strlen(name)) || !str_eq(m.id, name))
		return "not under its own name";
	if (size != m.size)
		return "not as long as it was";
	if (!disk_trusts(c->disk, &m))
		return "perhaps not whole: the machine went down before it "
		       "was on the disk";
	r = check_digests(fd, &m);
	if (r < 0)
		return strerror(-r);
	return r ? "its content is not what its digest says" : NULL;
}

static int check_file(const char *name, void *ctx)
{
	struct fsck *c = ctx;
	const char *why;

	int fd = disk_find(c->disk, name);
	if (fd >= 0) {
		why = verdict(c, name, fd);
		sys_close(fd);
	} else {
		why = fd == -ELOOP ? "no plain file" : strerror(-fd);
	}
	if (why)
		tell(c, "file", name, why,
		    c->repair ? disk_unlink_any(c->disk, name) : 0);
	else
		c->result->files++;
	return 0;
}

static int check_upload(const char *name, void *ctx)
{
	struct fsck *c = ctx;
	struct spw_kept *k;

	int r = spw_kept_adopt(c->keep, name, NULL, &k);
	if (r == 0) {
		c->result->uploads++;
		spw_kept_close(k);
		return 0;
	}
	const char *why = r == -EBADMSG	 ? "damaged"
			  : r == -ESTALE ? "perhaps not whole: the machine "
					   "went down"
					 : strerror(-r);
	tell(c, "upload", name, why,
	    c->repair ? spw_keep_reap(c->keep, name) : 0);
	return 0;
}

int fsck_run(
    const char *path, bool repair, FILE *out, struct fsck_result *ret)
{
	char why[DISK_WHY_SIZE] = "";
	struct fsck c = {.repair = repair, .out = out, .result = ret};
	const struct spw_keep_opts opts = {
	    .size = sizeof(opts),
	    .path = path,
	};

	*ret = (struct fsck_result){0};
	int r = disk_open(path, true, &c.disk, why);
	if (r < 0) {
		fprintf(out, "%s: %s\n", path, why);
		return r;
	}
	r = spw_keep_open(&opts, &c.keep);
	if (r == 0)
		r = disk_each(c.disk, check_file, &c);
	if (r == 0)
		r = spw_keep_list(c.keep, check_upload, &c);
	if (r < 0)
		fprintf(out, "%s: %s\n", path, strerror(-r));
	spw_keep_unref(c.keep);
	disk_close(c.disk);
	return r;
}
