/* SPDX-License-Identifier: MIT */
/* What a file counts for with whoever made it. */
#include <errno.h>

#include "store/internal.h"

int file_own(struct file *f, struct account *a, uint64_t size)
{
	int r = account_enter(a);
	if (r < 0 || !a)
		return r;

	f->account = a;
	atomic_store(&f->owned, true);
	return size == FILE_SIZE_UNKNOWN ? 0 : file_charge(f, size);
}

void file_own_restored(struct file *f, struct account *a, uint64_t size)
{
	account_restore(a, size);
	f->account = a;
	atomic_store(&f->charged, size);
	atomic_store(&f->owned, true);
}

int file_charge(struct file *f, uint64_t size)
{
	uint64_t before = atomic_load(&f->charged);

	while (f->account && size > before) {
		int r = account_charge(f->account, size - before);
		if (r < 0)
			return r;
		if (atomic_compare_exchange_strong(&f->charged, &before, size))
			break;
		account_refund(f->account, size - before);
	}
	return 0;
}

int file_grow(struct file *f, uint64_t by)
{
	return f->account ? file_charge(f, spw_spool_size(f->spool) + by) : 0;
}

void file_disown(struct file *f)
{
	if (!f->account)
		return;

	uint64_t bytes = atomic_exchange(&f->charged, 0);
	if (atomic_exchange(&f->owned, false))
		account_leave(f->account, bytes);
	else
		account_refund(f->account, bytes);
}
