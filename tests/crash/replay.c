/* SPDX-License-Identifier: MIT */
/*
 * replay.c - crash_replay: states that a power cut may leave, each looked at
 *
 *   crash_replay [OPTION VALUE]...
 *     --log FILE --journal FILE   what the disk and its users said
 *     --room DIR                  of this process alone, in memory
 *     --bytes N                   the disk's size
 *     --type FS --options OPTS    how it is mounted
 *     --seed S --states N         N states, chosen by S
 *     --only K                    of these, the one with this number
 *     --at P                      all are cut at this position
 *     --husks 1                   husks (check.h) are counted, no violation
 *
 * Each state is written into an image, mounted, which lets the file system
 * recover, and checked (check.h) by a child, which may crash or hang. An ext4
 * that cannot be mounted has e2fsck first, as at each boot: a superblock of
 * which one sector of two was written fits no sum, and its copies do. States
 * are taken in the order of their positions, so the base is built once. A state
 * is a function of its number, the seed, log and journal.
 *
 * Exit: 0 all kept the promise, 1 one did not, 2 it could not be tried.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/loop.h"
#include "crash/check.h"
#include "crash/image.h"

enum {
    SHOWN = 5, /* violations, in full */
    PATIENCE_S = 60,
    E2FSCK_CORRECTED = 1, /* its exit code */
};

enum option {
    LOG,
    JOURNAL,
    ROOM,
    BYTES,
    TYPE,
    OPTIONS,
    SEED,
    STATES,
    ONLY,
    AT,
    HUSKS,
    OPTION_COUNT
};

static const char *const names[OPTION_COUNT] = {
    "--log",  "--journal", "--room", "--bytes", "--type",  "--options",
    "--seed", "--states",  "--only", "--at",    "--husks",
};

struct state {
    uint32_t number;
    enum image_cut cut;
    uint64_t position;
    struct rng rng;
};

struct replay {
    const char *values[OPTION_COUNT];
    struct image image;
    struct ledger ledger;
    struct loop loop;
    char point[512];
    char spool[600];
    char index[512];
    uint32_t done;
    uint32_t bad;
    uint32_t unmountable;
    uint32_t repaired; /* by e2fsck, to be mounted */
    uint32_t husks;
    uint32_t by_cut[IMAGE_CUTS];
};

static uint64_t number(const struct replay *replay, enum option option)
{
    const char *value = replay->values[option];

    return value != NULL ? strtoull(value, NULL, 10) : 0;
}

/* ---- which states ---- */

/* One in two, the instant of an answer: then all before it is owed, and
 * nothing has come since that could have made it durable by chance. */
static struct state choose(const struct replay *replay, uint32_t which)
{
    const struct ledger *ledger = &replay->ledger;
    struct state state = {.number = which,
                          .rng = rng_of(number(replay, SEED), which)};
    uint64_t span = replay->image.entry_count - ledger->first;

    state.cut = rng_below(&state.rng, IMAGE_CUTS);
    state.position = ledger->first + 1 + rng_next(&state.rng) % span;
    if (rng_coin(&state.rng) && ledger->end_count > 0) {
        state.position = ledger->ends[rng_below(&state.rng, ledger->end_count)];
    }
    if (replay->values[AT] != NULL) {
        state.position = number(replay, AT);
    }
    return state;
}

static int compare(const void *a, const void *b)
{
    const struct state *first = a;
    const struct state *second = b;

    return first->position < second->position   ? -1
           : first->position > second->position ? 1
                                                : 0;
}

/* ---- one state ---- */

enum outcome { KEPT, BROKEN, UNMOUNTABLE, LEFT_HUSKS };

/* In a child. */
static enum outcome look(struct replay *replay, const struct state *state)
{
    const char *type = replay->values[TYPE];
    alarm(PATIENCE_S);
    int r =
        loop_mount(&replay->loop, replay->point, type, replay->values[OPTIONS]);

    if (r < 0) {
        printf("  mount: %s\n", strerror(-r));
        return UNMOUNTABLE;
    }
    uint32_t husks = 0;
    uint32_t complaints = check_spool(replay->spool, replay->index,
                                      &replay->ledger, state->position, &husks);
    bool allowed = number(replay, HUSKS) != 0;
    if (husks > 0 && !allowed) {
        printf("  %u husks of removed items\n", husks);
    }
    return complaints > 0 || (husks > 0 && !allowed) ? BROKEN
           : husks > 0                               ? LEFT_HUSKS
                                                     : KEPT;
}

static int look_in_child(struct replay *replay, const struct state *state)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        enum outcome code = look(replay, state);
        fflush(stdout);
        _exit(code);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return 1;
    }
    if (!WIFEXITED(status)) {
        printf("  ended by signal %d\n", WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* An index is memory, which no power cut leaves. */
static int clean_room(const struct replay *replay)
{
    DIR *dir = opendir(replay->index);
    const struct dirent *entry;

    if (dir == NULL) {
        return -errno;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_type == DT_REG) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
    return 0;
}

/* What a boot does with a file system before it is mounted. */
static bool repair(const struct replay *replay)
{
    char command[64];

    if (strcmp(replay->values[TYPE], "ext4") != 0) {
        return false;
    }
    snprintf(command, sizeof(command), "e2fsck -fy %s >&2", replay->loop.path);
    int status = system(command);
    return WIFEXITED(status) && WEXITSTATUS(status) <= E2FSCK_CORRECTED;
}

static int look_twice(struct replay *replay, const struct state *state)
{
    int code = look_in_child(replay, state);

    if (code == UNMOUNTABLE && repair(replay)) {
        replay->repaired++;
        code = look_in_child(replay, state);
    }
    return code;
}

static void violated(struct replay *replay, const struct state *state,
                     int64_t pending, int code)
{
    replay->bad++;
    replay->unmountable += code == UNMOUNTABLE ? 1 : 0;
    printf("state %u: cut at %" PRIu64 " of %" PRIu64 ", %" PRId64
           " requests behind the last flush: %s; violated\n",
           state->number, state->position, replay->image.entry_count, pending,
           image_cut_names[state->cut]);
}

static int try(struct replay *replay, const struct state *state)
{
    int64_t pending =
        image_state(&replay->image, state->position, state->cut, state->rng);

    if (pending < 0) {
        return (int)pending;
    }
    int r = clean_room(replay);
    if (r < 0) {
        return r;
    }
    loop_forget(&replay->loop);
    fflush(stdout);
    int code = look_twice(replay, state);
    r = code != UNMOUNTABLE ? loop_unmount(replay->point) : 0;
    if (r < 0) {
        return r;
    }
    replay->husks += code == LEFT_HUSKS ? 1 : 0;
    if (code == BROKEN || code == UNMOUNTABLE) {
        violated(replay, state, pending, code);
    }
    replay->by_cut[state->cut]++;
    replay->done++;
    return 0;
}

/* ---- all ---- */

static int run(struct replay *replay)
{
    uint32_t count = (uint32_t)number(replay, STATES);
    struct state *states = calloc(count, sizeof(*states));
    uint32_t chosen = 0;
    int r = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (replay->values[ONLY] == NULL || number(replay, ONLY) == i) {
            states[chosen++] = choose(replay, i);
        }
    }
    qsort(states, chosen, sizeof(*states), compare);
    for (uint32_t i = 0; i < chosen && r == 0 && replay->bad < SHOWN; i++) {
        r = try(replay, &states[i]);
    }
    free(states);
    return r;
}

static int prepare(struct replay *replay)
{
    const char *room = replay->values[ROOM];
    char file[512];

    snprintf(file, sizeof(file), "%s/image", room);
    snprintf(replay->point, sizeof(replay->point), "%s/mount", room);
    snprintf(replay->index, sizeof(replay->index), "%s/index", room);
    snprintf(replay->spool, sizeof(replay->spool), "%s/spool", replay->point);
    int r = loop_private();
    if (r < 0) {
        return r;
    }
    if ((mkdir(replay->point, 0700) < 0 && errno != EEXIST) ||
        (mkdir(replay->index, 0700) < 0 && errno != EEXIST)) {
        return -errno;
    }
    r = ledger_read(&replay->ledger, replay->values[JOURNAL]);
    if (r == 0) {
        r = image_open(&replay->image, replay->values[LOG], file,
                       number(replay, BYTES));
    }
    return r < 0 ? r : loop_attach(&replay->loop, replay->image.file);
}

static void report(const struct replay *replay, double seconds)
{
    printf("# {\"states\": %u, \"violated\": %u, \"unmountable\": %u, "
           "\"repaired\": %u, \"with_husks\": %u",
           replay->done, replay->bad, replay->unmountable, replay->repaired,
           replay->husks);
    for (int i = 0; i < IMAGE_CUTS; i++) {
        printf(", \"%s\": %u", image_cut_names[i], replay->by_cut[i]);
    }
    printf(", \"entries\": %" PRIu64 ", \"acknowledged\": %u, "
           "\"refused\": %u, \"items\": %u, \"seconds\": %.2f}\n",
           replay->image.entry_count, replay->ledger.end_count,
           replay->ledger.refused, replay->ledger.count, seconds);
}

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct replay replay;

    for (int i = 1; i + 1 < argc; i += 2) {
        for (int option = 0; option < OPTION_COUNT; option++) {
            if (strcmp(argv[i], names[option]) == 0) {
                replay.values[option] = argv[i + 1];
            }
        }
    }
    for (int option = LOG; option <= TYPE; option++) {
        if (replay.values[option] == NULL) {
            fprintf(stderr, "crash_replay: %s is missing\n", names[option]);
            return 64;
        }
    }
    double begin = now_s();
    int r = prepare(&replay);
    r = r < 0 ? r : run(&replay);
    if (r < 0) {
        fprintf(stderr, "crash_replay: %s\n", strerror(-r));
        return 2;
    }
    report(&replay, now_s() - begin);
    return replay.bad > 0 ? 1 : 0;
}
