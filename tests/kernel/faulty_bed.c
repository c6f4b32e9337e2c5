/* SPDX-License-Identifier: MIT */
/* faulty_bed.c - see faulty_bed.h */
#include "kernel/faulty_bed.h"

void bed_heal(void)
{
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    faulty_hold(ENGINE_NONE);
}

int bed_change_engine(struct bed *bed, const struct engine_class *class)
{
    bed->context = pirn_context_destroy(bed->context);
    if (pirn__context_create_on(class, NULL, &bed->context) < 0) {
        return -1;
    }
    bed->fd_count = count_descriptors();
    return 0;
}

/* What @setup has made so far. */
static int make_faulty(int setup, void **state)
{
    bed_heal();
    return setup < 0 ? -1 : bed_change_engine(*state, faulty_engine());
}

int bed_setup_faulty(void **state)
{
    return make_faulty(bed_setup_empty(state), state) < 0
               ? -1
               : bed_open(*state, true);
}

int bed_teardown_faulty(void **state)
{
    bed_heal();
    return bed_teardown(state);
}

int log_setup_faulty_closed(void **state)
{
    return make_faulty(log_setup_closed(state), state);
}

int log_setup_faulty(void **state)
{
    return log_setup_faulty_closed(state) < 0 ? -1 : bed_open(*state, true);
}

int log_teardown_faulty(void **state)
{
    bed_heal();
    return log_teardown(state);
}
