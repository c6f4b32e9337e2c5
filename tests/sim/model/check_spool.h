/* SPDX-License-Identifier: MIT */
/*
 * check_spool.h - what a spool owes to those who were told something
 *
 * An item is a number; its body follows from it, so that whoever reads a body
 * knows whose it is. The oracle hears what each process tries and is told:
 *
 *   acknowledged and not removed: it is there, whole (P1, P2)
 *   an id stands for one item, for ever; and an item has one id (P3)
 *   nobody has an item that somebody alive has, nor one whose removal was
 *   acknowledged
 *   a claim that finds nothing, long after all who could have had it died,
 *   overlooks nothing (P6)
 *   what a lazy removal has ended is back after a power cut only if that came
 *   within a second, and before its owner has closed a spool of files; after a
 *   kill never
 *   in the log, what check_change.h says
 *   what is set aside is whole, and the disk has refused to have its metadata
 *   read: whose they are is the name that was refused; or it was damaged, and
 *   check_hurt.h says what that is owed
 *
 * What a process was in the midst of when it died may have happened, or not.
 */
#ifndef TESTS_SIM_MODEL_CHECK_SPOOL_H
#define TESTS_SIM_MODEL_CHECK_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/item.h>

#include "tests/sim/model/check_change.h"
#include "tests/sim/model/check_fence.h"
#include "tests/sim/model/check_hurt.h"
#include "tests/sim/model/check_name.h"
#include "tests/sim/model/world.h"

enum { CHECK_ITEMS = 128, CHECK_BODY_MIN = 8, CHECK_UNREADABLE = 256 };

enum check_put {
    CHECK_PUT_TRIED,  /* in the making, or its maker died, or it is unknown */
    CHECK_PUT_FAILED, /* its maker was told so */
    CHECK_PUT_ACKNOWLEDGED,
};

enum check_removal {
    CHECK_THERE,
    CHECK_REMOVING, /* tried; it is not known how it ended */
    CHECK_REMOVED,  /* acknowledged */
};

struct check_item {
    enum check_put put;
    enum check_removal removal;
    uint32_t len;
    uint32_t maker; /* the process that tries, or has tried */
    uint32_t body;  /* whose bytes it has: its own number, or the one's that it
                       shares a body with */
    uint32_t name;  /* 0, or the number of the name that it was put under */
    bool has_id;
    bool found; /* by the last look at everything */
    struct pirn_id id;
    uint32_t holder;   /* the process that has it claimed, or 0 */
    uint32_t mark;     /* check_fence_mark() of that, when it got it */
    uint64_t since_ns; /* free and acknowledged since then */
    bool is_lazy;      /* its removal was not said to be durable */
    uint32_t remover;  /* the process */
    uint64_t removed_ns;
    uint64_t begun_ns;
    uint64_t told_ns;          /* that it is there */
    struct check_place put_as; /* see check_change.h */
    uint32_t change;           /* the last that was told to be done */
    uint32_t had;              /* the last that a claim has met, */
    uint32_t had_boots;        /* since the power came back so often */
    uint32_t had_of;           /* of so many that had begun by then */
};

struct check_spool {
    struct world *world;
    bool is_mixed;   /* items may be put into the log, too, where it is not */
    bool is_sound;   /* nothing that happens can damage it: no false alarms */
    bool is_checked; /* bodies are read by a check, and orphans adopted */
    bool is_log;     /* see check_change.h for what it owes besides */
    bool crosses;    /* items go to the other layout, too */
    bool is_uncut;   /* the power does not fail: the log's order is not made
                        anew before stock is taken */
    uint64_t tombs_failed_ns; /* or 0: what was removed lazily since may be
                                 back when the index is made anew */
    uint32_t count;
    uint32_t taking[WORLD_PROCESSES + 1]; /* by process: claims that run, and
                                             items that are had */
    uint64_t takes;                       /* that have begun */
    bool is_taking_stock;                 /* by one who is alone, in the calm */
    bool was_taken_stock;                 /* since everybody died */
    uint32_t unreadable_count;
    struct pirn_id unreadable[CHECK_UNREADABLE]; /* once, their metadata */
    uint32_t last; /* taken from a queue of the log by who takes stock, + 1 */
    struct check_item items[CHECK_ITEMS];
    struct check_changes changes;
    struct check_hurts hurts;
    struct check_fences fences[WORLD_PROCESSES + 1]; /* by process */
    uint32_t reserver[CHECK_NAMES + 1]; /* by name: who has reserved it, or 0 */
};

/* One more item of @len bytes; its number. */
uint32_t check_spool_begin(struct check_spool *check, uint32_t len);

/* It has the body of item @of. */
void check_spool_shares(struct check_spool *check, uint32_t number,
                        uint32_t of);

/* The bytes of its body. */
void check_spool_fill(uint32_t number, uint32_t len, uint8_t *bytes);

/* Its maker was told: 0 and @id, or an error. */
void check_spool_put(struct check_spool *check, uint32_t number, int32_t result,
                     const struct pirn_id *id);

/* @process has it claimed, and has read its body: whose it is, or UINT32_MAX
 * after a failure. */
uint32_t check_spool_claimed(struct check_spool *check, uint32_t process,
                             uint32_t mark, const struct pirn_item *item,
                             const uint8_t *bytes, int32_t len);

/* Whether its removal was acknowledged, and nothing brings it back. */
bool check_spool_is_gone(const struct check_spool *check,
                         const struct check_item *item);

/* The item that is known to be called @id, or UINT32_MAX. */
uint32_t check_spool_known(const struct check_spool *check,
                           const struct pirn_id *id);

/* @process has it, since check_fence_mark() was @mark. */
void check_spool_removing(struct check_spool *check, uint32_t number);
void check_spool_removed(struct check_spool *check, uint32_t process,
                         uint32_t mark, uint32_t number, bool is_durable,
                         int32_t result);

/* The disk has refused @opcode on @path: struct world, refused. */
void check_spool_refused(struct check_spool *check, enum fault fault,
                         uint8_t opcode, const char *path);

/* Asked to give it back: from now on others may have it. Told that it is: from
 * now on somebody must find it. */
void check_spool_giving_back(struct check_spool *check, uint32_t process,
                             uint32_t mark, uint32_t number);
void check_spool_given_back(struct check_spool *check, uint32_t process,
                            uint32_t mark, uint32_t number, int32_t result);

/* @process begins to look for an item, in the calm; 0, or a number for
 * check_spool_nothing(): nobody else looks or has one. It ends with the claim,
 * or with what the claim brought. */
uint64_t check_spool_take(struct check_spool *check, uint32_t process);
void check_spool_took(struct check_spool *check, uint32_t process);

/* The claim @take of @queue, which began at @began_ns, has found nothing. */
void check_spool_nothing(struct check_spool *check, uint64_t take,
                         uint64_t began_ns, const char *queue);

/* Stock is taken; or nobody had or looked for an item when the claim @take
 * began, and nobody has begun since. Who looks then meets @item, if it is free,
 * and was before for longer than is promised. */
bool check_spool_is_quiet(const struct check_spool *check, uint64_t take);
bool check_spool_must_meet(const struct check_spool *check,
                           const struct check_item *item, uint64_t began_ns);

/* Whether the disk has refused to have the metadata of @id read. */
bool check_spool_unreadable(const struct check_spool *check,
                            const struct pirn_id *id);

/* What a check has made of a body that had no item: it is nobody's, and must
 * not be one's that has to be there. */
bool check_spool_is_adopted(const struct pirn_item *item);
void check_spool_adopted(struct check_spool *check,
                         const struct pirn_item *item);

/* Whether it may be in quarantine: the disk has refused to have it read. */
bool check_spool_is_aside(const struct check_spool *check,
                          const struct pirn_item *item);

/* Whether somebody living is about to make it, or has it. */
bool check_spool_is_busy(const struct check_spool *check, uint32_t number);

/* It was acknowledged, and nobody has tried to remove it. */
bool check_spool_must_be_there(const struct check_item *item);

/* Whose body it is, of those that share it the first one's; UINT32_MAX: no
 * item's, or not all of it. */
uint32_t check_spool_whose(const struct check_spool *check,
                           const uint8_t *bytes, int32_t len);

/* The claim @take of item @number by its id, which began at @began_ns, has not
 * got it: 0 or an error. */
void check_spool_not_had(struct check_spool *check, uint64_t take,
                         uint64_t began_ns, uint32_t number, int32_t result);

/* @process has closed the spool. */
void check_spool_closed(struct check_spool *check, uint32_t process);

/* @process is dead; 0: everybody is. */
void check_spool_died(struct check_spool *check, uint32_t process);

/* Who takes stock has got item @number from a queue of the log, by its turn:
 * higher priority first; those of one priority in the order in which they were
 * put, if they were put one after the other and nothing was changed, nor copied
 * by the log itself, which shows by its @version. */
void check_spool_in_turn(struct check_spool *check, uint32_t number,
                         uint32_t version);

/* From here on everything that is there is claimed, and then that was all. */
void check_spool_take_stock(struct check_spool *check);
void check_spool_complete(struct check_spool *check);

/* The life ends: since everybody died somebody has taken stock to the end. */
void check_spool_end(struct check_spool *check);

#endif /* TESTS_SIM_MODEL_CHECK_SPOOL_H */
