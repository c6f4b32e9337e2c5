/* SPDX-License-Identifier: MIT */
/*
 * admission.c - see spool/admission.h
 *
 *   free now = free at the look - promised - spent since then
 *
 * What is written while somebody looks is counted twice until the next look:
 * rather refused a moment early. What others take, and what is freed, shows at
 * the next look, which is a second away at most; less, where much was let in,
 * or nothing is.
 */
#include "spool/admission.h"

#include <errno.h>

#include <pirn/invariant.h>

#define MS_NS 1000000ull
#define LOOK_EVERY_NS (1000 * MS_NS)
#define LOOK_REFUSING_NS (50 * MS_NS)

/* Of what there is this part is kept, and no more than so much. */
enum { KEEP_PART = 32, LET_IN_PART = 4, INODES_MAX = 4096 };

/* Beside what is kept an ordinary item is no more than this part. */
enum { ORDINARY_PART = 8 };

#define KEEP_BYTES_MAX (64ull * 1024 * 1024)
#define COST_BYTES_MAX (1ull << 50)

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct pirn__amount sum(struct pirn__amount a, struct pirn__amount b)
{
    return (struct pirn__amount){a.bytes + b.bytes, a.inodes + b.inodes};
}

static struct pirn__amount difference(struct pirn__amount from,
                                      struct pirn__amount what)
{
    return (struct pirn__amount){less(from.bytes, what.bytes),
                                 less(from.inodes, what.inodes)};
}

static bool covers(struct pirn__amount a, struct pirn__amount b)
{
    return a.bytes >= b.bytes && a.inodes >= b.inodes;
}

static struct pirn__amount part(struct pirn__amount of, uint64_t by)
{
    return (struct pirn__amount){of.bytes / by, of.inodes / by};
}

static struct pirn__amount free_now(const struct pirn__admission *admission)
{
    return difference(admission->free,
                      sum(admission->promised, admission->spent));
}

/* ---- looks ---- */

static bool much_was_let_in(const struct pirn__admission *admission)
{
    struct pirn__amount room = difference(admission->free, admission->low);
    struct pirn__amount in = sum(admission->promised, admission->spent);

    return !covers(part(room, LET_IN_PART), in);
}

bool pirn__admission_look_is_due(const struct pirn__admission *admission,
                                 uint64_t now_ns)
{
    uint64_t age_ns = less(now_ns, admission->looked_ns);

    if (admission->keep_bytes == UINT64_MAX) {
        return false;
    }
    if (!admission->has_looked || age_ns >= LOOK_EVERY_NS) {
        return true;
    }
    return age_ns >= LOOK_REFUSING_NS &&
           (admission->is_refusing || much_was_let_in(admission));
}

void pirn__admission_look_begins(struct pirn__admission *admission)
{
    admission->earlier = admission->spent;
}

static struct pirn__amount mark(const struct pirn__admission *admission,
                                const struct pirn__admission_look *look)
{
    struct pirn__amount keep = part(look->all, KEEP_PART);

    keep.bytes = admission->keep_bytes > 0
                     ? smaller(admission->keep_bytes, look->all.bytes / 2)
                     : smaller(keep.bytes, KEEP_BYTES_MAX);
    keep.inodes = smaller(keep.inodes, INODES_MAX);
    return keep;
}

/* From the low mark on, until there is half as much again. The mark is reached
 * when a look says so, or when one has to be refused: what is counted twice
 * must not refuse all who come later. */
static void judge(struct pirn__admission *admission)
{
    struct pirn__amount high = sum(admission->low, part(admission->low, 2));

    if (!covers(admission->free, admission->low)) {
        admission->is_refusing = true;
    } else if (covers(free_now(admission), high)) {
        admission->is_refusing = false;
    }
}

void pirn__admission_looked(struct pirn__admission *admission, uint64_t now_ns,
                            const struct pirn__admission_look *look)
{
    static const struct pirn__admission_look unknown = {
        .free = {UINT64_MAX / 2, UINT64_MAX / 2}, .block_bytes = 4096};
    bool counts = look != NULL && look->all.inodes > 0;

    pirn_assert(covers(admission->spent, admission->earlier));
    look = look == NULL ? &unknown : look;
    admission->has_looked = true;
    admission->looked_ns = now_ns;
    admission->spent = difference(admission->spent, admission->earlier);
    admission->earlier = (struct pirn__amount){0};
    admission->free = look->free;
    admission->block_bytes = look->block_bytes > 0 ? look->block_bytes : 4096;
    admission->low = mark(admission, look);
    if (!counts) {
        admission->free.inodes = UINT64_MAX / 2;
        admission->low.inodes = 0;
    }
    judge(admission);
}

/* ---- items ---- */

/* A block more for each of them, which is a name's or an extent's. */
struct pirn__amount pirn__admission_cost(
    const struct pirn__admission *admission, uint64_t bytes, uint32_t files)
{
    uint64_t block = admission->block_bytes > 0 ? admission->block_bytes : 4096;

    bytes = smaller(bytes, COST_BYTES_MAX);
    return (struct pirn__amount){
        .bytes = (bytes + block - 1) / block * block + files * block,
        .inodes = files,
    };
}

static void promise(struct pirn__admission *admission,
                    struct pirn__amount amount)
{
    admission->promised = sum(admission->promised, amount);
    judge(admission);
}

static bool is_guarded(const struct pirn__admission *admission)
{
    return admission->has_looked && admission->keep_bytes != UINT64_MAX;
}

/* Who is refused although he wants little is not the last one. */
int pirn__admission_promise(struct pirn__admission *admission,
                            struct pirn__amount cost)
{
    judge(admission);
    if (is_guarded(admission) &&
        (admission->is_refusing ||
         !covers(free_now(admission), sum(cost, admission->low)))) {
        admission->is_refusing |=
            covers(part(admission->low, ORDINARY_PART), cost);
        return -ENOSPC;
    }
    promise(admission, cost);
    return 0;
}

bool pirn__admission_has(const struct pirn__admission *admission,
                         struct pirn__amount amount)
{
    return !is_guarded(admission) ||
           covers(free_now(admission), sum(amount, admission->low));
}

int pirn__admission_grow(struct pirn__admission *admission,
                         struct pirn__amount more)
{
    if (is_guarded(admission) &&
        !covers(free_now(admission), sum(more, part(admission->low, 2)))) {
        admission->is_refusing = true;
        return -ENOSPC;
    }
    promise(admission, more);
    return 0;
}

void pirn__admission_expect(struct pirn__admission *admission,
                            struct pirn__amount amount)
{
    promise(admission, amount);
}

void pirn__admission_end(struct pirn__admission *admission,
                         struct pirn__amount promised, bool is_spent)
{
    pirn_assert(covers(admission->promised, promised));
    admission->promised = difference(admission->promised, promised);
    if (is_spent) {
        admission->spent = sum(admission->spent, promised);
    }
}

struct pirn__amount pirn__admission_left(
    const struct pirn__admission *admission)
{
    static const struct pirn__amount none;

    return admission->is_refusing
               ? none
               : difference(free_now(admission), admission->low);
}
