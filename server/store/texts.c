/* SPDX-License-Identifier: MIT */
/*
 * What clients and origins say of a file. It is in memory as long as the file
 * is, wherever the content lies, so what is more than a little is charged to
 * the store's allowance for it.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* How much of so many bytes is charged. */
static size_t excess(size_t bytes)
{
	return bytes > FILE_TEXTS_FREE ? bytes - FILE_TEXTS_FREE : 0;
}

static struct allowance *allowance_of(const struct file *f)
{
	return f->store && f->store->opts.budget ? &f->store->texts : NULL;
}

void file_hold_texts(struct file *f, size_t bytes)
{
	size_t before = atomic_fetch_add(&f->texts, bytes);

	if (before + bytes > FILE_TEXTS_FREE)
		allowance_take(allowance_of(f),
		    excess(before + bytes) - excess(before));
}

bool file_has_room(const struct file *f, size_t bytes)
{
	size_t before = atomic_load(&f->texts);

	return before + bytes <= FILE_TEXTS_FREE ||
	       allowance_has(
		   allowance_of(f), excess(before + bytes) - excess(before));
}

static void release(struct file *f, size_t bytes)
{
	size_t before = atomic_fetch_sub(&f->texts, bytes);

	if (before > FILE_TEXTS_FREE)
		allowance_give(allowance_of(f),
		    excess(before) - excess(before - bytes));
}

void file_free_texts(struct file *f)
{
	release(f, atomic_load(&f->texts));
	if (f->id != f->made_id)
		free((void *)(uintptr_t)f->id);
	free(f->url);
	free(f->coding);
	free(f->name);
	free(f->type);
	free(f->origin);
	free(f->error);
}

bool store_has_room_for_texts(struct store *st, const struct file *f)
{
	return atomic_load(&f->texts) <= FILE_TEXTS_FREE ||
	       !allowance_used_up(&st->texts);
}

int file_set_id(struct file *f, const char *id, size_t len)
{
	assert(f->id == f->made_id && len <= ID_LEN_MAX);
	char *copy = strndup(id, len);
	if (!copy)
		return -ENOMEM;

	f->id = copy;
	file_hold_texts(f, len);
	return 0;
}

void file_take_url(struct file *f, char *url)
{
	assert(!f->url);
	f->url = url;
	file_hold_texts(f, strlen(url));
}

int file_set_coding(struct file *f, const char *coding, size_t len)
{
	assert(!f->coding);
	f->coding = strndup(coding, len);
	if (!f->coding)
		return -ENOMEM;

	file_hold_texts(f, len);
	return 0;
}

static int set_text(
    struct file *f, char **field, const char *text, size_t len, size_t max)
{
	char *copy = NULL;

	if (len > max)
		return -EOVERFLOW;
	if (len && !(copy = strndup(text, len)))
		return -ENOMEM;

	pthread_mutex_lock(&f->lock);
	char *old = *field;
	*field = copy;
	pthread_mutex_unlock(&f->lock);
	file_hold_texts(f, len);
	release(f, old ? strlen(old) : 0);
	free(old);
	return 0;
}

int file_set_name(struct file *f, const char *name, size_t len)
{
	return set_text(f, &f->name, name, len, FILE_NAME_SIZE - 1);
}

int file_set_type(struct file *f, const char *type, size_t len)
{
	return set_text(f, &f->type, type, len, FILE_TYPE_SIZE - 1);
}

static bool get_text(struct file *f, char *const *field, char *out)
{
	pthread_mutex_lock(&f->lock);
	bool has = *field;
	if (has)
		strcpy_checked(out, *field, FILE_NAME_SIZE);
	pthread_mutex_unlock(&f->lock);
	return has;
}

bool file_name(struct file *f, char out[FILE_NAME_SIZE])
{
	return get_text(f, &f->name, out);
}

bool file_type(struct file *f, char out[FILE_TYPE_SIZE])
{
	return get_text(f, &f->type, out);
}

/* One block, with its texts behind it. */
static size_t size_of(const struct file_origin *o)
{
	return o ? sizeof(*o) + strlen(o->url) + 1 + o->len + 1 : 0;
}

static struct file_origin *copy_origin(const struct file_origin *o)
{
	size_t url = strlen(o->url) + 1;
	struct file_origin *copy = malloc(size_of(o));
	if (!copy)
		return NULL;

	char *text = (char *)(copy + 1);
	*copy = *o;
	copy->url = memcpy(text, o->url, url);
	copy->fields = text + url;
	if (o->len > 0)
		memcpy(text + url, o->fields, o->len);
	text[url + o->len] = '\0';
	return copy;
}

int file_set_origin(struct file *f, const struct file_origin *o)
{
	if (!file_has_room(f, size_of(o)))
		return -ETOOMANYREFS;
	struct file_origin *copy = copy_origin(o);
	if (!copy)
		return -ENOMEM;

	pthread_mutex_lock(&f->lock);
	struct file_origin *old = f->origin;
	f->origin = copy;
	pthread_mutex_unlock(&f->lock);
	file_hold_texts(f, size_of(copy));
	release(f, size_of(old));
	free(old);
	return 0;
}

struct file_origin *file_origin(struct file *f)
{
	pthread_mutex_lock(&f->lock);
	struct file_origin *copy = f->origin ? copy_origin(f->origin) : NULL;
	pthread_mutex_unlock(&f->lock);
	return copy;
}

#define DETAIL_LOST "There was no memory to keep what was said of it."

/* Of a failure the beginning: what follows is zeros. */
struct file_error {
	size_t size;
	char bytes[];
};

/* How much of it there is room for. */
static size_t size_to_keep(const struct file *f, const struct failure *e)
{
	size_t said = strlen(e->said);
	size_t all = offsetof(struct failure, said) + (said ? said + 1 : 0);

	return file_has_room(f, sizeof(struct file_error) + all)
		   ? all
		   : offsetof(struct failure, detail);
}

void file_keep_error(struct file *f, const struct failure *e)
{
	size_t size = size_to_keep(f, e);

	f->error = malloc(sizeof(*f->error) + size);
	if (!f->error)
		return;

	f->error->size = size;
	memcpy(f->error->bytes, e, size);
	file_hold_texts(f, sizeof(*f->error) + size);
}

bool file_error(struct file *f, struct failure *ret)
{
	pthread_mutex_lock(&f->lock);
	bool has = f->error;
	if (has) {
		*ret = (struct failure){0};
		memcpy(ret, f->error->bytes, f->error->size);
		if (f->error->size <= offsetof(struct failure, detail))
			strcpy_checked(
			    ret->detail, DETAIL_LOST, sizeof(ret->detail));
	}
	pthread_mutex_unlock(&f->lock);
	return has;
}
