/* SPDX-License-Identifier: MIT */
/*
 * test_allocation_spool.c - a spool that is used where memory is refused
 *
 * One life opens a spool, does each verb, and closes it. What fails for want of
 * memory is asked for once more, where that is allowed, and may fail again.
 * After each life the spool is opened in peace: each item that was acknowledged
 * is there, whole and ready; nothing else is, but what a remove was refused;
 * nothing was set aside as damaged.
 */
#include "kernel/test_log.h"

#include "kernel/allocation.h"

enum { ITEMS_MAX = 64, KEPT = 4, BIG = PIRN_DRAFT_MEMORY + 20000 };

struct known {
    struct pirn_id id;
    uint32_t len;
    char first; /* the body: as many of that byte */
    bool maybe; /* its end is not known */
};

struct lives {
    struct bed *bed;
    bool is_new;  /* each life makes the spool */
    bool is_cold; /* each life finds no index */
    struct pirn_spool *spool;
    struct known known[ITEMS_MAX];
    uint32_t count;
    int r; /* the first that was not as it should be */
};

static char big[BIG];

/* Note what a verb ended with. Return: whether it did what it should. */
static bool done(struct lives *lives, int32_t result)
{
    if (result < 0 && lives->r == 0) {
        lives->r = result;
    }
    return result >= 0;
}

static int32_t wait_for(struct lives *lives, struct pirn_op *op)
{
    return pirn_wait(lives->bed->context, op);
}

static void know(struct lives *lives, const struct pirn_id *id, char first,
                 uint32_t len)
{
    assert_true(lives->count < ITEMS_MAX);
    lives->known[lives->count++] =
        (struct known){.id = *id, .first = first, .len = len};
}

static struct known *find(struct lives *lives, const struct pirn_id *id)
{
    for (uint32_t i = 0; i < lives->count; i++) {
        if (memcmp(&lives->known[i].id, id, sizeof(*id)) == 0) {
            return &lives->known[i];
        }
    }
    fail_msg("an item that nobody has put");
    return NULL;
}

static void forget(struct lives *lives, const struct pirn_id *id)
{
    struct known *known = find(lives, id);

    *known = lives->known[--lives->count];
}

static bool is_all(const char *bytes, uint32_t len, char byte)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != byte) {
            return false;
        }
    }
    return true;
}

/* --- the verbs --- */

static void put(struct lives *lives)
{
    char body[100];
    struct pirn_draft draft = {0};

    memset(body, 'p', sizeof(body));
    for (int times = 0; times < 2; times++) {
        pirn_prep_enqueue(&draft, lives->spool, "incoming", body, sizeof(body),
                          NULL);
        if (done(lives, wait_for(lives, &draft.op))) {
            know(lives, &draft.id, 'p', sizeof(body));
            return;
        }
    }
}

static void put_in_pieces(struct lives *lives)
{
    struct pirn_draft draft = {0};
    char text[64] = "";
    struct pirn_fields fields = {.bytes = text, .cap = sizeof(text)};
    int32_t r;

    memset(big, 'd', sizeof(big));
    assert_int_equal(pirn_fields_add(&fields, "from", "a@example.org"), 0);
    pirn_prep_begin(&draft, lives->spool, "incoming");
    r = wait_for(lives, &draft.op);
    if (!done(lives, r)) {
        assert_false(pirn_draft_is_open(&draft));
        return;
    }
    for (int i = 0; i < 2 && r >= 0; i++) {
        pirn_prep_append(&draft, big, BIG / 2);
        r = wait_for(lives, &draft.op);
    }
    if (done(lives, r)) {
        pirn_prep_commit(&draft, &fields);
        if (done(lives, wait_for(lives, &draft.op))) {
            know(lives, &draft.id, 'd', BIG / 2 * 2);
        }
    } else {
        pirn_prep_abort(&draft);
        assert_int_equal(wait_for(lives, &draft.op), 0);
    }
    assert_false(pirn_draft_is_open(&draft));
}

static void put_by_name(struct lives *lives)
{
    struct pirn_name name = {.text = "by-name"};
    struct pirn_draft draft = {.name = &name};
    int32_t r;

    pirn_prep_reserve(&name, lives->spool, NULL, NULL, 1);
    r = wait_for(lives, &name.op);
    if (r == -EEXIST) {
        return; /* by an item of another life */
    }
    if (!done(lives, r)) {
        return;
    }
    pirn_prep_enqueue(&draft, lives->spool, "incoming", "n", 1, NULL);
    if (done(lives, wait_for(lives, &draft.op))) {
        know(lives, &draft.id, 'n', 1);
    }
    pirn_prep_release_name(&name);
    done(lives, wait_for(lives, &name.op));
}

/* To its end, in order: the digest is compared. */
static void read_claimed(struct lives *lives, struct pirn_claim *claim)
{
    const struct known *known = find(lives, &claim->item.id);
    int32_t r;

    memset(big, 0, sizeof(big));
    pirn_prep_claim_read(claim, big, sizeof(big), 0);
    r = wait_for(lives, &claim->op);
    if (done(lives, r)) {
        assert_int_equal(r, known->len);
        assert_true(is_all(big, known->len, known->first));
    }
}

static void change(struct lives *lives, struct pirn_claim *claim)
{
    char text[64] = "";
    struct pirn_fields fields = {.bytes = text, .cap = sizeof(text)};
    struct pirn_change change = {
        .what = PIRN_CHANGE_FIELDS | PIRN_CHANGE_PRIORITY,
        .priority = 1,
        .fields = &fields,
    };

    assert_int_equal(pirn_fields_add(&fields, "seen", "yes"), 0);
    pirn_prep_update(claim, &change);
    done(lives, wait_for(lives, &claim->op));
}

static void share(struct lives *lives, struct pirn_claim *of)
{
    const struct known body = *find(lives, &of->item.id);
    struct pirn_draft draft = {0};

    pirn_prep_share(&draft, of, "incoming", NULL);
    if (done(lives, wait_for(lives, &draft.op))) {
        know(lives, &draft.id, body.first, body.len);
    }
}

static void remove_claimed(struct lives *lives, struct pirn_claim *claim)
{
    struct pirn_id id = claim->item.id;

    pirn_prep_remove_durable(claim);
    if (done(lives, wait_for(lives, &claim->op))) {
        forget(lives, &id);
    } else {
        find(lives, &id)->maybe = true;
    }
}

/* Have one, do with it what can be done, and give it back or remove it. */
static void take(struct lives *lives, bool remove)
{
    struct pirn_claim claim = {0};
    int32_t r = -1;

    for (int times = 0; times < 2 && r < 0; times++) {
        pirn_prep_claim(&claim, lives->spool, "incoming");
        r = wait_for(lives, &claim.op);
        done(lives, r);
    }
    if (r <= 0) {
        return;
    }
    read_claimed(lives, &claim);
    change(lives, &claim);
    share(lives, &claim);
    if (remove) {
        remove_claimed(lives, &claim);
        return;
    }
    pirn_prep_give_back(&claim);
    done(lives, wait_for(lives, &claim.op));
}

static void look(struct lives *lives)
{
    struct pirn_view view = {0};
    const struct known *known = &lives->known[0];
    int32_t r;

    if (lives->count == 0 || known->maybe) {
        return;
    }
    pirn_prep_look(&view, lives->spool, &known->id);
    if (done(lives, wait_for(lives, &view.op))) {
        pirn_prep_view_read(&view, big, sizeof(big), 0);
        r = wait_for(lives, &view.op);
        if (done(lives, r)) {
            assert_int_equal(r, known->len);
        }
    }
    pirn_prep_view_end(&view);
    assert_int_equal(wait_for(lives, &view.op), 0);
}

static void list(struct lives *lives)
{
    struct pirn_listing listing = {0};
    int32_t r;

    pirn_prep_listing(&listing, lives->spool, NULL);
    r = wait_for(lives, &listing.op);
    for (bool more = r >= 0; more; more = r > 0) {
        pirn_prep_listing_next(&listing);
        r = wait_for(lives, &listing.op);
    }
    done(lives, r);
    pirn_prep_listing_end(&listing);
    assert_int_equal(wait_for(lives, &listing.op), 0);
}

static void count(struct lives *lives)
{
    struct pirn_status status = {0};
    struct pirn_owners owners = {0};
    struct pirn_renewal renewal = {0};
    struct pirn_fence fence = {0};
    int32_t r;

    pirn_prep_status(&status, lives->spool);
    done(lives, wait_for(lives, &status.op));
    pirn_prep_owners(&owners, lives->spool);
    done(lives, wait_for(lives, &owners.op));
    pirn_owners_end(&owners);
    pirn_prep_renew(&renewal, lives->spool);
    done(lives, wait_for(lives, &renewal.op));
    pirn_prep_fence_owner(&fence, lives->spool, 1000, 0); /* nobody's slot */
    r = wait_for(lives, &fence.op);
    done(lives, r == -ESRCH ? 0 : r);
}

/* What is not looked at for want of memory is no finding. */
static void check(struct lives *lives)
{
    const struct pirn_check_config config = {.deep = true, .grace_ns = 1};
    struct pirn_check check = {0};
    int32_t r;

    pirn_prep_check(&check, lives->spool, &config);
    if (!done(lives, wait_for(lives, &check.op))) {
        return;
    }
    pirn_prep_check_next(&check);
    r = wait_for(lives, &check.op);
    if (r == 1 && check.finding.fault != PIRN_FAULT_LEFTOVER) {
        fail_msg("%s %s", pirn_fault_name(check.finding.fault),
                 check.finding.path);
    }
    done(lives, r);
    pirn_prep_check_end(&check);
    assert_int_equal(wait_for(lives, &check.op), 0);
}

/* --- lives --- */

static int live_on(struct lives *lives)
{
    struct bed *bed = lives->bed;
    int r = bed_open(bed, lives->is_new);

    lives->r = 0;
    if (r < 0) {
        return r;
    }
    lives->spool = bed->spool;
    put(lives);
    put_in_pieces(lives);
    put_by_name(lives);
    take(lives, false);
    take(lives, true);
    look(lives);
    list(lives);
    count(lives);
    check(lives);
    bed_close(bed);
    return lives->r;
}

/* Its context has been refused something, too. */
static int live(void *user)
{
    struct lives *lives = user;
    struct bed *bed = lives->bed;
    struct pirn_context *peaceful = bed->context;
    int r = pirn_context_create(NULL, &bed->context);

    if (r == 0) {
        r = live_on(lives);
        pirn_context_destroy(bed->context);
    }
    bed->context = peaceful;
    return r;
}

/* Return: whether it is there. */
static bool expect_known(struct lives *lives, const struct known *known)
{
    struct pirn_view view = {0};
    int32_t r = bed_look(lives->bed, &view, &known->id);

    if (known->maybe && r == -ENOENT) {
        return false;
    }
    assert_int_equal(r, 0);
    assert_int_equal(view.item.state, PIRN_ITEM_READY);
    memset(big, 0, sizeof(big));
    pirn_prep_view_read(&view, big, sizeof(big), 0);
    assert_int_equal(pirn_wait(lives->bed->context, &view.op), known->len);
    assert_true(is_all(big, known->len, known->first));
    bed_view_end(lives->bed, &view);
    return true;
}

/* Take what is there: it was put. A few stay for the next life. */
static void thin_out(struct lives *lives)
{
    struct pirn_claim claim = {0};

    while (lives->count > KEPT && bed_claim(lives->bed, &claim) == 1) {
        forget(lives, &claim.item.id);
        assert_int_equal(bed_remove(lives->bed, &claim), 0);
    }
    assert_true(lives->count <= KEPT);
}

static void make_index_dir(const struct bed *bed)
{
    if (bed->index_dir != NULL) {
        bed_rmtree(bed->index_dir);
        assert_int_equal(mkdir(bed->index_dir, 0700), 0);
    }
}

static void look_at_it_in_peace(void *user)
{
    struct lives *lives = user;
    struct bed *bed = lives->bed;
    struct pirn_status status;

    assert_int_equal(bed_open(bed, true), 0);
    for (uint32_t i = lives->count; i-- > 0;) {
        if (!expect_known(lives, &lives->known[i])) {
            lives->known[i] = lives->known[--lives->count];
        }
    }
    status = bed_status(bed);
    assert_int_equal(status.ready, lives->count);
    assert_int_equal(status.claimed, 0);
    assert_int_equal(status.quarantined, 0);
    assert_int_equal(status.drafts, 0);
    assert_int_equal(status.owners, 1);
    thin_out(lives);
    bed_close(bed);
    if (lives->is_new) {
        bed_rmtree(bed->path);
        assert_int_equal(mkdir(bed->path, 0700), 0);
        lives->count = 0;
    }
    if (lives->is_new || lives->is_cold) {
        make_index_dir(bed);
    }
}

static void each_in_turn(struct lives *lives, const char *name)
{
    struct allocation_life life = {
        .name = name,
        .live = live,
        .check = look_at_it_in_peace,
        .user = lives,
    };

    if (!lives->is_new) {
        assert_int_equal(bed_open(lives->bed, true), 0);
        bed_close(lives->bed);
    }
    allocation_each(&life);
}

static void files_that_lack_memory_are_intact(void **state)
{
    struct lives lives = {.bed = *state};

    each_in_turn(&lives, "files");
}

static void files_are_made_whole_or_made_again(void **state)
{
    struct lives lives = {.bed = *state, .is_new = true};

    each_in_turn(&lives, "new files");
}

static void a_log_that_lacks_memory_is_intact(void **state)
{
    struct lives lives = {.bed = *state};

    each_in_turn(&lives, "log");
}

static void a_log_is_made_whole_or_made_again(void **state)
{
    struct lives lives = {.bed = *state, .is_new = true};

    each_in_turn(&lives, "new log");
}

static void an_index_is_built_again_or_later(void **state)
{
    struct lives lives = {.bed = *state, .is_cold = true};

    each_in_turn(&lives, "log without an index");
}

#define FILES(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup_in_memory, bed_teardown)
#define LOG(name) \
    cmocka_unit_test_setup_teardown(name, log_setup_in_memory, log_teardown)

BED_MAIN(FILES(files_that_lack_memory_are_intact),
         FILES(files_are_made_whole_or_made_again),
         LOG(a_log_that_lacks_memory_is_intact),
         LOG(a_log_is_made_whole_or_made_again),
         LOG(an_index_is_built_again_or_later))
