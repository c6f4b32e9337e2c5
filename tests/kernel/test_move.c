/* SPDX-License-Identifier: MIT */
/*
 * test_move.c - an item goes from one layout to the other
 *
 * Each case runs from a queue of files to one of the log, and back. Whatever
 * happens on the way, one item is there afterwards, whole, under its id.
 */
#include "kernel/layouts.h"

/* ---- what it is ---- */

static struct pirn_id put_rich(struct bed *bed, const char *queue, uint32_t len,
                               bool held, uint64_t due_ns)
{
    char bytes[128];
    struct pirn_fields fields = {.bytes = bytes, .cap = sizeof(bytes)};
    struct pirn_draft draft = {.priority = -3, .held = held, .due_ns = due_ns};

    assert_int_equal(pirn_fields_add(&fields, "to", "a@example.org"), 0);
    assert_int_equal(pirn_fields_add(&fields, "to", "b@example.org"), 0);
    assert_int_equal(
        log_enqueue(bed, &draft, queue, body_of(len), len, &fields), 0);
    return draft.id;
}

static void expect_same(const struct pirn_item *a, const struct pirn_item *b)
{
    assert_true(log_same_id(&a->id, &b->id));
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->created_ns, b->created_ns);
    assert_int_equal(a->due_ns, b->due_ns);
    assert_int_equal(a->priority, b->priority);
    assert_int_equal(a->digest, b->digest);
    assert_int_equal(a->fields.len, b->fields.len);
    assert_memory_equal(a->fields.bytes, b->fields.bytes, a->fields.len);
}

/* There, seen as it was; and back. */
static void move_rich(struct bed *bed, const struct way *way, uint32_t len,
                      bool held, uint64_t due_ns)
{
    struct pirn_id id = put_rich(bed, way->from, len, held, due_ns);
    const char *const at[] = {way->from, way->to, way->from, way->to};
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    for (int i = 0; i < 3; i++) {
        struct pirn_view view = {0};
        char fields[128];
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        struct pirn_item before = claim.item;
        memcpy(fields, before.fields.bytes, before.fields.len);
        before.fields.bytes = fields;
        assert_string_equal(before.queue, at[i]);
        assert_int_equal(before.attempts, 1);
        assert_int_equal(move_to(bed, &claim, at[i + 1]), 0);
        assert_int_equal(bed_look(bed, &view, &id), 0);
        expect_same(&view.item, &before);
        assert_int_equal(view.item.version, before.version + 1);
        assert_string_equal(view.item.queue, at[i + 1]);
        assert_int_equal(view.item.state, held     ? PIRN_ITEM_HELD
                                          : due_ns ? PIRN_ITEM_DELAYED
                                                   : PIRN_ITEM_READY);
        bed_view_end(bed, &view);
    }
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    expect_body(bed, &claim, len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_expect_gone(bed, &id);
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

static void a_move_changes_where_an_item_is_and_nothing_else(void **state)
{
    struct bed *bed = *state;

    make_queues(bed);
    for (int w = 0; w < 2; w++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            move_rich(bed, &ways[w], lengths[i], false, 0);
        }
        move_rich(bed, &ways[w], 700, true, 0);
        move_rich(bed, &ways[w], 700, false, BED_FAR_NS);
    }
    log_reopen(bed);
    expect_empty(bed);
}

/* ---- what is refused ---- */

static void a_move_that_cannot_be_leaves_the_item_to_its_claim(void **state)
{
    struct bed *bed = *state;

    make_queues(bed);
    for (int w = 0; w < 2; w++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = put_in(bed, ways[w].from, 700);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(move_to(bed, &claim, "nowhere"), -ENOENT);
        struct pirn_fields bad = {.bytes = (char *)"x", .len = 1, .cap = 1};
        struct pirn_change change = {
            .what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_FIELDS,
            .queue = ways[w].to,
            .fields = &bad,
        };
        assert_int_equal(log_give_back_as(bed, &claim, &change), -EINVAL);
        expect_body(bed, &claim, 700);
        assert_int_equal(move_to(bed, &claim, ways[w].to), 0);
        expect_one(bed, &id, 700);
    }
    log_reopen(bed);
    expect_empty(bed);
}

/* The log puts the id before all other fields. */
static void fields_that_do_not_fit_into_the_log_stay_in_files(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};
    char *bytes = malloc(PIRN_FIELDS_MAX);
    struct pirn_fields fields = {.bytes = bytes, .cap = PIRN_FIELDS_MAX};

    make_queues(bed);
    char *value = calloc(1, PIRN_FIELDS_MAX);
    memset(value, 'v', PIRN_FIELDS_MAX - 4 - 34);
    assert_int_equal(pirn_fields_add(&fields, "to", value), 0);
    assert_int_equal(log_enqueue(bed, &draft, "files", "x", 1, &fields), 0);
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    assert_int_equal(move_to(bed, &claim, "records"), -E2BIG);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    value[PIRN_FIELDS_MAX - 4 - 35] = '\0';
    fields.len = 0;
    assert_int_equal(pirn_fields_add(&fields, "to", value), 0);
    assert_int_equal(log_enqueue(bed, &draft, "files", "x", 1, &fields), 0);
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    assert_int_equal(move_to(bed, &claim, "records"), 0);
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    assert_int_equal(claim.item.fields.len, fields.len);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    free(value);
    free(bytes);
}

/* What is known of it changes on the way, and later; its id does not. */
static void a_moved_item_can_be_changed_as_any(void **state)
{
    struct bed *bed = *state;
    char bytes[64];
    struct pirn_fields fields = {.bytes = bytes, .cap = sizeof(bytes)};
    const struct pirn_change update = {
        .what = PIRN_CHANGE_FIELDS | PIRN_CHANGE_PRIORITY,
        .priority = 5,
        .fields = &fields,
    };

    make_queues(bed);
    assert_int_equal(pirn_fields_add(&fields, "to", "after"), 0);
    for (int w = 0; w < 2; w++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = put_rich(bed, ways[w].from, 700, false, 0);
        const struct pirn_change held = {
            .what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_HELD,
            .queue = ways[w].to,
            .held = true,
        };
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_give_back_as(bed, &claim, &held), 0);
        assert_int_equal(bed_status(bed).held, 1);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(log_claim_id(bed, &claim, &id), 1);
            assert_int_equal(claim.item.attempts, 1);
            assert_int_equal(log_update(bed, &claim, &update), 0);
            assert_true(log_same_id(&claim.item.id, &id));
            assert_int_equal(claim.item.fields.len, fields.len);
            const char *to = pirn_fields_get(&claim.item.fields, "to");
            assert_string_equal(to, "after");
            expect_body(bed, &claim, 700);
            assert_int_equal(move_to(bed, &claim, ways[w].to), 0);
        }
        log_reopen(bed);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(claim.item.priority, 5);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
        log_expect_gone(bed, &id);
    }
    log_reopen(bed);
    expect_empty(bed);
}

/* ---- killed in the midst ---- */

enum survivor { PEER, NOBODY, POWER_CUT };

static void open_again(struct bed *bed, enum survivor survivor)
{
    if (survivor == POWER_CUT) {
        bed_rmtree(bed->index_dir);
        assert_int_equal(mkdir(bed->index_dir, 0700), 0);
    }
    if (survivor != PEER) {
        assert_int_equal(bed_open(bed, false), 0);
    }
}

/* A body's file whose record a power cut took is a leftover, as of any item. */
static void kill_at_each_turn(struct bed *bed, const struct way *way,
                              uint32_t len, enum survivor survivor)
{
    enum { MOST = 64 };
    const int step = bed_step(3);
    int r = 0;
    int turns = 0;

    for (; turns < MOST && r == 0; turns += step) {
        struct pirn_id id = put_in(bed, way->from, len);
        if (survivor != PEER) {
            bed_close(bed);
        }
        r = move_in_a_child(bed, way, turns);
        assert_true(r < 2);
        open_again(bed, survivor);
        (void)bed_status_of(bed, 1);
        expect_one(bed, &id, len);
    }
    assert_int_equal(r, 1);
    assert_in_range(turns, 6, MOST + step);
    log_reopen(bed);
    if (survivor != POWER_CUT) {
        expect_empty(bed);
    }
}

static void who_is_killed_in_the_midst_leaves_one_of_the_two(void **state)
{
    struct bed *bed = *state;

    make_queues(bed);
    for (enum survivor by = PEER; by <= POWER_CUT; by++) {
        for (uint32_t w = 0; w < 2; w++) {
            if (is_long() || by % 2 == w) {
                kill_at_each_turn(bed, &ways[w], 700, by);
            }
            if (is_long() || by % 2 != w) {
                kill_at_each_turn(bed, &ways[w], MEMORY_MAX + 1, by);
            }
        }
    }
}

/* ---- what fails on the way ---- */

/* Which of them fails, until none of so many does. */
static void fail_each(struct bed *bed, const struct way *way, uint32_t len,
                      enum engine_opcode opcode, int32_t error)
{
    enum { MOST = 64 };
    uint32_t first = 1;
    bool has_failed = true;

    for (; has_failed && first < MOST; first++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = put_in(bed, way->from, len);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        faulty_plan(opcode, first, 1, error);
        int32_t r = move_to(bed, &claim, way->to);
        has_failed = faulty_outcome()->failed > 0;
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        /* It was opened all the same, and nobody was told. */
        bed->fd_count += has_failed && opcode == ENGINE_OPEN;
        if (r < 0 && r != -ESTALE) {
            expect_body(bed, &claim, len);
            int32_t back = bed_give_back(bed, &claim);
            assert_true(back == 0 || (opcode == ENGINE_FSYNC && back == error));
        }
        log_reopen(bed);
        expect_one(bed, &id, len);
        log_reopen(bed);
        expect_empty(bed);
    }
    assert_in_range(first, 2, MOST - 1);
}

static void what_fails_on_the_way_leaves_one_of_the_two(void **state)
{
    static const enum engine_opcode opcodes[] = {
        ENGINE_OPEN,   ENGINE_WRITE,  ENGINE_FSYNC, ENGINE_LINK,
        ENGINE_RENAME, ENGINE_UNLINK, ENGINE_MKDIR, ENGINE_READ};
    struct bed *bed = *state;

    make_queues(bed);
    for (int w = 0; w < 2; w++) {
        for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
            bool is_even = (i + (size_t)w) % 2 == 0;
            if (is_long() || is_even) {
                fail_each(bed, &ways[w], 700, opcodes[i], -ENOSPC);
            }
            if (is_long() || !is_even) {
                fail_each(bed, &ways[w], MEMORY_MAX + 1, opcodes[i], -ENOSPC);
            }
        }
        fail_each(bed, &ways[w], 700, ENGINE_FSYNC, -EIO);
    }
}

/* Both syncs of what leaves go well; that of its alias fails, and the one that
 * follows the undoing. Who removes the item hears of that. */
static void an_undone_move_is_synced_before_its_item_goes_on(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    make_queues(bed);
    struct pirn_id id = put_in(bed, ways[0].from, 700);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    faulty_plan(ENGINE_FSYNC, 3, 0, -EIO);
    assert_int_equal(move_to(bed, &claim, ways[0].to), -EIO);
    assert_int_equal(faulty_outcome()->failed, 2);
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_int_equal(log_remove_durable(bed, &claim), -EIO);
}

/* Else others have it, and remove it, and a power cut brings back the name that
 * it had while it moved. Who recovers us begins with a sync of his own. */
static void nor_is_it_given_back_before_that(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    make_queues(bed);
    struct pirn_id id = put_in(bed, ways[0].from, 700);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    faulty_plan(ENGINE_FSYNC, 3, 0, -EIO);
    assert_int_equal(move_to(bed, &claim, ways[0].to), -EIO);
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    pirn_prep_give_back(&claim);
    assert_int_equal(pirn_wait(bed->context, &claim.op), -EIO);
    assert_int_equal(log_claim_id(bed, &claim, &id), 0);
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
}

/* ---- what goes does not come back ---- */

/* An open of a directory is kept for its syncs, and made for the first one. */
static bool has_synced(const struct bed *bed, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];
    char path[64];
    struct stat dir;
    bool has = false;

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), ".data/%s", text + PIRN_ID_TEXT - 3);
    assert_int_equal(stat(bed_at(bed, path), &dir), 0);
    for (int fd = 0; fd < 1024; fd++) {
        struct stat open;
        has |= fstat(fd, &open) == 0 && open.st_ino == dir.st_ino &&
               open.st_dev == dir.st_dev;
    }
    return has;
}

static void a_body_that_has_left_is_gone_for_good(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    make_queues(bed);
    struct pirn_id id = put_in(bed, "files", 700);
    log_reopen(bed);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_false(has_synced(bed, &id));
    assert_int_equal(move_to(bed, &claim, "records"), 0);
    assert_true(has_synced(bed, &id));
    expect_one(bed, &id, 700);
}

/* ID.in and a body, of an owner who is dead, while the log has the item. */
static void put_copy(struct bed *bed, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];
    char path[96];

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), "files/.checkout/0007/%s.in", text);
    bed_write(bed_at(bed, path), "copy", 4);
    bed_write(bed_path(bed, BED_BODY, id), "copy", 4);
}

static bool has_copy(const struct bed *bed, const struct pirn_id *id)
{
    char text[PIRN_ID_TEXT];
    char path[96];

    pirn_id_format(id, text);
    snprintf(path, sizeof(path), "files/.checkout/0007/%s.in", text);
    return access(bed_at(bed, path), F_OK) == 0;
}

/* An open of the spool that has to drop a copy, while all of a kind fail from
 * the @first th on; what came of that, and whether the copy has its name. */
static struct faulty_plan fail_drop(struct bed *bed, const struct pirn_id *id,
                                    enum engine_opcode opcode, uint32_t first,
                                    bool *ret_has)
{
    put_copy(bed, id);
    faulty_plan(opcode, first, 0, opcode == ENGINE_OPEN ? -EMFILE : -EIO);
    int r = bed_open(bed, false);
    struct faulty_plan outcome = *faulty_outcome();
    bed_heal();
    bed->fd_count += (int)outcome.opened;
    *ret_has = has_copy(bed, id);
    if (r == 0) {
        bed_close(bed);
    }
    return outcome;
}

/* Who cannot open a directory for its sync takes no name from there: of one
 * that is gone the next one to look knows nothing. */
static void a_copy_whose_end_cannot_be_synced_keeps_its_name(void **state)
{
    enum { MOST = 400 };
    struct bed *bed = *state;
    bool has = true;
    uint32_t syncs = 0;

    make_queues(bed);
    assert_int_equal(mkdir(bed_at(bed, "files/.checkout/0007"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".tmp/0007"), 0700), 0);
    struct pirn_id id = put_in(bed, "records", 700);
    bed_close(bed);
    while (has && syncs < MOST) { /* the first one that is too late */
        (void)fail_drop(bed, &id, ENGINE_FSYNC, ++syncs, &has);
    }
    assert_in_range(syncs, 2, MOST - 1);
    struct faulty_plan outcome = {.failed = 1};
    for (uint32_t first = 1; outcome.failed > 0; first++) {
        outcome = fail_drop(bed, &id, ENGINE_OPEN, first, &has);
        assert_true(has || outcome.synced >= syncs);
        assert_true(first < MOST);
    }
    assert_int_equal(bed_open(bed, false), 0);
    expect_one(bed, &id, 700);
}

/* Each one's directory is synced, and that of the names once. */
static void copies_that_recovery_drops_are_gone_for_good(void **state)
{
    enum { MOST = 4, NONE_FAILS = 1000000 };
    struct bed *bed = *state;
    struct pirn_id ids[MOST];
    uint32_t syncs[MOST];

    make_queues(bed);
    assert_int_equal(mkdir(bed_at(bed, "files/.checkout/0007"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".tmp/0007"), 0700), 0);
    for (int i = 0; i < MOST; i++) {
        ids[i] = put_in(bed, "records", 700);
    }
    for (int count = 0; count < MOST; count++) {
        bed_close(bed);
        for (int i = 0; i <= count; i++) {
            put_copy(bed, &ids[i]);
        }
        faulty_plan(ENGINE_FSYNC, NONE_FAILS, 1, -EIO);
        assert_int_equal(bed_open(bed, false), 0);
        syncs[count] = faulty_outcome()->seen;
        faulty_plan(ENGINE_NONE, 0, 0, 0);
        for (int i = 0; i <= count; i++) {
            assert_false(bed_has(bed, BED_BODY, &ids[i]));
        }
        assert_int_equal(syncs[count], syncs[0] + (uint32_t)count);
    }
}

/* How many questions are asked by who opens alone; the @first th is answered
 * as by a file system that has failed. */
static uint32_t open_unconfirmed(struct bed *bed, uint32_t first, int *ret_r)
{
    faulty_plan(ENGINE_CONFIRM, first, 1, -EROFS);
    *ret_r = bed_open(bed, false);
    uint32_t seen = faulty_outcome()->seen;
    bed_heal();
    if (*ret_r == 0) {
        bed_close(bed);
    }
    return seen;
}

/* Else the log's one is removed, which asks no journal, and the copy is back
 * after a power cut. */
static void nor_is_its_end_believed_before_the_file_system_answers(void **state)
{
    enum { NONE_FAILS = 1000000 };
    struct bed *bed = *state;
    int r;

    make_queues(bed);
    assert_int_equal(mkdir(bed_at(bed, "files/.checkout/0007"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".tmp/0007"), 0700), 0);
    struct pirn_id id = put_in(bed, "records", 700);
    bed_close(bed);
    uint32_t without = open_unconfirmed(bed, NONE_FAILS, &r);
    assert_int_equal(r, 0);
    put_copy(bed, &id);
    assert_int_equal(open_unconfirmed(bed, NONE_FAILS, &r), without + 1);
    assert_int_equal(r, 0);
    for (uint32_t first = 1; first <= without + 1; first++) {
        put_copy(bed, &id);
        (void)open_unconfirmed(bed, first, &r);
        assert_int_equal(r, -EROFS);
    }
    assert_int_equal(bed_open(bed, false), 0);
    expect_one(bed, &id, 700);
}

/* ---- others who want it ---- */

/* At each turn of his somebody asks for it by its id, and by its queues. */
static void nobody_has_an_item_before_it_has_arrived(void **state)
{
    const struct pirn_change untried = {.what = PIRN_CHANGE_UNTRIED};
    struct bed *bed = *state;
    struct bed his;

    make_queues(bed);
    bed_join(bed, &his);
    for (int w = 0; w < 2; w++) {
        struct pirn_claim claim = {0};
        struct pirn_claim mine = {0};
        struct pirn_id id = put_in(bed, ways[w].from, MEMORY_MAX + 1);
        int32_t r = 0;
        assert_int_equal(log_claim_id(&his, &claim, &id), 1);
        start_move(&his, &claim, ways[w].to);
        for (int turns = 0; turns < 4096 && r != 1; turns++) {
            r = log_claim_id(bed, &mine, &id);
            assert_true(r == 0 || r == 1 || r == -ENOENT);
            for (int i = 0; i < 2 && r != 1; i++) {
                pirn_prep_claim(&mine, bed->spool, ways[i].from);
                r = pirn_wait(bed->context, &mine.op);
            }
            if (ended == 1) {
                assert_true(pirn_context_turn(his.context, 0) >= 0);
            }
        }
        assert_int_equal(r, 1);
        assert_string_equal(mine.item.queue, ways[w].to);
        assert_int_equal(mine.item.version, 2);
        expect_body(bed, &mine, MEMORY_MAX + 1);
        assert_int_equal(log_give_back_as(bed, &mine, &untried), 0);
        assert_int_equal(pirn_context_drain(his.context), 0);
        assert_int_equal(ended, 0);
        expect_one(bed, &id, MEMORY_MAX + 1);
    }
    bed_leave(&his);
}

static void of_two_who_move_it_one_does(void **state)
{
    struct bed *bed = *state;
    struct bed his;

    make_queues(bed);
    bed_join(bed, &his);
    for (int w = 0; w < 2; w++) {
        struct pirn_claim claims[2] = {0};
        struct pirn_id id = put_in(bed, ways[w].from, 700);
        int32_t first = log_claim_id(&his, &claims[0], &id);
        assert_int_equal(first, 1);
        assert_int_equal(log_claim_id(bed, &claims[1], &id), 0);
        assert_int_equal(move_to(&his, &claims[0], ways[w].to), 0);
        assert_int_equal(log_claim_id(bed, &claims[1], &id), 1);
        assert_int_equal(move_to(bed, &claims[1], ways[w].from), 0);
        assert_int_equal(log_claim_id(&his, &claims[0], &id), 1);
        assert_int_equal(claims[0].item.version, 3);
        assert_int_equal(move_to(&his, &claims[0], ways[w].to), 0);
        expect_one(bed, &id, 700);
    }
    bed_leave(&his);
}

/* Fenced out before it he moves nothing; in the midst of it that is a verb
 * which had begun before. */
static void fence_at_each_turn(struct bed *bed, const struct way *way)
{
    enum { MOST = 64 };
    int turns = 0;
    bool is_over = false;

    for (; turns < MOST && !is_over; turns++) {
        struct pirn_fence fence = {0};
        struct pirn_claim claim = {0};
        struct bed his;
        bed_join(bed, &his);
        struct pirn_id id = put_in(bed, way->from, 700);
        assert_int_equal(log_claim_id(&his, &claim, &id), 1);
        ended = 1;
        if (turns > 0) {
            start_move(&his, &claim, way->to);
        }
        for (int i = 1; i < turns && ended == 1; i++) {
            assert_true(pirn_context_turn(his.context, UINT64_MAX) >= 0);
        }
        is_over = ended != 1;
        pirn_prep_fence_owner(&fence, bed->spool, 1, 0);
        assert_int_equal(pirn_wait(bed->context, &fence.op), 0);
        if (turns == 0) {
            assert_int_equal(move_to(&his, &claim, way->to), -ESTALE);
        }
        assert_int_equal(pirn_context_drain(his.context), 0);
        bed_leave(&his);
        expect_one(bed, &id, 700);
    }
    assert_true(is_over);
    log_reopen(bed);
    expect_empty(bed);
}

static void who_is_fenced_out_leaves_one_of_the_two(void **state)
{
    struct bed *bed = *state;

    make_queues(bed);
    fence_at_each_turn(bed, &ways[0]);
    fence_at_each_turn(bed, &ways[1]);
}

/* One of two goes after so many of his turns; what he lists is one of them. */
static bool list_while_one_goes(struct bed *bed, struct bed *his, int turns)
{
    struct pirn_listing listing = {.items = NULL};
    struct pirn_claim claim = {0};
    struct pirn_id ids[2];

    for (int i = 0; i < 2; i++) {
        ids[i] = put_in(bed, "files", 700);
        assert_int_equal(log_claim_id(bed, &claim, &ids[i]), 1);
        assert_int_equal(move_to(bed, &claim, "records"), 0);
    }
    pirn_prep_listing(&listing, his->spool, "records");
    assert_int_equal(pirn_wait(his->context, &listing.op), 0);
    ended = -1;
    pirn_prep_listing_next(&listing);
    pirn_start(his->context, &listing.op, note);
    for (int i = 0; i < turns && ended < 0; i++) {
        assert_true(pirn_context_turn(his->context, UINT64_MAX) >= 0);
    }
    bool is_over = ended >= 0;
    assert_int_equal(log_claim_id(bed, &claim, &ids[1]), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(his->context), 0);
    assert_in_range(ended, 1, 2);
    for (int32_t i = 0; i < ended; i++) {
        const struct pirn_id *id = &listing.items[i].id;
        assert_true(log_same_id(id, &ids[0]) || log_same_id(id, &ids[1]));
    }
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(his->context, &listing.op), 0);
    expect_one(bed, &ids[0], 700);
    return is_over;
}

static void what_goes_while_it_is_listed_is_not_told_by_another_id(void **state)
{
    enum { MOST = 64 };
    struct bed *bed = *state;
    struct bed his;
    int turns = 0;

    make_queues(bed);
    bed_join(bed, &his);
    while (turns < MOST && !list_while_one_goes(bed, &his, turns)) {
        turns++;
    }
    assert_in_range(turns, 1, MOST - 1);
    bed_leave(&his);
}

BED_MAIN(MOVE_TEST(a_move_changes_where_an_item_is_and_nothing_else),
         MOVE_TEST(a_move_that_cannot_be_leaves_the_item_to_its_claim),
         MOVE_TEST(fields_that_do_not_fit_into_the_log_stay_in_files),
         MOVE_TEST(a_moved_item_can_be_changed_as_any),
         MOVE_TEST(who_is_killed_in_the_midst_leaves_one_of_the_two),
         MOVE_TEST(what_fails_on_the_way_leaves_one_of_the_two),
         MOVE_TEST(an_undone_move_is_synced_before_its_item_goes_on),
         MOVE_TEST(nor_is_it_given_back_before_that),
         MOVE_TEST(a_body_that_has_left_is_gone_for_good),
         MOVE_TEST(copies_that_recovery_drops_are_gone_for_good),
         MOVE_TEST(a_copy_whose_end_cannot_be_synced_keeps_its_name),
         MOVE_TEST(nor_is_its_end_believed_before_the_file_system_answers),
         MOVE_TEST(nobody_has_an_item_before_it_has_arrived),
         MOVE_TEST(what_goes_while_it_is_listed_is_not_told_by_another_id),
         MOVE_TEST(of_two_who_move_it_one_does),
         MOVE_TEST(who_is_fenced_out_leaves_one_of_the_two))
