/* SPDX-License-Identifier: MIT */
/*
 * test_log_killed.c - who is killed in the midst of a verb has done it, or not
 *
 * A child does one verb of the log, turn by turn, and kills itself after so
 * many; we have the spool open all the while, so what the child was in the
 * midst of stands in the index, and is brought to its end by us. After each
 * number of turns the item is had whole: as it was, or as it was to be, and the
 * same after a power cut.
 */
#include "kernel/test_log.h"

#include "spool/log/log.h"
#include "spool/log/slot.h"
#include "spool/spool.h"

#include <sys/wait.h>

enum { LEN = 200, LONG_LEN = 100000, TURNS_MAX = 64, CUT_EVERY = 4 };

typedef void start_fn(struct bed *own, struct pirn_claim *claim,
                      pirn_op_fn *fn);

static char body[LONG_LEN];
static struct pirn_draft draft; /* of the child */
static bool has_ended;
static char value[16]; /* of a change: another one each time */

static void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
    has_ended = true;
}

/* Nothing of cmocka's in here. */
static void live_and_die(const struct bed *bed, const struct pirn_id *id,
                         start_fn *start, unsigned turns)
{
    struct bed own = *bed;
    struct pirn_claim claim = {0};

    if (pirn_context_create(NULL, &own.context) < 0 ||
        bed_open(&own, false) < 0) {
        _exit(2);
    }
    if (id != NULL && log_claim_id(&own, &claim, id) != 1) {
        _exit(3);
    }
    start(&own, &claim, note);
    for (unsigned i = 0; i < turns && !has_ended; i++) {
        (void)!pirn_context_turn(own.context, PIRN_FOREVER);
    }
    if (has_ended) {
        _exit(0);
    }
    (void)raise(SIGKILL);
}

static int kill_one(struct bed *bed, const struct pirn_id *id, start_fn *start,
                    unsigned turns)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        live_and_die(bed, id, start, turns);
    }
    assert_true(turns < TURNS_MAX);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                    : WEXITSTATUS(status) == 0);
    return status;
}

/* Who asks for owners recovers the dead before. */
static void recover_him(struct bed *bed)
{
    struct pirn_owners owners = {0};

    pirn_prep_owners(&owners, bed->spool);
    assert_int_equal(pirn_wait(bed->context, &owners.op), 0);
    assert_int_equal(owners.count, 1);
    pirn_owners_end(&owners);
}

/* Whether he was before the verb had ended. */
static bool is_killed_after(struct bed *bed, const struct pirn_id *id,
                            start_fn *start, unsigned turns)
{
    int status = kill_one(bed, id, start, turns);

    recover_him(bed);
    return WIFSIGNALED(status);
}

static void expect_whole(struct bed *bed, struct pirn_claim *claim)
{
    static char back[LONG_LEN];
    uint32_t len = (uint32_t)claim->item.size_bytes;

    assert_true(len == LEN || len == LONG_LEN);
    assert_int_equal(log_read(bed, claim, back, len, 0), len);
    assert_memory_equal(back, body, len);
}

static struct pirn_id put(struct bed *bed, uint32_t len)
{
    struct pirn_draft own = {0};

    assert_int_equal(log_enqueue(bed, &own, "incoming", body, len, NULL), 0);
    return own.id;
}

/* ---- changes ---- */

static const struct pirn_change *change(void)
{
    static char text[32];
    static struct pirn_fields fields;
    static struct pirn_change change;

    fields = (struct pirn_fields){.bytes = text, .cap = sizeof(text)};
    (void)!pirn_fields_add(&fields, "seen", value);
    change =
        (struct pirn_change){.what = PIRN_CHANGE_FIELDS, .fields = &fields};
    return &change;
}

static void update(struct bed *own, struct pirn_claim *claim, pirn_op_fn *fn)
{
    pirn_prep_update(claim, change());
    pirn_start(own->context, &claim->op, fn);
}

static void give_back_as(struct bed *own, struct pirn_claim *claim,
                         pirn_op_fn *fn)
{
    pirn_prep_give_back_as(claim, change());
    pirn_start(own->context, &claim->op, fn);
}

static bool is_seen(const struct pirn_claim *claim)
{
    return pirn_fields_get(&claim->item.fields, "seen") != NULL;
}

/* Whether it has changed. It is the same when all that is left is the disk. */
static bool look_twice(struct bed *bed, const struct pirn_id *id, bool cut)
{
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    bool seen = is_seen(&claim);
    uint32_t version = claim.item.version;
    assert_true(version >= (seen ? 2u : 1u));
    assert_int_equal(bed_give_back(bed, &claim), 0);
    if (cut) {
        log_power_cut_and_open(bed);
    }
    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_int_equal(is_seen(&claim), seen);
    expect_whole(bed, &claim);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    return seen;
}

static void kill_anywhere(struct bed *bed, start_fn *start)
{
    unsigned changed = 0;
    unsigned turns = 0;
    bool killed = true;

    for (; killed; turns++) {
        struct pirn_id id = put(bed, turns % 2 ? LEN : LONG_LEN);
        killed = is_killed_after(bed, &id, start, turns);
        bool seen = look_twice(bed, &id, turns % CUT_EVERY == 0 || !killed);
        assert_true(seen || killed); /* what has ended has changed it */
        changed += seen;
    }
    assert_true(changed > 0 && changed < turns);
}

static void a_change_is_whole_or_has_not_been(void **state)
{
    kill_anywhere(*state, update);
}

static void nor_is_one_that_gives_back(void **state)
{
    kill_anywhere(*state, give_back_as);
}

/* The bytes of a change are others; false: they are nowhere. */
static bool spoil(struct bed *bed)
{
    for (unsigned i = 0; i < LOG_SEGMENTS; i++) {
        char command[640];
        const char *path = log_segment(bed, i);
        snprintf(command, sizeof(command), "grep -qs '%s' %s", value, path);
        if (system(command) == 0) {
            log_flip(path, log_find(path, value, strlen(value)));
            return true;
        }
    }
    return false;
}

/* Changes it, and leaves its slot as one has it between the record's commit and
 * the fields: no turn ends there. */
static void change_and_die(const struct bed *bed, const struct pirn_id *id)
{
    struct bed own = *bed;
    struct pirn_claim claim = {0};
    struct pirn__log_id parts;

    if (pirn_context_create(NULL, &own.context) < 0 ||
        bed_open(&own, false) < 0 || log_claim_id(&own, &claim, id) != 1) {
        _exit(2);
    }
    pirn__log_id_unpack(id, &parts);
    struct pirn__slot *slot =
        &own.spool->log->index.catalogue.slots[parts.slot];
    struct pirn__slot between = *slot;
    if (log_update(&own, &claim, change()) != 0) {
        _exit(3);
    }
    struct pirn__word word = pirn__word_unpack(slot->word);
    word.state = PIRN__UPDATING;
    between.word = pirn__word_pack(word);
    between.due = slot->part;
    between.route |= PIRN__ROUTE_PENDING;
    *slot = between;
    (void)raise(SIGKILL);
}

static void die_between(struct bed *bed, const struct pirn_id *id)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        change_and_die(bed, id);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_change_that_was_committed_has_been(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = put(bed, LEN);

    die_between(bed, &id);
    recover_him(bed);
    assert_true(look_twice(bed, &id, true));
}

/* The record before it is there still; its version is not used again. */
static void but_for_one_whose_record_is_damaged(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = put(bed, LEN);

    die_between(bed, &id);
    assert_true(spoil(bed));
    recover_him(bed);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_false(is_seen(&claim));
    expect_whole(bed, &claim);
    assert_int_equal(log_update(bed, &claim, change()), 0);
    assert_int_equal(claim.item.version, 3);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_true(look_twice(bed, &id, true));
}

/* ---- removals, and new items ---- */

/* No item, whole or not; and no body, when a round has made that durable. */
static void expect_nothing(struct bed *bed)
{
    struct pirn_status status = bed_status(bed);
    struct pirn_claim claim = {0};
    char command[640];

    assert_int_equal(status.ready + status.held + status.claimed, 0);
    (void)put(bed, LEN);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    snprintf(command, sizeof(command), "test -z \"$(find %s -type f)\"",
             bed_at(bed, ".log/data"));
    assert_int_equal(system(command), 0);
}

static void remove_it(struct bed *own, struct pirn_claim *claim, pirn_op_fn *fn)
{
    pirn_prep_remove_durable(claim);
    pirn_start(own->context, &claim->op, fn);
}

static void a_removal_is_one_or_the_item_is_whole(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    bool killed = true;

    for (unsigned turns = 0; killed; turns++) {
        struct pirn_id id = put(bed, turns % 2 ? LEN : LONG_LEN);
        killed = is_killed_after(bed, &id, remove_it, turns);
        int32_t r = log_claim_id(bed, &claim, &id);
        assert_true(r == -ENOENT || (r == 1 && killed));
        if (r == 1) {
            expect_whole(bed, &claim);
            assert_int_equal(log_remove_durable(bed, &claim), 0);
        }
        expect_nothing(bed);
        if (turns % CUT_EVERY == 0) { /* the last round made it durable */
            log_power_cut_and_open(bed);
            log_expect_gone(bed, &id);
            expect_nothing(bed);
        }
    }
}

static uint32_t new_len;

static void enqueue(struct bed *own, struct pirn_claim *claim, pirn_op_fn *fn)
{
    (void)claim;
    pirn_prep_enqueue(&draft, own->spool, "incoming", body, new_len, NULL);
    pirn_start(own->context, &draft.op, fn);
}

static void a_new_item_is_whole_or_none(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int is_long = 0; is_long < 2; is_long++) {
        bool killed = true;
        new_len = is_long ? LONG_LEN : LEN;
        for (unsigned turns = 0; killed; turns++) {
            killed = is_killed_after(bed, NULL, enqueue, turns);
            int32_t r = bed_claim(bed, &claim);
            assert_true(r == 1 || (r == 0 && killed));
            if (r == 1) {
                expect_whole(bed, &claim);
                assert_int_equal(log_remove_durable(bed, &claim), 0);
            }
            expect_nothing(bed);
            if (turns % CUT_EVERY == 0) {
                log_power_cut_and_open(bed);
                expect_nothing(bed);
            }
        }
    }
}

/* In memory: no disk has to sync so many lives. */
static int setup(void **state)
{
    memset(body, 'b', sizeof(body));
    strcpy(value, "yes");
    return setenv("TMPDIR", "/dev/shm", 0) + log_setup(state);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, log_teardown)

BED_MAIN(T(a_change_is_whole_or_has_not_been), T(nor_is_one_that_gives_back),
         T(a_change_that_was_committed_has_been),
         T(but_for_one_whose_record_is_damaged),
         T(a_removal_is_one_or_the_item_is_whole),
         T(a_new_item_is_whole_or_none))
