/* SPDX-License-Identifier: MIT */
#include "deliver/zip_fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void fill(struct zip_fault *f, enum zip_fault_kind kind, const char *fmt,
    va_list ap) SPW_PRINTF(3, 0);

static void fill(
    struct zip_fault *f, enum zip_fault_kind kind, const char *fmt, va_list ap)
{
	*f = (struct zip_fault){.kind = kind, .err = -EBADMSG};
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
}

int zip_fault_set(
    struct zip_fault *f, enum zip_fault_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, kind, fmt, ap);
	va_end(ap);
	return f->err;
}

int zip_fault_limit(struct zip_fault *f, uint64_t limit, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, ZIP_FAULT_LIMIT, fmt, ap);
	va_end(ap);
	f->limit = limit;
	return f->err;
}

int zip_fault_missing(
    struct zip_fault *f, struct spw_spool *s, uint64_t off, uint64_t len)
{
	*f = (struct zip_fault){.kind = ZIP_FAULT_MISSING,
	    .err = -EAGAIN,
	    .spool = s,
	    .off = off,
	    .len = len};
	return f->err;
}

int zip_fault_broken(struct zip_fault *f)
{
	*f = (struct zip_fault){.kind = ZIP_FAULT_BROKEN, .err = -EIO};
	return f->err;
}

int zip_fault_errno(struct zip_fault *f, int err)
{
	*f = (struct zip_fault){.kind = ZIP_FAULT_SYSTEM, .err = err};
	return err;
}
