/* SPDX-License-Identifier: MIT */
#include "base/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
/* The same numbers with this bit mean another interface (x32). */
#define OTHER_ABI 0x40000000u
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#endif

#ifdef NATIVE

/* Calls that not every processor or every libc's headers have. */
static const long denied[] = {
    /* Other processes. */
    SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
    /* Being somebody else, or elsewhere. */
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
    SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
#ifdef SYS_move_mount
    SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
    SYS_fspick,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_personality,
    /* The kernel's own. */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_fanotify_init,
    SYS_add_key, SYS_request_key, SYS_keyctl, SYS_init_module,
    SYS_finit_module, SYS_delete_module, SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
#endif
    /* The machine. */
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex,
    SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_reboot, SYS_swapon,
    SYS_swapoff, SYS_acct, SYS_quotactl, SYS_vhangup, SYS_mknodat,
#ifdef SYS_mknod
    SYS_mknod,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
};

/* To programs, with ENOTSUP as where a file system has none: what is kept about
   a file is an attribute of it, and who may only read a file of his own user's
   may set those. */
static const long denied_attributes[] = {
    SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr,
    SYS_lremovexattr, SYS_fremovexattr,
#ifdef SYS_setxattrat
    SYS_setxattrat, SYS_removexattrat,
#endif
};

/* To programs, with ENOSYS, as on a kernel without: memory and queues that are
   no process's, so that nobody measures them, and of which some outlive all;
   and who tells what happens in directories that they may not read. */
static const long denied_hidden[] = {
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
    /* A pipe then holds pages that are mapped nowhere. */
    SYS_vmsplice,
    /* It waits for what happens to files that are closed then. */
    SYS_io_setup,
#ifdef SYS_memfd_secret
    SYS_memfd_secret,
#endif
    SYS_inotify_init1,
#ifdef SYS_inotify_init
    SYS_inotify_init,
#endif
/* Its flags cannot be seen. */
#ifdef SYS_clone3
    SYS_clone3,
#endif
};

/* To programs without a network, with EACCES: sockets, and also with those of
   a pair to have to do with others, or to have descriptors on their way, where
   nobody sees them. */
static const long denied_sockets[] = {
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_sendmsg,
    SYS_sendmmsg,
};

/* Programs: to all but those. */
static const long denied_starts[] = {
    SYS_execve, SYS_execveat,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
};

#define ARG(n) \
	(offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))
#define DENY(err) (SECCOMP_RET_ERRNO | ((err) & SECCOMP_RET_DATA))

/* Two instructions for each, and a few for those that depend. */
#define PROGRAM_MAX \
	(2 * \
		(sizeof(denied) + sizeof(denied_attributes) + \
		    sizeof(denied_hidden) + sizeof(denied_sockets)) / \
		sizeof(denied[0]) + \
	    96)

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short len;
};

static void add(
    struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	assert(p->len < PROGRAM_MAX);
	p->code[p->len++] = (struct sock_filter){code, jt, jf, k};
}

static void load(struct program *p, size_t at)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void ret(struct program *p, uint32_t what)
{
	add(p, BPF_RET | BPF_K, what, 0, 0);
}

/* The call with this number is `what`. */
static void verdict(struct program *p, long nr, uint32_t what)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	ret(p, what);
}

/*
 * The call is decided by the low half of an argument: denied when it has all
 * of `bits`; or, with `unless`, when it lacks one.
 */
static void by_bits(
    struct program *p, long nr, unsigned arg, uint32_t bits, bool unless)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 5);
	load(p, ARG(arg));
	add(p, BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, bits, unless, !unless);
	ret(p, DENY(EPERM));
	ret(p, SECCOMP_RET_ALLOW);
}

/* The call is denied when an argument is this; others of it are looked at. */
static void deny_value(
    struct program *p, long nr, unsigned arg, uint32_t value)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	load(p, ARG(arg));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	ret(p, DENY(EPERM));
	load(p, offsetof(struct seccomp_data, nr));
}

/* The call is denied when an argument, of so many words, is not 0. */
static void deny_unless_zero(
    struct program *p, long nr, unsigned arg, unsigned words, int err)
{
	uint8_t checks = (uint8_t)(2 * words);

	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, checks + 2);
	for (unsigned i = 0; i < words; i++) {
		bool last = i + 1 == words;

		load(p, ARG(arg) + i * sizeof(uint32_t));
		add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, last,
		    (uint8_t)(last ? 0 : checks - 2 * (i + 1)));
	}
	ret(p, DENY((unsigned)err));
	load(p, offsetof(struct seccomp_data, nr));
}

/* No namespace of users; a thread has the descriptors of its process, which are
   what is looked at. */
static void bound_clone(struct program *p)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 6);
	load(p, ARG(0));
	add(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 2, 0);
	add(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 2);
	add(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_FILES, 1, 0);
	ret(p, DENY(EPERM));
	ret(p, SECCOMP_RET_ALLOW);
}

static void allow_families(struct program *p)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 6);
	load(p, ARG(0));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 3, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
	ret(p, DENY(EAFNOSUPPORT));
	ret(p, SECCOMP_RET_ALLOW);
}

static void deny_all(
    struct program *p, const long *calls, size_t count, uint32_t err)
{
	for (size_t i = 0; i < count; i++)
		verdict(p, calls[i], DENY(err));
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What holds for everybody. */
static void build_common(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
	ret(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef OTHER_ABI
	add(p, BPF_JMP | BPF_JSET | BPF_K, OTHER_ABI, 0, 1);
	ret(p, SECCOMP_RET_KILL_PROCESS);
#endif
	deny_all(p, denied, COUNT(denied), EPERM);
	deny_value(p, SYS_ioctl, 1, TIOCSTI);
	deny_value(p, SYS_ioctl, 1, TIOCLINUX);
}

static void build(struct program *p)
{
	build_common(p);
	deny_all(p, denied_starts, COUNT(denied_starts), EPERM);
	/* The leak sanitizer looks at this process from another one. */
#ifndef WITH_SANITIZER
	verdict(p, SYS_ptrace, DENY(EPERM));
#ifdef SYS_clone3
	verdict(p, SYS_clone3, DENY(ENOSYS));
#endif
	by_bits(p, SYS_clone, 0, CLONE_THREAD, true);
#endif
	by_bits(p, SYS_mmap, 2, PROT_WRITE | PROT_EXEC, false);
	by_bits(p, SYS_mprotect, 2, PROT_EXEC, false);
#ifdef SYS_pkey_mprotect
	by_bits(p, SYS_pkey_mprotect, 2, PROT_EXEC, false);
#endif
	allow_families(p);
	ret(p, SECCOMP_RET_ALLOW);
}

static void build_program(struct program *p, unsigned may)
{
	build_common(p);
	verdict(p, SYS_ptrace, DENY(EPERM));
	/* With it a process hides from who is to measure it. */
	deny_value(p, SYS_prctl, 0, PR_SET_DUMPABLE);
	deny_all(p, denied_attributes, COUNT(denied_attributes), EOPNOTSUPP);
	deny_all(p, denied_hidden, COUNT(denied_hidden), ENOSYS);
	/* Others' limits are theirs; its own are those of 0. */
	deny_unless_zero(p, SYS_prlimit64, 0, 1, EPERM);
	bound_clone(p);
#ifdef SYS_close_range
	by_bits(p, SYS_close_range, 2, CLOSE_RANGE_UNSHARE, false);
#endif
	if (!(may & SECCOMP_TRUNCATE))
		verdict(p, SYS_truncate, DENY(EACCES));
	if (may & SECCOMP_NETWORK) {
		allow_families(p);
	} else {
		deny_all(p, denied_sockets, COUNT(denied_sockets), EACCES);
		deny_unless_zero(p, SYS_sendto, 4, 2, EACCES);
	}
	ret(p, SECCOMP_RET_ALLOW);
}

static int enter(struct program *p)
{
	const struct sock_fprog prog = {p->len, p->code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;

	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (r > 0)
		return -EBUSY; /* a thread has a filter of its own */
	if (r < 0)
		return errno == ENOSYS || errno == EINVAL ? -EOPNOTSUPP
							  : -errno;
	return 0;
}

int seccomp_enter(void)
{
	struct program p = {.len = 0};

	build(&p);
	return enter(&p);
}

int seccomp_enter_program(unsigned may)
{
	struct program p = {.len = 0};

	build_program(&p, may);
	return enter(&p);
}

#else

int seccomp_enter(void)
{
	return -EOPNOTSUPP;
}

int seccomp_enter_program(unsigned may)
{
	(void)may;
	return -EOPNOTSUPP;
}

#endif
