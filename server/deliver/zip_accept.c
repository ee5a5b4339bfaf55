/* SPDX-License-Identifier: MIT */
#include "deliver/zip_accept.h"

#include "common/accept.h"

/** Returns: the form that a media type means, -1 for none of ours. */
static int form_of(struct str type, bool *ret_named)
{
	*ret_named = true;
	if (str_ieq(type, "application/json"))
		return ZIP_FORM_JSON;
	if (str_ieq(type, "application/x-ndjson"))
		return ZIP_FORM_NDJSON;
	if (str_ieq(type, "text/plain"))
		return ZIP_FORM_TEXT;

	*ret_named = false;
	return str_eq(type, "*/*") || str_ieq(type, "application/*")
		   ? ZIP_FORM_JSON
		   : -1;
}

enum zip_form zip_accept_form(struct str accept)
{
	enum zip_form best = ZIP_FORM_JSON;
	bool best_named = false;
	int best_weight = 0;
	struct accept_choice c;

	while (accept_next(&accept, &c)) {
		bool named;
		int form = form_of(c.name, &named);
		bool better = c.weight > best_weight ||
			      (c.weight == best_weight && named && !best_named);

		if (form < 0 || c.weight == 0 || !better)
			continue;
		best = (enum zip_form)form;
		best_named = named;
		best_weight = c.weight;
	}
	return best;
}
