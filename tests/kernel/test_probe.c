/* SPDX-License-Identifier: MIT */
/*
 * test_probe.c - what the running kernel gives, and whether the table of
 * operations says what is true of it
 */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pirn/context.h"
#include "pirn/probe.h"
#include "runtime/engine/table.h"
#include "tests/kernel/descriptors.h"

enum { ROWS_MAX = 256 };

/* A row's name is the operation's, then perhaps " (how it failed)". */
static bool is_about(const struct pirn_probe_link *link, const char *name)
{
    size_t len = strcspn(link->name, " ");

    return strlen(name) == len && strncmp(link->name, name, len) == 0;
}

/* Whether this kernel's ring has it. */
static bool is_there(const char *name)
{
    struct pirn_probe_feature features[ROWS_MAX];
    int count = pirn_probe_features(features, ROWS_MAX);

    assert_in_range(count, 1, ROWS_MAX);
    for (int i = 0; i < count; i++) {
        if (strcmp(features[i].kind, "operation") == 0 &&
            strcmp(features[i].name, name) == 0) {
            return features[i].present;
        }
    }
    fail_msg("%s: nobody asks for it", name);
    return false;
}

static void the_table_claims_no_cut_that_the_kernel_refutes(void **state)
{
    struct pirn_probe_link links[ROWS_MAX];
    int count = pirn_probe_links(links, ROWS_MAX);
    int claimed = 0;

    (void)state;
    assert_in_range(count, 10, ROWS_MAX);
    for (int op = 0; op < ENGINE_OPCODE_COUNT; op++) {
        const struct engine_row *row = &pirn__engine_rows[op];
        bool tried = false;

        for (int i = 0; row->cuts && i < count; i++) {
            if (!is_about(&links[i], row->name)) {
                continue;
            }
            tried = true;
            claimed++;
            if (!links[i].cut) {
                fail_msg("%s: the kernel goes on", links[i].name);
            }
        }
        if (row->cuts && !tried && is_there(row->name)) {
            fail_msg("%s: claims a cut that nobody tries", row->name);
        }
    }
    assert_true(claimed > 0);
}

static void every_operation_of_the_table_is_asked_for(void **state)
{
    struct pirn_probe_feature features[ROWS_MAX];
    int count = pirn_probe_features(features, ROWS_MAX);

    (void)state;
    assert_in_range(count, 10, ROWS_MAX);
    for (int op = 0; op < ENGINE_OPCODE_COUNT; op++) {
        const struct engine_row *row = &pirn__engine_rows[op];
        bool found = row->name == NULL || row->uring < 0;

        for (int i = 0; !found && i < count; i++) {
            found = strcmp(features[i].name, row->name) == 0 &&
                    strcmp(features[i].kind, "operation") == 0;
        }
        assert_true(found);
    }
}

static void every_row_says_since_when_and_what_without(void **state)
{
    struct pirn_probe_feature features[ROWS_MAX];
    int count = pirn_probe_features(features, ROWS_MAX);

    (void)state;
    for (int i = 0; i < count; i++) {
        unsigned major;
        unsigned minor;

        assert_non_null(features[i].name);
        assert_non_null(features[i].kind);
        assert_true(strlen(features[i].without) > 0);
        assert_int_equal(sscanf(features[i].since, "%u.%u", &major, &minor), 2);
    }
}

static void rows_beyond_max_are_counted_and_not_written(void **state)
{
    struct pirn_probe_feature features[2] = {0};
    struct pirn_probe_link links[2] = {0};

    (void)state;
    assert_int_equal(pirn_probe_features(features, 1),
                     pirn_probe_features(NULL, 0));
    assert_non_null(features[0].name);
    assert_null(features[1].name);
    assert_int_equal(pirn_probe_links(links, 1), pirn_probe_links(NULL, 0));
    assert_non_null(links[0].name);
    assert_null(links[1].name);
}

static void probing_leaves_no_descriptor(void **state)
{
    int before = count_descriptors();

    (void)state;
    assert_true(pirn_probe_features(NULL, 0) > 0);
    assert_true(pirn_probe_links(NULL, 0) > 0);
    assert_int_equal(count_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_claims_no_cut_that_the_kernel_refutes),
        cmocka_unit_test(every_operation_of_the_table_is_asked_for),
        cmocka_unit_test(every_row_says_since_when_and_what_without),
        cmocka_unit_test(rows_beyond_max_are_counted_and_not_written),
        cmocka_unit_test(probing_leaves_no_descriptor),
    };
    int r = pirn_probe_features(NULL, 0);

    if (r < 0) {
        printf("SKIP: %s\n", pirn_context_refusal(r));
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
