/* SPDX-License-Identifier: MIT */
/* The public headers stand alone, also when they are there twice. */
#include <spillway/client_url.h>

#include <spillway/client.h>

int main(void)
{
	return spwc_version() == NULL;
}
