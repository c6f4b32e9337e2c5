/* SPDX-License-Identifier: MIT */
/*
 * maildir.c - see maildir.h
 *
 *   tmp/NAME -> body -> fsync -> link to new/NAME -> close, unlink in tmp/
 *     -> fsync of new/
 *
 * Killed before the link, new/ knows nothing of it, and who reads the Maildir
 * removes what is old in tmp/. Killed after it, the message is there, whole,
 * for its bytes were synced before they had a name; and who delivers the same
 * item again makes the same name, so link(2) says that it is there. A reader
 * may have moved it to cur/ meanwhile: of an item with attempts that directory
 * is listed.
 *
 * Names: TIME.MmicrosecondsPpidVdeviceIinode_random.HOST,S=size, by the rules;
 * those of an item TIME.Mmicroseconds_ID.HOST,S=size, of its creation. The id
 * is never reused, so it alone makes the name unique.
 */
#include "cli/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

enum { NS_PER_US = 1000, MODE = 0600, STEP_LINK = 1 };

static const uint64_t ns_per_s = 1000000000;

/* ---- the Maildir ---- */

static int open_dir(struct maildir *maildir, int at_fd, const char *path)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return pirn_wait(maildir->context, &op);
}

static void close_dir(struct maildir *maildir, int fd)
{
    struct pirn_op op = {0};

    if (fd >= 0) {
        pirn_prep_close(&op, fd);
        (void)pirn_wait(maildir->context, &op);
    }
}

enum { ESCAPED = 4 }; /* characters, of \057 */

/* As names of a Maildir have it: without / and :. */
static void set_host(struct maildir *maildir, const char *name)
{
    char *out = maildir->host;

    for (; *name != '\0'; name++) {
        if (*name == '/' || *name == ':') {
            memcpy(out, *name == '/' ? "\\057" : "\\072", ESCAPED);
            out += ESCAPED;
        } else {
            *out++ = *name;
        }
    }
    *out = '\0';
    pirn_assert(out < maildir->host + sizeof(maildir->host));
}

enum code maildir_open(struct maildir *maildir, struct tool *tool,
                       const char *path)
{
    char host[MACHINE_NAME_TEXT];
    struct pirn_identity identity;

    *maildir = (struct maildir){
        .context = tool->context,
        .path = path,
        .tmp_fd = -1,
        .new_fd = -1,
    };
    machine_name(tool, host);
    set_host(maildir, host);
    pirn_context_identity(maildir->context, &identity);
    maildir->pid = identity.pid;
    maildir->dir_fd = open_dir(maildir, AT_FDCWD, path);
    if (maildir->dir_fd < 0) {
        return maildir_say(maildir, maildir->dir_fd);
    }
    maildir->tmp_fd = open_dir(maildir, maildir->dir_fd, "tmp");
    maildir->new_fd = open_dir(maildir, maildir->dir_fd, "new");
    int cur_fd = open_dir(maildir, maildir->dir_fd, "cur");
    close_dir(maildir, cur_fd);
    int least = maildir->tmp_fd < 0   ? maildir->tmp_fd
                : maildir->new_fd < 0 ? maildir->new_fd
                                      : cur_fd;
    return least < 0 ? maildir_say(maildir, least) : CODE_DONE;
}

void maildir_close(struct maildir *maildir)
{
    if (maildir->context == NULL) {
        return;
    }
    close_dir(maildir, maildir->new_fd);
    close_dir(maildir, maildir->tmp_fd);
    close_dir(maildir, maildir->dir_fd);
    maildir->context = NULL;
}

enum code maildir_say(const struct maildir *maildir, int error)
{
    return failure_say(THING_MAILDIR, maildir->path, error);
}

/* ---- begin ---- */

static struct delivery *delivery_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct delivery, op);
}

static void finish(struct delivery *delivery, int32_t result)
{
    pirn_task_finish(delivery->priv.maildir->context, &delivery->op, result);
}

static void start(struct delivery *delivery, struct pirn_op *op, pirn_op_fn *fn)
{
    pirn_start(delivery->priv.maildir->context, op, fn);
}

/* TIME.Mmicroseconds */
static int print_time_of(char *text, uint64_t time_ns)
{
    return snprintf(text, MAILDIR_NAME, "%" PRIu64 ".M%" PRIu64,
                    time_ns / ns_per_s, time_ns % ns_per_s / NS_PER_US);
}

static void name_item(struct delivery *delivery)
{
    const struct pirn_item *item = delivery->priv.item;
    char *base = delivery->priv.base;
    char id[PIRN_ID_TEXT];

    pirn_id_format(&item->id, id);
    int len = print_time_of(base, item->created_ns);
    snprintf(base + len, MAILDIR_NAME - (size_t)len, "_%s.%s", id,
             delivery->priv.maildir->host);
}

static void name_file(struct delivery *delivery)
{
    struct maildir *maildir = delivery->priv.maildir;
    const struct statx *statx = &delivery->priv.statx;
    char *base = delivery->priv.base;
    uint64_t random = 0;

    pirn_context_random(maildir->context, &random, sizeof(random));
    int len = print_time_of(base, pirn_context_realtime_ns(maildir->context));
    snprintf(base + len, MAILDIR_NAME - (size_t)len,
             "P%" PRIu32 "V%xI%" PRIx64 "_%016" PRIx64 ".%s", maildir->pid,
             statx->stx_dev_major << 8 | statx->stx_dev_minor,
             (uint64_t)statx->stx_ino, random, maildir->host);
}

static void have_stat(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);

    (void)result; /* without it the name is as good: it has a random number */
    name_file(delivery);
    finish(delivery, 0);
}

static void have_opened(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);

    if (result < 0) {
        finish(delivery, result);
        return;
    }
    delivery->fd = result;
    if (delivery->priv.item != NULL) {
        finish(delivery, 0);
        return;
    }
    pirn_prep_stat(op, delivery->fd, "", AT_EMPTY_PATH, STATX_INO,
                   &delivery->priv.statx);
    start(delivery, op, have_stat);
}

/* No two of a process have the same, and none of two that live. */
static void make_file(struct delivery *delivery)
{
    struct maildir *maildir = delivery->priv.maildir;
    char *tmp = delivery->priv.tmp;
    int len = print_time_of(tmp, pirn_context_realtime_ns(maildir->context));

    snprintf(tmp + len, MAILDIR_NAME - (size_t)len,
             "P%" PRIu32 "Q%" PRIu64 ".%s", maildir->pid, maildir->begun++,
             maildir->host);
    pirn_prep_open(&delivery->priv.steps[0], maildir->tmp_fd, tmp,
                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    start(delivery, &delivery->priv.steps[0], have_opened);
}

/* ---- cur/ ---- */

static void list_on(struct delivery *delivery);

static void have_closed(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);

    (void)result; /* nothing was written */
    if (delivery->priv.result != 0) {
        finish(delivery, delivery->priv.result);
        return;
    }
    make_file(delivery);
}

static void leave(struct delivery *delivery, int32_t result)
{
    delivery->priv.result = result;
    pirn_prep_close(&delivery->priv.steps[0], delivery->priv.cur_fd);
    start(delivery, &delivery->priv.steps[0], have_closed);
}

static void have_synced_cur(struct pirn_op *op, int32_t result)
{
    leave(pirn_container_of(op, struct delivery, priv.steps[0]),
          result < 0 ? result : 1);
}

/* Behind the name stand its size, and what the reader has added. */
static bool is_listed(const struct delivery *delivery, uint32_t len)
{
    const char *base = delivery->priv.base;
    struct pirn_entry entry;
    uint32_t at = 0;

    while (pirn_entry_next(delivery->priv.list, len, &at, &entry)) {
        if (strncmp(entry.name, base, strlen(base)) == 0) {
            return true;
        }
    }
    return false;
}

static void have_listed(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);

    if (result <= 0) {
        leave(delivery, result);
    } else if (is_listed(delivery, (uint32_t)result)) {
        pirn_prep_fsync(op, delivery->priv.cur_fd, PIRN_SYNC_ALL);
        start(delivery, op, have_synced_cur);
    } else {
        list_on(delivery);
    }
}

static void list_on(struct delivery *delivery)
{
    pirn_prep_list(&delivery->priv.steps[0], delivery->priv.cur_fd,
                   delivery->priv.list, sizeof(delivery->priv.list));
    start(delivery, &delivery->priv.steps[0], have_listed);
}

static void have_cur(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);

    if (result < 0) {
        finish(delivery, result);
        return;
    }
    delivery->priv.cur_fd = result;
    list_on(delivery);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct delivery *delivery = delivery_of(op);
    const struct pirn_item *item = delivery->priv.item;

    pirn_assert(context == delivery->priv.maildir->context);
    if (item != NULL) {
        name_item(delivery);
    }
    if (item == NULL || item->attempts == 0) {
        make_file(delivery);
        return;
    }
    pirn_prep_open(&delivery->priv.steps[0], delivery->priv.maildir->dir_fd,
                   "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    start(delivery, &delivery->priv.steps[0], have_cur);
}

void maildir_prep_begin(struct delivery *delivery, struct maildir *maildir,
                        const struct pirn_item *item)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(maildir->new_fd >= 0);
    delivery->priv.maildir = maildir;
    delivery->priv.item = item;
    delivery->fd = -1;
    pirn_prep_task(&delivery->op, &verbs);
}

/* ---- publish ---- */

static void have_confirmed(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);
    bool was_there =
        pirn_op_result(&delivery->priv.steps[STEP_LINK]) == -EEXIST;

    result = pirn_confirmed(result);
    finish(delivery, result < 0 ? result : was_there);
}

static void have_synced_new(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.steps[0]);

    if (result < 0) {
        finish(delivery, result);
        return;
    }
    pirn_prep_confirm(op, delivery->priv.maildir->new_fd);
    start(delivery, op, have_confirmed);
}

/* It may be there by one who was killed before he had synced the directory. */
static void have_linked(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.chain.op);
    bool was_there = result == -EEXIST &&
                     pirn_chain_failed(&delivery->priv.chain) == STEP_LINK;

    delivery->fd = -1;
    if (result < 0 && !was_there) {
        finish(delivery, result);
    } else if (delivery->priv.is_lazy) {
        finish(delivery, was_there);
    } else {
        pirn_prep_fsync(&delivery->priv.steps[0],
                        delivery->priv.maildir->new_fd, PIRN_SYNC_ALL);
        start(delivery, &delivery->priv.steps[0], have_synced_new);
    }
}

static void publish(struct pirn_context *context, struct pirn_op *op)
{
    struct delivery *delivery = delivery_of(op);
    const struct maildir *maildir = delivery->priv.maildir;
    struct pirn_op *steps = delivery->priv.steps;

    snprintf(delivery->name, sizeof(delivery->name), "%.280s,S=%" PRIu64,
             delivery->priv.base, delivery->priv.size);
    pirn_prep_fsync(&steps[0], delivery->fd, PIRN_SYNC_ALL);
    pirn_prep_link(&steps[STEP_LINK], maildir->tmp_fd, delivery->priv.tmp,
                   maildir->new_fd, delivery->name, 0);
    pirn_prep_close(&steps[2], delivery->fd);
    pirn_step_when(&steps[2], PIRN_STEP_ALWAYS);
    pirn_prep_unlink(&steps[3], maildir->tmp_fd, delivery->priv.tmp, 0);
    pirn_step_when(&steps[3], PIRN_STEP_ALWAYS);
    for (int i = 0; i < 4; i++) {
        delivery->priv.order[i] = &steps[i];
    }
    pirn_chain_start(context, &delivery->priv.chain, delivery->priv.order, 4,
                     have_linked);
}

void maildir_prep_publish(struct delivery *delivery, uint64_t size,
                          bool is_lazy)
{
    static const struct pirn_task_verbs verbs = {.begin = publish};

    pirn_assert(delivery->fd >= 0);
    delivery->priv.size = size;
    delivery->priv.is_lazy = is_lazy;
    pirn_prep_task(&delivery->op, &verbs);
}

int maildir_sync(const struct maildir *maildir)
{
    struct pirn_op op = {0};

    pirn_assert(maildir->new_fd >= 0);
    pirn_prep_fsync(&op, maildir->new_fd, PIRN_SYNC_ALL);
    int r = pirn_wait(maildir->context, &op);
    if (r < 0) {
        return r;
    }
    pirn_prep_confirm(&op, maildir->new_fd);
    return pirn_confirmed(pirn_wait(maildir->context, &op));
}

/* ---- abandon ---- */

static void have_dropped(struct pirn_op *op, int32_t result)
{
    struct delivery *delivery =
        pirn_container_of(op, struct delivery, priv.chain.op);

    (void)result; /* who reads the Maildir removes what is old in tmp/ */
    delivery->fd = -1;
    finish(delivery, 0);
}

static void abandon(struct pirn_context *context, struct pirn_op *op)
{
    struct delivery *delivery = delivery_of(op);
    struct pirn_op *steps = delivery->priv.steps;

    pirn_prep_close(&steps[0], delivery->fd);
    pirn_prep_unlink(&steps[1], delivery->priv.maildir->tmp_fd,
                     delivery->priv.tmp, 0);
    pirn_step_when(&steps[1], PIRN_STEP_ALWAYS);
    delivery->priv.order[0] = &steps[0];
    delivery->priv.order[1] = &steps[1];
    pirn_chain_start(context, &delivery->priv.chain, delivery->priv.order, 2,
                     have_dropped);
}

void maildir_prep_abandon(struct delivery *delivery)
{
    static const struct pirn_task_verbs verbs = {.begin = abandon};

    pirn_assert(delivery->fd >= 0);
    pirn_prep_task(&delivery->op, &verbs);
}
