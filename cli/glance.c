/* SPDX-License-Identifier: MIT */
/* glance.c - see glance.h */
#include "cli/glance.h"

#include <pirn/invariant.h>

static void looked(struct pirn_op *op, int32_t result)
{
    struct glance *glance = pirn_container_of(op, struct glance, view.op);

    glance->result = result;
    glance->all->pending--;
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct glance, view.op)->all->pending--;
}

int glances_look(struct glances *glances, struct tool *tool,
                 const struct pirn_id *ids, uint32_t count)
{
    pirn_assert(count <= GLANCE_MAX);
    pirn_assert(glances->pending == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct glance *glance = &glances->glance[i];

        glance->all = glances;
        glances->pending++;
        pirn_prep_look(&glance->view, tool->spool, &ids[i]);
        pirn_start(tool->context, &glance->view.op, looked);
    }
    return tool_turn_until(tool, &glances->pending, 1);
}

int glances_end(struct glances *glances, struct tool *tool, uint32_t count)
{
    pirn_assert(count <= GLANCE_MAX);
    pirn_assert(glances->pending == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct glance *glance = &glances->glance[i];

        if (glance->result == 0) {
            glances->pending++;
            pirn_prep_view_end(&glance->view);
            pirn_start(tool->context, &glance->view.op, ended);
        }
    }
    return tool_turn_until(tool, &glances->pending, 1);
}
