/* SPDX-License-Identifier: MIT */
#include "ingest/integrity.h"

#include <errno.h>

#include "ingest/upload.h"

/* What we say of ourselves where something else was given. */
#define ACCEPTED "sha-256=10, sha-512=9"

static void refuse(struct http_request *req, const char *field, const char *why)
{
	struct http_problem p = http_problem(PROBLEM_BAD_REQUEST,
	    "The field %s %s; sha-256 and sha-512 are understood.", field, why);
	struct http_reply r = http_problem_reply(req, &p);

	http_reply_header(&r, "Want-Repr-Digest", ACCEPTED);
	http_reply_header(&r, "Want-Content-Digest", ACCEPTED);
	http_reply(req, &r);
}

/* Every line of one field. False: answered. */
static bool read_said(struct http_request *req, const char *name,
    int (*read)(struct str field, struct digest_set *set),
    struct digest_set *said)
{
	struct str field;
	int found = 0;

	for (unsigned i = 0; (field = http_header_at(req, name, i)).p; i++) {
		int r = read(field, said);
		if (r < 0) {
			refuse(req, name,
			    r == -EEXIST ? "contradicts another digest"
					 : "cannot be read");
			return false;
		}
		found += r;
	}
	if (!found && http_header(req, name).p) {
		refuse(req, name, "names no algorithm known here");
		return false;
	}
	return true;
}

/* Whether Trailer announces a digest behind the content. */
static bool announced(const struct http_request *req)
{
	struct str list, item;

	for (unsigned i = 0; (list = http_header_at(req, "Trailer", i)).p;
	     i++) {
		while (str_list_next(&list, &item)) {
			if (str_ieq(item, "Content-Digest") ||
			    str_ieq(item, "Repr-Digest"))
				return true;
		}
	}
	return false;
}

static unsigned wanted_by(const struct http_request *req, const char *name)
{
	struct str field = http_header(req, name);
	enum digest_alg alg;

	if (!field.p || digest_want_read(field, digest_able(), &alg) <= 0)
		return 0;
	return DIGEST_BIT(alg);
}

unsigned integrity_wanted(const struct http_request *req)
{
	return wanted_by(req, "Want-Repr-Digest");
}

unsigned integrity_wanted_sent(const struct http_request *req)
{
	return wanted_by(req, "Want-Content-Digest");
}

bool integrity_asked(struct http_request *req, unsigned *ret)
{
	char text[128];
	size_t len;

	*ret = 0;
	if (!http_query_get(req, "digest", text, sizeof(text), &len))
		return true;
	if (len < sizeof(text) &&
	    digest_algs_read((struct str){text, len}, ret) == 0 &&
	    !(*ret & ~digest_able()))
		return true;

	http_reply_error(req, PROBLEM_BAD_REQUEST,
	    "The parameter digest is a list of sha-256, sha-512, sha, md5 and "
	    "crc32c.");
	return false;
}

bool integrity_wishes(
    struct http_request *req, const struct conf *conf, struct integrity *ret)
{
	if (!integrity_asked(req, &ret->asked))
		return false;

	ret->asked |= integrity_wanted(req);
	ret->kept = ret->asked;
	if (conf->store.digest == CONF_DIGEST_ALWAYS)
		ret->kept |= DIGEST_BIT(DIGEST_SHA256);
	return true;
}

/* Read what the header says of the content. False: answered. */
static bool read_content(struct http_request *req, struct integrity *ret)
{
	struct digest_set *said = &ret->said;

	said->have = 0;
	if (!read_said(req, "Content-Digest", digest_field_read, said) ||
	    !read_said(req, "Repr-Digest", digest_field_read, said) ||
	    !read_said(req, "Content-MD5", digest_md5_read, said))
		return false;

	unsigned able = said->have & digest_able();
	if (said->have && !able) {
		refuse(req, "with the digest", "needs what is forbidden here");
		return false;
	}
	said->have = able;
	ret->trailing = announced(req);
	/* Which of them it will be is told when it is too late to begin. */
	ret->checked = able | (ret->trailing ? DIGEST_SECURE : 0);
	return true;
}

bool integrity_read(
    struct http_request *req, const struct conf *conf, struct integrity *ret)
{
	return integrity_wishes(req, conf, ret) && read_content(req, ret);
}

int integrity_trailers(const struct http_request *req, struct integrity *in)
{
	static const char *const names[] = {"Content-Digest", "Repr-Digest"};

	for (size_t i = 0; in->trailing && i < 2; i++) {
		struct str field;

		for (unsigned k = 0; (field = http_trailer(req, names[i], k)).p;
		     k++) {
			if (digest_field_read(field, &in->said) <= 0)
				return -EPROTO;
		}
	}
	return 0;
}

int integrity_check(struct integrity *in, struct digest *d)
{
	int r = digest_finish(d, &in->found);

	if (r < 0)
		return r;
	return digest_differs(&in->found, &in->said) ? -EBADE : 0;
}

void integrity_failed(
    struct http_request *req, const struct integrity *in, int err)
{
	char how[DIGEST_DIFFERENCE_SIZE];

	if (err == -EBADE &&
	    digest_difference_write(&in->found, &in->said, how))
		http_reply_error(req, PROBLEM_DIGEST_MISMATCH,
		    "The content's %s as was said; nothing was kept.", how);
	else
		upload_failed(req, err);
}

bool integrity_text(struct http_request *req, struct str text)
{
	struct integrity in = {0};

	if (!read_content(req, &in))
		return false;

	int r = integrity_trailers(req, &in);
	if (r == 0 && in.checked)
		r = digest_once(in.checked, text.p, text.n, &in.found);
	if (r == 0 && in.checked && digest_differs(&in.found, &in.said))
		r = -EBADE;
	if (r < 0)
		integrity_failed(req, &in, r);
	return r == 0;
}

void integrity_field(struct file *f, unsigned algs, struct http_reply *r)
{
	struct digest_set known;
	char text[DIGEST_FIELD_SIZE];

	if (algs && (file_digests(f, &known) & algs) &&
	    digest_field_write(&known, algs, text))
		http_reply_header(r, "Repr-Digest", text);
}
