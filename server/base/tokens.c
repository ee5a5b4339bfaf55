/* SPDX-License-Identifier: MIT */
#include "base/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/linefile.h"
#include "common/authfile.h"

/* By which scanners for secrets know it. */
#define PREFIX "spw_"
#define SECRET_SIZE 32
_Static_assert(sizeof(((struct token *)0)->hash) == TOKEN_HASH_SIZE, "one");
_Static_assert(TOKEN_FILE_LINE_SIZE == TOKEN_LINE_SIZE, "one");
_Static_assert(LINEFILE_WHY_SIZE == AUTH_WHY_SIZE, "one");
_Static_assert(sizeof(PREFIX) - 1 + BASE64_SIZE(SECRET_SIZE) <=
		   TOKEN_TEXT_SIZE, "it has room");

struct tokens {
	size_t count;
	struct token *items[LINEFILE_LINES_MAX];
};

static bool hash_of(struct str text, uint8_t out[TOKEN_HASH_SIZE])
{
	return EVP_Digest(
		   text.p, text.n, out, NULL, EVP_sha256(), NULL) == 1;
}

/* Returns: whether a line above is at odds with this one, and how. */
static bool conflict(const struct tokens *all, const struct token *t,
    char ret_why[LINEFILE_WHY_SIZE])
{
	const char *what = NULL;

	for (size_t i = 0; i < all->count && !what; i++) {
		const struct token *other = all->items[i];

		if (memcmp(other->hash, t->hash, sizeof(t->hash)) == 0)
			what = "a line above has this hash already; a token "
			       "is in one line";
		else if (strcmp(other->name, t->name) == 0 &&
			 memcmp(&other->limits, &t->limits,
			     sizeof(t->limits)) != 0)
			what = "a line above gives this name other limits; "
			       "write the same for each of its tokens";
	}
	if (what)
		snprintf(ret_why, LINEFILE_WHY_SIZE, "'%s': %s", t->name, what);
	return what;
}

static int add(void *ctx, struct str line, char ret_why[LINEFILE_WHY_SIZE])
{
	struct tokens *all = ctx;
	struct token_line said;

	int r = token_line_read(line, &said, ret_why);
	if (r < 0)
		return r;

	struct token *t = calloc(1, sizeof(*t) + said.name.n + 1);
	if (!t)
		return -ENOMEM;

	memcpy(t->hash, said.hash, sizeof(t->hash));
	memcpy(t->name, said.name.p, said.name.n);
	t->scopes = said.scopes;
	t->limits = (struct account_limits){
	    said.quota_bytes, said.files, said.per_minute};
	if (conflict(all, t, ret_why)) {
		free(t);
		return -EINVAL;
	}
	all->items[all->count++] = t;
	return 0;
}

int tokens_load(
    const char *path, struct tokens **ret, struct conf_error *reterr)
{
	struct tokens *all = calloc(1, sizeof(*all));
	if (!all)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	int r = linefile_read(path, add, all, reterr);
	if (r < 0) {
		tokens_free(all);
		return r;
	}
	*ret = all;
	return 0;
}

void tokens_free(struct tokens *all)
{
	if (!all)
		return;

	for (size_t i = 0; i < all->count; i++)
		free(all->items[i]);
	free(all);
}

const struct token *tokens_find(const struct tokens *all, struct str text)
{
	const struct token *found = NULL;
	uint8_t hash[TOKEN_HASH_SIZE];

	if (!hash_of(text, hash))
		return NULL;
	for (size_t i = 0; i < all->count; i++) {
		if (CRYPTO_memcmp(hash, all->items[i]->hash,
			sizeof(hash)) == 0)
			found = all->items[i];
	}
	return found;
}

unsigned tokens_scopes(const struct tokens *all, struct str name)
{
	unsigned scopes = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (str_eq(name, all->items[i]->name))
			scopes |= all->items[i]->scopes;
	}
	return scopes;
}

int tokens_limit(const struct tokens *all, struct accounts *accounts)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct token *t = all->items[i];
		struct account *a = accounts_get(accounts, str_from(t->name));

		if (!a)
			return -ENOMEM;
		account_limit(a, &t->limits);
	}
	return 0;
}

int tokens_make(const char *name, char ret_text[TOKEN_TEXT_SIZE],
    char ret_line[TOKEN_FILE_LINE_SIZE])
{
	uint8_t secret[SECRET_SIZE];
	struct token_line line = {
	    .name = str_from(name),
	    .scopes = ((1u << AUTH_SCOPE_COUNT) - 1) & ~(unsigned)AUTH_ADMIN,
	};
	const size_t prefix = sizeof(PREFIX) - 1;

	if (!token_name_valid(line.name))
		return -EINVAL;
	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return -EIO;

	memcpy(ret_text, PREFIX, prefix);
	base64url_encode(secret, sizeof(secret), ret_text + prefix);
	if (!hash_of(str_from(ret_text), line.hash))
		return -EIO;
	token_line_write(&line, ret_line);
	return 0;
}
