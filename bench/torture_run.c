/* SPDX-License-Identifier: MIT */
/*
 * torture_run.c - one parent, who opens no spool while others have it
 *
 *   life:  all are forked; one after the other is killed and replaced, or
 *          stopped for a while. Then either the power goes, or the living get
 *          what the dead had. All are killed at once, in the midst of work.
 *   stock: one process opens the spool, lists and reads all that is there.
 *
 * At the very end all is claimed, read and removed once more. Signals are read,
 * as what is told is: whatever ends the run, it goes the same way out.
 *
 * Where a kill falls is not replayed by a seed; whom it meets, and when, is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pirn/invariant.h>

#include "bench/process.h"
#include "bench/round.h"
#include "bench/torture.h"
#include "bench/torture_body.h"
#include "bench/torture_disk.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

enum {
    LIVES = 3,    /* where no power is cut */
    LIMIT_S = 10, /* to have what the dead had: ten times what is promised */
    STOCK_LIMIT_S = 120,
    KILL_LIMIT_S = 30,
    FREE_MIB = 256, /* what a spool may grow to, and the image */
    FREE_POWER_MIB = 640,
    BAR = 30,
};

struct member {
    pid_t pid; /* 0: none */
    uint32_t child;
    bool is_writer;
    uint64_t until_ns; /* stopped; 0: it is not */
};

struct world {
    const struct torture_options *options;
    struct torture_result *result;
    struct torture_ledger *ledger;
    struct torture_place place;
    struct torture_disk disk;
    int pipe[2];
    int signals;
    uint64_t random;
    uint32_t children;
    struct member members[2 * TORTURE_CREW_MAX];
    uint32_t size;
    uint64_t began_ns;
    uint64_t drawn_ns;
    uint64_t mounting_ns; /* since, after the last cut */
    bool has_bar;
};

/* ---- what is told ---- */

static void draw(struct world *world, uint64_t now_ns)
{
    const struct torture_options *options = world->options;
    const struct torture_result *result = world->result;
    double by_time =
        options->length_ns == 0
            ? 0
            : (double)(now_ns - world->began_ns) / (double)options->length_ns;
    double by_kills = options->kills == 0
                          ? 0
                          : (double)result->kills / (double)options->kills;
    double share = by_time > by_kills ? by_time : by_kills;
    int filled = (int)(BAR * (share < 1 ? share : 1));

    if (!world->has_bar || now_ns - world->drawn_ns < 100 * MS) {
        return;
    }
    world->drawn_ns = now_ns;
    fprintf(stderr,
            "torture [%.*s%*s]  %u killed, %u cuts, %u acknowledged\033[K\r",
            filled, "==============================", BAR - filled, "",
            result->kills, result->cuts, world->ledger->acked);
}

static void undraw(const struct world *world)
{
    if (world->has_bar) {
        fputs("\033[K", stderr);
    }
}

static bool is_over(const struct world *world)
{
    const struct torture_ledger *ledger = world->ledger;

    return world->result->signal != 0 || world->result->why != NULL ||
           ledger->faults > 0 ||
           world->children > TORTURE_CHILDREN - 4 * TORTURE_CREW_MAX ||
           ledger->items > TORTURE_ITEMS - TORTURE_ITEMS / 8;
}

static void read_signal(struct world *world)
{
    struct signalfd_siginfo info;

    if (read(world->signals, &info, sizeof(info)) == sizeof(info)) {
        world->result->signal = (int)info.ssi_signo;
    }
}

/* Whether there may be more. Writers are told how far behind takers are. */
static bool read_told(struct world *world)
{
    struct torture_told told[256];
    struct torture_ledger *ledger = world->ledger;
    ssize_t bytes = read(world->pipe[0], told, sizeof(told));

    for (ssize_t i = 0; i < bytes / (ssize_t)sizeof(*told); i++) {
        torture_ledger_note(ledger, &told[i]);
    }
    atomic_store(world->place.waiting, ledger->acked > ledger->removed
                                           ? ledger->acked - ledger->removed
                                           : 0);
    return bytes == (ssize_t)sizeof(told);
}

/* What is told until then; at least what has been told. */
static void listen_until(struct world *world, uint64_t until_ns)
{
    struct pollfd in[2] = {{.fd = world->pipe[0], .events = POLLIN},
                           {.fd = world->signals, .events = POLLIN}};

    for (;;) {
        uint64_t now_ns = round_now_ns();
        int wait_ms = now_ns < until_ns ? (int)((until_ns - now_ns) / MS) : 0;

        draw(world, now_ns);
        if (poll(in, 2, wait_ms) <= 0) {
            return;
        }
        if ((in[1].revents & POLLIN) != 0) {
            read_signal(world);
            until_ns = 0;
        }
        bool is_more = (in[0].revents & POLLIN) != 0 && read_told(world);
        if (!is_more && round_now_ns() >= until_ns) {
            return;
        }
    }
}

static void listen_for(struct world *world, uint64_t ns)
{
    listen_until(world, round_now_ns() + ns);
}

/* ---- the crew ---- */

static pid_t launch(struct world *world, void (*run)(void *place))
{
    world->place.child = ++world->children;
    world->place.seed = torture_random(&world->random);
    pid_t pid = process_fork(run, &world->place);
    if (pid < 0) {
        world->result->why = "no more processes: raise the limit (ulimit -u)";
        world->result->error = (int)pid;
    }
    return pid;
}

static void launch_member(struct world *world, struct member *member)
{
    pid_t pid = launch(world, member->is_writer ? torture_write : torture_take);

    member->pid = pid < 0 ? 0 : pid;
    member->child = world->children;
    member->until_ns = 0;
}

static void strike(struct world *world, const struct member *member)
{
    if (member->pid != 0) {
        world->ledger->killed_ns[member->child] = round_now_ns();
        (void)kill(member->pid, SIGKILL);
    }
}

static void bury(struct world *world, struct member *member)
{
    if (member->pid == 0) {
        return;
    }
    int code = process_wait(member->pid, KILL_LIMIT_S * SECOND);
    /* Without power some cannot even open the spool. */
    if (code != 128 && member->child >= world->ledger->cut_child) {
        fprintf(stderr, "pirn-bench: torture: process %u ended by itself: %d\n",
                member->child, code);
        world->ledger->faults++;
    }
    member->pid = 0;
}

/* At once: who lives on a little does not take what the others left. */
static void kill_all(struct world *world)
{
    for (uint32_t i = 0; i < world->size; i++) {
        strike(world, &world->members[i]);
    }
    for (uint32_t i = 0; i < world->size; i++) {
        bury(world, &world->members[i]);
    }
}

static void go_on(struct world *world, bool all)
{
    uint64_t now_ns = round_now_ns();

    for (uint32_t i = 0; i < world->size; i++) {
        struct member *member = &world->members[i];
        if (member->until_ns != 0 && (all || member->until_ns <= now_ns)) {
            (void)kill(member->pid, SIGCONT);
            member->until_ns = 0;
        }
    }
}

/* Mostly shortly; now and then longer than anybody shall be held up. */
static void stop_member(struct world *world, struct member *member)
{
    uint64_t r = torture_random(&world->random);
    uint64_t ms = r % 8 == 0 ? 2500 : 1 + r / 8 % 300;

    (void)kill(member->pid, SIGSTOP);
    member->until_ns = round_now_ns() + ms * MS;
    world->result->stops++;
}

static void harm(struct world *world)
{
    uint64_t r = torture_random(&world->random);
    struct member *member = &world->members[(uint32_t)(r >> 8) % world->size];

    if (r % 5 < 3) {
        strike(world, member);
        bury(world, member);
        launch_member(world, member);
        world->result->kills++;
    } else if (member->until_ns == 0) {
        stop_member(world, member);
    }
}

/* ---- a life ---- */

static void await_orphans(struct world *world)
{
    uint64_t limit_ns = round_now_ns() + LIMIT_S * SECOND;

    do {
        listen_for(world, SECOND / 20);
    } while (torture_ledger_orphans(world->ledger) > 0 && !is_over(world) &&
             round_now_ns() < limit_ns);
    if (!is_over(world)) {
        world->result->stuck += torture_ledger_orphans(world->ledger);
    }
}

static uint32_t life_count(const struct torture_options *options)
{
    return options->cuts > 0 ? options->cuts : LIVES;
}

/* So far, or so long. */
static bool has_lived(const struct world *world, uint32_t life)
{
    const struct torture_options *options = world->options;
    uint32_t lives = life_count(options);
    uint64_t until_ns =
        world->began_ns + options->length_ns / lives * (life + 1);
    uint64_t kills = (uint64_t)options->kills * (life + 1) / lives;

    return is_over(world) ||
           (options->kills > 0 && world->result->kills >= kills) ||
           (options->length_ns > 0 && round_now_ns() >= until_ns);
}

static void live(struct world *world, uint32_t life)
{
    for (uint32_t i = 0; i < world->size; i++) {
        launch_member(world, &world->members[i]);
    }
    listen_for(world, SECOND / 8);
    while (!has_lived(world, life)) {
        harm(world);
        uint64_t ms = 10 + torture_random(&world->random) % 120;
        uint64_t until_ns = round_now_ns() + ms * MS;
        while (!is_over(world) && round_now_ns() < until_ns) {
            go_on(world, false);
            listen_for(world, 10 * MS);
        }
    }
}

/* All that they told is in the pipe. */
static void end_life(struct world *world)
{
    kill_all(world);
    listen_until(world, 0);
    torture_ledger_end_life(world->ledger);
}

static void die_at_once(struct world *world)
{
    go_on(world, true);
    if (!is_over(world)) {
        await_orphans(world);
    }
    end_life(world);
}

static void fail(struct world *world, int error, const char *why)
{
    if (world->result->why == NULL) {
        world->result->why = why;
        world->result->error = error;
    }
}

/* What was shared in memory goes with the power. */
static void lose_index(struct world *world)
{
    place_remove(world->place.index);
    int fd = place_make(AT_FDCWD, world->place.index);

    if (fd < 0) {
        fail(world, fd, "the index's directory cannot be made again");
    } else {
        close(fd);
    }
}

static void cut_power(struct world *world)
{
    struct torture_ledger *ledger = world->ledger;

    ledger->cut_child = world->children + 1;
    ledger->cut_ns = round_now_ns();
    int r = torture_disk_cut(&world->disk);
    if (r < 0) {
        fail(world, r,
             "this kernel does not shut that file system down: try "
             "the other --fs, or leave --power out");
    }
    listen_for(world, 20 * MS); /* they go on for a while */
    end_life(world);
    world->result->cuts++;
    lose_index(world);
    r = torture_disk_unmount(&world->disk);
    world->mounting_ns = round_now_ns();
    r = r < 0 ? r : torture_disk_mount(&world->disk);
    if (r < 0) {
        fail(world, r, "the image cannot be mounted again");
    }
}

/* ---- taking stock ---- */

static void run_alone(struct world *world, void (*run)(void *place))
{
    uint64_t limit_ns = round_now_ns() + STOCK_LIMIT_S * SECOND;
    pid_t pid = launch(world, run);
    siginfo_t info = {0};

    if (pid < 0) {
        return;
    }
    while (info.si_pid == 0 && world->result->signal == 0 &&
           round_now_ns() < limit_ns) {
        listen_for(world, 5 * MS);
        (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    }
    if (info.si_pid == 0) {
        (void)kill(pid, SIGKILL);
    }
    int code = process_wait(pid, KILL_LIMIT_S * SECOND);
    listen_until(world, 0);
    world->ledger->killed_ns[world->children] = round_now_ns();
    if (code != 0 && world->result->signal == 0) {
        fprintf(stderr, "pirn-bench: torture: who took stock ended with %d\n",
                code);
        world->ledger->faults++;
    }
}

static void take_stock(struct world *world)
{
    if (world->result->signal != 0 || world->result->why != NULL) {
        return;
    }
    run_alone(world, torture_look);
    if (world->result->signal == 0 && world->result->why == NULL) {
        torture_ledger_stock(world->ledger);
        world->result->left = world->ledger->found;
    }
}

static void have_all(struct world *world)
{
    if (world->result->signal != 0 || world->result->why != NULL) {
        return;
    }
    run_alone(world, torture_drain);
    if (world->result->signal == 0 && world->result->why == NULL) {
        torture_ledger_close(world->ledger);
    }
}

/* ---- all of it ---- */

static bool has_room(const char *dir, uint64_t mib)
{
    struct statvfs room;

    return statvfs(dir, &room) < 0 ||
           (uint64_t)room.f_bavail * room.f_frsize >> 20 >= mib;
}

static bool make_dir(char path[PLACE_PATH], const char *dir)
{
    return snprintf(path, PLACE_PATH, "%s/pirn-torture-XXXXXX", dir) <
               PLACE_PATH - 64 &&
           mkdtemp(path) != NULL;
}

static void make_place(struct world *world)
{
    struct torture_result *result = world->result;
    bool is_power = world->options->cuts > 0;
    bool has_shm = access("/dev/shm", W_OK) == 0;

    if (!make_dir(result->root, world->options->dir)) {
        int error = errno;
        result->root[0] = '\0';
        fail(world, -error,
             "no directory can be made there: name one of yours "
             "by --dir");
        return;
    }
    if (!has_room(result->root, is_power ? FREE_POWER_MIB : FREE_MIB)) {
        fail(world, -ENOSPC,
             is_power ? "640 MiB have to be free there: name "
                        "another --dir"
                      : "256 MiB have to be free there: name "
                        "another --dir");
        return;
    }
    if (!make_dir(world->place.index, has_shm ? "/dev/shm" : result->root)) {
        world->place.index[0] = '\0';
        fail(world, -errno, "no directory can be made for the shared index");
        return;
    }
    if (is_power) {
        const char *why =
            torture_disk_make(&world->disk, result->root, world->options->type);
        if (why != NULL) {
            fail(world, 0, why);
        }
    }
}

static void make_spool(struct world *world)
{
    const struct torture_result *result = world->result;
    const char *dir = world->disk.is_mounted ? world->disk.point : result->root;

    if (result->why != NULL) {
        return;
    }
    snprintf(world->place.spool, PLACE_PATH, "%.*s/spool", PLACE_PATH - 16,
             dir);
    int r = torture_make(&world->place);
    if (r == -ENOSYS || r == -EPERM) {
        fail(world, r,
             "io_uring is refused: allow it "
             "(kernel.io_uring_disabled, the container's seccomp)");
    } else if (r < 0) {
        fail(world, r, "no spool can be made there: name another --dir");
    }
}

static int catch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool begin(struct world *world)
{
    const char *term = getenv("TERM");

    world->has_bar =
        isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
    world->signals = catch_signals();
    world->place.waiting =
        mmap(NULL, sizeof(*world->place.waiting), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int r = torture_ledger_init(world->ledger);
    if (r < 0 || world->signals < 0 || world->place.waiting == MAP_FAILED ||
        pipe2(world->pipe, O_CLOEXEC) < 0) {
        fail(world, r < 0 ? r : -errno,
             "no memory, or no descriptors: raise "
             "the limits (ulimit -n, -v)");
        return false;
    }
    (void)fcntl(world->pipe[0], F_SETPIPE_SZ, 1 << 20);
    for (uint32_t i = 0; i < world->size; i++) {
        world->members[i].is_writer = i < world->options->writers;
    }
    return true;
}

/* From the mount to the first open. */
static void note_recovery(struct world *world)
{
    struct torture_result *result = world->result;
    uint64_t opened_ns = world->ledger->opened_ns;

    if (world->mounting_ns != 0 &&
        opened_ns > world->mounting_ns + result->cut_ns) {
        result->cut_ns = opened_ns - world->mounting_ns;
    }
}

static void run_lives(struct world *world)
{
    const struct torture_options *options = world->options;

    for (uint32_t life = 0; life < life_count(options); life++) {
        if (is_over(world)) {
            return;
        }
        live(world, life);
        if (options->cuts > 0 && !is_over(world)) {
            cut_power(world);
        } else {
            die_at_once(world);
        }
        if (options->spoil && life + 1 == life_count(options) &&
            !is_over(world)) {
            run_alone(world, torture_spoil);
        }
        take_stock(world);
        note_recovery(world);
    }
}

static void tidy_up(struct world *world)
{
    undraw(world);
    torture_disk_remove(&world->disk);
    if (world->place.index[0] != '\0') {
        place_remove(world->place.index);
    }
    if (world->result->root[0] != '\0' && !world->options->keep) {
        place_remove(world->result->root);
    }
    close(world->pipe[0]);
    close(world->pipe[1]);
    close(world->signals);
}

void torture_run(const struct torture_options *options,
                 struct torture_result *result)
{
    struct world world = {
        .options = options,
        .result = result,
        .ledger = &result->ledger,
        .place.layout = options->layout,
        .random = options->seed,
        .size = options->writers + options->takers,
        .pipe = {-1, -1},
    };

    pirn_assert(options->writers > 0 && options->takers > 0);
    pirn_assert(world.size <= 2 * TORTURE_CREW_MAX);
    *result = (struct torture_result){0};
    if (begin(&world)) {
        make_place(&world);
        make_spool(&world);
        world.place.pipe = world.pipe[1];
        world.began_ns = round_now_ns();
        run_lives(&world);
        result->ran_ns = round_now_ns() - world.began_ns;
        result->removed = result->ledger.removed;
        have_all(&world);
    }
    tidy_up(&world);
}
