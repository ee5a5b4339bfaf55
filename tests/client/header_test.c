/* SPDX-License-Identifier: MIT */
/* The public headers stand alone, also when they are there twice. */
#include <spillway/client_multi.h>

#include <spillway/client_fetch.h>
#include <spillway/client_link.h>
#include <spillway/client_metrics.h>
#include <spillway/client_process.h>
#include <spillway/client_upload.h>
#include <spillway/client_url.h>
#include <spillway/client_zip.h>

#include <spillway/client.h>

int main(void)
{
	return spwc_version() == NULL;
}
