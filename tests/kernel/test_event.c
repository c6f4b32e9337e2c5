/* SPDX-License-Identifier: MIT */
/*
 * test_event.c - what is done in a spool is heard as it is done
 *
 * Each case of a verb runs in both layouts: `incoming' and `done' have the one
 * of the bed. The listener is another open of the spool, on a context of its
 * own; what it hears is compared with what was done, and nothing else is heard.
 */
#include "kernel/test_log.h"

#include <signal.h>
#include <sys/wait.h>

#include "faulty.h"
#include "runtime/context.h"
#include "spool/event.h"
#include "spool/log/log.h"

static int setup_as(void **state, enum pirn_layout layout)
{
    struct bed *bed;

    if (log_setup_closed(state) < 0) {
        return -1;
    }
    bed = *state;
    bed->layout = layout;
    int r = bed_open(bed, true);
    return r == 0 ? pirn_spool_create_queue_as(bed->spool, "done", layout) : -1;
}

static int setup_log(void **state)
{
    return setup_as(state, PIRN_LAYOUT_LOG);
}

static int setup_file(void **state)
{
    return setup_as(state, PIRN_LAYOUT_FILE);
}

/* What the disk does is no matter here, and waiting for it is most of the
 * time; where there is such a place the spools stand in memory. */
static int set_place(void **state)
{
    (void)state;
    return access("/dev/shm", W_OK) == 0 ? setenv("TMPDIR", "/dev/shm", 0) : 0;
}

/* ---- another open, and what it hears ---- */

struct ear {
    struct bed bed;
    struct pirn_events events;
    int32_t count; /* of the page */
    int32_t at;
};

static int32_t begin(struct ear *ear, const struct pirn_events_config *config)
{
    pirn_prep_events(&ear->events, ear->bed.spool, config);
    return pirn_wait(ear->bed.context, &ear->events.op);
}

static void end(struct ear *ear)
{
    pirn_prep_events_end(&ear->events);
    assert_int_equal(pirn_wait(ear->bed.context, &ear->events.op), 0);
}

static void listen_to(const struct bed *bed, struct ear *ear,
                      const struct pirn_events_config *config)
{
    *ear = (struct ear){0};
    bed_join(bed, &ear->bed);
    assert_int_equal(begin(ear, config), 0);
}

static void stop(struct ear *ear)
{
    assert_int_equal(ear->at, ear->count); /* nothing else was heard */
    end(ear);
    bed_leave(&ear->bed);
}

static const struct pirn_spool_event *hear(struct ear *ear)
{
    if (ear->at == ear->count) {
        pirn_prep_events_next(&ear->events);
        ear->count = pirn_wait(ear->bed.context, &ear->events.op);
        ear->at = 0;
        assert_true(ear->count > 0);
    }
    return &ear->events.events[ear->at++];
}

static const struct pirn_spool_event *hear_one(struct ear *ear,
                                               enum pirn_event_kind kind)
{
    const struct pirn_spool_event *event = hear(ear);

    assert_string_equal(pirn_event_kind_name(event->kind),
                        pirn_event_kind_name(kind));
    return event;
}

static const struct pirn_spool_event *hear_of(struct ear *ear,
                                              const struct bed *bed,
                                              enum pirn_event_kind kind,
                                              const struct pirn_id *id,
                                              const char *queue)
{
    const struct pirn_spool_event *event = hear_one(ear, kind);
    uint64_t now_ns = pirn_context_realtime_ns(ear->bed.context);

    assert_true(log_same_id(&event->id, id));
    assert_string_equal(event->queue, queue);
    assert_int_equal(event->owner, bed->spool->slot);
    assert_true(event->time_ns <= now_ns + 1000000000u);
    assert_true(event->time_ns + 60000000000u > now_ns);
    if (kind != PIRN_EVENT_MOVED) {
        assert_string_equal(event->to, "");
    }
    return event;
}

/* The next that is heard is of an item that is put now: nothing was before. */
static void expect_silence(struct ear *ear, struct bed *bed)
{
    struct pirn_id id = bed_put(bed, "x", 1);

    hear_of(ear, bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
}

static const uint64_t year_ns = 365 * 86400 * 1000000000ull;

/* ---- verbs ---- */

static void each_verb_that_ends_well_is_one_event_in_its_order(void **state)
{
    const struct pirn_change urgent = {.what = PIRN_CHANGE_PRIORITY,
                                       .priority = 3};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct ear ear;

    listen_to(bed, &ear, NULL);
    struct pirn_id id = bed_put(bed, "hello", 5);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_update(bed, &claim, &urgent), 0);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    hear_of(&ear, bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
    const struct pirn_spool_event *event =
        hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
    uint64_t serial = event->serial;
    assert_int_equal(event->attempts, 0);
    hear_of(&ear, bed, PIRN_EVENT_UPDATED, &id, "incoming");
    event = hear_of(&ear, bed, PIRN_EVENT_GIVEN_BACK, &id, "incoming");
    assert_int_equal(event->attempts, 1);
    event = hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
    assert_int_equal(event->attempts, 1);
    event = hear_of(&ear, bed, PIRN_EVENT_REMOVED, &id, "incoming");
    assert_int_equal(event->serial, serial + 4);
    expect_silence(&ear, bed);
    stop(&ear);
}

static void a_change_is_told_by_what_it_changes(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct ear ear;
    uint64_t due_ns = pirn_context_realtime_ns(bed->context) + year_ns;
    const struct {
        struct pirn_change change;
        enum pirn_event_kind kind;
        uint32_t attempts;
    } cases[] = {
        {{.what = PIRN_CHANGE_HELD, .held = true}, PIRN_EVENT_HELD, 1},
        {{.what = PIRN_CHANGE_HELD | PIRN_CHANGE_UNTRIED},
         PIRN_EVENT_RELEASED,
         1},
        {{.what = PIRN_CHANGE_DUE, .due_ns = due_ns}, PIRN_EVENT_GIVEN_BACK, 2},
        {{.what = PIRN_CHANGE_HELD | PIRN_CHANGE_DUE | PIRN_CHANGE_UNTRIED},
         PIRN_EVENT_RELEASED,
         2},
        {{.what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_HELD | PIRN_CHANGE_DUE,
          .queue = "incoming",
          .due_ns = due_ns},
         PIRN_EVENT_RELEASED,
         3},
    };

    listen_to(bed, &ear, NULL);
    struct pirn_id id = bed_put(bed, "hello", 5);
    hear_of(&ear, bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pirn_change *change = &cases[i].change;
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_give_back_as(bed, &claim, change), 0);
        hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
        const struct pirn_spool_event *event =
            hear_of(&ear, bed, cases[i].kind, &id, "incoming");
        assert_int_equal(event->attempts, cases[i].attempts);
        assert_int_equal(event->due_ns, change->due_ns);
        assert_int_equal(event->held, change->held);
    }
    stop(&ear);
}

static void a_move_says_from_where_and_to_where(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct ear ear;
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "done"};
    const struct pirn_change back = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "incoming"};

    struct pirn_id id = bed_put(bed, "hello", 5);
    listen_to(bed, &ear, NULL);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_update(bed, &claim, &away), 0);
    assert_int_equal(log_give_back_as(bed, &claim, &back), 0);
    hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
    assert_string_equal(
        hear_of(&ear, bed, PIRN_EVENT_MOVED, &id, "incoming")->to, "done");
    assert_string_equal(hear_of(&ear, bed, PIRN_EVENT_MOVED, &id, "done")->to,
                        "incoming");
    stop(&ear);
}

static void an_item_in_pieces_is_one_event_when_it_is_there(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {.held = true};
    struct ear ear;

    listen_to(bed, &ear, NULL);
    for (int i = 0; i < 2; i++) {
        char queue[] = "incoming"; /* loaned for the begin alone */
        pirn_prep_begin(&draft, bed->spool, queue);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        memset(queue, 'x', sizeof(queue) - 1);
        pirn_prep_append(&draft, "hello", 5);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        if (i == 0) {
            pirn_prep_abort(&draft);
        } else {
            pirn_prep_commit(&draft, NULL);
        }
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
    }
    const struct pirn_spool_event *event =
        hear_of(&ear, bed, PIRN_EVENT_ENQUEUED, &draft.id, "incoming");
    assert_true(event->held);
    expect_silence(&ear, bed);
    stop(&ear);
}

/* Also where a short body of the log is copied by the other verbs. */
static void a_share_is_one_event(void **state)
{
    static const uint64_t lengths[] = {3, 100000};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_draft draft = {0};
    struct ear ear;
    char *body = calloc(1, 100000);

    listen_to(bed, &ear, NULL);
    for (int i = 0; i < 2; i++) {
        struct pirn_id id = bed_put(bed, body, lengths[i]);
        assert_int_equal(bed_claim(bed, &claim), 1);
        pirn_prep_share(&draft, &claim, "done", NULL);
        assert_int_equal(pirn_wait(bed->context, &draft.op), 0);
        assert_int_equal(bed_remove(bed, &claim), 0);
        hear_of(&ear, bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
        hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
        hear_of(&ear, bed, PIRN_EVENT_SHARED, &draft.id, "done");
        hear_of(&ear, bed, PIRN_EVENT_REMOVED, &id, "incoming");
    }
    stop(&ear);
    free(body);
}

static void what_fails_is_no_event(void **state)
{
    const struct pirn_change astray = {.what = PIRN_CHANGE_QUEUE,
                                       .queue = "nowhere"};
    struct bed *bed = *state;
    struct pirn_draft draft = {0};
    struct pirn_claim claim = {0};
    struct pirn_claim other = {0};
    char byte;
    struct ear ear;

    struct pirn_id id = bed_put(bed, "hello", 5);
    assert_int_equal(bed_claim(bed, &claim), 1);
    listen_to(bed, &ear, NULL);
    assert_int_equal(bed_claim(bed, &other), 0);
    assert_int_equal(log_claim_id(bed, &other, &id), 0);
    assert_int_equal(log_update(bed, &claim, &astray), -ENOENT);
    assert_int_equal(log_read(bed, &claim, &byte, 1, 0), 1); /* a look alone */
    assert_int_equal(log_enqueue(bed, &draft, "nowhere", "hello", 5, NULL),
                     -ENOENT);
    expect_silence(&ear, bed);
    assert_int_equal(bed_remove(bed, &claim), 0);
    hear_of(&ear, bed, PIRN_EVENT_REMOVED, &id, "incoming");
    stop(&ear);
}

/* ---- owners ---- */

static void what_a_closed_owner_had_is_told(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claims[2] = {0};
    struct bed his;
    struct ear ear;

    bed_put_many(bed, 3);
    listen_to(bed, &ear, NULL);
    bed_join(bed, &his);
    uint32_t slot = his.spool->slot;
    assert_int_equal(bed_claim(&his, &claims[0]), 1);
    assert_int_equal(bed_claim(&his, &claims[1]), 1);
    bed_leave(&his);
    hear_one(&ear, PIRN_EVENT_CLAIMED);
    hear_one(&ear, PIRN_EVENT_CLAIMED);
    const struct pirn_spool_event *event = hear_one(&ear, PIRN_EVENT_DEAD);
    assert_int_equal(event->owner, slot);
    assert_int_equal(event->count, 2);
    assert_string_equal(event->queue, "");
    expect_silence(&ear, bed);
    stop(&ear);
}

/* The child's whole life; no assertion of cmocka's. */
static void live_with(const struct bed *bed, bool listens)
{
    struct bed his = *bed;
    struct pirn_claim claim = {0};
    struct pirn_events events = {0};

    if (pirn_context_create(NULL, &his.context) < 0 ||
        bed_open(&his, false) < 0) {
        _exit(1);
    }
    pirn_prep_claim(&claim, his.spool, "incoming");
    if (pirn_wait(his.context, &claim.op) != 1) {
        _exit(2);
    }
    pirn_prep_events(&events, his.spool, NULL);
    if (listens && pirn_wait(his.context, &events.op) != 0) {
        _exit(3);
    }
    (void)raise(SIGKILL);
    _exit(4);
}

static void kill_one(const struct bed *bed, bool listens)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        live_with(bed, listens);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_a_killed_owner_had_is_told(void **state)
{
    struct bed *bed = *state;
    struct ear ear;

    struct pirn_id id = bed_put(bed, "hello", 5);
    listen_to(bed, &ear, NULL);
    kill_one(bed, false);
    (void)bed_status(bed); /* which looks for the dead */
    uint32_t slot = hear_one(&ear, PIRN_EVENT_CLAIMED)->owner;
    const struct pirn_spool_event *event = hear_one(&ear, PIRN_EVENT_DEAD);
    assert_int_equal(event->owner, slot);
    assert_int_equal(event->count, 1);
    struct pirn_claim claim = {0};
    assert_int_equal(bed_claim(bed, &claim), 1);
    hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
    stop(&ear);
}

static void who_is_fenced_out_is_told_with_what_he_had(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claims[2] = {0};
    struct pirn_fence fence = {0};
    struct bed his;
    struct ear ear;

    bed_put_many(bed, 3);
    bed_join(bed, &his);
    assert_int_equal(bed_claim(&his, &claims[0]), 1);
    assert_int_equal(bed_claim(&his, &claims[1]), 1);
    listen_to(bed, &ear, NULL);
    pirn_prep_fence_owner(&fence, bed->spool, his.spool->slot, 0);
    assert_int_equal(pirn_wait(bed->context, &fence.op), 0);
    assert_int_equal(bed_remove(&his, &claims[0]), -ESTALE);
    const struct pirn_spool_event *event = hear_one(&ear, PIRN_EVENT_FENCED);
    assert_int_equal(event->owner, his.spool->slot);
    assert_int_equal(event->count, 2);
    bed_leave(&his);
    expect_silence(&ear, bed);
    stop(&ear);
}

static void what_is_seized_is_told_as_taken_from_him_and_had_by_us(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};
    struct bed his;
    struct ear ear;

    bed_put_many(bed, 1);
    bed_join(bed, &his);
    assert_int_equal(bed_claim(&his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    listen_to(bed, &ear, NULL);
    pirn_prep_seize(&ours, bed->spool, &id);
    assert_int_equal(pirn_wait(bed->context, &ours.op), 1);
    const struct pirn_spool_event *event = hear_one(&ear, PIRN_EVENT_FENCED);
    assert_int_equal(event->owner, his.spool->slot);
    assert_int_equal(event->count, 1);
    event = hear_of(&ear, bed, PIRN_EVENT_CLAIMED, &id, "incoming");
    assert_int_equal(event->attempts, 1);
    assert_int_equal(bed_remove(&his, &theirs), -ESTALE);
    assert_int_equal(bed_remove(bed, &ours), 0);
    hear_of(&ear, bed, PIRN_EVENT_REMOVED, &id, "incoming");
    bed_leave(&his);
    expect_silence(&ear, bed);
    stop(&ear);
}

/* ---- listening ---- */

static void a_filter_lets_its_kinds_and_its_queue_through(void **state)
{
    const struct pirn_events_config moves = {.kinds = 1u << PIRN_EVENT_MOVED |
                                                      1u << PIRN_EVENT_REMOVED};
    const struct pirn_events_config done = {.queue = "done"};
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "done"};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct ear by_kind;
    struct ear by_queue;

    listen_to(bed, &by_kind, &moves);
    listen_to(bed, &by_queue, &done);
    struct pirn_id id = bed_put(bed, "hello", 5);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &away), 0);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    hear_of(&by_kind, bed, PIRN_EVENT_MOVED, &id, "incoming");
    hear_of(&by_kind, bed, PIRN_EVENT_REMOVED, &id, "done");
    hear_of(&by_queue, bed, PIRN_EVENT_MOVED, &id, "incoming");
    hear_of(&by_queue, bed, PIRN_EVENT_CLAIMED, &id, "done");
    hear_of(&by_queue, bed, PIRN_EVENT_REMOVED, &id, "done");
    stop(&by_kind);
    stop(&by_queue);
}

static void tell_many(struct bed *bed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        pirn__event_owner(bed->spool, PIRN_EVENT_FENCED, i % 1024, 1);
    }
}

static void who_listens_too_slowly_is_told_how_many_he_lost(void **state)
{
    enum { MANY = 3 * PIRN__EVENT_SLOTS + 17 };
    const struct pirn_events_config removals = {.kinds = 1u
                                                         << PIRN_EVENT_REMOVED};
    struct bed *bed = *state;
    struct ear all;
    struct ear few;

    listen_to(bed, &all, NULL);
    listen_to(bed, &few, &removals);
    tell_many(bed, MANY);
    const struct pirn_spool_event *event = hear_one(&all, PIRN_EVENT_LOST);
    uint64_t met = event->count;
    assert_true(met > MANY - PIRN__EVENT_SLOTS && met < MANY);
    for (; met < MANY; met++) {
        assert_int_equal(hear_one(&all, PIRN_EVENT_FENCED)->owner, met % 1024);
    }
    hear_one(&few, PIRN_EVENT_LOST); /* whatever he wants */
    stop(&all);
    stop(&few);
}

static void where_nobody_listens_nothing_is_told(void **state)
{
    struct bed *bed = *state;
    const struct pirn__index *index = &bed->spool->log->index;
    struct pirn_claim claim = {0};
    struct ear ear;

    listen_to(bed, &ear, NULL);
    assert_int_equal(index->head->listening, 1);
    stop(&ear);
    assert_int_equal(index->head->listening, 0);
    assert_int_equal(index->head->listeners[0], 0);
    (void)bed_put(bed, "hello", 5);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(*index->events.next, 0);
}

static void a_killed_listener_is_forgotten(void **state)
{
    struct bed *bed = *state;
    const struct pirn__index_head *head = bed->spool->log->index.head;

    (void)bed_put(bed, "hello", 5);
    kill_one(bed, true);
    assert_int_equal(head->listening, 1);
    (void)bed_put(bed, "hello", 5); /* heard by nobody, and no harm */
    (void)bed_status(bed);          /* which looks for the dead */
    assert_int_equal(head->listening, 0);
    assert_int_equal(head->listeners[0], 0);
}

static void as_many_may_listen_as_there_are_bits(void **state)
{
    struct bed *bed = *state;
    struct ear *ears = calloc(PIRN__INDEX_LISTENERS + 1, sizeof(*ears));
    struct ear *last = &ears[PIRN__INDEX_LISTENERS];

    for (uint32_t i = 0; i <= PIRN__INDEX_LISTENERS; i++) {
        ears[i].bed = *bed;
        assert_int_equal(begin(&ears[i], NULL),
                         i < PIRN__INDEX_LISTENERS ? 0 : -EUSERS);
    }
    end(&ears[5]);
    assert_int_equal(begin(last, NULL), 0);
    struct pirn_id id = bed_put(bed, "hello", 5);
    hear_of(last, bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
    hear_of(&ears[63], bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
    for (uint32_t i = 0; i <= PIRN__INDEX_LISTENERS; i++) {
        end(&ears[i]); /* of one that has ended, too */
    }
    assert_int_equal(bed->spool->log->index.head->listening, 0);
    free(ears);
}

static int32_t ended;

static void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    ended = result;
}

static void a_wait_that_is_cancelled_loses_nothing(void **state)
{
    struct bed *bed = *state;
    struct ear ear;

    listen_to(bed, &ear, NULL);
    ended = 0;
    pirn_prep_events_next(&ear.events);
    pirn_start(ear.bed.context, &ear.events.op, note);
    pirn_cancel(ear.bed.context, &ear.events.op);
    struct pirn_id id = bed_put(bed, "hello", 5);
    assert_int_equal(pirn_context_drain(ear.bed.context), 0);
    assert_int_equal(ended, -ECANCELED);
    hear_of(&ear, bed, PIRN_EVENT_ENQUEUED, &id, "incoming");
    stop(&ear);
}

static void a_spool_without_a_log_has_no_events(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    bed->without_log = true;
    bed->layout = PIRN_LAYOUT_FILE;
    assert_int_equal(bed_open(bed, true), 0);
    ear.bed = *bed;
    assert_int_equal(begin(&ear, NULL), -EOPNOTSUPP);
    end(&ear);
    (void)bed_put(bed, "hello", 5);
}

static uint32_t files_in(const char *path)
{
    DIR *dir = opendir(path);
    uint32_t count = 0;

    assert_non_null(dir);
    for (struct dirent *at = readdir(dir); at != NULL; at = readdir(dir)) {
        count += at->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static void nothing_is_left_when_the_last_one_closes(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct ear ear;

    listen_to(bed, &ear, NULL);
    expect_silence(&ear, bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    hear_one(&ear, PIRN_EVENT_CLAIMED);
    hear_one(&ear, PIRN_EVENT_REMOVED);
    stop(&ear);
    assert_int_equal(files_in(bed->index_dir), 1);
    bed_close(bed);
    assert_int_equal(files_in(bed->index_dir), 0);
}

/* A ring without pages would be a SIGBUS of who tells. */
static void without_room_nobody_listens(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    ear.bed = *bed;
    assert_int_equal(
        pirn__context_create_on(faulty_engine(), NULL, &ear.bed.context), 0);
    assert_int_equal(bed_open(&ear.bed, false), 0);
    faulty_plan(ENGINE_FALLOCATE, 1, 1, -ENOSPC);
    int32_t r = begin(&ear, NULL);
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_int_equal(r, -ENOSPC);
    assert_int_equal(bed->spool->log->index.head->listening, 0);
    (void)bed_put(bed, "hello", 5);
    assert_int_equal(begin(&ear, NULL), 0);
    expect_silence(&ear, bed);
    stop(&ear);
}

#define BOTH(test)                                                  \
    cmocka_unit_test_setup_teardown(test, setup_log, log_teardown), \
        cmocka_unit_test_setup_teardown(test, setup_file, log_teardown)
#define LOG(test) cmocka_unit_test_setup_teardown(test, setup_log, log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(each_verb_that_ends_well_is_one_event_in_its_order),
        BOTH(a_change_is_told_by_what_it_changes),
        BOTH(a_move_says_from_where_and_to_where),
        BOTH(an_item_in_pieces_is_one_event_when_it_is_there),
        BOTH(a_share_is_one_event),
        BOTH(what_fails_is_no_event),
        BOTH(what_a_closed_owner_had_is_told),
        BOTH(what_a_killed_owner_had_is_told),
        BOTH(who_is_fenced_out_is_told_with_what_he_had),
        BOTH(what_is_seized_is_told_as_taken_from_him_and_had_by_us),
        BOTH(a_filter_lets_its_kinds_and_its_queue_through),
        LOG(who_listens_too_slowly_is_told_how_many_he_lost),
        LOG(where_nobody_listens_nothing_is_told),
        LOG(a_killed_listener_is_forgotten),
        LOG(as_many_may_listen_as_there_are_bits),
        LOG(a_wait_that_is_cancelled_loses_nothing),
        LOG(nothing_is_left_when_the_last_one_closes),
        LOG(without_room_nobody_listens),
        cmocka_unit_test_setup_teardown(a_spool_without_a_log_has_no_events,
                                        log_setup_closed, log_teardown)};

    if (bed_is_refused()) {
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, set_place, NULL);
}
