/* SPDX-License-Identifier: MIT */
/*
 * test_kill.c - a spool whose writers and takers are killed and stopped, in
 * both layouts
 *
 * The parent opens no spool. It forks eight that write and eight that take
 * (crew.h), reads what they tell, kills one and puts another in its place,
 * or stops one for a while, wherever it is. What was told is a ledger beside
 * the spool, and each line of it is held against the promise: what was
 * acknowledged is had, whole, by one at a time, until it is removed, and then
 * never again. At the end all are killed, and one drains what there is.
 *
 * Where a kill or a stop falls is not replayed by a seed; PIRN_SEED begins
 * with the same choices.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pirn/context.h>

#include "process/crew.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

enum {
    CREW = 16, /* the even ones write, the odd ones take */
    CHILDREN = 1 << 14,
    ENTRIES = 1 << 20,
    KILLS = 25, /* in a life */
    KILLS_LONG = 1000,
    LIMIT_S = 10, /* ten times what is promised */
};

struct entry {
    uint64_t number; /* 0: none */
    struct pirn_id id;
    uint64_t removed_ns;
    uint32_t owner; /* child, of who has it; 0: nobody */
    bool acked;
    bool may_be_gone; /* its owner began to remove it */
    bool returned;    /* had again, as one may that was removed lately */
};

struct member {
    pid_t pid;
    uint32_t child;
    uint64_t until_ns; /* stopped; 0: it is not */
};

struct world {
    char root[80]; /* spool, index */
    char spool[96];
    char index[96];
    enum pirn_layout layout;
    uint64_t random;
    int pipe[2];
    struct member members[CREW];
    uint64_t *killed_ns; /* of each child; 0: it lives */
    uint64_t *began_ns;
    uint32_t children;
    struct entry *entries;
    uint32_t entry_count;
    uint64_t lost_ns;    /* the index was lost then; 0: never */
    uint64_t stopped_ns; /* anybody was, last */

    uint32_t kills, stops, acks, removals, orphans, faults, refused;
    uint32_t left_by_dead; /* had by nobody when they should have been */
    uint64_t late_ns, late_stopped_ns, open_ns;
    uint64_t last_ns[2], gap_ns[2]; /* acknowledged; removed */
};

/* ---- the ledger ---- */

static void complain(struct world *world, const struct crew_told *told,
                     const char *what)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(&told->id, text);
    world->faults++;
    if (world->faults < 20) {
        printf("child %u: %s: item %jx %s, line %u, result %d\n", told->child,
               what, (uintmax_t)told->number, text, told->line, told->result);
    }
}

/* Its own, or a new one. */
static struct entry *entry_of(struct world *world, uint64_t number)
{
    uint64_t state = number;
    uint32_t at = (uint32_t)(crew_random(&state) % ENTRIES);

    while (world->entries[at].number != 0 &&
           world->entries[at].number != number) {
        at = (at + 1) % ENTRIES;
    }
    if (world->entries[at].number == 0) {
        world->entries[at].number = number;
        world->entry_count++;
    }
    return &world->entries[at];
}

static bool same_id(struct entry *entry, const struct pirn_id *id)
{
    static const struct pirn_id none;

    if (memcmp(&entry->id, &none, sizeof(none)) == 0) {
        entry->id = *id;
    }
    return memcmp(&entry->id, id, sizeof(*id)) == 0;
}

/* Somebody else had it, and did not end it. */
static void inherit(struct world *world, const struct entry *entry,
                    const struct crew_told *told)
{
    uint64_t killed = world->killed_ns[entry->owner];

    if (killed == 0 || killed > told->at_ns) {
        complain(world, told, "had by two");
        return;
    }
    uint64_t late = told->at_ns - killed;
    uint64_t *most =
        world->stopped_ns > killed ? &world->late_stopped_ns : &world->late_ns;
    *most = late > *most ? late : *most;
    world->orphans++;
}

static void note_had(struct world *world, struct entry *entry,
                     const struct crew_told *told)
{
    if (entry->removed_ns != 0) {
        bool is_late = entry->removed_ns + SECOND > world->lost_ns;
        if (world->lost_ns == 0 || !is_late || entry->returned) {
            complain(world, told, "had after it was removed");
        }
        entry->returned = true;
        entry->removed_ns = 0;
    }
    if (entry->owner != 0) {
        inherit(world, entry, told);
    }
    entry->owner = told->child;
    entry->may_be_gone = false;
}

static void note_progress(struct world *world, int kind, uint64_t at_ns)
{
    uint64_t *last = &world->last_ns[kind];

    if (*last != 0 && at_ns > *last && at_ns - *last > world->gap_ns[kind]) {
        world->gap_ns[kind] = at_ns - *last;
        if (at_ns - *last > SECOND) {
            printf("gap %d of %.3f s after %u kills, refused %u\n", kind,
                   (double)world->gap_ns[kind] / 1e9, world->kills,
                   world->refused);
        }
    }
    *last = at_ns > *last ? at_ns : *last;
}

static void note(struct world *world, const struct crew_told *told)
{
    if (told->what == CREW_FAULT) {
        complain(world, told, "fault");
        return;
    }
    if (told->what == CREW_OPENED) {
        uint64_t open = told->at_ns - world->began_ns[told->child];
        world->open_ns = open > world->open_ns ? open : world->open_ns;
        return;
    }
    if (told->what == CREW_FULL) {
        world->refused++;
        return;
    }
    struct entry *entry = entry_of(world, told->number);
    if (!same_id(entry, &told->id)) {
        complain(world, told, "two ids have one content");
    }
    switch (told->what) {
    case CREW_ACKED:
        entry->acked = true;
        world->acks++;
        note_progress(world, 0, told->at_ns);
        break;
    case CREW_HAD:
        note_had(world, entry, told);
        break;
    case CREW_ENDING:
    case CREW_REMOVING:
        entry->owner = 0;
        entry->may_be_gone = told->what == CREW_REMOVING;
        break;
    case CREW_REMOVED:
        entry->removed_ns = told->at_ns;
        world->removals++;
        note_progress(world, 1, told->at_ns);
        break;
    default:
        complain(world, told, "told what nobody tells");
    }
}

/* What is told until then; at least what has been told. */
static void listen_until(struct world *world, uint64_t until_ns)
{
    struct crew_told told[256];
    struct pollfd in = {.fd = world->pipe[0], .events = POLLIN};

    for (;;) {
        uint64_t now = crew_now_ns();
        int wait_ms = now < until_ns ? (int)((until_ns - now) / MS) : 0;
        if (poll(&in, 1, wait_ms) != 1) {
            return;
        }
        ssize_t bytes = read(world->pipe[0], told, sizeof(told));
        for (ssize_t i = 0; i < bytes / (ssize_t)sizeof(*told); i++) {
            note(world, &told[i]);
        }
        if (now >= until_ns && bytes < (ssize_t)sizeof(told)) {
            return;
        }
    }
}

/* ---- the crew ---- */

static struct crew_place place_for(struct world *world)
{
    world->children++;
    world->began_ns[world->children] = crew_now_ns();
    return (struct crew_place){.spool = world->spool,
                               .layout = world->layout,
                               .index_dir = world->index,
                               .pipe = world->pipe[1],
                               .child = world->children,
                               .seed = crew_random(&world->random)};
}

static void launch(struct world *world, uint32_t index)
{
    struct crew_place place = place_for(world);
    pid_t pid = fork();

    if (pid == 0) {
        close(world->pipe[0]);
        (index % 2 == 0 ? crew_write : crew_take)(&place);
        _exit(1);
    }
    world->members[index] = (struct member){.pid = pid, .child = place.child};
}

static int code_of(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void kill_member(struct world *world, uint32_t index)
{
    struct member *member = &world->members[index];

    world->killed_ns[member->child] = crew_now_ns();
    (void)kill(member->pid, SIGKILL);
    int code = code_of(member->pid);
    if (code != 128 + SIGKILL) {
        world->faults++;
        printf("child %u ended by itself: %d\n", member->child, code);
    }
    member->pid = 0;
}

static void go_on(struct world *world, bool all)
{
    uint64_t now = crew_now_ns();

    for (uint32_t i = 0; i < CREW; i++) {
        struct member *member = &world->members[i];
        if (member->until_ns != 0) {
            world->stopped_ns = now;
            if (all || member->until_ns <= now) {
                (void)kill(member->pid, SIGCONT);
                member->until_ns = 0;
            }
        }
    }
}

/* Mostly shortly; now and then longer than anybody shall be held up. */
static void stop_member(struct world *world, uint32_t index)
{
    uint64_t r = crew_random(&world->random);
    uint64_t ms = r % 8 == 0 ? 2500 : 1 + r / 8 % 300;

    (void)kill(world->members[index].pid, SIGSTOP);
    world->members[index].until_ns = crew_now_ns() + ms * MS;
    world->stopped_ns = crew_now_ns();
    world->stops++;
}

static void harm(struct world *world)
{
    uint64_t r = crew_random(&world->random);
    uint32_t index = (uint32_t)(r >> 8) % CREW;

    if (r % 5 < 3) {
        kill_member(world, index);
        launch(world, index);
        world->kills++;
    } else if (world->members[index].until_ns == 0) {
        stop_member(world, index);
    }
}

static bool is_orphan(const struct world *world, const struct entry *entry)
{
    return entry->owner != 0 && world->killed_ns[entry->owner] != 0;
}

static uint32_t orphans(const struct world *world)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ENTRIES; i++) {
        count += is_orphan(world, &world->entries[i]) ? 1 : 0;
    }
    return count;
}

/* Whether they are lost, or only held up, the drain will say. */
static void name_orphans(struct world *world)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const struct entry *entry = &world->entries[i];
        if (is_orphan(world, entry) && world->left_by_dead++ < 10) {
            char text[PIRN_ID_TEXT];
            pirn_id_format(&entry->id, text);
            printf("child %u, killed, had item %jx %s, and nobody since\n",
                   entry->owner, (uintmax_t)entry->number, text);
        }
    }
}

/* One life: all begin, are harmed, and are killed at the end. */
static void live(struct world *world, uint32_t kills)
{
    memset(world->last_ns, 0, sizeof(world->last_ns));
    for (uint32_t i = 0; i < CREW; i++) {
        launch(world, i);
    }
    listen_until(world, crew_now_ns() + SECOND / 2);
    uint32_t until = world->kills + kills;
    while (world->kills < until && world->faults == 0) {
        harm(world);
        uint64_t ms = 10 + crew_random(&world->random) % 160;
        for (uint64_t end = crew_now_ns() + ms * MS; crew_now_ns() < end;) {
            go_on(world, false);
            listen_until(world, crew_now_ns() + 10 * MS);
        }
    }
    go_on(world, true);
    uint64_t limit = crew_now_ns() + LIMIT_S * SECOND;
    do { /* what the dead had is had again */
        listen_until(world, crew_now_ns() + SECOND / 4);
    } while (orphans(world) > 0 && crew_now_ns() < limit);
    name_orphans(world);
    for (uint32_t i = 0; i < CREW; i++) {
        kill_member(world, i);
    }
    listen_until(world, 0);
}

static void drain(struct world *world)
{
    struct crew_place place = place_for(world);
    place.lost_index = world->lost_ns != 0;
    pid_t pid = fork();

    if (pid == 0) {
        close(world->pipe[0]);
        _exit(crew_drain(&place) == 0 ? 0 : 1);
    }
    int status = 0;
    pid_t r = 0;
    uint64_t limit = crew_now_ns() + 60 * SECOND;
    while (r == 0 && crew_now_ns() < limit) {
        listen_until(world, crew_now_ns() + 20 * MS);
        r = waitpid(pid, &status, WNOHANG);
    }
    if (r == 0) {
        printf("the drainer hangs\n");
        (void)kill(pid, SIGKILL);
        (void)code_of(pid);
    }
    listen_until(world, 0);
    world->killed_ns[place.child] = crew_now_ns();
    world->faults += r == pid && status == 0 ? 0 : 1;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pirn_id));
}

static uint32_t doubles(const struct world *world)
{
    static const struct pirn_id none;
    struct pirn_id *ids = calloc(world->entry_count + 1, sizeof(*ids));
    uint32_t count = 0;
    uint32_t found = 0;

    for (uint32_t i = 0; ids != NULL && i < ENTRIES; i++) {
        const struct entry *entry = &world->entries[i];
        if (entry->number != 0 && compare_ids(&entry->id, &none) != 0) {
            ids[count++] = entry->id;
        }
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (uint32_t i = 1; i < count; i++) {
        found += compare_ids(&ids[i - 1], &ids[i]) == 0 ? 1 : 0;
    }
    free(ids);
    return found;
}

/* All that was acknowledged was removed by now, and no id was given twice. */
static void check_ledger(struct world *world)
{
    uint32_t twice = doubles(world);
    uint32_t lost = 0;

    for (uint32_t i = 0; i < ENTRIES; i++) {
        const struct entry *entry = &world->entries[i];
        bool is_lost =
            entry->acked && entry->removed_ns == 0 && !entry->may_be_gone;
        if (is_lost && lost++ < 10) {
            char text[PIRN_ID_TEXT];
            pirn_id_format(&entry->id, text);
            printf("lost: item %jx %s\n", (uintmax_t)entry->number, text);
        }
    }
    if (lost > 0 || twice > 0) {
        printf("%u items lost, %u ids given twice\n", lost, twice);
    }
    world->faults += lost + twice;
}

static void report(const struct world *world, const char *where)
{
    printf("%s: %u kills, %u stops; %u acknowledged, %u refused for "
           "want of room, %u removed\n",
           where, world->kills, world->stops, world->acks, world->refused,
           world->removals);
    printf("  %u of the dead had again after at most %.3f s, %.3f s while "
           "somebody was stopped (promised: 1 s)\n",
           world->orphans, (double)world->late_ns / 1e9,
           (double)world->late_stopped_ns / 1e9);
    printf("  longest without an acknowledgement %.3f s, without a removal "
           "%.3f s (promised: 1 s); longest open %.3f s\n",
           (double)world->gap_ns[0] / 1e9, (double)world->gap_ns[1] / 1e9,
           (double)world->open_ns / 1e9);
}

/* ---- places ---- */

static int remove_one(const char *name, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    return at->level == 0 ? 0 : remove(name);
}

static void empty(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void *map_zeros(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_true(at != MAP_FAILED);
    /* The ledger is the parent's: a fork copies none of it. */
    assert_int_equal(madvise(at, bytes, MADV_DONTFORK), 0);
    return at;
}

static int setup(void **state)
{
    static struct world world;
    const char *tmp = getenv("TMPDIR");
    const char *seed = getenv("PIRN_SEED");

    world = (struct world){
        .layout = PIRN_LAYOUT_LOG,
        .random = seed != NULL ? strtoull(seed, NULL, 10) : crew_now_ns(),
    };
    printf("PIRN_SEED=%ju\n", (uintmax_t)world.random);
    snprintf(world.root, sizeof(world.root), "%s/pirn-kill-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    snprintf(world.index, sizeof(world.index), "%s/pirn-kill-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(world.root) == NULL || mkdtemp(world.index) == NULL ||
        pipe(world.pipe) < 0) {
        return -1;
    }
    (void)fcntl(world.pipe[0], F_SETPIPE_SZ, 1 << 20);
    snprintf(world.spool, sizeof(world.spool), "%s/spool", world.root);
    world.entries = map_zeros(ENTRIES * sizeof(*world.entries));
    world.killed_ns = map_zeros(CHILDREN * sizeof(*world.killed_ns));
    world.began_ns = map_zeros(CHILDREN * sizeof(*world.began_ns));
    *state = &world;
    return 0;
}

static void end_crew(struct world *world)
{
    for (uint32_t i = 0; i < CREW; i++) {
        if (world->members[i].pid > 0) {
            kill_member(world, i);
        }
    }
}

static int teardown(void **state)
{
    struct world *world = *state;

    end_crew(world);
    munmap(world->entries, ENTRIES * sizeof(*world->entries));
    munmap(world->killed_ns, CHILDREN * sizeof(*world->killed_ns));
    munmap(world->began_ns, CHILDREN * sizeof(*world->began_ns));
    close(world->pipe[0]);
    close(world->pipe[1]);
    empty(world->index);
    empty(world->root);
    return rmdir(world->index) < 0 || rmdir(world->root) < 0 ? -1 : 0;
}

static int make(struct world *world)
{
    struct crew_place place = place_for(world);
    pid_t pid = fork();

    if (pid == 0) {
        _exit(crew_make(&place) == 0 ? 0 : 1);
    }
    return code_of(pid);
}

static uint32_t kills_wanted(void)
{
    const char *is_long = getenv("PIRN_LONG");

    return is_long != NULL && strcmp(is_long, "1") == 0 ? KILLS_LONG : KILLS;
}

static void try_all(struct world *world, const char *where, bool lose_index)
{
    assert_int_equal(make(world), 0);
    live(world, kills_wanted());
    if (lose_index && world->faults == 0) {
        world->lost_ns = crew_now_ns();
        empty(world->index);
    }
    if (world->faults == 0) {
        drain(world);
    }
    if (world->faults == 0) {
        check_ledger(world);
    }
    report(world, where);
    assert_int_equal(world->faults, 0);
    assert_int_equal(world->left_by_dead, 0);
    assert_true(world->late_ns < LIMIT_S * SECOND);
    assert_true(world->late_stopped_ns < LIMIT_S * SECOND);
    assert_true(world->gap_ns[0] < LIMIT_S * SECOND);
    assert_true(world->gap_ns[1] < LIMIT_S * SECOND);
}

static void what_was_acknowledged_survives_kills_and_stops(void **state)
{
    try_all(*state, "log, index kept", false);
}

static void what_was_acknowledged_in_files_survives_kills_and_stops(
    void **state)
{
    struct world *world = *state;

    world->layout = PIRN_LAYOUT_FILE;
    try_all(world, "files", false);
}

static void what_was_acknowledged_survives_the_index(void **state)
{
    try_all(*state, "log, index lost", true);
}

/* A file system of its own in a loop image, gone with its mount namespace;
 * false: that is not allowed here. */
static bool mount_image(const char *root)
{
    char command[512];

    snprintf(command, sizeof(command),
             "exec >/dev/null 2>&1; truncate -s 256M %s/image && "
             "mkfs.ext4 -q -F %s/image && mkdir %s/mount && "
             "mount -o loop %s/image %s/mount",
             root, root, root, root, root);
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           system(command) == 0;
}

static int setup_image(void **state)
{
    if (setup(state) < 0) {
        return -1;
    }
    struct world *world = *state;
    if (mount_image(world->root)) {
        snprintf(world->spool, sizeof(world->spool), "%s/mount/spool",
                 world->root);
    } else {
        printf("no image may be mounted here: tried beside it\n");
    }
    return 0;
}

static int teardown_image(void **state)
{
    struct world *world = *state;
    char mount_path[96];

    end_crew(world);
    snprintf(mount_path, sizeof(mount_path), "%s/mount", world->root);
    /* Detached: what the killed had under way may end a little later. */
    (void)umount2(mount_path, MNT_DETACH);
    return teardown(state);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define T_IMAGE(name) \
    cmocka_unit_test_setup_teardown(name, setup_image, teardown_image)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_acknowledged_survives_kills_and_stops),
        T(what_was_acknowledged_survives_the_index),
        T(what_was_acknowledged_in_files_survives_kills_and_stops),
        T_IMAGE(what_was_acknowledged_survives_kills_and_stops),
        T_IMAGE(what_was_acknowledged_survives_the_index),
        T_IMAGE(what_was_acknowledged_in_files_survives_kills_and_stops),
    };
    struct pirn_context *context;

    int r = pirn_context_create(NULL, &context);
    if (r < 0) {
        fprintf(stderr, "skipped: io_uring is refused\n");
        return TEST_SKIP;
    }
    pirn_context_destroy(context);
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
