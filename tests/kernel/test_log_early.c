/* SPDX-License-Identifier: MIT */
/*
 * test_log_early.c - items are handed out before all of a log is known
 *
 * Many segments full of first versions, and what was changed since in another
 * one. The power is cut; who opens early has items while the rest is read, in
 * turns of his context. So that a test can look in between, the sync of a
 * segment that comes late in their order is kept back, until it is let go.
 */
#include "kernel/faulty_bed.h"

#include <signal.h>
#include <sys/wait.h>

#include <pirn/timer.h>

#include "spool/log/log.h"

enum {
    ITEMS = 1400,
    BYTES = 4000,
    SEGMENTS = 64, /* as many are there; more are full than are read at once */
    SEGMENT_BYTES = 144 * 1024,
    KEPT_BACK = 36, /* the sync of the first one has come before */
    GATE = 1024,    /* the byte of .owners */
    CHANGED = 7,    /* each so many is changed, ... */
    REMOVED = 5,    /* ... or removed */
};

static struct pirn_id ids[ITEMS];

static int setup(void **state)
{
    if (log_setup_faulty_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->log_segments = SEGMENTS;
    bed->log_segment_bytes = SEGMENT_BYTES;
    return bed_open(bed, true);
}

/* The turn that follows brings it. */
static void let_go(struct bed *bed)
{
    struct pirn_op timer = {0};

    faulty_hold(ENGINE_NONE);
    pirn_prep_timer(&timer, 0);
    assert_int_equal(pirn_wait(bed->context, &timer), 0);
}

struct many {
    struct bed_draft draft;
    uint32_t body[BYTES / 4];
};

static void put_all(struct bed *bed)
{
    struct many *all = calloc(ITEMS, sizeof(*all));

    for (uint32_t i = 0; i < ITEMS; i++) {
        all[i].body[0] = i;
        all[i].draft.result = 1;
        pirn_prep_enqueue(&all[i].draft.draft, bed->spool, "incoming",
                          all[i].body, BYTES, NULL);
        pirn_start(bed->context, &all[i].draft.draft.op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (uint32_t i = 0; i < ITEMS; i++) {
        assert_int_equal(all[i].draft.result, 0);
        ids[i] = all[i].draft.draft.id;
    }
    free(all);
}

static bool is_removed(uint32_t i)
{
    return i % REMOVED == 1;
}

static bool is_changed(uint32_t i)
{
    return i % CHANGED == 2 && !is_removed(i);
}

/* Held from then on; what is removed is so durably. */
static void change_some(struct bed *bed)
{
    const struct pirn_change change = {.what = PIRN_CHANGE_HELD, .held = true};
    struct pirn_claim claim = {0};

    for (uint32_t i = 0; i < ITEMS; i++) {
        if (!is_removed(i) && !is_changed(i)) {
            continue;
        }
        assert_int_equal(log_claim_id(bed, &claim, &ids[i]), 1);
        assert_int_equal(is_changed(i) ? log_give_back_as(bed, &claim, &change)
                                       : bed_remove(bed, &claim),
                         0);
    }
    assert_int_equal(log_claim_id(bed, &claim, &ids[0]), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    bed_close(bed); /* a last round of tombstones */
    assert_int_equal(bed_open(bed, false), 0);
}

static void expect_item(struct bed *bed, struct pirn_claim *claim, uint32_t i)
{
    uint32_t body[BYTES / 4] = {0};

    assert_true(log_same_id(&claim->item.id, &ids[i]));
    assert_int_equal(log_read(bed, claim, body, sizeof(body), 0), BYTES);
    assert_int_equal(body[0], i);
}

static bool is_whole(const struct bed *bed)
{
    return bed->spool->log->rebuild == NULL;
}

static bool is_ready(uint32_t i)
{
    return !is_removed(i) && !is_changed(i);
}

static uint32_t next_ready(uint32_t i)
{
    while (i < ITEMS && !is_ready(i)) {
        i++;
    }
    return i;
}

/* All are had before the first one goes: segments that get empty have what is
 * left in them moved, and who moves an item has it. */
static void expect_rest(struct bed *bed, uint32_t from)
{
    static struct pirn_claim claims[ITEMS];
    uint32_t count = 0;
    uint32_t ready = 0;

    memset(claims, 0, sizeof(claims));
    struct pirn_status status = bed_status(bed);
    for (uint32_t i = next_ready(from); i < ITEMS; i = next_ready(i + 1)) {
        assert_int_equal(bed_claim(bed, &claims[count]), 1);
        expect_item(bed, &claims[count++], i);
        ready++;
    }
    assert_int_equal(status.ready, ready);
    log_expect_none(bed, "incoming");
    for (uint32_t i = 0; i < ITEMS; i++) {
        if (is_changed(i)) {
            assert_int_equal(log_claim_id(bed, &claims[count], &ids[i]), 1);
            assert_int_equal(claims[count++].item.version, 2);
        } else if (is_removed(i)) {
            struct pirn_claim none = {0};
            assert_int_equal(log_claim_id(bed, &none, &ids[i]), -ENOENT);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(bed_remove(bed, &claims[i]), 0);
    }
    log_expect_none(bed, "incoming");
}

/* As after a power cut, opened early, and not to be known whole yet. */
static void cut_and_open(struct bed *bed)
{
    log_power_cut(bed);
    bed->early = true;
    assert_int_equal(bed_open(bed, false), 0);
    assert_false(is_whole(bed));
    faulty_hold_nth(ENGINE_FSYNC, KEPT_BACK);
}

static void the_first_item_is_had_before_all_are_known(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    put_all(bed);
    change_some(bed);
    cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    expect_item(bed, &claim, 0);
    assert_false(is_whole(bed));
    let_go(bed);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_true(is_whole(bed)); /* whose end waited for that */
    expect_rest(bed, 1);
}

/* All at once, as many as there are, in the order of their commits; those whose
 * newer version is elsewhere are not among them. */
static void what_is_had_early_is_what_is_known_at_last(void **state)
{
    enum { EARLY = 30 }; /* what the first segment has of them */
    static struct pirn_claim claims[ITEMS];
    struct bed *bed = *state;
    uint32_t count = 0;

    put_all(bed);
    change_some(bed);
    cut_and_open(bed);
    memset(claims, 0, sizeof(claims));
    for (uint32_t i = next_ready(0); i < ITEMS; i = next_ready(i + 1)) {
        assert_int_equal(bed_claim(bed, &claims[count]), 1);
        expect_item(bed, &claims[count++], i);
        if (count == EARLY) {
            assert_false(is_whole(bed));
            let_go(bed);
        }
    }
    log_expect_none(bed, "incoming");
    assert_int_equal(bed_status(bed).claimed, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(bed_remove(bed, &claims[i]), 0);
    }
    assert_int_equal(bed_status(bed).ready, 0);
    assert_true(bed_status(bed).held > 0);
}

/* What somebody has when the index is whole is his; given back it is counted.
 */
static void who_has_one_early_has_it_still(void **state)
{
    struct bed *bed = *state;
    struct bed other = *bed;
    struct pirn_claim claim = {0};

    put_all(bed);
    cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    let_go(bed);
    assert_int_equal(bed_status(bed).ready, ITEMS - 1);
    assert_int_equal(pirn_context_create(NULL, &other.context), 0);
    assert_int_equal(bed_open(&other, false), 0); /* the gate is open */
    struct pirn_claim his = {0};
    assert_int_equal(log_claim_id(&other, &his, &ids[0]), 0);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(log_claim_id(&other, &his, &ids[0]), 1);
    assert_int_equal(his.item.attempts, 1);
    bed_leave(&other);
}

/* ---- everything else waits ---- */

static uint32_t ended;
static int32_t results[16];
static struct pirn_op *ops[16];
static uint32_t op_count;

static void note(struct pirn_op *op, int32_t result)
{
    for (uint32_t i = 0; i < op_count; i++) {
        if (ops[i] == op) {
            results[i] = result;
        }
    }
    ended++;
}

static void start(struct bed *bed, struct pirn_op *op)
{
    results[op_count] = 1000;
    ops[op_count++] = op;
    pirn_start(bed->context, op, note);
}

static struct pirn_draft draft;
static struct pirn_draft begun;
static struct pirn_draft admitted;
static struct pirn_draft shared;
static struct pirn_status status;
static struct pirn_listing listing;
static struct pirn_view view;
static struct pirn_owners owners;
static struct pirn_fence fence;
static struct pirn_name name;
static struct pirn_check check;
static struct pirn_claim by_id;
static struct pirn_claim of_none;

static void start_all(struct bed *bed, struct pirn_claim *had)
{
    static const struct pirn_check_config config = {0};

    pirn_prep_enqueue(&draft, bed->spool, "incoming", "new", 3, NULL);
    start(bed, &draft.op);
    pirn_prep_begin(&begun, bed->spool, "incoming");
    start(bed, &begun.op);
    pirn_prep_admit(&admitted, bed->spool, "incoming", 10);
    start(bed, &admitted.op);
    pirn_prep_share(&shared, &had[0], "incoming", NULL);
    start(bed, &shared.op);
    pirn_prep_status(&status, bed->spool);
    start(bed, &status.op);
    pirn_prep_listing(&listing, bed->spool, NULL);
    start(bed, &listing.op);
    pirn_prep_look(&view, bed->spool, &ids[ITEMS - 1]);
    start(bed, &view.op);
    pirn_prep_owners(&owners, bed->spool);
    start(bed, &owners.op);
    pirn_prep_fence_owner(&fence, bed->spool, 7, 0);
    start(bed, &fence.op);
    snprintf(name.text, sizeof(name.text), "a-name");
    pirn_prep_reserve(&name, bed->spool, NULL, NULL, 1);
    start(bed, &name.op);
    pirn_prep_check(&check, bed->spool, &config);
    start(bed, &check.op);
    pirn_prep_claim_id(&by_id, bed->spool, &ids[ITEMS - 2]);
    start(bed, &by_id.op);
    pirn_prep_claim(&of_none, bed->spool, "quarantine");
    start(bed, &of_none.op);
    pirn_prep_remove(&had[1]);
    start(bed, &had[1].op);
    pirn_prep_give_back(&had[2]);
    start(bed, &had[2].op);
}

static void end_all(struct bed *bed)
{
    pirn_prep_abort(&begun);
    assert_int_equal(pirn_wait(bed->context, &begun.op), 0);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    bed_view_end(bed, &view);
    pirn_owners_end(&owners);
    pirn_prep_release_name(&name);
    assert_int_equal(pirn_wait(bed->context, &name.op), 0);
    pirn_prep_check_end(&check);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
}

static void what_needs_all_of_it_waits_until_all_is_known(void **state)
{
    struct bed *bed = *state;
    static struct pirn_claim had[3];

    put_all(bed);
    cut_and_open(bed);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bed_claim(bed, &had[i]), 1);
    }
    assert_false(is_whole(bed));
    op_count = 0;
    ended = 0;
    start_all(bed, had);
    let_go(bed);
    while (!is_whole(bed)) {
        assert_int_equal(ended, 0);
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    while (ended < op_count) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    for (uint32_t i = 0; i < op_count; i++) {
        int32_t expected = ops[i] == &by_id.op    ? 1
                           : ops[i] == &fence.op  ? -ESRCH
                           : ops[i] == &shared.op ? results[i]
                                                  : 0;
        assert_int_equal(results[i], expected);
    }
    assert_int_equal(results[0], 0);
    assert_true(status.ready >= ITEMS - 3);
    end_all(bed);
}

static void who_closes_makes_it_whole(void **state)
{
    struct bed *bed = *state;
    struct stat before;
    struct stat after;

    put_all(bed);
    change_some(bed);
    cut_and_open(bed);
    faulty_hold(ENGINE_NONE);
    bed_close(bed);
    assert_int_equal(stat(log_index_path(bed), &before), 0);
    assert_int_equal(bed_open(bed, false), 0);
    assert_true(is_whole(bed));
    assert_int_equal(stat(log_index_path(bed), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    expect_rest(bed, 0);
}

/* ---- others ---- */

/* A child that opens, has the first item, and removes it. */
static int open_and_take(const struct bed *bed)
{
    struct bed own = *bed;
    struct pirn_claim claim = {0};
    int r = pirn_context_create(NULL, &own.context);

    own.early = false;
    r = r < 0 ? r : bed_open(&own, false);
    if (r < 0) {
        return 10;
    }
    pirn_prep_claim(&claim, own.spool, "incoming");
    r = pirn_wait(own.context, &claim.op);
    if (r != 1) {
        return 11;
    }
    return log_same_id(&claim.item.id, &ids[1]) ? 0 : 12;
}

/* As one who wants to open meets it. */
static bool gate_is_closed(const struct bed *bed)
{
    struct flock gate = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = GATE, .l_len = 1};
    int fd = open(bed_at(bed, ".owners"), O_RDWR);

    assert_true(fd >= 0);
    bool is_closed = fcntl(fd, F_OFD_SETLK, &gate) < 0;
    close(fd);
    return is_closed;
}

static void others_come_in_when_all_is_known(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    int how = 0;

    put_all(bed);
    cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_false(is_whole(bed));
    pid_t child = fork();
    if (child == 0) {
        _exit(open_and_take(bed));
    }
    assert_true(gate_is_closed(bed));
    let_go(bed);
    assert_true(bed_status(bed).claimed >= 1); /* he may have his by then */
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_false(gate_is_closed(bed));
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* A child opens early and takes, and is killed before its @event th result;
 * false: there were not so many. */
static bool dies_taking(const struct bed *bed, uint32_t event)
{
    int how = 0;
    pid_t child = fork();

    if (child == 0) {
        static struct pirn_claim claims[3];
        struct bed own = *bed;
        if (pirn__context_create_on(faulty_engine(), NULL, &own.context) < 0) {
            _exit(2);
        }
        own.early = true;
        faulty_kill(event);
        int r = bed_open(&own, false);
        for (int i = 0; i < 3 && r >= 0; i++) {
            pirn_prep_claim(&claims[i], own.spool, "incoming");
            r = pirn_wait(own.context, &claims[i].op);
        }
        struct pirn_status all = {0};
        pirn_prep_status(&all, own.spool);
        r = r < 0 ? r : pirn_wait(own.context, &all.op);
        _exit(r < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
}

/* With PIRN_LONG=1 at every step, else at a few. */
static void who_is_killed_meanwhile_leaves_all_of_it(void **state)
{
    struct bed *bed = *state;
    const uint32_t step = getenv("PIRN_LONG") != NULL ? 1 : 41;
    uint32_t event = 20;
    uint32_t whole = 0;

    put_all(bed);
    change_some(bed);
    log_power_cut(bed);
    while (dies_taking(bed, event)) {
        bed->early = true;
        assert_int_equal(bed_open(bed, false), 0);
        whole += is_whole(bed); /* nobody is early twice in a row */
        struct pirn_status now = bed_status(bed);
        assert_int_equal(now.held + now.ready + now.claimed,
                         ITEMS - ITEMS / REMOVED);
        log_power_cut(bed);
        event += step;
    }
    assert_true(event > 100 && whole > 0);
    bed->early = true;
    assert_int_equal(bed_open(bed, false), 0);
    expect_rest(bed, 0);
}

/* In the midst of it, with an item. */
static void die_with_one(const struct bed *bed)
{
    struct bed own = *bed;
    struct pirn_claim claim = {0};

    if (pirn__context_create_on(faulty_engine(), NULL, &own.context) < 0 ||
        bed_open(&own, false) < 0) {
        _exit(1);
    }
    faulty_hold_nth(ENGINE_FSYNC, KEPT_BACK);
    pirn_prep_claim(&claim, own.spool, "incoming");
    if (pirn_wait(own.context, &claim.op) != 1 || is_whole(&own)) {
        _exit(2);
    }
    (void)raise(SIGKILL);
}

static void nobody_is_early_twice_in_a_row(void **state)
{
    struct bed *bed = *state;
    int how = 0;

    put_all(bed);
    log_power_cut(bed);
    bed->early = true;
    pid_t child = fork();
    if (child == 0) {
        die_with_one(bed);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_int_equal(bed_open(bed, false), 0);
    assert_true(is_whole(bed));
    assert_int_equal(bed_status(bed).ready, ITEMS);
    cut_and_open(bed); /* but after each power cut */
    faulty_hold(ENGINE_NONE);
}

/* ---- what is wrong ---- */

/* The cuts of all segments say that they have first versions alone. */
static void say_first(const struct bed *bed)
{
    int fd = open(bed_at(bed, ".log/tombstones"), O_RDWR);
    const struct pirn__tombs tombs = {
        .segment_count = SEGMENTS,
        .segment_words = PIRN__TOMB_SEGMENT_WORDS,
    };
    uint64_t at = pirn__tomb_bound_page(&tombs, 0) * 4096ull;

    assert_true(fd >= 0);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        uint64_t word;
        assert_int_equal(pread(fd, &word, 8, (off_t)(at + i * 8)), 8);
        uint32_t low = (uint32_t)word & 0x1ffffff;
        low |= (low & 0x10000) != 0 ? 0x40000 : 0;
        word = pirn__tomb_word((uint32_t)(word >> 32), low);
        assert_int_equal(pwrite(fd, &word, 8, (off_t)(at + i * 8)), 8);
    }
    close(fd);
}

/* Enough is changed to fill a segment with newer versions; by a lie on the disk
 * the older ones are handed out. */
static void what_was_told_wrongly_is_taken_back(void **state)
{
    enum { LIES = 300 };
    static char filling[3000];
    struct bed *bed = *state;
    struct pirn_fields fields = {.bytes = filling, .cap = sizeof(filling)};
    const struct pirn_change change = {.what = PIRN_CHANGE_FIELDS |
                                               PIRN_CHANGE_PRIORITY,
                                       .priority = 3,
                                       .fields = &fields};
    struct pirn_claim claim = {0};

    static char text[2900];
    memset(text, 'f', sizeof(text) - 1);
    assert_int_equal(pirn_fields_add(&fields, "filling", text), 0);
    put_all(bed);
    for (uint32_t i = 0; i < LIES; i++) {
        assert_int_equal(log_claim_id(bed, &claim, &ids[i]), 1);
        assert_int_equal(log_give_back_as(bed, &claim, &change), 0);
    }
    bed_close(bed); /* a last round of tombstones, and of cuts */
    assert_int_equal(bed_open(bed, false), 0);
    log_power_cut(bed);
    say_first(bed);
    bed->early = true;
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.version, 1); /* the lie */
    assert_int_equal(bed_remove(bed, &claim), -ESTALE);
    assert_int_equal(bed_status(bed).ready, ITEMS);
    for (uint32_t i = 0; i < ITEMS; i++) {
        memset(&claim, 0, sizeof(claim));
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.version, i < LIES ? 2 : 1);
        assert_true(log_same_id(&claim.item.id, &ids[i]));
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    log_expect_none(bed, "incoming");
}

/* A batch in the midst of the first segments has a wrong front. */
static void damage_that_can_be_put_right_is(void **state)
{
    struct bed *bed = *state;
    char segment[512];

    put_all(bed);
    log_power_cut(bed);
    snprintf(segment, sizeof(segment), "%s", log_segment(bed, 1));
    log_flip(segment, log_find(segment, "pirnbat1", 8) + 20);
    bed->early = true;
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, ITEMS);
    log_power_cut(bed);
    bed->early = false;
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, ITEMS);
}

/* And so has its first part: nobody can say what was handed out wrongly, nor
 * wait for a copy. The next one is not early. */
static void what_is_missing_is_told_and_is_for_who_opens_next(void **state)
{
    struct bed *bed = *state;
    struct pirn_status all = {0};
    char segment[512];

    put_all(bed);
    log_power_cut(bed);
    snprintf(segment, sizeof(segment), "%s", log_segment(bed, 1));
    off_t front = log_find(segment, "pirnbat1", 8);
    log_flip(segment, front + 20);
    for (off_t at = 128; at < 4096; at += 64) { /* wherever it begins */
        log_flip(segment, front + at);
    }
    bed->early = true;
    assert_int_equal(bed_open(bed, false), 0);
    pirn_prep_status(&all, bed->spool);
    assert_int_equal(pirn_wait(bed->context, &all.op), -EIO);
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_true(is_whole(bed));
    assert_in_range(bed_status(bed).ready, ITEMS / 2, ITEMS - 1);
}

static void a_failure_meanwhile_is_told_to_all_who_wait(void **state)
{
    struct bed *bed = *state;
    bool met_late = false;

    put_all(bed);
    log_power_cut(bed);
    bed->early = true;
    for (uint32_t place = 5;; place += 29) {
        struct pirn_status all = {0};
        faulty_plan(ENGINE_READ, place, 1, -EIO);
        int32_t r = bed_open(bed, false);
        bool is_open = r == 0;
        if (is_open) {
            bool was_whole = is_whole(bed);
            pirn_prep_status(&all, bed->spool);
            r = pirn_wait(bed->context, &all.op);
            met_late |= r < 0 && !was_whole;
        }
        bool met = faulty_outcome()->failed > 0;
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        assert_true(r == 0 || (met && r == -EIO));
        assert_int_equal(all.ready, r == 0 ? ITEMS : 0); /* read again */
        if (is_open) {
            bed_close(bed);
        }
        bed_rmtree(bed->index_dir);
        assert_int_equal(mkdir(bed->index_dir, 0700), 0);
        if (!met) {
            break;
        }
    }
    assert_true(met_late);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(bed_status(bed).ready, ITEMS);
}

#define T(name) \
    cmocka_unit_test_setup_teardown(name, setup, log_teardown_faulty)

BED_MAIN(T(the_first_item_is_had_before_all_are_known),
         T(what_is_had_early_is_what_is_known_at_last),
         T(who_has_one_early_has_it_still),
         T(what_needs_all_of_it_waits_until_all_is_known),
         T(who_closes_makes_it_whole), T(others_come_in_when_all_is_known),
         T(who_is_killed_meanwhile_leaves_all_of_it),
         T(nobody_is_early_twice_in_a_row),
         T(what_was_told_wrongly_is_taken_back),
         T(damage_that_can_be_put_right_is),
         T(what_is_missing_is_told_and_is_for_who_opens_next),
         T(a_failure_meanwhile_is_told_to_all_who_wait))
