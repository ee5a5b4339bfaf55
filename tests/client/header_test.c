/* SPDX-License-Identifier: MIT */
/* The public header stands alone, also when it is there twice. */
#include <spillway/client.h>

int main(void)
{
	return spwc_version() == NULL;
}
