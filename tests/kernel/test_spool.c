/* SPDX-License-Identifier: MIT */
/*
 * test_spool.c - the spool's verbs, on the running kernel and a real directory
 */
#include "kernel/test_spool.h"
#include "spool/file/supply.h"
#include "spool/names.h"
#include "spool/spool.h"
#include "spool/text.h"

enum { MIB = 1024 * 1024 };

/* Bytes that are the same for the same seed, of every value. */
static char *bytes_of(size_t len, unsigned seed)
{
    char *bytes = malloc(len + 1);

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (char)(seed >> 16);
    }
    return bytes;
}

/* The claimed body in pieces of @piece bytes is @body. */
static void assert_claimed_body(struct bed *bed, struct pirn_claim *claim,
                                const char *body, uint64_t len, uint32_t piece)
{
    char *buf = malloc(piece);
    uint64_t at = 0;
    int32_t n;

    do {
        pirn_prep_claim_read(claim, buf, piece, at);
        n = pirn_wait(bed->context, &claim->op);
        assert_true(n >= 0 && at + (uint64_t)n <= len);
        assert_memory_equal(buf, body + at, (size_t)n);
        at += (uint64_t)n;
    } while (n > 0);
    assert_int_equal(at, len);
    free(buf);
}

static void an_item_goes_in_and_comes_out(void **state)
{
    static const char body[] = "to be\r\nor not\0to be";
    struct bed *bed = *state;
    char field_bytes[128];
    struct pirn_fields fields = {field_bytes, 0, sizeof(field_bytes)};
    struct pirn_draft draft = {0};
    struct pirn_view view = {0};
    struct pirn_claim claim = {0};
    char buf[64];

    assert_int_equal(pirn_fields_add(&fields, "from", "a@example.org"), 0);
    assert_int_equal(pirn_fields_add(&fields, "to", "%\n"), 0);
    pirn_prep_enqueue(&draft, bed->spool, "incoming", body, sizeof(body),
                      &fields);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);

    assert_int_equal(bed_look(bed, &view, &draft.id), 0);
    assert_memory_equal(&view.item.id, &draft.id, sizeof(draft.id));
    assert_string_equal(view.item.queue, "incoming");
    assert_int_equal(view.item.state, PIRN_ITEM_READY);
    assert_int_equal(view.item.size_bytes, sizeof(body));
    assert_int_equal(view.item.attempts, 0);
    assert_string_equal(pirn_fields_get(&view.item.fields, "to"), "%\n");
    pirn_prep_view_read(&view, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &view.op), sizeof(body));
    assert_memory_equal(buf, body, sizeof(body));
    bed_view_end(bed, &view);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &draft.id, sizeof(draft.id));
    assert_int_equal(claim.item.state, PIRN_ITEM_CLAIMED);
    assert_int_equal(bed_look(bed, &view, &draft.id), 0);
    assert_int_equal(view.item.state, PIRN_ITEM_CLAIMED);
    bed_view_end(bed, &view);
    assert_claimed_body(bed, &claim, body, sizeof(body), 7);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);

    assert_int_equal(bed_look(bed, &view, &draft.id), -ENOENT);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_false(bed_has(bed, BED_BODY, &draft.id));
    assert_false(bed_has(bed, BED_TMP, &draft.id));
}

static void streamed_bodies_come_back_the_same(void **state)
{
    static const uint64_t lens[] = {
        0, 1, 65535, 65536, 65537, 200000, 5 * MIB + 3,
    };
    struct bed *bed = *state;

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        char *body = bytes_of(lens[i], (unsigned)i);
        struct pirn_draft draft = {0};
        struct pirn_claim claim = {0};

        pirn_prep_begin(&draft, bed->spool, "incoming");
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        for (uint64_t at = 0; at < lens[i];) {
            uint64_t left = lens[i] - at;
            uint32_t piece = left < 30011 ? (uint32_t)left : 30011;
            pirn_prep_append(&draft, body + at, piece);
            assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
            at += piece;
        }
        assert_true(pirn_draft_is_open(&draft));
        pirn_prep_commit(&draft, NULL);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        assert_false(pirn_draft_is_open(&draft));

        pirn_prep_claim_id(&claim, bed->spool, &draft.id);
        assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
        assert_claimed_body(bed, &claim, body, lens[i], 1 << 16);
        assert_int_equal(bed_remove(bed, &claim), 0);
        free(body);
    }
}

static void one_large_body_is_enqueued_at_once(void **state)
{
    struct bed *bed = *state;
    char *body = bytes_of(3 * MIB, 7);
    struct pirn_claim claim = {0};

    bed_put(bed, body, 3 * MIB);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_claimed_body(bed, &claim, body, 3 * MIB, 1 << 20);
    assert_int_equal(bed_remove(bed, &claim), 0);
    free(body);
}

static void an_aborted_draft_leaves_nothing(void **state)
{
    static const uint32_t lens[] = {0, 10, 100000};
    struct bed *bed = *state;
    char *body = bytes_of(100000, 1);

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct pirn_draft draft = {0};
        struct pirn_status status;

        pirn_prep_begin(&draft, bed->spool, "incoming");
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        pirn_prep_append(&draft, body, lens[i]);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        status = bed_status(bed);
        assert_int_equal(status.drafts, lens[i] > 65536 ? 1 : 0);
        pirn_prep_abort(&draft);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);

        status = bed_status(bed);
        assert_int_equal(status.drafts, 0);
        assert_int_equal(status.ready, 0);
        assert_int_equal(status.body_bytes, 0);
        assert_int_equal(status.leftovers, 0);
    }
    free(body);
}

static void an_item_cannot_be_claimed_twice(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "x", 1);
    struct pirn_claim first = {0};
    struct pirn_claim second = {0};
    struct pirn_id unknown = id;

    assert_int_equal(bed_claim(bed, &first), 1);
    assert_int_equal(bed_claim(bed, &second), 0);
    pirn_prep_claim_id(&second, bed->spool, &id);
    assert_int_equal(pirn_wait(bed->context, &second.op), 0);
    unknown.bytes[3] ^= 1;
    pirn_prep_claim_id(&second, bed->spool, &unknown);
    assert_int_equal(pirn_wait(bed->context, &second.op), -ENOENT);
    assert_int_equal(bed_remove(bed, &first), 0);
}

static void a_give_back_raises_the_attempts(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};

    for (uint32_t attempt = 0; attempt < 3; attempt++) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_memory_equal(&claim.item.id, &id, sizeof(id));
        assert_int_equal(claim.item.attempts, attempt);
        assert_int_equal(claim.item.version, attempt + 1);
        assert_int_equal(bed_give_back(bed, &claim), 0);
        assert_false(bed_has(bed, BED_NEXT, &id));
    }
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_claimed_body(bed, &claim, "body", 4, 100);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_was_taken_from_us_is_stale_and_does_not_come_back(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "body", 4);
    struct pirn_claim claim = {0};

    assert_int_equal(bed_claim(bed, &claim), 1);
    bed_move(bed, &id, BED_CLAIMED, BED_READY); /* as an operator might */
    assert_int_equal(bed_give_back(bed, &claim), -ESTALE);
    assert_false(bed_has(bed, BED_CLAIMED, &id));
    assert_false(bed_has(bed, BED_NEXT, &id));
    assert_true(bed_has(bed, BED_READY, &id));

    assert_int_equal(bed_claim(bed, &claim), 1);
    bed_move(bed, &id, BED_CLAIMED, BED_READY);
    assert_int_equal(bed_remove(bed, &claim), -ESTALE);
    assert_true(bed_has(bed, BED_READY, &id));
    assert_true(bed_has(bed, BED_BODY, &id));
}

static void a_body_that_changed_is_not_handed_out(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put(bed, "0123456789", 10);
    char buf[16];

    bed_write(bed_path(bed, BED_BODY, &id), "0123x56789", 10);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_claim_read(&claim, buf, 5, 0);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 5);
    pirn_prep_claim_read(&claim, buf, 5, 5);
    assert_int_equal(pirn_wait(bed->context, &claim.op), -EBADMSG);
    assert_int_equal(bed_remove(bed, &claim), 0);

    id = bed_put(bed, "0123456789", 10);
    bed_write(bed_path(bed, BED_BODY, &id), "01234567890", 11);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_claim_read(&claim, buf, 10, 0); /* what is behind is not read */
    assert_int_equal(pirn_wait(bed->context, &claim.op), -EBADMSG);
    assert_int_equal(bed_remove(bed, &claim), 0);

    id = bed_put(bed, "0123456789", 10);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &id)), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_claim_read(&claim, buf, 16, 0);
    assert_int_equal(pirn_wait(bed->context, &claim.op), -EBADMSG);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_body_that_is_missing_is_damage_and_a_removed_one_is_not(
    void **state)
{
    struct bed *bed = *state;
    struct pirn_id missing = bed_put(bed, "body", 4);
    struct pirn_id removed = bed_put(bed, "body", 4);
    struct pirn_view views[2] = {0};
    struct pirn_claim claim = {0};
    char buf[8];

    assert_int_equal(bed_look(bed, &views[0], &missing), 0);
    assert_int_equal(bed_look(bed, &views[1], &removed), 0);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &missing)), 0);
    pirn_prep_claim_id(&claim, bed->spool, &removed);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    assert_int_equal(bed_remove_durably(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0); /* the body's end */
    for (int i = 0; i < 2; i++) {
        pirn_prep_view_read(&views[i], buf, sizeof(buf), 0);
        assert_int_equal(pirn_wait(bed->context, &views[i].op),
                         i == 0 ? -EBADMSG : -ENOENT);
        bed_view_end(bed, &views[i]);
    }
}

static void damaged_metadata_are_set_aside_alone(void **state)
{
    struct bed *bed = *state;
    struct pirn_id bad = bed_put(bed, "a", 1);
    struct pirn_id good = bed_put(bed, "b", 1);
    struct pirn_claim claim = {0};
    struct pirn_view view = {0};
    struct pirn_status status;

    bed_write(bed_path(bed, BED_READY, &bad), "pirn-item 1\nid ", 15);
    assert_int_equal(bed_look(bed, &view, &bad), -EBADMSG);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_memory_equal(&claim.item.id, &good, sizeof(good));
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);

    assert_true(bed_has(bed, BED_ASIDE, &bad));
    assert_true(bed_has(bed, BED_BODY, &bad));
    status = bed_status(bed);
    assert_int_equal(status.quarantined, 1);
    assert_int_equal(status.leftovers, 0);
    pirn_prep_claim(&claim, bed->spool, "quarantine");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 0);
    pirn_prep_claim_id(&claim, bed->spool, &bad);
    assert_int_equal(pirn_wait(bed->context, &claim.op), -EBADMSG);
    assert_true(bed_has(bed, BED_ASIDE, &bad));
}

static void metadata_of_another_item_are_damaged(void **state)
{
    struct bed *bed = *state;
    struct pirn_id id = bed_put(bed, "a", 1);
    struct pirn_id other = id;
    struct pirn_claim claim = {0};

    other.bytes[5] ^= 1;
    assert_int_equal(
        rename(bed_path(bed, BED_READY, &id), bed_path(bed, BED_READY, &other)),
        0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_true(bed_has(bed, BED_ASIDE, &other));
}

static void a_listing_meets_each_item_once(void **state)
{
    enum { COUNT = 1500 };
    struct bed *bed = *state;
    struct pirn_listing listing = {0};
    struct pirn_claim claim = {0};
    unsigned ready = 0;
    unsigned claimed = 0;
    int32_t count;

    bed_put_many(bed, COUNT);
    assert_int_equal(bed_claim(bed, &claim), 1);
    pirn_prep_listing(&listing, bed->spool, NULL);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    for (;;) {
        pirn_prep_listing_next(&listing);
        count = pirn_wait(bed->context, &listing.op);
        assert_true(count >= 0);
        if (count == 0) {
            break;
        }
        for (int32_t i = 0; i < count; i++) {
            struct pirn_listed *item = &listing.items[i];
            bool is_ours = memcmp(&item->id, &claim.item.id, 16) == 0;
            assert_string_equal(item->queue, "incoming");
            assert_int_equal(item->state == PIRN_ITEM_CLAIMED, is_ours);
            ready += !is_ours;
            claimed += is_ours;
        }
    }
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    assert_int_equal(ready, COUNT - 1);
    assert_int_equal(claimed, 1);
    pirn_prep_listing(&listing, bed->spool, "no-such");
    assert_int_equal(pirn_wait(bed->context, &listing.op), -ENOENT);
    assert_int_equal(bed_give_back(bed, &claim), 0);
}

static void status_counts_what_is_there(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_status status;
    struct pirn_id lost;

    bed_put(bed, "12345", 5);
    bed_put(bed, "123", 3);
    lost = bed_put(bed, "1", 1);
    assert_int_equal(unlink(bed_path(bed, BED_READY, &lost)), 0);
    lost = bed_put(bed, "22", 2);
    assert_int_equal(unlink(bed_path(bed, BED_BODY, &lost)), 0);
    pirn_prep_claim(&claim, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);

    status = bed_status(bed);
    assert_int_equal(status.ready, 2);
    assert_int_equal(status.claimed, 1);
    assert_int_equal(status.drafts, 0);
    assert_int_equal(status.leftovers, 2);
    assert_int_equal(status.body_bytes, 9);
    assert_int_equal(status.owners, 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
}

struct mover {
    struct bed *bed;
    struct pirn_claim claim;
    bool has;
    bool stop;
    int32_t error;
};

/* Claims an item, gives it back, claims the next ... */
static void move_on(struct pirn_op *op, int32_t result)
{
    struct mover *mover = pirn_container_of(op, struct mover, claim.op);

    mover->error = result < 0 ? result : mover->error;
    mover->has = !mover->has && result == 1;
    if (mover->has) {
        pirn_prep_give_back(&mover->claim);
    } else if (mover->stop || mover->error < 0) {
        return;
    } else {
        pirn_prep_claim(&mover->claim, mover->bed->spool, "incoming");
    }
    pirn_start(mover->bed->context, op, move_on);
}

static void what_moves_while_it_is_counted_is_no_leftover(void **state)
{
    struct bed *bed = *state;
    struct mover movers[8] = {0};
    uint64_t leftovers = 0;

    bed_put_many(bed, 100);
    for (int i = 0; i < 8; i++) {
        movers[i].bed = bed;
        move_on(&movers[i].claim.op, 0);
    }
    for (int i = 0; i < 5; i++) {
        leftovers += bed_status(bed).leftovers;
    }
    for (int i = 0; i < 8; i++) {
        movers[i].stop = true;
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(movers[i].error, 0);
    }
    assert_int_equal(leftovers, 0);
    assert_int_equal(bed_status(bed).ready, 100);
}

static void ids_that_were_left_to_others_are_not_taken_for_tried(void **state)
{
    struct bed *bed = *state;
    struct pirn__supply supply = {0};
    struct pirn__supply_wait wait = {0};
    struct pirn_id id;
    int root = open(bed->path, O_RDONLY | O_DIRECTORY);

    pirn__supply_init(&supply, bed->context, root, "incoming", 0);
    supply.shard = bed->spool->writer_shard;
    bed_put_many(bed, 20);
    pirn__prep_supply(&wait, &supply);
    assert_int_equal(pirn_wait(bed->context, &wait.waiter.op), 0);
    for (int i = 0; i < 4; i++) {
        assert_true(pirn__supply_take(&supply, &id));
        pirn__supply_tell(&supply, false);
    }
    assert_false(pirn__supply_take(&supply, &id));
    for (uint32_t shard = 1; shard < PIRN__SHARDS; shard++) {
        pirn__prep_supply(&wait, &supply);
        assert_int_equal(pirn_wait(bed->context, &wait.waiter.op), 0);
    }
    assert_false(pirn__supply_is_empty(&supply, 0)); /* all were listed */
    pirn__prep_supply(&wait, &supply);
    assert_int_equal(pirn_wait(bed->context, &wait.waiter.op), 0);
    assert_true(pirn__supply_take(&supply, &id));
    pirn__supply_deinit(&supply);
    close(root);
}

/* The path of a shard, "incoming" or ".data", until the next call. */
static const char *shard_at(const struct bed *bed, const char *parent,
                            uint32_t shard)
{
    struct pirn__name name;

    pirn__name_shard_dir(&name, parent, shard);
    return bed_at(bed, name.text);
}

/* Nothing is there, a file, a link to itself. */
static void spoil_shard(const struct bed *bed, const char *parent,
                        uint32_t shard, int how)
{
    const char *path = shard_at(bed, parent, shard % PIRN__SHARDS);

    assert_int_equal(rmdir(path), 0);
    if (how == 1) {
        bed_write(path, "", 0);
    } else if (how == 2) {
        assert_int_equal(symlink(path, path), 0);
    }
}

static int32_t enqueue(struct bed *bed, struct pirn_draft *draft)
{
    pirn_prep_enqueue(draft, bed->spool, "incoming", "body", 4, NULL);
    return pirn_wait(bed->context, &draft->op);
}

static void a_shard_that_takes_nothing_in_is_passed_over(void **state)
{
    struct bed *bed = *state;
    struct bed_draft drafts[4] = {0};
    uint32_t shard = bed->spool->writer_shard;

    for (int how = 0; how < 3; how++) {
        spoil_shard(bed, ".data", shard + (uint32_t)how, how);
    }
    for (int i = 0; i < 4; i++) {
        struct pirn_draft *draft = &drafts[i].draft;
        pirn_prep_enqueue(draft, bed->spool, "incoming", "body", 4, NULL);
        pirn_start(bed->context, &draft->op, bed_note);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(drafts[i].result, 0);
        assert_int_equal(pirn__id_shard(&drafts[i].draft.id),
                         (shard + 3) % PIRN__SHARDS);
    }
    assert_int_equal(bed_entries(bed, ".tmp/0000"), 0);
}

static void what_no_shard_takes_in_leaves_nothing(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};

    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        spoil_shard(bed, ".data", shard, (int)(shard % 3));
    }
    assert_int_equal(enqueue(bed, &draft), -ENOTDIR);
    assert_int_equal(bed_entries(bed, ".tmp/0000"), 0);
}

/* It is told, and the next one goes elsewhere. */
static void an_item_whose_place_is_none_is_not_stored(void **state)
{
    for (int how = 0; how < 3; how++) {
        struct bed *bed = *state;
        struct pirn_draft draft = {0};

        pirn__spool_leave_shard(bed->spool);
        spoil_shard(bed, "incoming", bed->spool->writer_shard, how);
        assert_int_equal(enqueue(bed, &draft), -ENOTDIR);
        assert_int_equal(bed_entries(bed, ".tmp/0000"), 0);
        assert_int_equal(enqueue(bed, &draft), 0);
    }
}

static void what_is_not_there_is_said(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};
    char *bytes = calloc(1, PIRN_FIELDS_MAX + 4);
    struct pirn_fields fields = {bytes, PIRN_FIELDS_MAX + 4,
                                 PIRN_FIELDS_MAX + 4};

    pirn_prep_enqueue(&draft, bed->spool, "nowhere", "x", 1, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -ENOENT);
    pirn_prep_begin(&draft, bed->spool, "../etc");
    assert_int_equal(pirn_wait(bed->context, &draft.op), -ENOENT);
    assert_false(pirn_draft_is_open(&draft));
    pirn_prep_claim(&claim, bed->spool, "nowhere");
    assert_int_equal(pirn_wait(bed->context, &claim.op), -ENOENT);

    pirn_prep_enqueue(&draft, bed->spool, "incoming", "x", 1, &fields);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -E2BIG);
    fields.len = 3;
    pirn_prep_enqueue(&draft, bed->spool, "incoming", "x", 1, &fields);
    assert_int_equal(pirn_wait(bed->context, &draft.op), -EINVAL);
    free(bytes);
}

static void the_longest_metadata_are_read_back(void **state)
{
    struct bed *bed = *state;
    char *bytes = malloc(PIRN_FIELDS_MAX);
    struct pirn_fields fields = {bytes, PIRN_FIELDS_MAX, PIRN_FIELDS_MAX};
    struct pirn_draft draft = {0};
    struct pirn_view view = {0};

    memset(bytes, '%', PIRN_FIELDS_MAX);
    memcpy(bytes, "a", 2);
    bytes[PIRN_FIELDS_MAX - 1] = '\0';
    pirn_prep_enqueue(&draft, bed->spool, "incoming", "x", 1, &fields);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    assert_int_equal(bed_look(bed, &view, &draft.id), 0);
    assert_int_equal(view.item.fields.len, PIRN_FIELDS_MAX);
    assert_memory_equal(view.item.fields.bytes, bytes, PIRN_FIELDS_MAX);
    bed_view_end(bed, &view);
    free(bytes);
}

static void a_queue_that_another_owner_makes_is_met(void **state)
{
    struct bed *bed = *state;
    struct bed other = *bed;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};

    assert_int_equal(bed_open(&other, false), 0);
    assert_int_equal(pirn_spool_create_queue(other.spool, "slow"), 0);
    assert_int_equal(pirn_spool_create_queue(other.spool, "slow"), 0);
    assert_int_equal(pirn_spool_create_queue(other.spool, "Slow"), -EINVAL);
    assert_int_equal(bed_status(bed).owners, 2);

    pirn_prep_enqueue(&draft, bed->spool, "slow", "x", 1, NULL);
    assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    pirn_prep_claim(&claim, other.spool, "slow");
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    assert_string_equal(claim.item.queue, "slow");
    bed_close(&other); /* with the claim: it is ready again */
    assert_int_equal(bed_status(bed).owners, 1);

    pirn_prep_claim_id(&claim, bed->spool, &draft.id);
    claim.priv.work = NULL; /* the other spool's, which is gone */
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* ---- opening ---- */

static void a_missing_spool_is_made_only_if_asked(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
    assert_int_equal(rmdir(bed->path), 0);
    assert_int_equal(bed_open(bed, false), -ENOENT);
    assert_int_equal(bed_open(bed, true), 0);
    assert_string_equal(pirn_spool_queue(bed->spool, 2) ? "" : "end", "end");
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
}

static void a_spool_without_a_log_is_of_files_alone(void **state)
{
    struct bed *bed = *state;

    bed->without_log = true;
    bed->layout = PIRN_LAYOUT_LOG;
    assert_int_equal(bed_open(bed, true), -EINVAL);
    assert_int_equal(access(bed_at(bed, "pirn-spool"), F_OK), -1);
    bed->layout = PIRN_LAYOUT_FILE;
    assert_int_equal(bed_open(bed, true), 0);
    bed_put_many(bed, 1);
    assert_int_equal(bed_status(bed).ready, 1);
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "more", PIRN_LAYOUT_LOG),
        -EOPNOTSUPP);
    assert_int_equal(access(bed_at(bed, ".log"), F_OK), -1);
}

static void a_directory_with_other_things_is_left_alone(void **state)
{
    struct bed *bed = *state;

    bed_write(bed_at(bed, "letter.txt"), "dear", 4);
    assert_int_equal(bed_open(bed, true), -ENOTEMPTY);
    assert_int_equal(access(bed_at(bed, ".data"), F_OK), -1);
    assert_int_equal(access(bed_at(bed, ".owners"), F_OK), -1);
}

static void a_spool_half_made_is_continued(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(mkdir(bed_at(bed, ".tmp"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".data"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".data/00"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".making"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, ".making/incoming"), 0700), 0);
    assert_int_equal(mkdir(bed_at(bed, "lost+found"), 0700), 0);
    assert_int_equal(bed_open(bed, false), -EMEDIUMTYPE);
    assert_int_equal(bed_open(bed, true), 0);
    bed_put(bed, "x", 1);
}

static void a_newer_format_and_damage_are_told_apart(void **state)
{
    struct bed *bed = *state;
    char newer[64];
    struct pirn__text_out out = {newer, newer + sizeof(newer)};

    pirn__text_put_string(&out, "pirn-spool 2\n");
    pirn__text_put_end(&out, newer);
    size_t len = (size_t)(out.at - newer);

    assert_int_equal(bed_open(bed, true), 0);
    bed_close(bed);
    bed_write(bed_at(bed, "pirn-spool"), newer, len);
    assert_int_equal(bed_open(bed, true), -EPROTO);
    bed_write(bed_at(bed, "pirn-spool"), newer, len - 1);
    assert_int_equal(bed_open(bed, true), -EMEDIUMTYPE);
    bed_write(bed_at(bed, "pirn-spool"), "", 0);
    assert_int_equal(bed_open(bed, true), -EMEDIUMTYPE);
}

static void owners_have_slots_of_their_own(void **state)
{
    struct bed *bed = *state;
    struct bed others[3];

    for (int i = 0; i < 3; i++) {
        others[i] = *bed;
        assert_int_equal(bed_open(&others[i], false), 0);
    }
    assert_int_equal(access(bed_at(bed, ".tmp/0003"), F_OK), 0);
    assert_int_equal(bed_status(bed).owners, 4);
    bed_close(&others[1]);
    assert_int_equal(bed_open(&others[1], false), 0); /* the lowest free one */
    assert_int_equal(access(bed_at(bed, ".tmp/0004"), F_OK), -1);
    for (int i = 0; i < 3; i++) {
        bed_close(&others[i]);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define E(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup_empty, bed_teardown)

BED_MAIN(T(an_item_goes_in_and_comes_out),
         T(streamed_bodies_come_back_the_same),
         T(one_large_body_is_enqueued_at_once),
         T(an_aborted_draft_leaves_nothing), T(an_item_cannot_be_claimed_twice),
         T(a_give_back_raises_the_attempts),
         T(what_was_taken_from_us_is_stale_and_does_not_come_back),
         T(a_body_that_changed_is_not_handed_out),
         T(a_body_that_is_missing_is_damage_and_a_removed_one_is_not),
         T(damaged_metadata_are_set_aside_alone),
         T(metadata_of_another_item_are_damaged),
         T(a_listing_meets_each_item_once), T(status_counts_what_is_there),
         T(what_moves_while_it_is_counted_is_no_leftover),
         T(ids_that_were_left_to_others_are_not_taken_for_tried),
         T(what_is_not_there_is_said), T(the_longest_metadata_are_read_back),
         T(a_queue_that_another_owner_makes_is_met),
         E(a_missing_spool_is_made_only_if_asked),
         E(a_spool_without_a_log_is_of_files_alone),
         E(a_directory_with_other_things_is_left_alone),
         E(a_spool_half_made_is_continued),
         E(a_newer_format_and_damage_are_told_apart),
         T(owners_have_slots_of_their_own),
         T(a_shard_that_takes_nothing_in_is_passed_over),
         T(what_no_shard_takes_in_leaves_nothing),
         T(an_item_whose_place_is_none_is_not_stored))
