/* SPDX-License-Identifier: MIT */
/*
 * Giving up system calls that a server never needs (seccomp).
 *
 * It is a list of what is denied, not of what is allowed. What libc, the
 * resolver's modules, OpenSSL and libcurl call differs from version to version
 * and is rarest where something goes wrong: an allow-list would take the server
 * down with an update, or in the middle of handling a fault. The coarse
 * allow-list that systemd keeps up with the kernel is in the unit.
 *
 * Denied, with EPERM unless said otherwise:
 *   - programs and processes: execve(), fork(); clone() of anything but a
 *     thread; clone3() with ENOSYS, whose flags cannot be seen, so that libc
 *     falls back to clone(); ptrace() and reading others' memory;
 *   - being somebody else: set*id(), capabilities, namespaces, mounts, chroot;
 *   - the kernel's large and young interfaces: bpf, io_uring, userfaultfd,
 *     perf, keys, modules, kexec; sockets that are neither unix nor IP
 *     (EAFNOSUPPORT);
 *   - the machine: clocks, host name, swap, reboot, devices;
 *   - memory that can be written and run, or is made to run later.
 *
 * Threads: holds for all that there are, and those to come.
 */
#ifndef BASE_SECCOMP_H
#define BASE_SECCOMP_H

#include <spillway/base.h>

/**
 * From now on they are denied, for good.
 *
 * Errors:    -EOPNOTSUPP the kernel, or this build for its processor, has none;
 *            negative errno: nothing has changed.
 */
int seccomp_enter(void) SPW_MUST_CHECK;

/** What programs may, besides the rest. */
enum { SECCOMP_NETWORK = 1, SECCOMP_TRUNCATE = 2 };

/**
 * The same for a process that is about to become a program: it may start
 * others and threads, and make memory that runs, as interpreters do, but no
 * user namespaces. It may not hide from who measures it (PR_SET_DUMPABLE, a
 * thread with descriptors of its own), nor change others' limits, nor have
 * what is nobody's: System V shared memory, queues and semaphores, POSIX
 * queues, memfd_secret(), vmsplice(), asynchronous input and output that keeps
 * closed files (io_setup(); io_uring is denied to all) (ENOSYS). It is told of
 * nothing that happens in directories (inotify: ENOSYS, since Landlock does not
 * look there). It sets no extended attributes (EOPNOTSUPP), also of what it may
 * only read. Without SECCOMP_NETWORK it opens no sockets, and with those of a
 * socketpair() reaches nobody and sends no descriptors: connect(), bind(),
 * sendmsg(), and sendto() with an address fail with EACCES. So does truncate()
 * without SECCOMP_TRUNCATE, for where Landlock does not look at that.
 *
 * It calls nothing that must not be called between fork() and execve().
 */
int seccomp_enter_program(unsigned may) SPW_MUST_CHECK;

#endif
