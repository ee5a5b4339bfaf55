/* SPDX-License-Identifier: MIT */
/* What is read of an upload before its body. */
#include "ingest/again.h"

static void answer_one(struct http_request *req, const struct again *a)
{
	upload_reply_told(req, a->files[0], a->status, a->algs);
}

static void answer_list(struct http_request *req, const struct again *a)
{
	upload_reply_list_again(req, a->files, a->count, a->algs);
}

bool upload_terms_read(struct http_request *req, struct ingest *in, bool form,
    struct upload_terms *ret)
{
	/* A form's boundary differs each time, and with it type and length. */
	struct str content = form ? str_from("form") : (struct str){NULL, 0};
	struct again *a;

	ret->claim = NULL;
	if (!upload_params(req, &ret->params) ||
	    !integrity_read(req, in->conf, &ret->integrity) ||
	    !upload_coding(req, &ret->coding))
		return false;

	switch (again_find(req, in, content, &ret->claim, &a)) {
	case AGAIN_NEW:
		return true;
	case AGAIN_MADE:
		a->answer = form ? answer_list : answer_one;
		a->algs = ret->integrity.asked | ret->integrity.said.have;
		if (!form)
			http_body_limit(req, in->conf->store.max_file_size);
		again_tell(req, a);
		return false;
	case AGAIN_REFUSED:
		break;
	}
	return false;
}
