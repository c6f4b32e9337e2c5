/* SPDX-License-Identifier: MIT */
/*
 * ingress.c - any bytes said to the ingress itself, on the simulated machine
 *
 * A session (smtp/session.h) with its stream, its spool and the runtime, and a
 * client who sends the bytes in pieces and reads. The machine (tests/sim/model)
 * has sockets of any size, moves less than asked for, interrupts, is late
 * and does all in any order; what would end a connection does not happen.
 * What the client hears and what can be claimed afterwards is what the protocol
 * alone makes of the same bytes (talk.h).
 *
 * A session that closes while more comes resets the connection, as any does, so
 * the client may miss the end of what he was told; but of what was kept nothing
 * is missing, and nothing is there that was not to be kept.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include <pirn/file.h>

#include "smtp/session.h"
#include "tests/fuzz/talk.h"
#include "tests/sim/model/life.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/world.h"

const struct fuzz_target fuzz_target = {"ingress", 150, 1024};

enum {
    MAILS_MAX = 64,
    STORM = 2000, /* steps */
    FAULTS = FAULT_BIT(FAULT_SHORT) | FAULT_BIT(FAULT_EINTR) |
             FAULT_BIT(FAULT_LATE) | FAULT_BIT(FAULT_ENTER) |
             FAULT_BIT(FAULT_EARLY) | FAULT_BIT(FAULT_OVERFLOW),
};

#define QUEUE "incoming"
#define ID_MARK "queued as "
#define ID_LEN (PIRN_ID_TEXT - 1u)
#define ID_PLAIN "id1" /* what the protocol alone is told of */

/* An item that could be claimed, and where its row of @kept is. */
struct found {
    struct pirn_id id;
    size_t at;
    size_t len;
};

struct visit {
    struct world *world;
    const uint8_t *bytes;
    size_t len;
    size_t expected; /* bytes of replies, unless the session closes */
    struct rng rng;
    struct smtp_limits limits;
    int server_fd;
    int client_fd;
    bool has_ended; /* the session */
    bool hears;     /* the client, still */
    struct pirn_context *client;
    struct pirn_op recv;
    char buf[256];
    struct talk_row replies;
    struct talk_row kept;
    struct found found[MAILS_MAX];
    uint32_t found_count;
};

static void session_ended(struct smtp_session *session, void *user)
{
    (void)session;
    ((struct visit *)user)->has_ended = true;
}

/* ---- what is in the spool ---- */

/* The envelope as it came: what the session knows besides is behind it. */
static void keep_envelope(struct visit *visit, const struct pirn_fields *fields)
{
    const char *name;
    const char *value;
    uint32_t at = 0;
    uint32_t end = 0;

    while (pirn_fields_next(fields, &at, &name, &value) &&
           strcmp(name, "client") != 0) {
        end = at;
    }
    talk_row_add(&visit->kept, fields->bytes, end);
    talk_row_add(&visit->kept, "\n", 1);
}

static bool take_one(struct visit *visit, struct pirn_context *context,
                     struct pirn_spool *spool)
{
    struct pirn_claim claim = {0};
    int32_t r;

    pirn_prep_claim(&claim, spool, QUEUE);
    r = pirn_wait(context, &claim.op);
    pirn_assert_rule(r == 0 || r == 1, "a claim has an item or there is none");
    if (r == 0) {
        return false;
    }
    struct found *found = &visit->found[visit->found_count++];
    pirn_assert(visit->found_count <= MAILS_MAX);
    *found = (struct found){claim.item.id, visit->kept.len, 0};
    keep_envelope(visit, &claim.item.fields);
    for (uint64_t at = 0; at < claim.item.size_bytes; at += (uint32_t)r) {
        char buf[100];
        pirn_prep_claim_read(&claim, buf, sizeof(buf), at);
        r = pirn_wait(context, &claim.op);
        pirn_assert_rule(r > 0, "what was kept can be read");
        talk_row_add(&visit->kept, buf, (size_t)r);
    }
    talk_row_add(&visit->kept, "\n", 1);
    found->len = visit->kept.len - found->at;
    pirn_prep_remove(&claim);
    r = pirn_wait(context, &claim.op);
    pirn_assert(r == 0);
    return true;
}

/* ---- the server's process ---- */

static void serve(struct visit *visit, struct pirn_context *context,
                  struct pirn_spool *spool)
{
    struct smtp_worker_count count = {0};
    const struct pirn_address nobody = {.len = 0};
    const struct smtp_session_env env = {
        .context = context,
        .spool = spool,
        .queue = QUEUE,
        .limits = &visit->limits,
        .timeout_ns = UINT64_C(3600000000000),
        .count = &count,
        .ended = session_ended,
        .user = visit,
    };
    struct smtp_session *session =
        pirn__smtp_session_start(&env, visit->server_fd, &nobody, SMTP_NOTHING);

    pirn_assert(session != NULL);
    while (!visit->has_ended) {
        int r = pirn_context_turn(context, PIRN_FOREVER);
        pirn_assert(r >= 0);
    }
    pirn_assert(count.failed == 0);
}

static void server_run(void *argument)
{
    struct visit *visit = argument;
    struct pirn_context *context = process_context(visit->world);
    const struct pirn_spool_config config = {
        .path = "spool", .create = true, .without_log = true};
    struct pirn_spool *spool;
    int r = pirn_spool_open(context, &config, &spool);

    pirn_assert(r == 0);
    serve(visit, context, spool);
    while (take_one(visit, context, spool)) {
    }
    pirn_spool_close(spool);
    r = pirn_context_drain(context);
    pirn_assert(r == 0);
    pirn_context_destroy(context);
}

/* ---- the client's ---- */

static bool is_passing(int32_t r)
{
    return r == -EINTR || r == -ECANCELED;
}

static void hear(struct visit *visit);

static void heard(struct pirn_op *op, int32_t result)
{
    struct visit *visit = pirn_container_of(op, struct visit, recv);

    if (result > 0) {
        talk_row_add(&visit->replies, visit->buf, (size_t)result);
    }
    visit->hears = result > 0 || is_passing(result);
    if (visit->hears) {
        hear(visit);
    }
}

static void hear(struct visit *visit)
{
    pirn_prep_recv(&visit->recv, visit->client_fd, visit->buf,
                   sizeof(visit->buf), 0);
    pirn_start(visit->client, &visit->recv, heard);
}

static void say_all(struct visit *visit)
{
    uint32_t most = 1u << rng_between(&visit->rng, 0, 10);
    size_t at = 0;

    while (at < visit->len) {
        struct pirn_op op = {0};
        size_t piece = rng_between(&visit->rng, 1, most);
        piece = piece < visit->len - at ? piece : visit->len - at;
        pirn_prep_send(&op, visit->client_fd, visit->bytes + at,
                       (uint32_t)piece, MSG_NOSIGNAL);
        int32_t r = pirn_wait(visit->client, &op);
        if (r < 0 && !is_passing(r)) {
            return;
        }
        at += r > 0 ? (size_t)r : 0;
    }
}

static void client_run(void *argument)
{
    struct visit *visit = argument;
    struct pirn_op op = {0};

    visit->client = process_context(visit->world);
    visit->hears = true;
    hear(visit);
    say_all(visit);
    /* Who ends before he has heard all is not told the rest. */
    while (visit->hears && visit->replies.len < visit->expected) {
        int r = pirn_context_turn(visit->client, PIRN_FOREVER);
        pirn_assert(r >= 0);
    }
    pirn_prep_shutdown(&op, visit->client_fd, SHUT_WR);
    (void)pirn_wait(visit->client, &op);
    while (visit->hears) {
        int r = pirn_context_turn(visit->client, PIRN_FOREVER);
        pirn_assert(r >= 0);
    }
    pirn_prep_close(&op, visit->client_fd);
    (void)pirn_wait(visit->client, &op);
    pirn_context_destroy(visit->client);
}

/* ---- one world, one visit ---- */

static void visit_run(struct visit *visit, uint64_t seed)
{
    const struct world_config config = {
        .seed = seed,
        .faults = FAULTS,
        .storm_steps = STORM,
        .disk = life_empty_disk(DISK_EXT4),
    };
    struct process *server;
    struct process *client;

    visit->world = world_create(&config);
    server = process_create(visit->world);
    client = process_create(visit->world);
    process_connect(server, &visit->server_fd, client, &visit->client_fd, NULL);
    process_thread(server, server_run, visit);
    process_thread(client, client_run, visit);
    enum world_end end = world_run(visit->world);
    if (end == WORLD_DONE) {
        world_check_rest(visit->world);
    }
    pirn_assert_rule(!visit->world->failed, visit->world->reason);
    pirn_assert(end == WORLD_DONE);
    world_destroy(visit->world);
}

#define GREETING "220 mx.example ESMTP pirn\r\n"

/* As the client hears them, ids and all. */
static size_t expected_of(const struct talk_row *replies)
{
    const char *at = replies->bytes;
    const char *end = at + replies->len;
    size_t len = strlen(GREETING) + replies->len;

    while ((at = memmem(at, (size_t)(end - at), ID_MARK, strlen(ID_MARK))) !=
           NULL) {
        at += strlen(ID_MARK);
        len += ID_LEN - strlen(ID_PLAIN);
    }
    return len;
}

/* Without the greeting, and with ids as the protocol alone has them. */
static void replies_plain(struct talk_row *replies)
{
    size_t greeting = strlen(GREETING);
    char *at = replies->bytes;

    greeting = greeting < replies->len ? greeting : replies->len;
    pirn_assert(memcmp(at, GREETING, greeting) == 0);
    replies->len -= greeting;
    memmove(at, at + greeting, replies->len);
    for (;;) {
        char *end = replies->bytes + replies->len;
        at = memmem(at, (size_t)(end - at), ID_MARK, strlen(ID_MARK));
        if (at == NULL || (size_t)(end - at) < strlen(ID_MARK) + ID_LEN) {
            return;
        }
        at += strlen(ID_MARK);
        memcpy(at, ID_PLAIN, strlen(ID_PLAIN));
        memmove(at + strlen(ID_PLAIN), at + ID_LEN,
                (size_t)(end - at) - ID_LEN);
        replies->len -= ID_LEN - strlen(ID_PLAIN);
    }
}

static int by_id(const void *a, const void *b)
{
    return memcmp(&((const struct found *)a)->id,
                  &((const struct found *)b)->id, sizeof(struct pirn_id));
}

/* In the order of ids, which is that of the session. */
static void check_kept(struct visit *visit, const struct talk_row *kept)
{
    size_t at = 0;

    qsort(visit->found, visit->found_count, sizeof(visit->found[0]), by_id);
    pirn_assert(visit->kept.len == kept->len);
    for (uint32_t i = 0; i < visit->found_count; i++) {
        const struct found *found = &visit->found[i];
        pirn_assert(memcmp(kept->bytes + at, visit->kept.bytes + found->at,
                           found->len) == 0);
        at += found->len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk *talk;
    static struct visit visit;
    struct fuzz_in in = {data, size};
    uint8_t setting = (uint8_t)fuzz_below(&in, 4); /* the limits alone */
    uint64_t seed = fuzz_take(&in, 2);

    if (talk == NULL) {
        talk = talk_create();
    }
    talk_begin(talk, setting);
    talk_hear(talk, in.at, in.left);
    visit = (struct visit){.bytes = in.at,
                           .len = in.left,
                           .expected = expected_of(&talk->replies),
                           .rng = rng_of(seed, 1),
                           .limits = talk->limits};
    visit_run(&visit, seed);
    replies_plain(&visit.replies);
    pirn_assert(visit.replies.len == talk->replies.len ||
                (talk->closed && visit.replies.len < talk->replies.len));
    pirn_assert(memcmp(visit.replies.bytes, talk->replies.bytes,
                       visit.replies.len) == 0);
    check_kept(&visit, &talk->kept);
    return 0;
}
