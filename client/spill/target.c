/* SPDX-License-Identifier: MIT */
#include "spill/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/client_fetch.h>

/* Whoever lists or reads a remote zip comes back to it soon, or never. */
#define REMOTE_TTL_S 600u
/* How long a server may take to answer that it has something to read. */
#define REMOTE_WAIT_S 30u

/* Waits until any place of a file can be asked for, or all of it is there: an
 * archive's directory is at its end, and of one that just comes in the server
 * tells what has come. A file that has its ETag is of one version from end to
 * end. */
static int wait_for_file(struct cli *cli, struct spwc_client *client,
    const char *url, bool whole, struct spwc_file *file)
{
	while (file->state == SPWC_RECEIVING && (whole || file->etag == NULL)) {
		struct spwc_file newer = {0};
		struct spwc_error error;

		int r =
		    spwc_info(client, file->id, REMOTE_WAIT_S, &newer, &error);
		if (r < 0)
			return cli_fail(cli, r, &error, url);
		spwc_file_fini(file);
		*file = newer;
	}
	if (file->state != SPWC_FAILED)
		return EXIT_OK;
	cli_say_error(cli, &file->error, "fetching %s failed: %s", url,
	    file->error.detail);
	return EXIT_FAILED;
}

static int fetch_remote(struct cli *cli, const char *url,
    enum target_remote remote, struct target *ret_target)
{
	bool whole = remote == TARGET_REMOTE_WHOLE;
	struct spwc_fetch_opts opts = {
	    .size = sizeof(opts),
	    .url = url,
	    .lazy = !whole,
	    .ttl_s = REMOTE_TTL_S,
	    .wait_s = remote == TARGET_REMOTE_LAZY ? 0 : REMOTE_WAIT_S,
	};
	struct spwc_client *client;
	struct spwc_error error;
	struct spwc_file file = {0};

	int code = cli_client(cli, &client);
	if (code != EXIT_OK)
		return code;

	int r = spwc_fetch(client, &opts, &file, &error);
	if (r < 0)
		return cli_fail(cli, r, &error, url);

	if (remote != TARGET_REMOTE_LAZY)
		code = wait_for_file(cli, client, url, whole, &file);
	if (code != EXIT_OK) {
		spwc_file_fini(&file);
		return code;
	}
	ret_target->client = client;
	ret_target->ref = strdup(file.id);
	ret_target->id = SPW_TAKE(file.id);
	spwc_file_fini(&file);
	if (ret_target->ref == NULL) {
		target_fini(ret_target);
		return cli_fail_errno(cli, -ENOMEM, url);
	}
	return EXIT_OK;
}

static int target_remote(struct cli *cli, const char *url,
    enum target_remote remote, struct target *ret_target)
{
	if (remote != TARGET_REMOTE)
		return fetch_remote(cli, url, remote, ret_target);

	int code = cli_client(cli, &ret_target->client);
	if (code != EXIT_OK)
		return code;

	ret_target->id = strdup(url);
	return ret_target->id != NULL ? EXIT_OK
				      : cli_fail_errno(cli, -ENOMEM, url);
}

static bool is_url(const char *text)
{
	return strncmp(text, "http://", 7) == 0 ||
	       strncmp(text, "https://", 8) == 0;
}

bool target_is_local(const char *text)
{
	struct spwc_ref ref = {0};

	if (strcmp(text, "-") == 0)
		return true;
	if (is_url(text) || strchr(text, '/') == NULL)
		return false;

	int r = spwc_ref_parse(text, &ref);
	spwc_ref_fini(&ref);
	return r == -EINVAL;
}

int target_find(struct cli *cli, const char *text, enum target_remote remote,
    struct target *ret_target)
{
	struct spwc_ref ref = {0};

	*ret_target = (struct target){.label = text};
	int r = spwc_ref_parse(text, &ref);
	if (r == -EINVAL && is_url(text)) {
		if (remote)
			return target_remote(cli, text, remote, ret_target);
		return cli_usage(cli,
		    "'%s' is not the URL of a file of a spillwayd; 'spill "
		    "fetch' makes it one",
		    text);
	}
	if (r == -EINVAL)
		return cli_usage(
		    cli, "'%s' is neither the id nor the URL of a file", text);
	if (r < 0)
		return cli_fail_errno(cli, r, text);

	int code = cli_client_for(cli, ref.server, &ret_target->client);
	if (code == EXIT_OK) {
		ret_target->ref = strdup(text);
		ret_target->id = SPW_TAKE(ref.id);
		ret_target->label = ret_target->id;
		if (ret_target->ref == NULL) {
			target_fini(ret_target);
			code = cli_fail_errno(cli, -ENOMEM, text);
		}
	}
	spwc_ref_fini(&ref);
	return code;
}

void target_explain(const struct target *t, struct spwc_error *error)
{
	struct spwc_file file = {0};

	if (t->ref == NULL || strcmp(error->type, "http_response_incomplete"))
		return;
	if (spwc_info(t->client, t->ref, 0, &file, NULL) == 0 &&
	    file.state == SPWC_FAILED)
		*error = file.error;
	spwc_file_fini(&file);
}

void target_fini(struct target *t)
{
	free(t->ref);
	free(t->id);
	*t = (struct target){0};
}
