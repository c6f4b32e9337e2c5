/* SPDX-License-Identifier: MIT */
/*
 * test_draft_end.c - a commit ends its draft, whatever it says
 *
 * Each allocation of a commit is refused, one by one, until a commit needs
 * fewer than that. Where it says 0 the item is there, whole, and else it is
 * not; in either case the draft is not open any more, and nothing of it stays.
 */
#include "kernel/test_log.h"

#include "kernel/allocation.h"

enum { SHORT = 100, LONG = PIRN_DRAFT_MEMORY + 20000, REFUSALS_MAX = 64 };

static char body[LONG];

static int32_t wait_for(struct bed *bed, struct pirn_op *op)
{
    return pirn_wait(bed->context, op);
}

static void begin(struct bed *bed, struct pirn_draft *draft, uint32_t len)
{
    pirn_prep_begin(draft, bed->spool, "incoming");
    assert_int_equal(wait_for(bed, &draft->op), 0);
    pirn_prep_append(draft, body, len);
    assert_int_equal(wait_for(bed, &draft->op), 0);
}

static int32_t commit(struct bed *bed, struct pirn_draft *draft,
                      const struct pirn_fields *fields)
{
    pirn_prep_commit(draft, fields);
    return wait_for(bed, &draft->op);
}

static void expect_ended(struct bed *bed, const struct pirn_draft *draft,
                         int32_t result, uint32_t len)
{
    struct pirn_claim claim = {0};

    assert_false(pirn_draft_is_open(draft));
    if (result == 0) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_true(log_same_id(&claim.item.id, &draft->id));
        assert_int_equal(claim.item.size_bytes, len);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
    }
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_int_equal(bed_status(bed).leftovers, 0);
}

static void reserve(struct bed *bed, struct pirn_name *name)
{
    *name = (struct pirn_name){.text = "by-name"};
    pirn_prep_reserve(name, bed->spool, NULL, NULL, 1);
    assert_int_equal(wait_for(bed, &name->op), 0);
}

static void release(struct bed *bed, struct pirn_name *name)
{
    pirn_prep_release_name(name);
    assert_int_equal(wait_for(bed, &name->op), 0);
}

/* One commit whose @nth allocation is refused; false: it needs fewer. */
static bool refused_at(struct bed *bed, uint64_t nth, bool has_name,
                       uint32_t len)
{
    struct pirn_name name;
    struct pirn_draft draft = {.name = has_name ? &name : NULL};

    if (has_name) {
        reserve(bed, &name);
    }
    begin(bed, &draft, len);
    allocation_refuse(ALLOCATION_ONCE, nth);
    int32_t r = commit(bed, &draft, NULL);
    bool is_refused = allocation_allow() > 0;
    assert_true(r == 0 || (is_refused && r == -ENOMEM));
    expect_ended(bed, &draft, r, len);
    if (has_name) {
        release(bed, &name);
    }
    return is_refused;
}

static void without_memory_it_ends_and_leaves_nothing(void **state)
{
    struct bed *bed = *state;

    for (int way = 0; way < 4; way++) {
        uint64_t nth = 1;
        while (refused_at(bed, nth, way & 1, way & 2 ? LONG : SHORT)) {
            assert_true(++nth < REFUSALS_MAX);
        }
    }
    bed_close(bed); /* all drafts have ended, or this stops the program */
    assert_int_equal(bed_open(bed, false), 0);
}

static void with_fields_that_are_none_it_ends_and_leaves_nothing(void **state)
{
    static char many[PIRN_FIELDS_MAX + 64];
    struct pirn_fields wrong = {.bytes = many, .len = 1, .cap = 1};
    struct pirn_fields long_ones = {
        .bytes = many, .len = PIRN_FIELDS_MAX + 1, .cap = sizeof(many)};
    struct bed *bed = *state;

    many[0] = 'a'; /* behind which a name would be the value */
    for (int way = 0; way < 4; way++) {
        struct pirn_name name;
        bool has_name = way & 1;
        struct pirn_draft draft = {.name = has_name ? &name : NULL};
        if (has_name) {
            reserve(bed, &name);
        }
        begin(bed, &draft, way & 2 ? LONG : SHORT);
        int32_t r = commit(bed, &draft, &wrong);
        assert_int_equal(r, -EINVAL);
        expect_ended(bed, &draft, r, 0);
        begin(bed, &draft, SHORT);
        r = commit(bed, &draft, &long_ones);
        assert_int_equal(r, -E2BIG);
        expect_ended(bed, &draft, r, 0);
        r = log_enqueue(bed, &draft, "incoming", body, SHORT, &wrong);
        assert_int_equal(r, -EINVAL);
        expect_ended(bed, &draft, r, 0);
        if (has_name) {
            release(bed, &name);
        }
    }
}

/* In memory: what is asked here is asked of no disk. */
static int files_setup(void **state)
{
    return setenv("TMPDIR", "/dev/shm", 0) + bed_setup(state);
}

static int memory_log_setup(void **state)
{
    return setenv("TMPDIR", "/dev/shm", 0) + log_setup(state);
}

#define FILES(name) \
    cmocka_unit_test_setup_teardown(name, files_setup, bed_teardown)
#define LOG(name) \
    cmocka_unit_test_setup_teardown(name, memory_log_setup, log_teardown)

BED_MAIN(FILES(without_memory_it_ends_and_leaves_nothing),
         LOG(without_memory_it_ends_and_leaves_nothing),
         FILES(with_fields_that_are_none_it_ends_and_leaves_nothing),
         LOG(with_fields_that_are_none_it_ends_and_leaves_nothing))
