/* SPDX-License-Identifier: MIT */
/* check_spool.c - see check_spool.h */
#include "tests/sim/model/check_spool.h"

#include <errno.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/engine/engine.h"
#include "spool/log/tombs_file.h"
#include "tests/sim/model/process.h"

/* P6 promises a second; the dead are looked for four times as often. */
#define PROMISE_NS UINT64_C(1000000000)
#define LATE_NS UINT64_C(10000000000)

/* Where bodies are: nobody is set aside for these. */
#define BODIES ".data/"

enum { NOBODY = UINT32_MAX };

enum { BLOCK = 256 };

/* The bytes of a body from @at on, a multiple of BLOCK: number and length, and
 * then what differs from byte to byte and from block to block. */
static void fill_block(uint32_t number, uint32_t len, uint32_t at,
                       uint8_t bytes[BLOCK])
{
    uint8_t first = (uint8_t)(number * 29 + at / BLOCK);

    for (uint32_t i = 0; i < BLOCK; i++) {
        bytes[i] = (uint8_t)(first + i * 13);
    }
    for (uint32_t i = 0; i < 4 && at == 0; i++) {
        bytes[i] = (uint8_t)(number >> 8 * i);
        bytes[4 + i] = (uint8_t)(len >> 8 * i);
    }
}

void check_spool_fill(uint32_t number, uint32_t len, uint8_t *bytes)
{
    uint8_t block[BLOCK];

    for (uint32_t at = 0; at < len; at += BLOCK) {
        fill_block(number, len, at, block);
        memcpy(bytes + at, block, len - at < BLOCK ? len - at : BLOCK);
    }
}

uint32_t check_spool_begin(struct check_spool *check, uint32_t len)
{
    uint32_t number = check->count++;

    pirn_assert(number < CHECK_ITEMS && len >= CHECK_BODY_MIN);
    check->items[number] = (struct check_item){
        .len = len, .begun_ns = check->world->now_ns, .body = number};
    return number;
}

void check_spool_shares(struct check_spool *check, uint32_t number, uint32_t of)
{
    check->items[number].body = check->items[of].body;
}

static bool same_id(const struct check_item *item, const struct pirn_id *id)
{
    return item->has_id && memcmp(&item->id, id, sizeof(*id)) == 0;
}

/* Item @number is called @id, and nothing else is or was. */
static void check_id(struct check_spool *check, uint32_t number,
                     const struct pirn_id *id)
{
    struct check_item *item = &check->items[number];

    for (uint32_t i = 0; i < check->count; i++) {
        if (i != number && same_id(&check->items[i], id)) {
            world_fail(check->world, "items %u and %u have one id", i, number);
        }
    }
    if (item->has_id && !same_id(item, id)) {
        world_fail(check->world, "item %u has two ids", number);
    }
    item->has_id = true;
    item->id = *id;
}

void check_spool_put(struct check_spool *check, uint32_t number, int32_t result,
                     const struct pirn_id *id)
{
    struct check_item *item = &check->items[number];

    world_note(check->world,
               result == 0 ? "acknowledged: " : "refused: ", (int32_t)number);
    if (result < 0) {
        item->put = CHECK_PUT_FAILED;
        return;
    }
    item->put = CHECK_PUT_ACKNOWLEDGED;
    item->since_ns = check->world->now_ns;
    item->told_ns = check->world->now_ns;
    check_id(check, number, id);
}

uint32_t check_spool_whose(const struct check_spool *check,
                           const uint8_t *bytes, int32_t len)
{
    uint8_t block[BLOCK];
    uint32_t number;

    if (len < CHECK_BODY_MIN) {
        return NOBODY;
    }
    number = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
             (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if (number >= check->count || check->items[number].len != (uint32_t)len) {
        return NOBODY;
    }
    for (uint32_t at = 0; at < (uint32_t)len; at += BLOCK) {
        uint32_t left = (uint32_t)len - at;

        fill_block(number, (uint32_t)len, at, block);
        if (memcmp(bytes + at, block, left < BLOCK ? left : BLOCK) != 0) {
            return NOBODY;
        }
    }
    return number;
}

/* What cannot be opened, read or measured counts as damaged. */
static bool is_reading(uint8_t opcode)
{
    return opcode == ENGINE_OPEN || opcode == ENGINE_OPEN_BENEATH ||
           opcode == ENGINE_READ || opcode == ENGINE_READV ||
           opcode == ENGINE_STAT;
}

bool check_spool_unreadable(const struct check_spool *check,
                            const struct pirn_id *id)
{
    for (uint32_t i = 0; i < check->unreadable_count; i++) {
        if (memcmp(&check->unreadable[i], id, sizeof(*id)) == 0) {
            return true;
        }
    }
    return false;
}

static void tombs_failed(struct check_spool *check)
{
    if (check->is_log || check->is_mixed) {
        check->tombs_failed_ns = check->world->now_ns;
    }
}

bool check_spool_is_gone(const struct check_spool *check,
                         const struct check_item *item)
{
    const uint64_t *happened = check->world->faults.happened;
    bool has_failed = check->tombs_failed_ns > 0 || happened[FAULT_RING] > 0;
    bool is_slow = happened[FAULT_LATE] > 0 || happened[FAULT_STOP] > 0;

    return item->removal == CHECK_REMOVED &&
           !(check->is_log && item->is_lazy && has_failed &&
             (is_slow ||
              item->removed_ns + PROMISE_NS > check->tombs_failed_ns));
}

void check_spool_refused(struct check_spool *check, enum fault fault,
                         uint8_t opcode, const char *path)
{
    const char *name = strrchr(path, '/');
    struct pirn_id id;

    if (strcmp(path, PIRN__TOMBS_FILE) == 0 &&
        (opcode == ENGINE_WRITE || opcode == ENGINE_FSYNC)) {
        tombs_failed(check);
    }
    if (fault != FAULT_EIO || !is_reading(opcode) || name == NULL ||
        (!check->is_checked && strncmp(path, BODIES, strlen(BODIES)) == 0) ||
        pirn_id_parse(name + 1, &id) < 0 ||
        check_spool_unreadable(check, &id)) {
        return;
    }
    pirn_assert(check->unreadable_count < CHECK_UNREADABLE);
    check->unreadable[check->unreadable_count++] = id;
}

static uint64_t count_refusals(const struct check_spool *check)
{
    static const enum fault refusals[] = {FAULT_EIO, FAULT_ENOSPC, FAULT_EMFILE,
                                          FAULT_ENOMEM, FAULT_ECANCELED};
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        count += check->world->faults.happened[refusals[i]];
    }
    return count;
}

/* The recovery of a slot tries three times. Then what it could not give back
 * stays with the slot's new owner until that closes the spool: whole, and not
 * to be found. spool/file/README.md says so. */
static bool recovery_may_have_given_up(const struct check_spool *check)
{
    if (check->is_taking_stock) {
        return false; /* by one who came in the calm */
    }
    return count_refusals(check) >= 3;
}

/* Which of those that have this body: the one of that id, or one whose maker
 * was not told of an id yet, and who put it as it is. */
static uint32_t sharer_of(const struct check_spool *check, uint32_t body,
                          const struct pirn_item *seen)
{
    uint32_t untold = body;

    for (uint32_t i = check->count; body != NOBODY && i-- > 0;) {
        const struct check_item *item = &check->items[i];

        if (item->body == body && same_id(item, &seen->id)) {
            return i;
        }
        if (item->body == body && !item->has_id &&
            (untold == body || check_change_was_put_as(check, i, seen))) {
            untold = i;
        }
    }
    return untold;
}

uint32_t check_spool_claimed(struct check_spool *check, uint32_t process,
                             uint32_t mark, const struct pirn_item *item,
                             const uint8_t *bytes, int32_t len)
{
    uint32_t number =
        sharer_of(check, check_spool_whose(check, bytes, len), item);
    struct check_item *known;

    if (number == NOBODY) {
        world_fail(check->world, "a body of %d bytes is no item's, or torn",
                   len);
        return NOBODY;
    }
    known = &check->items[number];
    world_note(check->world, "has: ", (int32_t)number);
    check_id(check, number, &item->id);
    if (known->holder != 0 &&
        !check_fence_may_lose(check, known->holder, known->mark)) {
        world_fail(check->world, "item %u is process %u's, and process %u's",
                   number, known->holder, process);
    }
    if (check_spool_is_gone(check, known)) {
        world_fail(check->world, "item %u was removed, and is back", number);
    }
    bool is_aside = strcmp(item->queue, "quarantine") == 0;
    if (is_aside && !check_spool_unreadable(check, &item->id) &&
        !check_hurt_may_be_aside(check, &item->id)) {
        world_fail(check->world, "item %u was set aside, and could be read",
                   number);
    }
    check_hurt_was_whole(check, number, is_aside);
    check_change_had(check, number, item);
    known->removal = CHECK_THERE; /* a power cut has brought it back */
    known->holder = process;
    known->mark = mark;
    known->found = true;
    return number;
}

bool check_spool_is_adopted(const struct pirn_item *item)
{
    const char *what = pirn_fields_get(&item->fields, "quarantined");

    return what != NULL && strcmp(what, "orphaned") == 0;
}

void check_spool_adopted(struct check_spool *check,
                         const struct pirn_item *item)
{
    uint32_t number = check_spool_known(check, &item->id);

    if (number != NOBODY && check_spool_must_be_there(&check->items[number]) &&
        check_hurt_how(check, number) != CHECK_HURT_NAME) {
        world_fail(check->world, "item %u is taken for a body without one",
                   number);
    }
}

bool check_spool_is_aside(const struct check_spool *check,
                          const struct pirn_item *item)
{
    return check->is_checked && strcmp(item->queue, "quarantine") == 0 &&
           check_spool_unreadable(check, &item->id);
}

bool check_spool_is_busy(const struct check_spool *check, uint32_t number)
{
    const struct check_item *item = &check->items[number];

    if (item->holder != 0 || item->put != CHECK_PUT_TRIED) {
        return item->holder != 0;
    }
    return check->world->processes[item->maker - 1]->state != PROCESS_DEAD;
}

uint32_t check_spool_known(const struct check_spool *check,
                           const struct pirn_id *id)
{
    for (uint32_t i = 0; i < check->count; i++) {
        if (same_id(&check->items[i], id)) {
            return i;
        }
    }
    return NOBODY;
}

void check_spool_removing(struct check_spool *check, uint32_t number)
{
    struct check_item *item = &check->items[number];

    if (item->removal == CHECK_THERE) { /* else by somebody who has it now */
        item->removal = CHECK_REMOVING;
    }
}

static void check_lost(struct check_spool *check, uint32_t process,
                       uint32_t mark, uint32_t number, int32_t result)
{
    if (result == -ESTALE && !check_fence_may_lose(check, process, mark)) {
        world_fail(check->world, "item %u was taken from somebody alive",
                   number);
    }
}

void check_spool_removed(struct check_spool *check, uint32_t process,
                         uint32_t mark, uint32_t number, bool is_durable,
                         int32_t result)
{
    struct check_item *item = &check->items[number];
    bool is_his = item->holder == process && item->mark == mark;

    world_note(check->world,
               result == 0 ? "removed: " : "not removed: ", (int32_t)number);
    if (result == 0) {
        item->removal = CHECK_REMOVED;
        item->is_lazy = !is_durable;
        item->remover = item->holder;
        item->removed_ns = check->world->now_ns;
        if (!is_his) {
            world_fail(check->world, "item %u was removed by who had lost it",
                       number);
        }
    }
    check_lost(check, process, mark, number, result);
    if (is_his) {
        item->holder = 0;
        item->since_ns = check->world->now_ns;
    }
}

void check_spool_giving_back(struct check_spool *check, uint32_t process,
                             uint32_t mark, uint32_t number)
{
    struct check_item *item = &check->items[number];

    if (item->holder == process && item->mark == mark) {
        item->holder = 0;
        item->since_ns = UINT64_MAX / 2;
    }
}

void check_spool_given_back(struct check_spool *check, uint32_t process,
                            uint32_t mark, uint32_t number, int32_t result)
{
    world_note(
        check->world,
        result == 0 ? "gave back: " : "did not give back: ", (int32_t)number);
    if (result == 0 && check->items[number].holder == 0) {
        check->items[number].since_ns = check->world->now_ns;
    }
    check_lost(check, process, mark, number, result);
}

bool check_spool_must_be_there(const struct check_item *item)
{
    return item->put == CHECK_PUT_ACKNOWLEDGED && item->removal == CHECK_THERE;
}

static bool somebody_takes(const struct check_spool *check)
{
    for (uint32_t i = 0; i <= WORLD_PROCESSES; i++) {
        if (check->taking[i] > 0) {
            return true;
        }
    }
    return false;
}

uint64_t check_spool_take(struct check_spool *check, uint32_t process)
{
    bool is_alone = !somebody_takes(check);

    check->takes++;
    check->taking[process]++;
    return is_alone && check->world->faults.calm ? check->takes : 0;
}

void check_spool_took(struct check_spool *check, uint32_t process)
{
    pirn_assert(check->taking[process] > 0);
    check->taking[process]--;
}

/* Who recovers may have to wait for a disk that is late itself. */
static uint64_t promise_ns(const struct check_spool *check)
{
    return PROMISE_NS +
           (check->world->faults.happened[FAULT_LATE] > 0 ? LATE_NS : 0);
}

bool check_spool_is_quiet(const struct check_spool *check, uint64_t take)
{
    return check->is_taking_stock || (take != 0 && take == check->takes);
}

bool check_spool_must_meet(const struct check_spool *check,
                           const struct check_item *item, uint64_t began_ns)
{
    return check_spool_must_be_there(item) && item->holder == 0 &&
           (check->is_taking_stock ||
            item->since_ns + promise_ns(check) < began_ns);
}

void check_spool_nothing(struct check_spool *check, uint64_t take,
                         uint64_t began_ns, const char *queue)
{
    const struct world *world = check->world;
    uint64_t wall_ns = world_wall_ns(world) - (world->now_ns - began_ns);

    if (!check_spool_is_quiet(check, take) ||
        recovery_may_have_given_up(check)) {
        return; /* it may be with somebody */
    }
    for (uint32_t i = 0; i < check->count; i++) {
        const struct check_item *item = &check->items[i];

        if (check_spool_must_meet(check, item, began_ns) &&
            check_change_is_ready(check, i, queue, wall_ns) &&
            !(item->has_id && check_spool_unreadable(check, &item->id)) &&
            check_hurt_how(check, i) == CHECK_UNHURT) {
            world_fail(check->world,
                       "item %u is nobody's since %llu ms, and is not found", i,
                       (unsigned long long)(began_ns - item->since_ns) /
                           1000000);
        }
    }
}

void check_spool_not_had(struct check_spool *check, uint64_t take,
                         uint64_t began_ns, uint32_t number, int32_t result)
{
    const struct check_item *item = &check->items[number];
    enum check_hurt how = check_hurt_how(check, number);

    if (result == -EBADMSG && !check_spool_unreadable(check, &item->id) &&
        !check_hurt_is_bad_meta(how)) {
        world_fail(check->world, "item %u is damaged, and could be read",
                   number);
    }
    if ((result == 0 || result == -ENOENT) &&
        check_spool_is_quiet(check, take) &&
        !check_hurt_may_be_gone(check, number) &&
        !recovery_may_have_given_up(check) &&
        check_spool_must_meet(check, item, began_ns)) {
        world_fail(check->world, "item %u is nobody's, and not had by its id",
                   number);
    }
}

/* Of files a sync that failed, or could not be tried, puts it off until the
 * owner has closed, or another has recovered his slot. */
static bool may_be_put_off(const struct check_spool *check)
{
    const uint64_t *happened = check->world->faults.happened;
    bool has_files = !check->is_log || check->crosses;

    return happened[FAULT_LATE] > 0 || happened[FAULT_STOP] > 0 ||
           (has_files &&
            (count_refusals(check) > 0 || happened[FAULT_SYNC] > 0 ||
             happened[FAULT_RING] > 0));
}

/* The power has failed. What goes wrong with rounds of tombstones, or of syncs,
 * may put them off for longer. */
static bool may_be_back(const struct check_spool *check,
                        const struct check_item *item)
{
    return item->removal == CHECK_REMOVED && item->is_lazy &&
           (!check_spool_is_gone(check, item) || may_be_put_off(check) ||
            check->world->now_ns < item->removed_ns + PROMISE_NS);
}

void check_spool_closed(struct check_spool *check, uint32_t process)
{
    for (uint32_t i = 0; i < check->count; i++) {
        struct check_item *item = &check->items[i];
        bool is_his = item->removal == CHECK_REMOVED &&
                      item->remover == process && !check->is_log;
        item->is_lazy = item->is_lazy && !(is_his && !may_be_put_off(check));
    }
}

void check_spool_died(struct check_spool *check, uint32_t process)
{
    bool untold = process == 0 || check->taking[process] > 0;

    check_name_died(check, process);
    check->was_taken_stock = check->was_taken_stock && process != 0;
    check->is_taking_stock = check->is_taking_stock && process != 0;
    for (uint32_t i = 0; i <= WORLD_PROCESSES; i++) {
        check->taking[i] = process == 0 || i == process ? 0 : check->taking[i];
    }
    for (uint32_t i = 0; i < check->count; i++) {
        struct check_item *item = &check->items[i];
        bool was_held =
            item->holder != 0 && (process == 0 || item->holder == process);

        if (was_held) {
            item->holder = 0;
        }
        if (process == 0 && may_be_back(check, item)) {
            item->removal = CHECK_REMOVING;
        }
        /* A claim of which nobody had been told may have had any of them; and a
         * power cut brings back claims that were ended. */
        if (was_held || (untold && item->holder == 0 &&
                         item->since_ns < check->world->now_ns)) {
            item->since_ns = check->world->now_ns;
        }
    }
}

static void check_turn(struct check_spool *check, uint32_t first,
                       uint32_t second)
{
    const struct check_item *a = &check->items[first];
    const struct check_item *b = &check->items[second];
    uint32_t change_of_a = check_change_last(check, first);
    uint32_t change_of_b = check_change_last(check, second);
    const struct check_place *at =
        check_change_place(check, first, change_of_a);
    const struct check_place *then =
        check_change_place(check, second, change_of_b);
    bool was_put_later = change_of_a == 0 && change_of_b == 0 &&
                         b->put == CHECK_PUT_ACKNOWLEDGED &&
                         b->told_ns < a->begun_ns;

    if (at->is_other == then->is_other &&
        (at->priority < then->priority ||
         (at->priority == then->priority && was_put_later))) {
        world_fail(check->world, "item %u comes before item %u", first, second);
    }
}

void check_spool_in_turn(struct check_spool *check, uint32_t number,
                         uint32_t version)
{
    const struct check_place *place =
        check_change_place(check, number, check_change_last(check, number));

    bool is_copied = version > 1 && check_change_last(check, number) == 0;

    if (place->due_ns != 0 || is_copied ||
        check->world->faults.happened[FAULT_CLOCK] > 0 || check->is_uncut) {
        return; /* it may have become ready only now, or before another */
    }
    if (check->last > 0) {
        check_turn(check, check->last - 1, number);
    }
    check->last = number + 1;
}

void check_spool_take_stock(struct check_spool *check)
{
    check->is_taking_stock = true;
    check->last = 0;
    for (uint32_t i = 0; i < check->count; i++) {
        check->items[i].found = false;
    }
}

void check_spool_complete(struct check_spool *check)
{
    for (uint32_t i = 0; i < check->count; i++) {
        enum check_hurt how = check_hurt_how(check, i);

        if (check_spool_must_be_there(&check->items[i]) &&
            !check->items[i].found && !check_hurt_is_bad_meta(how) &&
            !check_hurt_may_be_gone(check, i)) {
            world_fail(check->world,
                       "item %u was acknowledged, and is not there", i);
        }
    }
    check->is_taking_stock = false;
    check->was_taken_stock = true;
}

void check_spool_end(struct check_spool *check)
{
    if (!check->was_taken_stock) {
        world_fail(check->world, "nobody has taken stock");
    }
}
