/* SPDX-License-Identifier: MIT */
/*
 * test_log_catalogue_kill.c - real processes on one catalogue, killed anywhere
 *
 * Four children fill, claim, give back, delay, move and remove on one shared
 * mapping. This process kills one after the other with SIGKILL, stops others
 * with SIGSTOP meanwhile and repeats what they have in their hands; the
 * survivors recover the dead, and are killed while they do. Each notes in a
 * ledger what he has, so that two who have the same item are seen. In the end
 * all is counted.
 *
 * Time is a number that everybody raises. PIRN_SEED replays the choices, not
 * how the processes interleave.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/catalogue_rig.h"
#include "test.h"

enum { CHILDREN = 4, PARENT = 15, KILLS = 3000, KILLS_LONG = 50000 };

/* Of an owner's number: */
enum { ALIVE, DEAD, RECOVERED_BY /* plus the number */ };

struct shared {
    struct rig_memory memory;
    uint64_t ticks;
    uint32_t fates[CHILDREN];
    uint32_t holders[RIG_SLOTS]; /* a number plus 1 */
    uint32_t items[RIG_SLOTS];   /* the incarnation of the item there */
    uint32_t twice;              /* two had the same item */
    uint32_t strange;            /* an error that nobody expects */
    uint32_t acts;               /* how much was done */
    uint32_t ended;              /* how many items went through */
    uint32_t inherited;
    bool stop;
};

struct child {
    struct shared *shared;
    struct pirn__catalogue c;
    struct pirn__actor actor;
    uint64_t random;
};

/* What each child has of its own: a fork has all, and uses one. */
static struct rig_self selves[RIG_HANDS];

static struct child child_of(struct shared *shared, uint16_t number,
                             uint64_t seed)
{
    return (struct child){
        .shared = shared,
        .c = rig_catalogue(&shared->memory, RIG_SLOTS, PIRN__PRIORITIES,
                           RIG_BLOCKS),
        .actor = rig_actor(&shared->memory, number, &selves[number]),
        .random = seed * 0x9e3779b97f4a7c15ull + 1,
    };
}

static uint32_t draw(struct child *me, uint32_t below)
{
    me->random ^= me->random << 13;
    me->random ^= me->random >> 7;
    me->random ^= me->random << 17;
    return (uint32_t)(me->random >> 33) % below;
}

static uint64_t now_of(struct child *me)
{
    uint64_t ticks =
        __atomic_add_fetch(&me->shared->ticks, 1, __ATOMIC_SEQ_CST);
    return RIG_NOW + ticks * PIRN__TICK_NS;
}

static void count(uint32_t *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static void expect(struct child *me, bool is_so)
{
    if (!is_so) {
        count(&me->shared->strange);
    }
}

/* In the ledger from when it is ours to before it is not. */
static void hold(struct child *me, const struct pirn__grip *grip)
{
    uint32_t was = __atomic_exchange_n(&me->shared->holders[grip->slot],
                                       me->actor.owner + 1, __ATOMIC_SEQ_CST);
    if (was != 0) {
        count(&me->shared->twice);
    }
}

static void let_go(struct child *me, const struct pirn__grip *grip)
{
    __atomic_store_n(&me->shared->holders[grip->slot], 0, __ATOMIC_SEQ_CST);
}

static void note(struct child *me, const struct pirn__grip *grip, bool there)
{
    uint32_t incarnation = pirn__word_unpack(grip->word).incarnation;
    __atomic_store_n(&me->shared->items[grip->slot], there ? incarnation : 0,
                     __ATOMIC_SEQ_CST);
}

/* ---- what each does, again and again ---- */

static void give(struct child *me, struct pirn__grip *grip, bool front)
{
    uint64_t now = now_of(me);
    bool later = draw(me, 4) == 0;
    rig_write(&me->shared->memory, grip->slot,
              (struct pirn__route){
                  .queue = (uint16_t)draw(me, RIG_QUEUES),
                  .priority = (uint8_t)draw(me, PIRN__PRIORITIES),
                  .flags = draw(me, 16) == 0 ? PIRN__RECORD_HELD : 0,
              },
              later ? now + draw(me, 600) * PIRN__TICK_NS : 0);
    let_go(me, grip);
    expect(me,
           pirn__slot_release(&me->c, &me->actor, grip, now, front, NULL) == 0);
}

static void finish(struct child *me, struct pirn__grip *grip)
{
    if (pirn__word_unpack(grip->word).state != PIRN__REMOVING) {
        expect(me, pirn__slot_turn(&me->c, grip, PIRN__REMOVING) == 0);
    }
    note(me, grip, false);
    let_go(me, grip);
    expect(me, pirn__slot_free(&me->c, &me->actor, grip) == 0);
    count(&me->shared->ended);
}

/* Often somebody is killed who has something. */
static void have(struct child *me, struct pirn__grip *grip)
{
    if (draw(me, 2) == 0) {
        sched_yield();
    }
    switch (draw(me, 4)) {
    case 0:
        give(me, grip, true);
        break;
    case 1:
        expect(me, pirn__slot_turn(&me->c, grip, PIRN__UPDATING) == 0);
        give(me, grip, false);
        break;
    default:
        finish(me, grip);
        break;
    }
}

static void act(struct child *me)
{
    struct pirn__grip grip;
    uint32_t slot = draw(me, RIG_SLOTS);
    uint32_t queue;
    int r = 0;
    switch (draw(me, 8)) {
    case 0:
    case 1:
    case 2:
        r = pirn__slot_fill(&me->c, &me->actor, RIG_SLOTS, &grip);
        if (r == 0) {
            hold(me, &grip);
            note(me, &grip, true);
            give(me, &grip, false);
        }
        r = r == -ENOSPC ? 0 : r;
        break;
    case 3:
        r = pirn__slot_claim(&me->c, &me->actor, slot,
                             rig_word(&me->shared->memory, slot).incarnation,
                             &grip);
        if (r == 1) {
            hold(me, &grip);
            have(me, &grip);
        }
        r = r == -ENOENT ? 0 : r;
        break;
    case 4:
        r = pirn__catalogue_expire(&me->c, &me->actor, now_of(me), &queue);
        break;
    default:
        r = pirn__slot_claim_next(&me->c, &me->actor, draw(me, RIG_QUEUES),
                                  &grip);
        if (r == 1) {
            hold(me, &grip);
            have(me, &grip);
        }
        break;
    }
    expect(me, r >= 0);
}

static void recover(struct child *me, uint16_t dead)
{
    struct pirn__hand *hand = &me->shared->memory.hands[dead];
    expect(me, pirn__hand_recover(&me->c.lanes, hand, me->actor.hand) == 0);
    struct pirn__heritage heritage = rig_heritage(&me->shared->memory, dead);
    struct pirn__grip grip;
    while (pirn__slot_inherit(&me->c, &me->actor, &heritage, &grip)) {
        count(&me->shared->inherited);
        __atomic_store_n(&me->shared->holders[grip.slot], me->actor.owner + 1,
                         __ATOMIC_SEQ_CST);
        enum pirn__state state = pirn__word_unpack(grip.word).state;
        if (state == PIRN__FILLING || state == PIRN__REMOVING) {
            finish(me, &grip);
        } else {
            give(me, &grip, true);
        }
    }
}

static void recover_others(struct child *me)
{
    for (uint16_t i = 0; i < CHILDREN; i++) {
        uint32_t fate = DEAD;
        uint32_t *at = &me->shared->fates[i];
        if (__atomic_compare_exchange_n(at, &fate,
                                        RECOVERED_BY + me->actor.owner, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            recover(me, i);
            __atomic_store_n(at, ALIVE, __ATOMIC_SEQ_CST);
        }
    }
}

static pid_t child_start(struct shared *shared, uint16_t number, uint64_t seed)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct child me = child_of(shared, number, seed);
    while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
        recover_others(&me);
        act(&me);
        count(&shared->acts);
    }
    _exit(0);
}

/* ---- who kills ---- */

struct parent {
    struct shared *shared;
    struct child self; /* as an actor, and his random numbers */
    pid_t pids[CHILDREN];
    bool stopped[CHILDREN];
    int unexpected; /* ends that nobody caused */
};

static void stop_or_go_on(struct parent *parent, uint16_t number)
{
    bool stopped = parent->stopped[number];
    kill(parent->pids[number], stopped ? SIGCONT : SIGSTOP);
    parent->stopped[number] = !stopped;
    if (!stopped) {
        struct pirn__hand *hand = &parent->shared->memory.hands[number];
        expect(&parent->self, pirn__hand_repeat(&parent->self.c.lanes, hand,
                                                parent->self.actor.hand) == 0);
    }
}

static void bury(struct parent *parent, uint16_t number, int how)
{
    int status = 0;
    waitpid(parent->pids[number], &status, 0);
    if (how == SIGKILL ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL
                       : !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        parent->unexpected++;
    }
    parent->pids[number] = 0;
    parent->stopped[number] = false;
    struct shared *shared = parent->shared;
    for (uint16_t i = 0; i < CHILDREN; i++) {
        if (shared->fates[i] == RECOVERED_BY + (uint32_t)number) {
            __atomic_store_n(&shared->fates[i], DEAD, __ATOMIC_SEQ_CST);
        }
    }
    __atomic_store_n(&shared->fates[number], DEAD, __ATOMIC_SEQ_CST);
}

static void start_missing(struct parent *parent)
{
    for (uint16_t i = 0; i < CHILDREN; i++) {
        if (parent->pids[i] == 0 &&
            __atomic_load_n(&parent->shared->fates[i], __ATOMIC_SEQ_CST) ==
                ALIVE) {
            parent->pids[i] =
                child_start(parent->shared, i, draw(&parent->self, UINT32_MAX));
        }
    }
}

/* Until the children have done something more, or cannot. */
static void wait_a_while(struct parent *parent)
{
    uint32_t *acts = &parent->shared->acts;
    uint32_t until =
        __atomic_load_n(acts, __ATOMIC_SEQ_CST) + 1 + draw(&parent->self, 60);
    for (int i = 0; i < 100; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        if ((int32_t)(__atomic_load_n(acts, __ATOMIC_SEQ_CST) - until) >= 0) {
            return;
        }
    }
}

/* Some are left to die later, so that there is always one who recovers. */
static void kill_many(struct parent *parent, int kills)
{
    while (kills > 0) {
        start_missing(parent);
        wait_a_while(parent);
        uint16_t number = (uint16_t)draw(&parent->self, CHILDREN);
        if (parent->pids[number] == 0) {
            continue;
        }
        if (draw(&parent->self, 3) == 0) {
            stop_or_go_on(parent, number);
            continue;
        }
        kill(parent->pids[number], SIGKILL);
        bury(parent, number, SIGKILL);
        kills--;
        bool all_dead = true;
        for (uint16_t i = 0; i < CHILDREN; i++) {
            all_dead = all_dead && (parent->pids[i] == 0 || parent->stopped[i]);
        }
        if (all_dead) {
            recover_others(&parent->self);
        }
    }
    __atomic_store_n(&parent->shared->stop, true, __ATOMIC_SEQ_CST);
    for (uint16_t i = 0; i < CHILDREN; i++) {
        if (parent->pids[i] != 0) {
            kill(parent->pids[i], SIGCONT);
            bury(parent, i, 0);
        }
    }
    recover_others(&parent->self);
}

/* ---- the sum ---- */

static uint32_t items_counted(const struct shared *shared)
{
    uint32_t items = 0;
    for (uint32_t owner = 0; owner < RIG_HANDS; owner++) {
        assert_true(shared->memory.trails[owner] == 0);
    }
    for (uint32_t slot = 0; slot < RIG_SLOTS; slot++) {
        struct pirn__word word = rig_word(&shared->memory, slot);
        assert_false(pirn__state_is_passing(word.state));
        uint32_t there = word.state == PIRN__FREE ? 0 : word.incarnation;
        assert_int_equal(shared->items[slot], there);
        items += word.state != PIRN__FREE;
    }
    return items;
}

/* Each item is found: ready ones in line, delayed ones in time, held ones by
 * their ids. */
static uint32_t items_found(struct child *me)
{
    struct pirn__grip grip;
    uint32_t queue;
    uint32_t found = 0;
    while (pirn__catalogue_expire(&me->c, &me->actor, RIG_NOW * 2, &queue) ==
           1) {
    }
    for (queue = 0; queue < RIG_QUEUES; queue++) {
        while (pirn__slot_claim_next(&me->c, &me->actor, queue, &grip) == 1) {
            finish(me, &grip);
            found++;
        }
    }
    for (uint32_t slot = 0; slot < RIG_SLOTS; slot++) {
        struct pirn__word word = rig_word(&me->shared->memory, slot);
        if (word.state == PIRN__HELD) {
            assert_int_equal(pirn__slot_claim(&me->c, &me->actor, slot,
                                              word.incarnation, &grip),
                             1);
            finish(me, &grip);
            found++;
        }
    }
    return found;
}

static uint32_t slots_found(struct child *me)
{
    struct pirn__grip grip;
    uint32_t found = 0;
    while (pirn__slot_fill(&me->c, &me->actor, RIG_SLOTS, &grip) == 0) {
        found++;
    }
    return found;
}

static void killed_anywhere_nobody_loses_an_item_nor_has_anothers(void **state)
{
    (void)state;
    const char *given = getenv("PIRN_SEED");
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    int kills = getenv("PIRN_LONG") != NULL ? KILLS_LONG : KILLS;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    struct parent parent = {.shared = shared,
                            .self = child_of(shared, PARENT, seed)};
    rig_init(&shared->memory, &parent.self.c);

    kill_many(&parent, kills);
    print_message("PIRN_SEED=%llu: %d kills, %u items ended, %u inherited\n",
                  (unsigned long long)seed, kills, shared->ended,
                  shared->inherited);
    assert_int_equal(parent.unexpected, 0);
    assert_int_equal(shared->twice, 0);
    assert_int_equal(shared->strange, 0);
    uint32_t items = items_counted(shared);
    assert_int_equal(items_found(&parent.self), items);
    assert_int_equal(shared->strange, 0);
    assert_int_equal(slots_found(&parent.self), RIG_SLOTS);
    munmap(shared, sizeof *shared);
}

TEST_MAIN(
    cmocka_unit_test(killed_anywhere_nobody_loses_an_item_nor_has_anothers))
