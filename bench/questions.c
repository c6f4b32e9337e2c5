/* SPDX-License-Identifier: MIT */
/*
 * questions.c - the table of questions; of the sides ours is the first
 */
#include "bench/questions.h"

#include "bench/echo.h"
#include "bench/sides.h"

/* Files per side and round: bounds what a run needs of its file system. */
enum {
    COMMIT_MAX = 5000,
    MAIL_MAX = 5000,
};

static const struct echo_plan echo64 = {64, 1, ECHO_BYTES};
static const struct echo_plan echo1000 = {1000, 1, ECHO_BYTES};
static const struct echo_plan pipelined = {64, 16, ECHO_BYTES};
static const struct echo_plan gathered = {64, 16, ECHO_BUF};

const struct question questions[QUESTIONS] = {
    [NOP] =
        {
            .verb = "nop",
            .group = "runtime",
            .name = "op_nop32",
            .what = "a NOP, in batches of 32",
            .of = RATIO_OF_TIME,
            .finer = 10,
            .sides = {&bench_nop, &base_nop},
        },
    [READ] =
        {
            .verb = "read",
            .group = "runtime",
            .name = "op_read_cached",
            .what = "a buffered read of 4 KiB from a cached file, 32 at once",
            .of = RATIO_OF_TIME,
            .finer = 10,
            .sides = {&bench_read, &base_read},
        },
    [TIMERS] =
        {
            .verb = "timer32k",
            .group = "runtime",
            .name = "timer32k",
            .what = "one of 32,768 timers cancelled and started anew",
            .of = RATIO_OF_RATE,
            .finer = 4,
            .sides = {&bench_timer, &peer_timer_libev, &peer_timer_libuv,
                      &peer_timer_tevent},
        },
    [WATCH] =
        {
            .verb = "watch",
            .group = "runtime",
            .name = "watch",
            .what = "a byte passed on, 100 on their way through 1,000 pipes",
            .of = RATIO_OF_RATE,
            .finer = 4,
            .sides = {&bench_watch, &base_watch, &peer_watch_libev},
        },
    [WATCH_EDGE] =
        {
            .verb = "watch_edge",
            .group = "runtime",
            .name = "watch_edge",
            .what = "the same, told of edges",
            .of = RATIO_OF_RATE,
            .finer = 4,
            .sides = {&bench_watch_edge, &base_watch_edge},
        },
    [POST] =
        {
            .verb = "post",
            .group = "runtime",
            .name = "post",
            .what = "a message from a thread to a busy context",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .senders = 1,
            .sides = {&bench_post, &peer_post_libuv},
        },
    [POST4] =
        {
            .verb = "post4",
            .group = "runtime",
            .name = "post4",
            .what = "the same from four threads",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .senders = 4,
            .sides = {&bench_post, &peer_post_libuv},
        },
    [POST_LATENCY] =
        {
            .verb = "post_latency",
            .group = "runtime",
            .name = "post_latency",
            .what = "a message to a sleeping context, and one back",
            .of = RATIO_OF_P50,
            .finer = 4,
            .sides = {&bench_latency, &peer_latency_libuv},
        },
    [SERIAL] =
        {
            .verb = "serial",
            .group = "runtime",
            .name = "serial",
            .what = "an operation on each of 64 idle serials",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .sides = {&bench_serial, &peer_serial_tevent},
        },
    [SERIAL_FAST] =
        {
            .verb = "serial_fast",
            .group = "runtime",
            .name = "serial_fast",
            .what = "the same, tevent's triggered inside the call",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .sides = {&bench_serial, &peer_serial_tevent_fast},
        },
    [SERIAL_LONE] =
        {
            .verb = "serial_lone",
            .group = "runtime",
            .name = "serial_lone",
            .what = "one operation on one idle serial, a turn for each",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .sides = {&bench_serial_lone, &peer_serial_tevent_lone},
        },
    [SERIAL1000] =
        {
            .verb = "serial1000",
            .group = "runtime",
            .name = "serial1000",
            .what = "a thousand operations on one serial",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .sides = {&bench_serial_deep, &peer_serial_tevent_deep},
        },
    [GATE] =
        {
            .verb = "gate",
            .group = "runtime",
            .name = "gate",
            .what = "a gate entered and left, 64 in a turn",
            .of = RATIO_OF_TIME,
            .finer = 10,
            .sides = {&bench_gate, &bench_gate_loop},
        },
    [REQUEST] =
        {
            .verb = "request",
            .group = "runtime",
            .name = "request",
            .what =
                "a request allocated, finished, told and freed, 64 in a turn",
            .of = RATIO_OF_RATE,
            .finer = 10,
            .sides = {&bench_request, &peer_request_tevent},
        },
    [ECHO64] =
        {
            .verb = "echo64",
            .group = "runtime",
            .name = "echo64",
            .what = "an echo of 128 bytes, 64 connections, CPU of the server",
            .of = RATIO_OF_CPU_RATE,
            .echo = &echo64,
            .sides = {&bench_echo, &base_echo, &peer_echo_libev,
                      &peer_echo_libuv, &peer_echo_libevent, &peer_echo_tevent},
        },
    [ECHO1000] =
        {
            .verb = "echo1000",
            .group = "runtime",
            .name = "echo1000",
            .what = "the same, 1,000 connections",
            .of = RATIO_OF_CPU_RATE,
            .echo = &echo1000,
            .sides = {&bench_echo, &base_echo, &peer_echo_libev,
                      &peer_echo_libuv, &peer_echo_libevent, &peer_echo_tevent},
        },
    [ECHO_PIPELINED] =
        {
            .verb = "echo_pipelined",
            .group = "runtime",
            .name = "echo_pipelined",
            .what = "64 connections, 16 deep, a send for each message",
            .of = RATIO_OF_CPU_RATE,
            .echo = &pipelined,
            .sides = {&bench_echo, &base_echo, &peer_echo_libev,
                      &peer_echo_libuv, &peer_echo_libevent, &peer_echo_tevent},
        },
    [ECHO_GATHERED] =
        {
            .verb = "echo_gathered",
            .group = "runtime",
            .name = "echo_gathered",
            .what = "64 connections, 16 deep, a send for what came at once",
            .of = RATIO_OF_CPU_RATE,
            .echo = &gathered,
            .sides = {&bench_echo, &base_echo, &peer_echo_libev,
                      &peer_echo_libuv, &peer_echo_libevent, &peer_echo_tevent},
        },
    [ENGINE_ECHO] =
        {
            .verb = "engine_echo",
            .group = "runtime",
            .name = "engine_echo",
            .what = "echo64 of the same program under both engines",
            .of = RATIO_OF_CPU_RATE,
            .echo = &echo64,
            .sides = {&bench_echo_uring, &bench_echo_plain},
        },
    [ENGINE_COPY] =
        {
            .verb = "engine_copy",
            .group = "runtime",
            .name = "engine_copy",
            .what = "64 KiB of a cached file copied, 8 at once",
            .of = RATIO_OF_RATE,
            .sides = {&bench_copy_uring, &bench_copy_plain},
        },
    [FIXED_FILES] =
        {
            .verb = "fixed_files",
            .group = "runtime",
            .name = "fixed_files",
            .what = "echo64 on a bare ring, sockets registered with it",
            .of = RATIO_OF_CPU_RATE,
            .echo = &echo64,
            .sides = {&base_echo_registered, &base_echo_ring},
        },
    [FIXED_BUFFERS] =
        {
            .verb = "fixed_buffers",
            .group = "runtime",
            .name = "fixed_buffers",
            .what = "a cached read of 4 KiB on a bare ring, into a registered "
                    "buffer",
            .of = RATIO_OF_TIME,
            .finer = 10,
            .sides = {&base_read_registered, &base_read},
        },
    [ZERO_COPY16K] =
        {
            .verb = "zero_copy16k",
            .group = "runtime",
            .name = "zero_copy16k",
            .what = "16 KiB sent over loopback without a copy, on a bare ring",
            .of = RATIO_OF_RATE,
            .finer = 4,
            .bytes = 16 << 10,
            .sides = {&base_send_zc, &base_send},
        },
    [ZERO_COPY64K] =
        {
            .verb = "zero_copy64k",
            .group = "runtime",
            .name = "zero_copy64k",
            .what = "64 KiB sent over loopback without a copy, on a bare ring",
            .of = RATIO_OF_RATE,
            .finer = 4,
            .bytes = 64 << 10,
            .sides = {&base_send_zc, &base_send},
        },
    [ZERO_COPY1M] =
        {
            .verb = "zero_copy1m",
            .group = "runtime",
            .name = "zero_copy1m",
            .what = "1 MiB sent over loopback without a copy, on a bare ring",
            .of = RATIO_OF_RATE,
            .finer = 4,
            .bytes = 1 << 20,
            .sides = {&base_send_zc, &base_send},
        },
    [MEMORY] =
        {
            .verb = "memory",
            .group = "runtime",
            .name = "memory",
            .what = "of an idle stream, and resident per idle connection",
        },
    /* The first on files: the root has to be empty. */
    [FILE_ENQUEUE_OWN] =
        {
            .verb = "file_enqueue_own",
            .group = "spool",
            .name = "file_enqueue_own",
            .what = "file_enqueue where the spool is a file system's root",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = COMMIT_MAX,
            .sides = {&bench_commit_own, &base_commit},
        },
    [CHAIN] =
        {
            .verb = "chain",
            .name = "file_chain",
            .what = "a 4 KiB file synced, renamed, its directory synced, 64 at "
                    "once",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = COMMIT_MAX,
            .sides = {&bench_chain, &base_chain, &base_links},
        },
    [FILES_COMMIT1] =
        {
            .verb = "files_commit1",
            .group = "files",
            .name = "files_commit1",
            .what = "the same by threads beside the ring, one at a time",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = COMMIT_MAX,
            .depth = 1,
            .sides = {&bench_chain_pool, &bench_chain_ring},
        },
    [FILES_COMMIT64] =
        {
            .verb = "files_commit64",
            .group = "files",
            .name = "files_commit64",
            .what = "the same, 64 at once",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = COMMIT_MAX,
            .sides = {&bench_chain_pool, &bench_chain_ring},
        },
    [FILES_SMTP] =
        {
            .verb = "files_smtp",
            .group = "files",
            .name = "files_smtp",
            .what = "a 4 KiB mail by smtp-source, 64 sessions",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = MAIL_MAX,
            .sides = {&bench_smtp_pool, &bench_smtp_ring},
        },
    [COMMIT] =
        {
            .verb = "commit",
            .name = "file_commit",
            .what = "a 4 KiB item in the spool's file layout, 64 at once",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = COMMIT_MAX,
            .sides = {&bench_commit, &base_commit},
        },
    [SMTP] =
        {
            .verb = "smtp",
            .name = "smtp_durable",
            .what = "a 4 KiB mail by smtp-source, 64 sessions",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = MAIL_MAX,
            .sides = {&bench_smtp, &peer_sink},
        },
    [CALLS] =
        {
            .verb = "calls",
            .name = "calls",
            .what = "system calls of pirn serve per mail, by strace",
            .needs_dir = true,
        },
    [LOG_ENQUEUE] =
        {
            .verb = "log_enqueue",
            .group = "spool",
            .name = "log_enqueue",
            .what = "a 4 KiB item made durable in the spool, 256 at once",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_spool_enqueue, &base_linked, &base_linked_direct,
                      &base_dsync, &base_dsync_direct},
        },
    [IN_AND_OUT] =
        {
            .verb = "in_and_out",
            .group = "spool",
            .name = "in_and_out",
            .what = "an item enqueued, and read and removed by one of 16",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_spool_through, &base_linked, &base_dsync},
        },
    [LOG_VS_FILES] =
        {
            .verb = "log_vs_files",
            .group = "spool",
            .name = "log_vs_files",
            .what = "log_enqueue beside a file per item, one at a time",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_spool_enqueue, &base_files},
        },
    [LONE_WRITER] =
        {
            .verb = "lone_writer",
            .group = "spool",
            .name = "lone_writer",
            .what = "a 4 KiB item made durable, one at a time",
            .of = RATIO_OF_P50,
            .needs_dir = true,
            .sides = {&bench_spool_lone, &base_lone_sync,
                      &base_lone_sync_direct, &base_lone_dsync,
                      &base_lone_dsync_direct},
        },
    [DRAIN] =
        {
            .verb = "drain",
            .group = "spool",
            .name = "drain",
            .what = "an item claimed, read, removed: by 16 processes and by 2",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_spool_drain16, &bench_spool_drain2},
        },
    [DRAIN_VS_MULTISPOOL] =
        {
            .verb = "drain_vs_multispool",
            .group = "spool",
            .name = "drain_vs_multispool",
            .what = "the same by 4 processes",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_spool_drain4, &peer_multispool},
        },
    [FILE_ENQUEUE] =
        {
            .verb = "file_enqueue",
            .group = "spool",
            .name = "file_enqueue",
            .what = "file_commit: a 4 KiB item made durable in files, 64 at "
                    "once",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .count_max = COMMIT_MAX,
            .sides = {&bench_commit, &base_commit},
        },
    [FILE_DRAIN] =
        {
            .verb = "file_drain",
            .group = "spool",
            .name = "file_drain",
            .what = "an item of files claimed, read, removed by 4 processes",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_file_drain4, &peer_multispool},
        },
    [FILE_DRAIN_CALLS] =
        {
            .verb = "file_drain_calls",
            .group = "spool",
            .name = "file_drain_calls",
            .what = "the same, beside the calls alone",
            .of = RATIO_OF_RATE,
            .needs_dir = true,
            .sides = {&bench_file_drain4, &base_drain},
        },
    [RESTART] =
        {
            .verb = "restart",
            .group = "spool",
            .name = "restart",
            .what = "opened after a kill, to the first claim",
            .of = RATIO_OF_TIME,
            .needs_dir = true,
            .sides = {&bench_spool_restart_full, &bench_spool_restart_empty},
        },
    [RESTART_COLD] =
        {
            .verb = "restart_cold",
            .group = "spool",
            .name = "restart_cold",
            .what = "opened after a power loss, to the first claim",
            .of = RATIO_OF_TIME,
            .needs_dir = true,
            .sides = {&bench_spool_cold_full, &bench_spool_cold_empty},
        },
    [RESTART_COUNTED] =
        {
            .verb = "restart_counted",
            .group = "spool",
            .name = "restart_counted",
            .what = "the same, until a status has counted all",
            .of = RATIO_OF_TIME,
            .needs_dir = true,
            .sides = {&bench_spool_counted_full, &bench_spool_counted_empty},
        },
    [SUSTAINED] =
        {
            .verb = "sustained",
            .group = "spool",
            .name = "sustained",
            .what = "in_and_out for long: the last tenth beside the first",
            .needs_dir = true,
        },
    [QUEUED] =
        {
            .verb = "queued",
            .group = "spool",
            .name = "queued",
            .what = "memory with a million items queued",
            .needs_dir = true,
        },
    [FSCK] =
        {
            .verb = "fsck",
            .group = "spool",
            .name = "fsck",
            .what = "items checked in both layouts, and a writer meanwhile",
            .needs_dir = true,
        },
    [LS] =
        {
            .verb = "ls",
            .group = "spool",
            .name = "ls",
            .what = "pirn ls to its first line, its memory, both layouts",
            .needs_dir = true,
        },
};
