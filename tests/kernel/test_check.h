/* SPDX-License-Identifier: MIT */
/*
 * test_check.h - a check from its beginning to its end, and what it found
 */
#ifndef TESTS_KERNEL_TEST_CHECK_H
#define TESTS_KERNEL_TEST_CHECK_H

#include "kernel/test_spool.h"

#include <pirn/check.h>

enum { FOUND_MAX = 32 };

struct found {
    int32_t result; /* of the last next */
    uint32_t count;
    uint64_t items;
    struct pirn_finding findings[FOUND_MAX];
};

/* Nothing is being done: what stands there has stood there long enough. */
static const struct pirn_check_config look = {.grace_ns = 1};
static const struct pirn_check_config look_deep = {.grace_ns = 1, .deep = true};
static const struct pirn_check_config repair = {.grace_ns = 1, .repair = true};

static inline struct found check(struct bed *bed,
                                 const struct pirn_check_config *config)
{
    struct pirn_check check = {0};
    struct found found = {0};

    pirn_prep_check(&check, bed->spool, config);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
    do {
        pirn_prep_check_next(&check);
        found.result = pirn_wait(bed->context, &check.op);
        if (found.result == 1 && found.count < FOUND_MAX) {
            found.findings[found.count++] = check.finding;
        }
    } while (found.result == 1);
    found.items = check.items;
    assert_true(found.result < 0 || check.done == check.total);
    pirn_prep_check_end(&check);
    assert_int_equal(pirn_wait(bed->context, &check.op), 0);
    return found;
}

static inline void print_found(const struct found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        const struct pirn_finding *finding = &found->findings[i];
        printf("# %s %s %s mended %d error %d\n",
               pirn_fault_name(finding->fault), finding->queue, finding->path,
               finding->mended, finding->error);
    }
}

static inline void expect_clean(struct bed *bed)
{
    const struct pirn_check_config deep = {.grace_ns = 1, .deep = true};
    struct found found = check(bed, &deep);

    print_found(&found);
    assert_int_equal(found.result, 0);
    assert_int_equal(found.count, 0);
}

/* Found by looking, which changes nothing; then mended, and found no more. */
static inline void expect_mended(struct bed *bed, enum pirn_fault fault,
                                 const struct pirn_id *id)
{
    for (int i = 0; i < 3; i++) {
        struct found found = check(bed, i < 2 ? &look : &repair);
        print_found(&found);
        assert_int_equal(found.result, 0);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.findings[0].fault, fault);
        assert_int_equal(found.findings[0].mended, i == 2);
        assert_int_equal(found.findings[0].error, 0);
        assert_int_equal(found.findings[0].has_id, id != NULL);
        if (id != NULL) {
            assert_memory_equal(&found.findings[0].id, id, sizeof(*id));
        }
    }
    expect_clean(bed);
}

/* Of quarantine's directory .strays; the name of one in @ret_name. */
static inline int count_strays(const struct bed *bed, char ret_name[256])
{
    DIR *dir = opendir(bed_at(bed, "quarantine/.strays"));
    const struct dirent *entry;
    int count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            count++;
            snprintf(ret_name, 256, "%s", entry->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static inline void expect_body(struct bed *bed, const struct pirn_id *id,
                               const char *queue, const char *body)
{
    struct pirn_view view = {0};
    char buf[64];

    assert_int_equal(bed_look(bed, &view, id), 0);
    assert_string_equal(view.item.queue, queue);
    pirn_prep_view_read(&view, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &view.op), (int)strlen(body));
    assert_memory_equal(buf, body, strlen(body));
    bed_view_end(bed, &view);
}

#endif /* TESTS_KERNEL_TEST_CHECK_H */
