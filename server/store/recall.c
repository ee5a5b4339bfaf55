/* SPDX-License-Identifier: MIT */
/* What is written down about a file, and files made of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

bool file_take_read(struct file *f)
{
	int64_t left = atomic_load(&f->reads_left);

	/* From the last on it is a number of its own: 0 is not counted. */
	while (left > 0 && !atomic_compare_exchange_weak(&f->reads_left, &left,
			       left > 1 ? left - 1 : -1))
		;
	return left == 1;
}

void store_describe(
    struct file *f, struct filemeta *ret, struct store_texts *buf)
{
	*ret = (struct filemeta){
	    .size = atomic_load(&f->size),
	    .created_ms = f->created_ms,
	    .modified_ms = file_modified_ms(f),
	    .expires_ms = atomic_load(&f->expires_ms),
	    .checkpoint = f->began,
	    .source = f->source,
	    .unlisted = f->unlisted,
	    .unverified = atomic_load(&f->unverified),
	    .id = str_from(f->id),
	    .etag = {f->made_id, ID_LEN},
	    .coding = str_from(f->coding),
	    .url = str_from(f->url),
	    .owner = str_from(f->account ? account_name(f->account) : NULL),
	};
	int64_t reads = atomic_load(&f->reads_left);
	ret->reads = reads > 0 ? (uint64_t)reads : 0;
	if (file_name(f, buf->name))
		ret->name = str_from(buf->name);
	if (file_type(f, buf->type))
		ret->type = str_from(buf->type);
	file_digests(f, &ret->digests);
	if (f->upload)
		f->upload->describe(f->upload, ret);
}

static int set_texts(struct file *f, const char *id, const struct filemeta *m)
{
	int r = 0;

	if (strcmp(id, f->made_id) != 0)
		r = file_set_id(f, id, strlen(id));
	char *url = NULL;
	if (r == 0 && m->url.n && !(url = strndup(m->url.p, m->url.n)))
		r = -ENOMEM;
	if (url)
		file_take_url(f, url);
	if (r == 0 && m->coding.n)
		r = file_set_coding(f, m->coding.p, m->coding.n);
	if (r == 0)
		r = file_set_name(f, m->name.p, m->name.n);
	if (r == 0)
		r = file_set_type(f, m->type.p, m->type.n);
	if (r == 0 && m->digests.have)
		r = file_add_digests(f, &m->digests);
	return r;
}

/* Of unknown length it is as long as what has come. */
static uint64_t counts(const struct filemeta *m, struct spw_spool *s)
{
	if (m->size != FILE_SIZE_UNKNOWN)
		return m->size;
	return s ? spw_spool_size(s) : 0;
}

/* A name is that of an account, also when there is no such token any more. */
static int give_back(struct store *st, struct file *f,
    const struct filemeta *m, uint64_t size)
{
	if (!m->owner.n || !st->opts.accounts)
		return 0;

	struct account *a = accounts_get(st->opts.accounts, m->owner);
	if (!a)
		return -ENOMEM;

	file_own_restored(f, a, size);
	return 0;
}

/* Nobody has written such a time, and no sum with it passes what there is. */
static bool is_time(int64_t ms)
{
	return ms > INT64_MIN / 2 && ms < INT64_MAX / 2;
}

/* What an attribute may say, whoever wrote it. */
static bool is_sane(const char *id, const struct filemeta *m)
{
	return m->etag.n == ID_LEN && id_valid(id, strlen(id)) &&
	       m->source <= FILE_FROM_PROCESS && m->reads <= INT64_MAX &&
	       m->name.n < FILE_NAME_SIZE && m->type.n < FILE_TYPE_SIZE &&
	       m->coding.n < FILE_CODING_SIZE && is_time(m->created_ms) &&
	       is_time(m->modified_ms) && is_time(m->expires_ms);
}

/* As it was: nothing of it is new. `s` is what has come of one that is not
   complete, or NULL. */
static int recall(struct store *st, const char *id, const struct filemeta *m,
    struct spw_spool *s, struct file **ret)
{
	if (!is_sane(id, m))
		return -EBADMSG;
	struct file *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;

	memcpy(f->made_id, m->etag.p, ID_LEN);
	file_set_etag(f);
	f->source = (enum file_source)m->source;
	f->created_ms = m->created_ms;
	f->modified_ms = m->modified_ms;
	/* What was waited for goes on from here. */
	f->began = m->checkpoint ? m->checkpoint : store_begin(st);
	f->unlisted = m->unlisted;
	atomic_init(&f->unverified, m->unverified);
	atomic_init(&f->expires_ms, m->expires_ms);
	atomic_init(&f->reads_left, (int64_t)m->reads);
	atomic_init(&f->size, m->size);
	file_init(st, f, s ? FILE_RECEIVING : FILE_READY);
	int r = set_texts(f, id, m);
	if (r == 0)
		r = give_back(st, f, m, counts(m, s));
	if (r < 0) {
		file_unref(f);
		return r;
	}
	*ret = f;
	return 0;
}

int file_restore(struct store *st, const char *id, const struct filemeta *m,
    struct file **ret)
{
	return recall(st, id, m, NULL, ret);
}

int file_resume(struct store *st, const struct filemeta *m,
    struct spw_spool *s, struct file **ret)
{
	char id[ID_LEN_MAX + 1];

	if (m->id.n > ID_LEN_MAX)
		return -EBADMSG;

	memcpy(id, m->id.p ? m->id.p : "", m->id.n);
	id[m->id.n] = '\0';
	int r = recall(st, id, m, s, ret);
	if (r == 0)
		atomic_store(&(*ret)->spool, spw_spool_ref(s));
	return r;
}
