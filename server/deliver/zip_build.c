/* SPDX-License-Identifier: MIT */
#include "deliver/zip_build.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <spillway/pool.h>

#include "base/log.h"
#include "deliver/zip_header.h"
#include "deliver/zip_read.h"
#include "store/store.h"

#define IN_SIZE ((size_t)64 * 1024)
/** What is read for CRCs before others have their turn. */
#define TURN_SIZE (UINT64_C(4) << 20)
/** Deflate makes bytes that do not compress a little longer: what may need 64
    bits is told so before. */
#define LARGE_SIZE (UINT64_C(0xffffffff) - (UINT64_C(64) << 20))
/** Files are opened faster than they are closed: after so many it waits. */
#define OPENED_MAX 16

/* A file that survives, while nothing of it is needed. */
struct kept_name {
	struct store *store;
	char made_id[ID_LEN + 1]; /* of this very one */
	char id[];
};

struct item {
	struct file *file;	/* NULL: it is opened when its turn comes */
	struct kept_name *kept; /* what to find it by then; NULL: it is held */
	struct zip_header head;
};

enum phase { CHECK, HEADER, BYTES, DESCRIPTOR, DIRECTORY, END, DONE };

struct zip_build {
	struct zip_pull pull;
	struct item *items;
	size_t count, cap;
	bool deflated;
	unsigned opened; /* files, since it waited for those that close */
	size_t texts;	 /* bytes of what is said of them */
	struct allotment share;
	uint64_t size; /* of headers, bytes and directory */

	enum phase phase;
	size_t at;	  /* the item */
	uint64_t pos;	  /* in its file */
	uint64_t out;	  /* bytes made so far */
	uint64_t dir_off; /* once the directory began */
	uint8_t *head;	  /* a header on its way out */
	size_t head_at, head_len;
	z_stream z;
	bool z_ready;
	uint8_t in[IN_SIZE];
};

static void build_free(struct zip_pull *p)
{
	zip_build_free((struct zip_build *)p);
}

void zip_build_free(struct zip_build *b)
{
	if (!b)
		return;

	for (size_t i = 0; i < b->count; i++) {
		file_unref(b->items[i].file);
		free(b->items[i].kept);
		free((void *)(uintptr_t)b->items[i].head.name.p);
	}
	if (b->z_ready)
		deflateEnd(&b->z);
	free(b->items);
	free(b->head);
	allot_end(&b->share);
	free(b);
}

/*
 * What is in it.
 */

static int reserve(struct zip_build *b)
{
	if (b->count < b->cap)
		return 0;

	size_t cap = b->cap ? b->cap * 2 : 16;
	struct item *grown = realloc(b->items, cap * sizeof *grown);
	if (!grown)
		return -ENOMEM;

	b->items = grown;
	b->cap = cap;
	return 0;
}

/** Have the file: itself, or how to find it again. */
static int hold_file(struct zip_build *b, struct item *it, struct file *f)
{
	if (!atomic_load(&f->kept)) {
		it->file = file_ref(f);
		return 0;
	}

	/* A reference would keep its descriptor for as long as somebody else
	   likes to read what comes before it. */
	size_t len = strlen(f->id) + 1;
	struct kept_name *k = malloc(sizeof *k + len);
	if (!k)
		return -ENOMEM;

	k->store = f->store;
	memcpy(k->made_id, f->made_id, sizeof k->made_id);
	memcpy(k->id, f->id, len);
	it->kept = k;
	b->texts += sizeof *k + len;
	return 0;
}

int zip_build_add(struct zip_build *b, struct file *f, struct str name)
{
	uint8_t scratch[ZIP_HEADER_MAX];
	uint64_t size = atomic_load(&f->size);

	assert(size != FILE_SIZE_UNKNOWN && b->phase == CHECK && b->at == 0);
	int err = reserve(b);
	if (err < 0)
		return err;
	char *copy = malloc(name.n);
	if (!copy)
		return -ENOMEM;

	memcpy(copy, name.p, name.n);
	struct item *it = &b->items[b->count];
	*it = (struct item){.head = {
				.name = {copy, 0},
				.size = size,
				.packed_size = b->deflated ? 0 : size,
				.off = b->size,
				.modified = file_modified_ms(f) / 1000,
				.deflated = b->deflated,
				.large = size > LARGE_SIZE,
			    }};
	err = hold_file(b, it, f);
	if (err < 0) {
		free(copy);
		return err;
	}
	b->count++;
	b->texts += name.n;
	b->size += zip_header_local(&it->head, scratch) + name.n + size;
	it->head.name.n = name.n;
	return 0;
}

size_t zip_build_count(const struct zip_build *b)
{
	return b->count;
}

struct str zip_build_name(const struct zip_build *b, size_t i)
{
	return b->items[i].head.name;
}

void zip_build_hold(struct zip_build *b, struct allowance *from)
{
	assert(!b->share.from);
	allot_anyway(&b->share, from,
	    sizeof(*b) + b->cap * sizeof(*b->items) + b->texts);
}

uint64_t zip_build_size(const struct zip_build *b)
{
	uint8_t scratch[ZIP_HEADER_MAX];
	uint64_t dir = 0;

	if (b->deflated)
		return SPW_UNLIMITED;
	for (size_t i = 0; i < b->count; i++) {
		struct zip_header h = b->items[i].head;

		dir += h.name.n;
		h.name.n = 0;
		dir += zip_header_record(&h, scratch);
	}
	return b->size + dir + zip_header_end(b->count, b->size, dir, scratch);
}

/*
 * Making it.
 */

/* Behind the files that the store's threads are closing. */
struct barrier {
	struct spw_job job;
	pthread_mutex_t lock;
	pthread_cond_t passed;
	bool is_passed;
};

static void pass(struct spw_job *job)
{
	struct barrier *at = (struct barrier *)(void *)job;

	pthread_mutex_lock(&at->lock);
	at->is_passed = true;
	pthread_cond_signal(&at->passed);
	pthread_mutex_unlock(&at->lock);
}

/** Wait until files have been closed that were let go of: until then their
    descriptors are taken, and count nowhere. */
static void await_closed(struct store *st)
{
	struct barrier at = {.job.run = pass};

	if (!store_writers(st))
		return;
	pthread_mutex_init(&at.lock, NULL);
	pthread_cond_init(&at.passed, NULL);
	spw_pool_submit(store_writers(st), &at.job);
	pthread_mutex_lock(&at.lock);
	while (!at.is_passed)
		pthread_cond_wait(&at.passed, &at.lock);
	pthread_mutex_unlock(&at.lock);
	pthread_cond_destroy(&at.passed);
	pthread_mutex_destroy(&at.lock);
}

/** Open the file whose turn it is. Errors: -ESTALE it is another now, or
    none. */
static int open_file(struct zip_build *b, struct zip_fault *reterr)
{
	struct item *it = &b->items[b->at];
	const struct kept_name *k = it->kept;

	if (it->file)
		return 0;
	if (++b->opened > OPENED_MAX) {
		await_closed(k->store);
		b->opened = 1;
	}

	int err = store_load(k->store, k->id, strlen(k->id), &it->file);
	if (err == 0 && strcmp(it->file->made_id, k->made_id) != 0) {
		file_unref(SPW_TAKE(it->file));
		err = -ENOENT;
	}
	if (err == -ENOENT) {
		log_info("%s was replaced or deleted before its turn came in "
			 "an archive",
		    k->id);
		err = -ESTALE;
	}
	return err < 0 ? zip_fault_errno(reterr, err) : 0;
}

/** Let go of what can be opened again. */
static void close_file(struct item *it)
{
	if (it->kept)
		file_unref(SPW_TAKE(it->file));
}

/** Read the next bytes of the file. Returns: how many; 0 at its end. */
static ssize_t read_file(
    struct zip_build *b, void *buf, size_t len, struct zip_fault *reterr)
{
	struct item *it = &b->items[b->at];
	uint64_t left = it->head.size - b->pos;
	size_t n = left < len ? (size_t)left : len;

	int err = n ? open_file(b, reterr) : 0;
	if (err == 0 && n)
		err = zip_read_at(it->file->spool, buf, n, b->pos, reterr);
	if (err < 0)
		return err;
	b->pos += n;
	return (ssize_t)n;
}

static void add_crc(struct zip_build *b, const void *p, size_t n)
{
	struct zip_header *h = &b->items[b->at].head;

	h->crc = (uint32_t)crc32_z(h->crc, p, n);
}

/** Have a header sent. */
static void say(struct zip_build *b, size_t len)
{
	b->head_at = 0;
	b->head_len = len;
}

/** Compute the CRC of a file that is stored. */
static int check(struct zip_build *b, struct zip_fault *reterr)
{
	uint64_t end = b->pos + TURN_SIZE;
	ssize_t n = 1;

	while (!b->deflated && n > 0 && b->pos < end) {
		n = read_file(b, b->in, sizeof b->in, reterr);
		if (n > 0)
			add_crc(b, b->in, (size_t)n);
	}
	if (n < 0)
		return (int)n;
	if (!b->deflated && n > 0)
		return -EINTR;
	b->phase = HEADER;
	return 0;
}

static int begin_bytes(struct zip_build *b, struct zip_fault *reterr)
{
	b->items[b->at].head.off = b->out;
	say(b, zip_header_local(&b->items[b->at].head, b->head));
	b->pos = 0;
	b->phase = BYTES;
	if (!b->deflated)
		return 0;
	if (b->z_ready)
		return deflateReset(&b->z) == Z_OK
			   ? 0
			   : zip_fault_errno(reterr, -ENOMEM);

	if (deflateInit2(&b->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS,
		MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK)
		return zip_fault_errno(reterr, -ENOMEM);
	b->z_ready = true;
	return 0;
}

static void next_item(struct zip_build *b)
{
	close_file(&b->items[b->at++]);
	b->pos = 0;
	b->phase = CHECK;
}

/** Deflate into `buf`. Returns: how many bytes came out. */
static ssize_t deflate_bytes(
    struct zip_build *b, void *buf, size_t len, struct zip_fault *reterr)
{
	struct zip_header *h = &b->items[b->at].head;
	int r = Z_OK;

	b->z.next_out = buf;
	b->z.avail_out = (uInt)len;
	while (b->z.avail_out == len && r == Z_OK) {
		if (b->z.avail_in == 0) {
			ssize_t n = read_file(b, b->in, sizeof b->in, reterr);
			if (n < 0)
				return n;
			add_crc(b, b->in, (size_t)n);
			b->z.next_in = b->in;
			b->z.avail_in = (uInt)n;
		}
		r = deflate(&b->z, b->pos == h->size ? Z_FINISH : Z_NO_FLUSH);
	}
	size_t made = len - b->z.avail_out;
	h->packed_size += made;
	if (r == Z_STREAM_END)
		b->phase = DESCRIPTOR;
	return (ssize_t)made;
}

static ssize_t make_bytes(
    struct zip_build *b, void *buf, size_t len, struct zip_fault *reterr)
{
	if (b->deflated)
		return deflate_bytes(b, buf, len, reterr);

	ssize_t n = read_file(b, buf, len, reterr);
	if (n == 0)
		next_item(b);
	return n;
}

/** Go one step on where nothing comes out of by itself. */
static int step(struct zip_build *b, struct zip_fault *reterr)
{
	switch (b->phase) {
	case CHECK:
		if (b->at < b->count)
			return check(b, reterr);
		b->at = 0;
		b->dir_off = b->out;
		b->phase = DIRECTORY;
		return 0;
	case HEADER:
		return begin_bytes(b, reterr);
	case DESCRIPTOR:
		say(b, zip_header_descriptor(&b->items[b->at].head, b->head));
		next_item(b);
		return 0;
	case DIRECTORY:
		if (b->at < b->count)
			say(b, zip_header_record(
				   &b->items[b->at++].head, b->head));
		else
			b->phase = END;
		return 0;
	default:
		say(b, zip_header_end(
			   b->count, b->dir_off, b->out - b->dir_off, b->head));
		b->phase = DONE;
		return 0;
	}
}

/** The longest header there will be. Errors: -ENOMEM. */
static int make_room(struct zip_build *b)
{
	size_t longest = 0;

	if (b->head)
		return 0;
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].head.name.n > longest)
			longest = b->items[i].head.name.n;
	b->head = malloc(longest + ZIP_HEADER_MAX);
	return b->head ? 0 : -ENOMEM;
}

static ssize_t build_read(
    struct zip_pull *p, void *buf, size_t len, struct zip_fault *reterr)
{
	struct zip_build *b = (struct zip_build *)p;
	int err = make_room(b);
	ssize_t n = 0;

	if (err < 0)
		return zip_fault_errno(reterr, err);
	while (n == 0 && (b->phase != DONE || b->head_at < b->head_len)) {
		size_t left = b->head_len - b->head_at;

		if (left > 0) {
			n = (ssize_t)(left < len ? left : len);
			memcpy(buf, b->head + b->head_at, (size_t)n);
			b->head_at += (size_t)n;
		} else if (b->phase == BYTES) {
			n = make_bytes(b, buf, len, reterr);
		} else {
			n = step(b, reterr);
		}
	}
	if (n > 0)
		b->out += (uint64_t)n;
	return n;
}

struct zip_pull *zip_build_pull(struct zip_build *b)
{
	return &b->pull;
}

int zip_build_new(bool deflated, struct zip_build **ret)
{
	static const struct zip_pull_ops ops = {
	    .read = build_read, .free = build_free};
	struct zip_build *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;

	b->pull.ops = &ops;
	b->deflated = deflated;
	*ret = b;
	return 0;
}
