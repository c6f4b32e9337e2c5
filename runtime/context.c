/* SPDX-License-Identifier: MIT */
/* context.c - the life of a context, and what can be asked of it */
#include <errno.h>
#include <stdlib.h>

#include "pirn/file.h"
#include "runtime/context_fields.h"
#include "runtime/rearm.h"

enum {
    SQ_ENTRIES_DEFAULT = 256,
    SQ_ENTRIES_MIN = ENGINE_RUN_MAX,
    SQ_ENTRIES_MAX = 32768, /* IORING_MAX_ENTRIES */
    CQ_PER_SQ = 8,
    WORKER_MAX_DEFAULT = 64,
    TURN_BUDGET_DEFAULT = 256,
    BUFFER_COUNT_DEFAULT = 1024,
    BUFFER_BYTES_DEFAULT = 4096,
    BUFFER_BYTES_MAX = 1 << 20,
};

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static int config_complete(const struct pirn_context_config *given,
                           struct pirn_context_config *ret_config)
{
    struct pirn_context_config config = {0};

    if (given != NULL) {
        config = *given;
    }
    if (config.sq_entries == 0) {
        config.sq_entries = SQ_ENTRIES_DEFAULT;
    }
    if (config.cq_entries == 0) {
        config.cq_entries = CQ_PER_SQ * config.sq_entries;
    }
    if (config.worker_max == 0) {
        config.worker_max = WORKER_MAX_DEFAULT;
    }
    if (config.turn_budget == 0) {
        config.turn_budget = TURN_BUDGET_DEFAULT;
    }
    if (config.buffer_count == 0) {
        config.buffer_count = BUFFER_COUNT_DEFAULT;
    }
    if (config.buffer_bytes == 0) {
        config.buffer_bytes = BUFFER_BYTES_DEFAULT;
    }
    if (!is_power_of_two(config.sq_entries) ||
        !is_power_of_two(config.cq_entries) ||
        config.sq_entries < SQ_ENTRIES_MIN ||
        config.sq_entries > SQ_ENTRIES_MAX ||
        config.cq_entries > CQ_PER_SQ * SQ_ENTRIES_MAX ||
        config.cq_entries < config.sq_entries ||
        !is_power_of_two(config.buffer_count) ||
        config.buffer_count > BUFFER_COUNT_MAX ||
        config.buffer_bytes > BUFFER_BYTES_MAX) {
        return -EINVAL;
    }
    *ret_config = config;
    return pirn__files_choose(config.files, &ret_config->files);
}

static void lists_init(struct pirn_context *context)
{
    list_init(&context->queued);
    list_init(&context->cancels);
    list_init(&context->inflight);
    list_init(&context->starved);
    list_init(&context->expired);
    list_init(&context->completed);
    list_init(&context->immediate);
}

int pirn_context_create(const struct pirn_context_config *config,
                        struct pirn_context **ret_context)
{
    const struct engine_class *class;
    int r =
        pirn__engine_choose(config ? config->engine : PIRN_ENGINE_AUTO, &class);

    return r < 0 ? r : pirn__context_create_on(class, config, ret_context);
}

/* All but its engine; NULL: no memory. */
static struct pirn_context *context_alloc(
    const struct pirn_context_config *config)
{
    struct pirn_context *context =
        aligned_alloc(_Alignof(struct pirn_context), sizeof(*context));

    if (context == NULL) {
        return NULL;
    }
    *context = (struct pirn_context){.thread = pirn__thread,
                                     .forks = pirn__forks,
                                     .turn_budget = config->turn_budget};
    lists_init(context);
    context->shots.events =
        calloc(config->cq_entries, sizeof(*context->shots.events));
    context->shots.mask = config->cq_entries - 1;
    if (context->shots.events == NULL) {
        free(context);
        return NULL;
    }
    return context;
}

static int create_engine(struct pirn_context *context,
                         const struct engine_class *class,
                         const struct pirn_context_config *config)
{
    const struct engine_config engine_config = {
        .sq_entries = config->sq_entries,
        .cq_entries = config->cq_entries,
        .worker_max = config->worker_max,
        .files = config->files,
        .min_wait_ns = config->min_wait_ns,
        .buffers = context->buffers.base,
        .buffer_count = config->buffer_count,
        .buffer_bytes = config->buffer_bytes,
    };

    return class->create(&engine_config, &context->engine);
}

int pirn__context_create_on(const struct engine_class *class,
                            const struct pirn_context_config *given,
                            struct pirn_context **ret_context)
{
    struct pirn_context_config config;
    int r = config_complete(given, &config);

    if (r == 0) {
        r = pirn__thread_number();
    }
    if (r < 0) {
        return r;
    }
    struct pirn_context *context = context_alloc(&config);
    if (context == NULL) {
        return -ENOMEM;
    }
    r = pirn__buffers_init(&context->buffers, config.buffer_count,
                           config.buffer_bytes);
    if (r < 0) {
        goto fail;
    }
    r = gather_init(&context->gather);
    if (r < 0) {
        goto fail_buffers;
    }
    r = create_engine(context, class, &config);
    if (r < 0) {
        goto fail_gather;
    }
    pirn__rearm_offer(context);
    context_read_clock(context);
    *ret_context = context;
    return 0;

fail_gather:
    gather_deinit(&context->gather);
fail_buffers:
    pirn__buffers_deinit(&context->buffers);
fail:
    free(context->shots.events);
    free(context);
    return r;
}

struct pirn_context *pirn_context_destroy(struct pirn_context *context)
{
    if (context != NULL) {
        pirn_assert_rule(context_is_ours(context), context_rule(context));
        pirn_assert_rule(!context->in_turn,
                         "a context is not destroyed from inside its turn");
        pirn_assert_rule(context->loaned_count == 0,
                         "a context is destroyed when nothing is loaned to it");
        pirn_assert_rule(mailbox_is_empty(&context->mailbox),
                         "a context is destroyed when no post waits for it");

        context->engine->class->destroy(context->engine);
        gather_deinit(&context->gather);
        pirn__buffers_deinit(&context->buffers);
        free(context->shots.events);
        free(context);
    }
    return NULL;
}

/* --- from other threads --- */

void pirn_context_stop(struct pirn_context *context)
{
    context_assert_process(context);

    atomic_store(&context->stop, true);
    if (atomic_exchange(&context->mailbox.asleep, false)) {
        context->engine->class->wake(context->engine);
    }
}

void pirn__context_mail(struct pirn_context *context, struct pirn_loan *loan)
{
    context_assert_process(context);

    if (mailbox_push(&context->mailbox, &loan->link)) {
        context->engine->class->wake(context->engine);
    }
}

/* --- what can be asked --- */

bool pirn__context_joins(const struct pirn_context *context,
                         const struct pirn_op *before,
                         const struct pirn_op *behind)
{
    return context->engine->class->joins(context->engine, &before->priv,
                                         &behind->priv);
}

struct buffers *pirn__context_buffers(struct pirn_context *context)
{
    return &context->buffers;
}

struct gather *pirn__context_gather(struct pirn_context *context)
{
    return &context->gather;
}

uint32_t pirn__context_turn_number(const struct pirn_context *context)
{
    return (uint32_t)context->turns;
}

uint64_t pirn__context_recent_ns(const struct pirn_context *context)
{
    return context->now_ns;
}

uint64_t pirn_context_now_ns(const struct pirn_context *context)
{
    return context_now_ns((struct pirn_context *)context); /* keeps it */
}

uint64_t pirn_context_realtime_ns(const struct pirn_context *context)
{
    return context->engine->class->realtime_ns(context->engine);
}

void pirn_context_random(struct pirn_context *context, void *bytes, size_t len)
{
    context->engine->class->random(context->engine, bytes, len);
}

void pirn_context_identity(struct pirn_context *context,
                           struct pirn_identity *ret_identity)
{
    context->engine->class->identity(context->engine, ret_identity);
}

int pirn_map_shared(struct pirn_context *context, int fd, uint64_t bytes,
                    void **ret_memory)
{
    pirn_assert(bytes > 0);
    return context->engine->class->map(context->engine, fd, bytes, ret_memory);
}

void pirn_unmap_shared(struct pirn_context *context, void *memory,
                       uint64_t bytes)
{
    pirn_assert(memory != NULL && bytes > 0);
    context->engine->class->unmap(context->engine, memory, bytes);
}

int32_t pirn_read_cached(struct pirn_context *context, int fd, void *buf,
                         uint32_t len, uint64_t offset)
{
    pirn_assert(buf != NULL && len > 0 && len <= PIRN_IO_MAX);
    pirn_assert(offset != PIRN_OFFSET_CURRENT);
    return context->engine->class->read_cached(context->engine, fd, buf, len,
                                               offset);
}

const char *pirn_context_engine(const struct pirn_context *context)
{
    return context->engine->class->name;
}

const char *pirn_context_reason(const struct pirn_context *context)
{
    return context->engine->reason;
}

const char *pirn_context_files(const struct pirn_context *context)
{
    static const char *const names[] = {[PIRN_FILES_AUTO] = "both",
                                        [PIRN_FILES_RING] = "ring",
                                        [PIRN_FILES_POOL] = "pool"};

    return names[context->engine->files];
}

uint64_t pirn_context_loaned(const struct pirn_context *context)
{
    return context->loaned_count;
}

void pirn_context_stats(const struct pirn_context *context,
                        struct pirn_context_stats *ret_stats)
{
    *ret_stats = (struct pirn_context_stats){
        .turns = context->turns,
        .functions = context->functions,
        .submitted = context->engine->submitted,
        .loaned = context->loaned_count,
        .timers = context->timers.count,
    };
}

int pirn_context_fd(struct pirn_context *context)
{
    return context->engine->class->fd(context->engine);
}

int pirn_context_set_data(struct pirn_context *context, const void *key,
                          void *data)
{
    struct data_slot *free_slot = NULL;

    pirn_assert(key != NULL);
    for (unsigned i = 0; i < CONTEXT_DATA_MAX; i++) {
        struct data_slot *slot = &context->data[i];

        if (slot->key == key) {
            *slot = (struct data_slot){data ? key : NULL, data};
            return 0;
        }
        if (slot->key == NULL && free_slot == NULL) {
            free_slot = slot;
        }
    }
    if (data == NULL) {
        return 0;
    }
    if (free_slot == NULL) {
        return -ENOSPC;
    }
    *free_slot = (struct data_slot){key, data};
    return 0;
}

void *pirn_context_data(const struct pirn_context *context, const void *key)
{
    for (unsigned i = 0; i < CONTEXT_DATA_MAX; i++) {
        if (context->data[i].key == key) {
            return context->data[i].data;
        }
    }
    return NULL;
}
