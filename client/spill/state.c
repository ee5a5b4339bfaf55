/* SPDX-License-Identifier: MIT */
#include "spill/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "spill/config.h"

#define VERSION 1
#define FILE_MAX_BYTES ((size_t)64 << 10)
/* "0123456789abcdef.json" */
#define NAME_LEN 21

/* ---- where it is -------------------------------------------------------- */

/* FNV-1a. Two uploads that share a name are told apart by what is inside. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (const char *p = text != NULL ? text : ""; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static void name_of(const struct state_key *key, char name[NAME_LEN + 1])
{
	char numbers[128];
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	snprintf(numbers, sizeof(numbers),
	    "%" PRIu64 " %" PRId64 " %" PRIu64 " %" PRIu64, key->size,
	    key->mtime_ns, key->ttl_s, key->reads);
	h = hash(hash(hash(h, key->server), key->path), numbers);
	h = hash(hash(h, key->name), key->type);
	snprintf(name, NAME_LEN + 1, "%016" PRIx64 ".json", h);
}

static bool is_name(const char *name)
{
	return strlen(name) == NAME_LEN &&
	       strspn(name, "0123456789abcdef") == 16 &&
	       strcmp(name + 16, ".json") == 0;
}

static int path_of(const char *name, char **ret_path)
{
	char *below = NULL;

	if (asprintf(&below, "uploads/%s", name) < 0)
		return -ENOMEM;

	int r = config_path("XDG_STATE_HOME", ".local/state", below, ret_path);
	free(below);
	return r;
}

/* Makes the folders of a path, the last ones for nobody else. */
static int make_folders(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		int r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*p = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

/* Opens and locks what the name names then. */
static int open_locked(const char *path, int flags)
{
	struct stat st;
	struct stat named;

	int fd = open(path, flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;

	int r = 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else if (fstat(fd, &st) < 0 || lstat(path, &named) < 0 ||
		 st.st_ino != named.st_ino || st.st_dev != named.st_dev)
		r = -EBUSY;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* ---- reading ------------------------------------------------------------ */

static json_t *read_json(int fd)
{
	char *text = malloc(FILE_MAX_BYTES);
	if (text == NULL)
		return NULL;

	ssize_t n = pread(fd, text, FILE_MAX_BYTES, 0);
	json_t *json = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	free(text);
	if (json_integer_value(json_object_get(json, "version")) == VERSION)
		return json;
	json_decref(json);
	return NULL;
}

static uint64_t number(const json_t *json, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(json, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* SPWC_FOREVER became a number below zero. */
static uint64_t ttl(const json_t *json)
{
	json_int_t n = json_integer_value(json_object_get(json, "ttl"));

	return n >= 0 ? (uint64_t)n : SPWC_FOREVER;
}

static const char *string(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void read_key(const json_t *json, struct state_key *key)
{
	*key = (struct state_key){
	    .server = string(json, "server"),
	    .path = string(json, "path"),
	    .size = number(json, "size"),
	    .mtime_ns = json_integer_value(json_object_get(json, "mtime_ns")),
	    .name = string(json, "name"),
	    .type = string(json, "type"),
	    .ttl_s = ttl(json),
	    .reads = number(json, "reads"),
	};
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_key(const struct state_key *a, const struct state_key *b)
{
	return same_text(a->server, b->server) && same_text(a->path, b->path) &&
	       a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       same_text(a->name, b->name) && same_text(a->type, b->type) &&
	       a->ttl_s == b->ttl_s && a->reads == b->reads;
}

/* Parts follow each other and are all of the file, or they are of no use. */
static int read_parts(const json_t *json, uint64_t size, struct state *s)
{
	const json_t *part;
	uint64_t at = 0;
	size_t i;

	json_array_foreach(json_object_get(json, "parts"), i, part)
	{
		const char *id = string(part, "id");
		uint64_t end = number(part, "end");

		if (id == NULL || number(part, "first") != at || end <= at)
			return -EINVAL;

		int r = state_add(s, id, at, end);
		if (r < 0)
			return r;

		at = end;
	}
	if (at != size)
		return -EINVAL;

	const char *joined = string(json, "joined");
	s->joined = joined != NULL ? strdup(joined) : NULL;
	return joined != NULL && s->joined == NULL ? -ENOMEM : 0;
}

static int read_state(struct state *s, const struct state_key *key)
{
	struct state_key found;
	int r = 0;

	json_t *json = read_json(s->fd);
	if (json == NULL)
		return 0;

	read_key(json, &found);
	if (same_key(key, &found))
		r = read_parts(json, key->size, s);
	json_decref(json);
	if (r < 0)
		state_clear(s);
	return r == -ENOMEM ? r : 0;
}

int state_open(struct state *s, const struct state_key *key)
{
	char name[NAME_LEN + 1];

	*s = (struct state){.fd = -1};
	name_of(key, name);
	int r = path_of(name, &s->file);
	if (r == 0)
		r = make_folders(s->file);
	if (r == 0) {
		s->fd = open_locked(s->file, O_CREAT);
		r = s->fd < 0 ? s->fd : read_state(s, key);
	}
	if (r < 0)
		state_close(s);
	return r;
}

/* ---- changing ----------------------------------------------------------- */

void state_clear(struct state *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->parts[i].id);
	free(s->joined);
	s->joined = NULL;
	s->count = 0;
}

int state_add(struct state *s, const char *id, uint64_t first, uint64_t end)
{
	if (s->count == STATE_PARTS_MAX)
		return -E2BIG;

	char *copy = strdup(id);
	if (copy == NULL)
		return -ENOMEM;

	s->parts[s->count++] = (struct state_part){copy, first, end};
	return 0;
}

static json_t *to_json(const struct state *s, const struct state_key *key)
{
	json_t *parts = json_array();
	json_t *json = json_pack(
	    "{s:i, s:s, s:s, s:I, s:I, s:s*, s:s*, s:I, s:I, s:I, s:s*}",
	    "version", VERSION, "server", key->server, "path", key->path,
	    "size", (json_int_t)key->size, "mtime_ns",
	    (json_int_t)key->mtime_ns, "name", key->name, "type", key->type,
	    "ttl", (json_int_t)key->ttl_s, "reads", (json_int_t)key->reads,
	    "since", (json_int_t)time(NULL), "joined", s->joined);
	int bad = json == NULL || parts == NULL;

	for (size_t i = 0; !bad && i < s->count; i++)
		bad |= json_array_append_new(
		    parts, json_pack("{s:s, s:I, s:I}", "id", s->parts[i].id,
			       "first", (json_int_t)s->parts[i].first, "end",
			       (json_int_t)s->parts[i].end));
	if (bad) {
		json_decref(parts);
		json_decref(json);
		return NULL;
	}
	json_object_set_new(json, "parts", parts);
	return json;
}

/* A folder has to be on the disk, too, for its new name to be. */
static int sync_folder(const char *file)
{
	char *folder = strndup(file, (size_t)(strrchr(file, '/') - file));
	if (folder == NULL)
		return -ENOMEM;

	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

int state_save(struct state *s, const struct state_key *key)
{
	json_t *json = to_json(s, key);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	/* jansson takes UTF-8 only: a path may be something else. */
	if (text == NULL)
		return -EILSEQ;

	size_t len = strlen(text);
	ssize_t n = pwrite(s->fd, text, len, 0);
	int r = n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
	free(text);
	if (r == 0 && (ftruncate(s->fd, (off_t)len) < 0 || fsync(s->fd) < 0))
		r = -errno;
	return r < 0 ? r : sync_folder(s->file);
}

void state_remove(struct state *s)
{
	if (s->fd < 0)
		return;
	unlink(s->file);
	close(s->fd);
	s->fd = -1;
}

void state_close(struct state *s)
{
	struct stat st;

	if (s->fd >= 0) {
		if (fstat(s->fd, &st) == 0 && st.st_size == 0)
			unlink(s->file);
		close(s->fd);
	}
	state_clear(s);
	free(s->file);
	*s = (struct state){.fd = -1};
}

/* ---- all of them -------------------------------------------------------- */

static int tell(int folder_fd, const char *name, state_fn fn, void *arg)
{
	struct state s = {.fd = -1};
	struct state_entry entry = {.name = name, .state = &s};
	int r = 0;

	int fd = openat(folder_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;

	entry.running = flock(fd, LOCK_EX | LOCK_NB) < 0;
	json_t *json = read_json(fd);
	/* Others may have it again when `fn` looks at it. */
	close(fd);
	if (json != NULL) {
		read_key(json, &entry.key);
		entry.server = entry.key.server;
		entry.path = entry.key.path;
		entry.size = entry.key.size;
		entry.since = number(json, "since");
		if (entry.server != NULL && entry.path != NULL &&
		    read_parts(json, entry.size, &s) == 0)
			r = fn(arg, &entry);
	}
	state_clear(&s);
	json_decref(json);
	return r;
}

int state_each(state_fn fn, void *arg)
{
	char *path = NULL;
	struct dirent *d;

	int r = path_of("", &path);
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	DIR *dir = opendir(path);
	r = dir == NULL ? -errno : 0;
	free(path);
	if (dir == NULL)
		return r == -ENOENT ? 0 : r;

	while (r == 0 && (d = readdir(dir)) != NULL) {
		if (is_name(d->d_name))
			r = tell(dirfd(dir), d->d_name, fn, arg);
	}
	closedir(dir);
	return r < 0 ? r : 0;
}

int state_forget(const char *name)
{
	char *path = NULL;

	if (!is_name(name))
		return -EINVAL;

	int r = path_of(name, &path);
	if (r < 0)
		return r;

	int fd = open_locked(path, 0);
	r = fd < 0 ? fd : unlink(path) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	free(path);
	return r;
}
