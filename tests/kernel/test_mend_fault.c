/* SPDX-License-Identifier: MIT */
/*
 * test_mend_fault.c - a mend that fails at any of its operations
 *
 * Each result of a mend is spoiled, one by one. Either it says 0, or what went
 * wrong; whichever it is, the bytes that it was about are not lost: who opens
 * the spool next and mends in peace has them in quarantine, perhaps twice, and
 * finds nothing wrong after that. Neither a descriptor nor half an item stays.
 */
#include "kernel/faulty_bed.h"
#include "kernel/test_check.h"

#include "spool/check/adopt.h"
#include "spool/check/log_mend.h"
#include "spool/check/strays.h"

#include <sys/wait.h>

enum { PLACES_MAX = 64, LONG_BODY = 100000 };

/* What is damaged, and how it is mended. */
struct damage {
    int32_t error;

    /* Damage it; its id. */
    struct pirn_id (*make)(struct bed *bed, const char *text);
    int32_t (*mend)(struct bed *bed, const struct pirn_id *id);
    bool is_stray; /* the bytes go to .strays, not to quarantine */
};

static int32_t wait_for(struct bed *bed, struct pirn_op *op)
{
    return pirn_wait(bed->context, op);
}

/* ---- the bytes ---- */

static bool has_body(struct bed *bed, const struct pirn_id *id,
                     const char *text)
{
    struct pirn_view view = {0};
    char buf[LOG_TEXT_MAX] = "";

    assert_int_equal(bed_look(bed, &view, id), 0);
    pirn_prep_view_read(&view, buf, (uint32_t)strlen(text), 0);
    (void)wait_for(bed, &view.op);
    bed_view_end(bed, &view);
    return memcmp(buf, text, strlen(text)) == 0;
}

/* How many items of quarantine begin so. */
static unsigned copies(struct bed *bed, const char *text)
{
    struct pirn_listing listing = {0};
    unsigned count = 0;
    int32_t r;

    pirn_prep_listing(&listing, bed->spool, "quarantine");
    assert_int_equal(wait_for(bed, &listing.op), 0);
    do {
        pirn_prep_listing_next(&listing);
        r = wait_for(bed, &listing.op);
        assert_true(r >= 0);
        for (int32_t i = 0; i < r; i++) {
            count += has_body(bed, &listing.items[i].id, text);
        }
    } while (r > 0);
    pirn_prep_listing_end(&listing);
    assert_int_equal(wait_for(bed, &listing.op), 0);
    return count;
}

static unsigned strays(const struct bed *bed, const char *text)
{
    char command[640];

    snprintf(command, sizeof(command), "exit $(grep -rl '%s' %s | wc -l)", text,
             bed_at(bed, "quarantine/.strays"));
    return (unsigned)WEXITSTATUS(system(command));
}

/* ---- each place ---- */

static void reopen(struct bed *bed)
{
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
}

/* Whatever is found is mended. */
static void mend_in_peace(struct bed *bed)
{
    struct found found = check(bed, &repair);

    assert_int_equal(found.result, 0);
    for (uint32_t i = 0; i < found.count; i++) {
        assert_true(found.findings[i].mended);
    }
    assert_int_equal(bed_status(bed).leftovers, 0);
    assert_int_equal(bed_status(bed).drafts, 0);
}

/* Of a body that the disk cannot read there is nothing to keep. */
static bool fails_at(struct bed *bed, const struct damage *damage,
                     uint32_t place)
{
    char text[32];

    snprintf(text, sizeof(text), "the body at %u.", place);
    struct pirn_id id = damage->make(bed, text);
    faulty_plan(ENGINE_OPCODE_COUNT, place, 1, damage->error);
    int32_t r = damage->mend(bed, &id);
    const struct faulty_plan outcome = *faulty_outcome();
    bed_heal();
    assert_true(r == 0 || (outcome.failed > 0 && r < 0));
    reopen(bed);
    mend_in_peace(bed);
    unsigned kept = damage->is_stray ? strays(bed, text) : copies(bed, text);
    assert_true(kept >= 1 || (r == 0 && outcome.last == ENGINE_READ &&
                              damage->error == -EIO));
    return outcome.failed > 0;
}

static void fail_everywhere(struct bed *bed, const struct damage *damage)
{
    uint32_t place = 1;

    while (fails_at(bed, damage, place)) {
        assert_true(++place < PLACES_MAX);
    }
    assert_true(place > 3);
    expect_clean(bed);
}

/* ---- among the files ---- */

static int32_t adopt(struct bed *bed, const struct pirn_id *id, bool is_of_log)
{
    struct pirn__adopt *adoption = calloc(1, sizeof(*adoption));

    pirn__prep_adopt(adoption, bed->spool, id, is_of_log);
    int32_t r = wait_for(bed, &adoption->op);
    free(adoption);
    return r;
}

static struct pirn_id make_orphan(struct bed *bed, const char *text)
{
    struct pirn_id id = bed_put(bed, text, strlen(text));

    assert_int_equal(unlink(bed_path(bed, BED_READY, &id)), 0);
    return id;
}

static int32_t adopt_file(struct bed *bed, const struct pirn_id *id)
{
    return adopt(bed, id, false);
}

static void an_adoption_that_fails_keeps_the_body(void **state)
{
    static const struct damage damage = {-EIO, make_orphan, adopt_file, false};

    fail_everywhere(*state, &damage);
}

static struct pirn_id make_stray(struct bed *bed, const char *text)
{
    bed_write(bed_at(bed, "incoming/00/mail"), text, strlen(text));
    return (struct pirn_id){{0}};
}

static int32_t move_stray(struct bed *bed, const struct pirn_id *id)
{
    struct pirn__to_strays *move = calloc(1, sizeof(*move));

    (void)id;
    pirn__prep_to_strays(move, bed->spool, "incoming/00/mail");
    int32_t r = wait_for(bed, &move->op);
    free(move);
    return r;
}

static void a_stray_that_is_not_moved_stays(void **state)
{
    static const struct damage damage = {-EIO, make_stray, move_stray, true};

    fail_everywhere(*state, &damage);
}

/* A sync may say 0 when its commit has failed (pirn_prep_confirm()). */
static void a_stray_is_moved_when_that_can_be_believed(void **state)
{
    static const int errors[] = {-EROFS, -ENOMEM};
    struct bed *bed = *state;

    for (uint32_t i = 0; i < 4; i++) {
        uint32_t place = i % 2 + 1;

        (void)make_stray(bed, "a stray");
        faulty_plan(ENGINE_CONFIRM, place, 1, errors[i / 2]);
        assert_int_equal(move_stray(bed, NULL), errors[i / 2]);
        bed_heal();
    }
    (void)make_stray(bed, "a stray");
    faulty_plan(ENGINE_CONFIRM, 1, 0, -ENOSPC);
    assert_int_equal(move_stray(bed, NULL), 0);
    bed_heal();
    assert_true(strays(bed, "a stray") >= 3);
    expect_clean(bed);
}

/* ---- in the log ---- */

static struct pirn_id make_log_orphan(struct bed *bed, const char *text)
{
    struct pirn_id id = log_put(bed, text);
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    bed_write(log_body_path(bed, &id), text, strlen(text));
    return id;
}

static int32_t adopt_log(struct bed *bed, const struct pirn_id *id)
{
    return adopt(bed, id, true);
}

static void an_adoption_from_the_log_that_fails_keeps_the_body(void **state)
{
    static const struct damage damage = {-EIO, make_log_orphan, adopt_log,
                                         false};

    fail_everywhere(*state, &damage);
}

static int32_t mend_log(struct bed *bed, const struct pirn_id *id)
{
    struct pirn__log_mend *mend = calloc(1, sizeof(*mend));
    struct pirn_finding finding = {.fault = PIRN_FAULT_BAD_BODY,
                                   .has_id = true,
                                   .id = *id,
                                   .queue = "incoming"};

    pirn__prep_log_mend(mend, bed->spool, &finding);
    int32_t r = wait_for(bed, &mend->op);
    free(mend);
    return r;
}

static bool holds(const char *path, const char *text)
{
    char command[512];

    snprintf(command, sizeof(command), "grep -q '%s' %s", text, path);
    return system(command) == 0;
}

/* Of a record that has @text and a byte more, the byte at @at is another. */
static struct pirn_id make_bad(struct bed *bed, const char *text, off_t at)
{
    char longer[48];

    snprintf(longer, sizeof(longer), "%s!", text);
    struct pirn_id id = log_put(bed, longer);
    (void)log_put(bed, "behind"); /* so it is not what a power cut tore */
    log_shut_down(bed);
    const char *path = NULL;
    for (unsigned i = 0; path == NULL; i++) {
        path = holds(log_segment(bed, i), longer) ? log_segment(bed, i) : NULL;
    }
    log_flip(path, log_find(path, longer, strlen(longer)) + at);
    assert_int_equal(bed_open(bed, false), 0);
    return id;
}

static struct pirn_id make_bad_body(struct bed *bed, const char *text)
{
    return make_bad(bed, text, (off_t)strlen(text));
}

static void a_copy_that_fails_keeps_the_damaged_body(void **state)
{
    static const struct damage damage = {-EIO, make_bad_body, mend_log, false};

    fail_everywhere(*state, &damage);
}

/* Its fields, behind the head. */
static struct pirn_id make_bad_record(struct bed *bed, const char *text)
{
    return make_bad(bed, text, -40);
}

static void a_copy_that_fails_keeps_the_damaged_record(void **state)
{
    static const struct damage damage = {-EIO, make_bad_record, mend_log,
                                         false};

    fail_everywhere(*state, &damage);
}

/* What is ours is no reason to go on without the body. */
static void a_copy_without_memory_keeps_the_damaged_body(void **state)
{
    static const struct damage damage = {-ENOMEM, make_bad_body, mend_log,
                                         false};

    fail_everywhere(*state, &damage);
}

static struct pirn_id make_cut(struct bed *bed, const char *text)
{
    static char body[LONG_BODY];

    snprintf(body, sizeof(body), "%s", text);
    struct pirn_id id = bed_put(bed, body, sizeof(body));
    assert_int_equal(truncate(log_body_path(bed, &id), LONG_BODY - 1), 0);
    return id;
}

static void a_copy_of_a_long_body_without_descriptors_keeps_it(void **state)
{
    static const struct damage damage = {-EMFILE, make_cut, mend_log, false};

    fail_everywhere(*state, &damage);
}

static int setup(void **state, bool is_log)
{
    if (setenv("TMPDIR", "/dev/shm", 0) < 0 ||
        log_setup_faulty_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->layout = is_log ? PIRN_LAYOUT_LOG : PIRN_LAYOUT_FILE;
    bed->log_slots = 1024;
    return bed_open(bed, true);
}

static int setup_files(void **state)
{
    return setup(state, false);
}

static int setup_log(void **state)
{
    return setup(state, true);
}

#define FILES(name) \
    cmocka_unit_test_setup_teardown(name, setup_files, log_teardown)
#define LOG(name) cmocka_unit_test_setup_teardown(name, setup_log, log_teardown)

BED_MAIN(FILES(an_adoption_that_fails_keeps_the_body),
         FILES(a_stray_that_is_not_moved_stays),
         FILES(a_stray_is_moved_when_that_can_be_believed),
         LOG(an_adoption_from_the_log_that_fails_keeps_the_body),
         LOG(a_copy_that_fails_keeps_the_damaged_body),
         LOG(a_copy_that_fails_keeps_the_damaged_record),
         LOG(a_copy_without_memory_keeps_the_damaged_body),
         LOG(a_copy_of_a_long_body_without_descriptors_keeps_it))
