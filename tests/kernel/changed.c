/* SPDX-License-Identifier: MIT */
/* changed.c - see changed.h */
#include "kernel/changed.h"

#include "kernel/test_log.h"

struct pirn_fields changed_fields(char *buf, uint32_t cap, const char *value)
{
    struct pirn_fields fields = {.bytes = buf, .cap = cap};

    assert_int_equal(pirn_fields_add(&fields, "to", value), 0);
    return fields;
}

void changed_expect(const struct pirn_item *item, uint32_t what)
{
    bool moved = (what & PIRN_CHANGE_QUEUE) != 0;

    assert_string_equal(item->queue, moved ? "other" : "incoming");
    assert_int_equal(item->due_ns, what & PIRN_CHANGE_DUE ? BED_FAR_NS : 0);
    assert_int_equal(item->priority, what & PIRN_CHANGE_PRIORITY ? 5 : 0);
    const char *to = pirn_fields_get(&item->fields, "to");
    assert_string_equal(to, what & PIRN_CHANGE_FIELDS ? "after" : "before");
}

void changed_expect_seen(struct bed *bed, const struct pirn_id *id,
                         uint32_t what, enum pirn_item_state state,
                         uint32_t version)
{
    struct pirn_view view = {0};
    char buf[16] = {0};

    assert_int_equal(bed_look(bed, &view, id), 0);
    changed_expect(&view.item, what);
    assert_int_equal(view.item.state, state);
    assert_int_equal(view.item.version, version);
    pirn_prep_view_read(&view, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &view.op), 4);
    assert_string_equal(buf, "body");
    bed_view_end(bed, &view);
}

void changed_expect_seen_elsewhere(struct bed *bed, const struct pirn_id *id,
                                   uint32_t what, enum pirn_item_state state,
                                   uint32_t version)
{
    struct bed other;

    bed_join(bed, &other);
    changed_expect_seen(&other, id, what, state, version);
    bed_leave(&other);
}

struct pirn_id changed_put(struct bed *bed)
{
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "before");
    struct pirn_draft draft = {0};

    assert_int_equal(log_enqueue(bed, &draft, "incoming", "body", 4, &fields),
                     0);
    return draft.id;
}

struct pirn_change changed_by(uint32_t what, struct pirn_fields *fields)
{
    return (struct pirn_change){
        .what = what,
        .queue = "other",
        .due_ns = BED_FAR_NS,
        .priority = 5,
        .held = true,
        .fields = fields,
    };
}

enum pirn_item_state changed_state(uint32_t what)
{
    return what & PIRN_CHANGE_HELD  ? PIRN_ITEM_HELD
           : what & PIRN_CHANGE_DUE ? PIRN_ITEM_DELAYED
                                    : PIRN_ITEM_READY;
}

void changed_remove(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_claim claim = {0};

    assert_int_equal(log_claim_id(bed, &claim, id), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_gone(bed, id);
}
