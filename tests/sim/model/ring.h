/* SPDX-License-Identifier: MIT */
/*
 * ring.h - one context's submission and completion queue in the model kernel
 *
 * The kernel copies a submission when the context enters it (wait), not before;
 * it never reads the loan afterwards, of which it knows the address alone: as
 * user data, in completions and cancellations.
 */
#ifndef TESTS_SIM_MODEL_RING_H
#define TESTS_SIM_MODEL_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/engine.h"
#include "tests/sim/model/world.h"

struct ring;

/* Where an operation is. */
enum flight_state {
    FLIGHT_BEHIND,  /* another's link holds it back */
    FLIGHT_LATER,   /* begun; its effect is late */
    FLIGHT_READY,   /* may be carried out */
    FLIGHT_WAITING, /* until its file changes */
    FLIGHT_CARRIED, /* had its effect; its completion is late */
};

/* A submission, as the kernel has it. */
struct submission {
    struct pirn_loan *loan; /* user data; not read */
    uint64_t addr;
    uint64_t offset;
    uint32_t len;
    int32_t fd;
    uint32_t op_flags;
    uint32_t arg;
    uint8_t opcode;
    uint8_t flags;
    uint8_t extra;
    bool is_cancel;
};

struct flight {
    struct submission what;
    struct ring *ring;
    struct open_file *file; /* held from its beginning, if it names one */
    struct flight *behind;  /* begins when this one has succeeded */
    enum flight_state state;
    uint64_t number;
    uint64_t due_ns;  /* LATER, CARRIED */
    uint32_t place;   /* READY: among all that are */
    uint32_t moved;   /* bytes, so far */
    uint32_t written; /* of a write to be durable: bytes, not synced yet */
    uint64_t written_at;
    int32_t result;        /* CARRIED */
    uint16_t buffer;       /* of what was delivered last */
    struct pirn_link link; /* among the ring's */
    struct pirn_link wait; /* among its file's, or the world's late ones */
};

struct completion {
    struct pirn_loan *loan; /* NULL: a cancellation's own */
    int32_t result;
    uint16_t buffer;
    bool more;
};

struct ring {
    struct engine engine;
    struct process *process;
    struct thread *thread;
    bool has_failed;       /* for ever */
    struct pirn_link link; /* among its process's */
    struct pirn_link flights;

    struct submission *submissions;
    uint32_t submission_count;
    uint32_t submission_max;

    struct completion *completions; /* a ring, and behind it the overflow list:
                                       what is beyond visible_max is not seen
                                       until the kernel is entered */
    uint32_t completion_room;
    uint32_t head;
    uint32_t count;
    uint32_t visible;
    uint32_t visible_max;

    struct pirn_link done; /* loans, carried out in place while submitting */
    uint8_t *buffers;
    uint32_t buffer_bytes;
    uint16_t *given; /* a ring of the buffers that the kernel may take */
    uint32_t given_max;
    uint32_t given_head;
    uint32_t given_count;
    bool woken;
};

struct ring *ring_create(struct thread *thread,
                         const struct engine_config *config);

/* All that is in flight is dropped; nothing completes any more. */
void ring_destroy(struct ring *ring);

/* The kernel takes what was submitted. */
void ring_enter(struct ring *ring);

/* Whether a wait would not sleep. */
bool ring_has_news(const struct ring *ring);

/* The oldest completion that is visible; false: there is none. */
bool ring_pop(struct ring *ring, struct completion *ret_completion);

void ring_give(struct ring *ring, uint16_t buffer);

/* A buffer for bytes that came; false: there is none. Taken when used. */
bool ring_buffer_first(const struct ring *ring, uint16_t *ret_buffer);

/* The scheduler has picked @flight: try it, and complete it if it is done. */
void flight_carry(struct flight *flight);

/* The time of a late effect or completion has come. */
void flight_due(struct flight *flight);

/* Drop it without a completion, perhaps with its effect: its process dies. */
void flight_orphan(struct flight *flight, bool with_effect);

#endif /* TESTS_SIM_MODEL_RING_H */
