/* SPDX-License-Identifier: MIT */
/*
 * test_name.c - names that callers give to items
 *
 * Each case runs in both layouts. What is left of names is looked for on the
 * disk: where nothing has a name and nobody reserves one, nothing stands there.
 */
#include "kernel/midst.h"
#include "kernel/test_log.h"

static int32_t reserve_by(struct bed *bed, struct pirn_name *name,
                          pirn_name_fn *fn, void *argument, uint32_t tries)
{
    pirn_prep_reserve(name, bed->spool, fn, argument, tries);
    return pirn_wait(bed->context, &name->op);
}

static int32_t reserve(struct bed *bed, struct pirn_name *name,
                       const char *text)
{
    snprintf(name->text, sizeof(name->text), "%.64s", text);
    return reserve_by(bed, name, NULL, NULL, 0);
}

static int32_t release(struct bed *bed, struct pirn_name *name)
{
    pirn_prep_release_name(name);
    return pirn_wait(bed->context, &name->op);
}

static int32_t put_as(struct bed *bed, struct pirn_draft *draft,
                      struct pirn_name *name, const char *queue)
{
    draft->name = name;
    return log_enqueue(bed, draft, queue, "body", 4, NULL);
}

/* Reserved, put, released. */
static struct pirn_id put_named(struct bed *bed, const char *text)
{
    struct pirn_name name = {0};
    struct pirn_draft draft = {0};

    assert_int_equal(reserve(bed, &name, text), 0);
    assert_int_equal(put_as(bed, &draft, &name, "incoming"), 0);
    assert_int_equal(release(bed, &name), 0);
    return draft.id;
}

static void expect_no_names(const struct bed *bed)
{
    assert_int_equal(bed_entries(bed, ".registry"), 0);
    assert_int_equal(bed_entries(bed, ".registry/.own/0000"), 0);
    assert_int_equal(bed_entries(bed, ".registry/.own/0001"), 0);
}

static bool is_none(const struct pirn_id *id)
{
    static const struct pirn_id none;

    return log_same_id(id, &none);
}

/* ---- one at most ---- */

static void a_name_is_an_items_as_long_as_it_is_there(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    struct pirn_claim claim = {0};

    struct pirn_id id = put_named(bed, "order-17:a@b");
    assert_int_equal(reserve(bed, &name, "order-17:a@b"), -EEXIST);
    assert_true(log_same_id(&name.id, &id));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_string_equal(pirn_fields_get(&claim.item.fields, "pirn.name"),
                        "order-17:a@b");
    assert_int_equal(reserve(bed, &name, "order-17:a@b"), -EEXIST);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(reserve(bed, &name, "order-17:a@b"), -EEXIST);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_no_names(bed);
    assert_int_equal(reserve(bed, &name, "order-17:a@b"), 0);
    assert_int_equal(release(bed, &name), 0);
    assert_int_equal(release(bed, &name), 0);
    expect_no_names(bed);
}

static void a_reservation_is_one_owners(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_name name = {0};
    struct pirn_name other = {0};

    bed_join(bed, &his);
    assert_int_equal(reserve(bed, &name, "x"), 0);
    assert_int_equal(reserve(bed, &other, "x"), -EEXIST);
    assert_true(is_none(&other.id));
    assert_int_equal(reserve(&his, &other, "x"), -EEXIST);
    assert_true(is_none(&other.id));
    assert_int_equal(reserve(&his, &other, "y"), 0);
    assert_int_equal(release(&his, &other), 0);
    assert_int_equal(release(bed, &name), 0);
    assert_int_equal(reserve(&his, &other, "x"), 0);
    assert_int_equal(release(&his, &other), 0);
    bed_leave(&his);
    expect_no_names(bed);
}

static void an_item_that_is_not_put_leaves_the_name_reserved(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    assert_int_equal(reserve(bed, &name, "x"), 0);
    assert_int_equal(put_as(bed, &draft, &name, "nowhere"), -ENOENT);
    assert_int_equal(put_as(bed, &draft, &name, "incoming"), 0);
    assert_int_equal(release(bed, &name), 0);
    assert_int_equal(reserve(bed, &name, "x"), -EEXIST);
    assert_true(log_same_id(&name.id, &draft.id));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_no_names(bed);
}

/* The item goes, and what says its name has gone before. */
static void a_name_whose_item_is_gone_is_free_to_who_asks(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    struct pirn_claim claim = {0};

    (void)put_named(bed, "x");
    bed_write(bed_at(bed, ".registry/x/00000000000000000000000000"), "", 0);
    assert_int_equal(reserve(bed, &name, "x"), -EEXIST);
    assert_false(is_none(&name.id));
    assert_int_equal(bed_entries(bed, ".registry/x"), 1);
    assert_int_equal(bed_claim(bed, &claim), 1);
    bed_write(bed_at(bed, ".registry/x/00000000000000000000000000"), "", 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_entries(bed, ".registry/x"), 1);
    assert_int_equal(reserve(bed, &name, "x"), 0);
    assert_int_equal(release(bed, &name), 0);
    expect_no_names(bed);
}

static void shared_and_streamed_items_may_have_names(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    (void)bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(reserve(bed, &name, "shared"), 0);
    draft.name = &name;
    pirn_prep_share(&draft, &claim, "incoming", NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(release(bed, &name), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(reserve(bed, &name, "shared"), -EEXIST);
    assert_true(log_same_id(&name.id, &draft.id));
    assert_int_equal(reserve(bed, &name, "streamed"), 0);
    pirn_prep_begin(&draft, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_append(&draft, "body", 4);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_commit(&draft, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(release(bed, &name), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_non_null(pirn_fields_get(&claim.item.fields, "pirn.name"));
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    expect_no_names(bed);
}

/* ---- generators ---- */

struct numbers {
    uint32_t asked;
    int refuses_at;
};

static int make_number(void *argument, uint32_t attempt,
                       char text[PIRN_NAME_TEXT])
{
    struct numbers *numbers = argument;

    if ((int)attempt == numbers->refuses_at) {
        return -EDOM;
    }
    numbers->asked += attempt == numbers->asked;
    snprintf(text, PIRN_NAME_TEXT, "n%u", attempt);
    return 0;
}

static void a_generator_is_asked_until_a_name_is_free(void **state)
{
    struct bed *bed = *state;
    struct numbers numbers = {.refuses_at = -1};
    struct pirn_name names[4] = {0};

    for (int i = 0; i < 3; i++) {
        numbers.asked = 0;
        assert_int_equal(reserve_by(bed, &names[i], make_number, &numbers, 3),
                         0);
        assert_int_equal(numbers.asked, i + 1);
    }
    numbers.asked = 0;
    assert_int_equal(reserve_by(bed, &names[3], make_number, &numbers, 3),
                     -EEXIST);
    assert_int_equal(numbers.asked, 3);
    numbers.refuses_at = 1;
    assert_int_equal(reserve_by(bed, &names[3], make_number, &numbers, 3),
                     -EDOM);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(release(bed, &names[i]), 0);
    }
    expect_no_names(bed);
}

static void what_is_no_name_is_refused(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    const char *const bad[] = {"", ".own", "..", "a/b", "a b", "=0000", "\x80"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(pirn_name_is_valid(bad[i]));
        assert_int_equal(reserve(bed, &name, bad[i]), -EINVAL);
    }
    char text[PIRN_NAME_TEXT + 1];
    memset(text, 'x', sizeof(text));
    text[PIRN_NAME_TEXT] = '\0';
    assert_false(pirn_name_is_valid(text));
    text[PIRN_NAME_TEXT - 1] = '\0';
    assert_int_equal(reserve(bed, &name, text), 0);
    assert_int_equal(release(bed, &name), 0);
    expect_no_names(bed);
}

/* ---- at the same time ---- */

static void note_reserved(struct pirn_op *op, int32_t result)
{
    struct pirn_name *name = pirn_container_of(op, struct pirn_name, op);

    *(int32_t *)name->priv.argument = result;
}

static void start_reserving(struct bed *bed, struct pirn_name *name,
                            int32_t *result)
{
    snprintf(name->text, sizeof(name->text), "x");
    pirn_prep_reserve(name, bed->spool, NULL, result, 1);
    *result = 1;
    pirn_start(bed->context, &name->op, note_reserved);
}

/* One goes @lead turns ahead; then both go on by turns. */
static void of_two_who_take_a_stale_name_one_has_it(void **state)
{
    enum { LEADS = 24, MOST = 1000 };
    struct bed *bed = *state;
    struct bed his;

    bed_join(bed, &his);
    for (int lead = 0; lead < LEADS; lead++) {
        struct pirn_name names[2] = {0};
        int32_t results[2];
        assert_int_equal(mkdir(bed_at(bed, ".registry/x"), 0700), 0);
        bed_write(bed_at(bed, ".registry/x/00000000000000000000000000"), "", 0);
        start_reserving(bed, &names[0], &results[0]);
        start_reserving(&his, &names[1], &results[1]);
        for (int i = 0; i < MOST && (results[0] == 1 || results[1] == 1); i++) {
            if (results[0] == 1) {
                assert_true(pirn_context_turn(bed->context, 0) >= 0);
            }
            if (results[1] == 1 && (i >= lead || results[0] != 1)) {
                assert_true(pirn_context_turn(his.context, UINT64_MAX) >= 0);
            }
        }
        while (results[0] == 1) {
            assert_true(pirn_context_turn(bed->context, UINT64_MAX) >= 0);
        }
        assert_int_equal(results[0] + results[1], -EEXIST);
        assert_int_equal(release(bed, &names[0]), 0);
        assert_int_equal(release(&his, &names[1]), 0);
        expect_no_names(bed);
    }
    bed_leave(&his);
}

/* ---- killed ---- */

enum { THERE = 3 };

/* THERE: killed when the item was. */
static int put_and_die(struct bed *bed, const void *unused, int turns)
{
    struct pirn_name name = {.text = "x"};
    struct pirn_draft draft = {.name = &name};

    (void)unused;
    pirn_prep_reserve(&name, bed->spool, NULL, NULL, 1);
    int r = turn_until_ended(bed, &name.op, 0, &turns);
    if (r != 1) {
        return r;
    }
    pirn_prep_enqueue(&draft, bed->spool, "incoming", "body", 4, NULL);
    r = turn_until_ended(bed, &draft.op, 0, &turns);
    if (r != 1) {
        return r;
    }
    pirn_prep_release_name(&name);
    r = turn_until_ended(bed, &name.op, 0, &turns);
    return r == 0 ? THERE : r;
}

/* What a dead one was making of the log's waits for a round of tombstones. */
static void let_rounds_pass(struct bed *bed)
{
    for (int i = 0; i < 2; i++) {
        struct pirn_claim claim = {0};
        struct pirn_draft draft = {.priority = 7};
        assert_int_equal(log_enqueue(bed, &draft, "incoming", "", 0, NULL), 0);
        assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
}

static void who_is_killed_leaves_an_item_with_its_name_or_neither(void **state)
{
    enum { MOST = 120 };
    const int step = bed_step(2);
    struct bed *bed = *state;
    int r = 0;

    for (int turns = 0; turns < MOST && r != 1; turns += step) {
        struct pirn_name name = {0};
        struct pirn_claim claim = {0};
        r = live_in_a_child(bed, put_and_die, NULL, turns);
        assert_int_not_equal(r, 2);
        bool is_there = bed_status_of(bed, 1).ready == 1; /* recovers him */
        assert_true(is_there || r == 0);
        let_rounds_pass(bed);
        assert_int_equal(reserve(bed, &name, "x"), is_there ? -EEXIST : 0);
        assert_int_equal(release(bed, &name), 0);
        assert_int_equal(bed_claim(bed, &claim), is_there);
        if (is_there) {
            assert_true(log_same_id(&name.id, &claim.item.id));
            assert_int_equal(bed_remove(bed, &claim), 0);
        }
        expect_no_names(bed);
    }
    assert_int_equal(r, 1);
}

static void a_name_survives_a_power_cut_with_its_item(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    struct pirn_claim claim = {0};

    struct pirn_id id = put_named(bed, "x");
    log_power_cut_and_open(bed);
    assert_int_equal(reserve(bed, &name, "x"), -EEXIST);
    assert_true(log_same_id(&name.id, &id));
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    expect_no_names(bed);
}

/* Its note was lost, its mark was not; another open has the slot. */
static void a_mark_that_a_power_cut_left_is_nobodys(void **state)
{
    struct bed *bed = *state;
    struct pirn_name name = {0};
    static const char *const marks[] = {"=0000-0000000000000001",
                                        "=0900-0000000000000001", "=rubbish"};

    for (int i = 0; i < 3; i++) {
        char path[80];
        snprintf(path, sizeof(path), ".registry/x/%s", marks[i]);
        assert_int_equal(mkdir(bed_at(bed, ".registry/x"), 0700), 0);
        bed_write(bed_at(bed, path), "", 0);
        assert_int_equal(reserve(bed, &name, "x"), 0);
        assert_int_equal(release(bed, &name), 0);
        expect_no_names(bed);
    }
}

/* He asks for the name; it moves before two of his turns. */
static int32_t ask_while_it_moves(struct bed *bed, struct bed *his,
                                  const struct pirn_id *id, int first,
                                  int second)
{
    struct pirn_name name = {.text = "x"};
    struct pirn_claim claim = {0};

    ended = 1;
    pirn_prep_reserve(&name, his->spool, NULL, NULL, 1);
    pirn_start(his->context, &name.op, note);
    for (int turn = 0; ended == 1; turn++) {
        if (turn == first || turn == second) {
            assert_int_equal(log_claim_id(bed, &claim, id), 1);
            bool is_in_log = strcmp(claim.item.queue, "incoming") == 0;
            pirn_prep_move(&claim, is_in_log ? "files" : "incoming");
            assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
        }
        assert_true(pirn_context_turn(his->context, UINT64_MAX) >= 0);
    }
    if (ended == 0) {
        assert_int_equal(release(his, &name), 0);
    }
    return ended;
}

static void an_item_that_moves_keeps_its_name(void **state)
{
    enum { TURNS = 24, NEAR = 4 };
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct bed his;

    int r = pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE);
    assert_int_equal(r, 0);
    struct pirn_id id = put_named(bed, "x");
    bed_join(bed, &his);
    for (int first = 0; first < TURNS; first++) {
        for (int second = first + 1; second <= first + NEAR; second++) {
            r = ask_while_it_moves(bed, &his, &id, first, second);
            assert_int_equal(r, -EEXIST);
        }
    }
    bed_leave(&his);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    expect_no_names(bed);
}

/* ---- changes ---- */

/* Its fields become k=@value, and a name that it does not have. */
static int32_t change_fields(struct bed *bed, struct pirn_claim *claim,
                             const char *value, const char *to_queue)
{
    char bytes[64];
    struct pirn_fields fields = {.bytes = bytes, .cap = sizeof(bytes)};
    struct pirn_change change = {.what = PIRN_CHANGE_FIELDS, .queue = to_queue};

    if (value != NULL) {
        assert_int_equal(pirn_fields_add(&fields, "pirn.name", "other"), 0);
        assert_int_equal(pirn_fields_add(&fields, "k", value), 0);
        change.fields = &fields;
    }
    if (to_queue == NULL) {
        pirn_prep_update(claim, &change);
    } else {
        change.what |= PIRN_CHANGE_QUEUE;
        pirn_prep_give_back_as(claim, &change);
    }
    return pirn_wait(bed->context, &claim->op);
}

static void expect_fields(const struct pirn_claim *claim, const char *value)
{
    const struct pirn_fields *fields = &claim->item.fields;
    const char *k = pirn_fields_get(fields, "k");

    assert_non_null(pirn_fields_get(fields, "pirn.name"));
    assert_string_equal(pirn_fields_get(fields, "pirn.name"), "x");
    assert_true(value == NULL ? k == NULL : strcmp(k, value) == 0);
}

static void change_and_move(struct bed *bed, const struct pirn_id *id,
                            const char *to_queue)
{
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_int_equal(change_fields(bed, &claim, "1", NULL), 0);
    expect_fields(&claim, "1");
    assert_int_equal(change_fields(bed, &claim, NULL, NULL), 0);
    expect_fields(&claim, NULL);
    assert_int_equal(change_fields(bed, &claim, "2", to_queue), 0);
    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    expect_fields(&claim, "2");
    assert_int_equal(change_fields(bed, &claim, NULL, to_queue), 0);
}

static void no_change_of_its_fields_takes_the_name_away(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    struct pirn_id id = put_named(bed, "x");
    change_and_move(bed, &id, "incoming");
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    expect_fields(&claim, NULL);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);
    expect_no_names(bed);
}

static void nor_does_one_on_the_way_to_the_other_layout(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    int r = pirn_spool_create_queue_as(bed->spool, "files", PIRN_LAYOUT_FILE);
    assert_int_equal(r, 0);
    struct pirn_id id = put_named(bed, "x");
    for (int i = 0; i < 2; i++) {
        change_and_move(bed, &id, "files");
        change_and_move(bed, &id, "incoming");
    }
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    expect_fields(&claim, NULL);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);
    expect_no_names(bed);
}

#define FILE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define BOTH(name) FILE_TEST(name), LOG_TEST(name)

BED_MAIN(BOTH(a_name_is_an_items_as_long_as_it_is_there),
         BOTH(a_reservation_is_one_owners),
         BOTH(an_item_that_is_not_put_leaves_the_name_reserved),
         BOTH(a_name_whose_item_is_gone_is_free_to_who_asks),
         BOTH(shared_and_streamed_items_may_have_names),
         BOTH(a_generator_is_asked_until_a_name_is_free),
         BOTH(what_is_no_name_is_refused),
         BOTH(of_two_who_take_a_stale_name_one_has_it),
         BOTH(who_is_killed_leaves_an_item_with_its_name_or_neither),
         LOG_TEST(an_item_that_moves_keeps_its_name),
         BOTH(no_change_of_its_fields_takes_the_name_away),
         LOG_TEST(nor_does_one_on_the_way_to_the_other_layout),
         LOG_TEST(a_name_survives_a_power_cut_with_its_item),
         BOTH(a_mark_that_a_power_cut_left_is_nobodys))
