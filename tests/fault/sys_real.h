/* SPDX-License-Identifier: MIT */
/*
 * The real system under other names, for sys_fault.c to fall back on: each
 * call of lib/sys.h as real_sys_...(), then the declarations anew.
 */
#ifndef TESTS_FAULT_SYS_REAL_H
#define TESTS_FAULT_SYS_REAL_H

#define spw__fs_info real_fs_info
#define spw__sys_alloc real_sys_alloc
#define spw__sys_alloc_dirty real_sys_alloc_dirty
#define spw__sys_free real_sys_free
#define spw__sys_map real_sys_map
#define spw__sys_map_room real_sys_map_room
#define spw__sys_map_more real_sys_map_more
#define spw__sys_unmap real_sys_unmap
#define spw__sys_open_dir real_sys_open_dir
#define spw__sys_open_dir_at real_sys_open_dir_at
#define spw__sys_replace real_sys_replace
#define spw__sys_link real_sys_link
#define spw__sys_move real_sys_move
#define spw__sys_chmod real_sys_chmod
#define spw__sys_sync real_sys_sync
#define spw__sys_pwritev real_sys_pwritev
#define spw__sys_copy_range real_sys_copy_range
#define spw__sys_open_place real_sys_open_place
#define spw__sys_open_child real_sys_open_child
#define spw__sys_unnamed real_sys_unnamed
#define spw__sys_create real_sys_create
#define spw__sys_mkdir real_sys_mkdir
#define spw__sys_unlink real_sys_unlink
#define spw__sys_rmdir real_sys_rmdir
#define spw__sys_rename real_sys_rename
#define spw__sys_allow real_sys_allow
#define spw__sys_list real_sys_list
#define spw__sys_rewind real_sys_rewind
#define spw__sys_cwd real_sys_cwd
#define spw__sys_random real_sys_random
#define spw__sys_pread_cached real_sys_pread_cached
#define spw__sys_event real_sys_event
#define spw__sys_event_set real_sys_event_set
#define spw__sys_event_clear real_sys_event_clear
#define spw__sys_close real_sys_close
#define spw__sys_dup real_sys_dup
#define spw__sys_pread real_sys_pread
#define spw__sys_pwrite real_sys_pwrite
#define spw__sys_truncate real_sys_truncate
#define spw__sys_file_size real_sys_file_size
#define spw__sys_punch real_sys_punch
#define spw__sys_reserve real_sys_reserve
#define spw__sys_fs_info real_sys_fs_info
#define spw__sys_cookie_file real_sys_cookie_file
#define spw__sys_iconv_open real_sys_iconv_open
#define spw__sys_iconv_close real_sys_iconv_close
#define spw__sys_iconv real_sys_iconv
#define spw__sys_thread real_sys_thread
#define spw__sys_now_ms real_sys_now_ms
#define spw__sys_now_us real_sys_now_us
#define spw__sys_open_file real_sys_open_file
#define spw__sys_lock real_sys_lock
#define spw__sys_links real_sys_links
#define spw__sys_boot_id real_sys_boot_id
#include "sys.c"
#include "sys_file.c"
#undef spw__fs_info
#undef spw__sys_alloc
#undef spw__sys_alloc_dirty
#undef spw__sys_free
#undef spw__sys_map
#undef spw__sys_map_room
#undef spw__sys_map_more
#undef spw__sys_unmap
#undef spw__sys_open_dir
#undef spw__sys_open_dir_at
#undef spw__sys_replace
#undef spw__sys_link
#undef spw__sys_move
#undef spw__sys_chmod
#undef spw__sys_sync
#undef spw__sys_pwritev
#undef spw__sys_copy_range
#undef spw__sys_open_place
#undef spw__sys_open_child
#undef spw__sys_unnamed
#undef spw__sys_create
#undef spw__sys_mkdir
#undef spw__sys_unlink
#undef spw__sys_rmdir
#undef spw__sys_rename
#undef spw__sys_allow
#undef spw__sys_list
#undef spw__sys_rewind
#undef spw__sys_cwd
#undef spw__sys_random
#undef spw__sys_pread_cached
#undef spw__sys_event
#undef spw__sys_event_set
#undef spw__sys_event_clear
#undef spw__sys_close
#undef spw__sys_dup
#undef spw__sys_pread
#undef spw__sys_pwrite
#undef spw__sys_truncate
#undef spw__sys_file_size
#undef spw__sys_punch
#undef spw__sys_reserve
#undef spw__sys_fs_info
#undef spw__sys_cookie_file
#undef spw__sys_iconv_open
#undef spw__sys_iconv_close
#undef spw__sys_iconv
#undef spw__sys_thread
#undef spw__sys_now_ms
#undef spw__sys_now_us
#undef spw__sys_open_file
#undef spw__sys_lock
#undef spw__sys_links
#undef spw__sys_boot_id
#undef SPILLWAY_LIB_SYS_H
#include "sys.h"

#endif
