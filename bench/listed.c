/* SPDX-License-Identifier: MIT */
/*
 * listed.c - see bench/listed.h
 */
#include "bench/listed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/process.h"
#include "bench/report.h"
#include "bench/stock.h"

enum {
    ROUNDS = 3, /* a million lines each */
    CHUNK = 1 << 16,
};

static const uint64_t PATIENCE_NS = 10000000000u;

/* ---- the program ---- */

struct program {
    const char *server;
    const char *path;
    int out;
};

static void run_program(void *arg)
{
    const struct program *program = arg;
    char spool[PLACE_PATH];

    snprintf(spool, sizeof(spool), "--spool=%s", program->path);
    if (dup2(program->out, STDOUT_FILENO) >= 0) {
        execl(program->server, program->server, "ls", spool, NULL);
    }
    _exit(127);
}

/* What it keeps resident by now, if it is still there. */
static void weigh(pid_t pid, struct listed_layout *layout)
{
    static const char *const names[] = {"VmHWM", "RssShmem"};
    uint64_t kib[2] = {0};

    (void)process_figures(pid, "status", names, 2, kib);
    uint64_t private = kib[0] > kib[1] ? (kib[0] - kib[1]) * 1024 : 0;
    uint64_t shared = kib[1] * 1024;
    layout->private_bytes =
        private > layout->private_bytes ? private : layout->private_bytes;
    layout->shared_bytes =
        shared > layout->shared_bytes ? shared : layout->shared_bytes;
}

static uint64_t lines_in(const char *bytes, ssize_t len)
{
    uint64_t lines = 0;

    for (ssize_t i = 0; i < len; i++) {
        lines += bytes[i] == '\n' ? 1 : 0;
    }
    return lines;
}

/* All it says, until it has no more to say: how many lines. */
static uint64_t listen_to(pid_t pid, int in, double *ret_first_ns,
                          uint64_t began_ns, struct listed_layout *layout)
{
    static char bytes[CHUNK];
    uint64_t lines = 0;
    ssize_t len;

    while ((len = read(in, bytes, sizeof(bytes))) > 0) {
        uint64_t more = lines_in(bytes, len);

        if (lines == 0 && more > 0) {
            *ret_first_ns = (double)(round_now_ns() - began_ns);
        }
        lines += more;
        weigh(pid, layout);
    }
    return lines;
}

static int list(const char *server, const char *path, uint32_t at,
                struct listed_layout *layout)
{
    struct program program = {.server = server, .path = path};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return -errno;
    }
    program.out = ends[1];
    uint64_t began_ns = round_now_ns();
    pid_t pid = process_fork(run_program, &program);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return pid;
    }
    uint64_t lines =
        listen_to(pid, ends[0], &layout->first_ns[at], began_ns, layout);
    close(ends[0]);
    int status = process_wait(pid, PATIENCE_NS);
    layout->all_ns[at] = (double)(round_now_ns() - began_ns);
    if (status != 0 || lines < layout->items) {
        fprintf(stderr, "pirn-bench: ls ended with %d after %llu of %llu\n",
                status, (unsigned long long)lines,
                (unsigned long long)layout->items);
        return status < 0 ? status : -EIO;
    }
    return 0;
}

/* ---- both layouts ---- */

static int run_layout(const struct options *options, enum pirn_layout which,
                      uint32_t rounds, struct listed_layout *layout)
{
    uint64_t items = options->items ? options->items : LISTED_ITEMS;
    bool is_file = which == PIRN_LAYOUT_FILE;
    char path[PLACE_PATH];
    int r = place_path(path, options->dir, is_file ? "ls-file" : "ls-log", 0);

    layout->name = is_file ? "file" : "log";
    r = r < 0 ? r : stock_make(path, which);
    r = r < 0 ? r : stock_fill(path, items, options->long_ns, &layout->items);
    for (uint32_t i = 0; i < rounds && r == 0; i++) {
        r = list(options->server, path, i, layout);
    }
    stock_remove(path);
    return r;
}

void listed_run(const struct options *options, struct listed *listed)
{
    int r;

    *listed = (struct listed){.rounds = ROUNDS};
    if (options->server == NULL) {
        fprintf(stderr, "pirn-bench: ls: --server names no program\n");
        listed->error = -EOPNOTSUPP;
        return;
    }
    r = run_layout(options, PIRN_LAYOUT_LOG, ROUNDS, &listed->layouts[0]);
    if (r == 0) {
        r = run_layout(options, PIRN_LAYOUT_FILE, ROUNDS, &listed->layouts[1]);
    }
    listed->error = r;
}

void listed_print(FILE *file, const struct listed *listed)
{
    if (listed->error < 0) {
        fprintf(file, "no time ls: %s\n", strerror(-listed->error));
        return;
    }
    for (int i = 0; i < 2; i++) {
        const struct listed_layout *layout = &listed->layouts[i];
        struct spread first = harness_spread(layout->first_ns, listed->rounds);

        fprintf(file,
                "ls %s %.1f  (%.1f to %.1f ms to the first line, %u rounds; "
                "%.0f ms to the end of %llu items%s)\n",
                layout->name, first.median / 1e6, first.min / 1e6,
                first.max / 1e6, listed->rounds,
                harness_median(layout->all_ns, listed->rounds) / 1e6,
                (unsigned long long)layout->items,
                layout->items < LISTED_ITEMS ? ", for which there was time"
                                             : "");
        fprintf(file,
                "memory ls_%s %llu  (bytes at most, without %llu of the index "
                "that all share)\n",
                layout->name, (unsigned long long)layout->private_bytes,
                (unsigned long long)layout->shared_bytes);
    }
}

void listed_json(FILE *file, const struct machine *machine,
                 const struct listed *listed)
{
    for (int i = 0; i < 2 && listed->error == 0; i++) {
        const struct listed_layout *layout = &listed->layouts[i];

        fprintf(file,
                "{\"name\":\"ls_%s\",\"first_ns\":%.0f,\"all_ns\":%.0f,"
                "\"items\":%llu,\"private\":%llu,\"shared\":%llu,\"machine\":",
                layout->name, harness_median(layout->first_ns, listed->rounds),
                harness_median(layout->all_ns, listed->rounds),
                (unsigned long long)layout->items,
                (unsigned long long)layout->private_bytes,
                (unsigned long long)layout->shared_bytes);
        report_json_machine(file, machine);
        fputs("}\n", file);
    }
}
