/* SPDX-License-Identifier: MIT */
/*
 * put_maildir.c - see put.h
 *
 * Messages are read in the order of the directories, new/ first. Who reads the
 * Maildir meanwhile moves them from new/ to cur/, and renames them there: what
 * went away under its name is said, and nothing is lost. A source is unlinked
 * when its item is durable, so who is killed between the two finds it in both;
 * the item's field `maildir' has the message's name, to see it by.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "cli/json.h"
#include "cli/maildir.h"
#include "cli/put.h"

enum { LIST_BYTES = 32 * 1024 };

/* ---- from ---- */

struct source {
    struct put *put;
    struct maildir maildir;
    const char *dir; /* "new" */
    uint8_t list[LIST_BYTES];
};

/* false: no more is begun. */
static bool store_message(struct source *source, const char *name)
{
    struct put *put = source->put;
    struct storing *storing = storings_next(&put->storings);
    struct pirn_op op = {0};

    if (storing == NULL) {
        return false;
    }
    put_fill(put, storing);
    /* Where all fields are full the item goes without this one. */
    int added = pirn_fields_add(&storing->fields, "maildir", name);
    pirn_assert(added == 0 || added == -ENOSPC);
    snprintf(storing->name, sizeof(storing->name), "%s/%s", source->dir, name);
    pirn_prep_open(&op, source->maildir.dir_fd, storing->name,
                   O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    int fd = pirn_wait(put->tool.context, &op);
    if (fd < 0) {
        (void)storings_miss(&put->storings, storing->name,
                            fd == -ELOOP ? -EMEDIUMTYPE : fd);
        return true;
    }
    storing->dir_fd = put->removes ? source->maildir.dir_fd : -1;
    storings_store(&put->storings, storing, fd);
    put_close_file(put, fd);
    return true;
}

static bool is_message(const struct pirn_entry *entry)
{
    return entry->type == DT_REG || entry->type == DT_UNKNOWN;
}

/* Said, and passed over. */
static void miss_entry(struct source *source, const struct pirn_entry *entry)
{
    struct storings *storings = &source->put->storings;
    char path[STORING_NAME];

    (void)snprintf(path, sizeof(path), "%s/%s", source->dir, entry->name);
    (void)storings_miss(storings, path, -EMEDIUMTYPE);
}

/* false: no more is begun. Names that begin with a dot are no messages. */
static bool store_entry(struct source *source, const struct pirn_entry *entry)
{
    if (entry->name[0] == '.') {
        return true;
    }
    if (is_message(entry)) {
        return store_message(source, entry->name);
    }
    miss_entry(source, entry);
    return true;
}

/* Of one directory; 0, or an errno. */
static int store_directory(struct source *source)
{
    struct pirn_context *context = source->put->tool.context;
    struct pirn_op op = {0};
    bool goes_on = true;
    int32_t r;

    pirn_prep_open(&op, source->maildir.dir_fd, source->dir,
                   O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int fd = pirn_wait(context, &op);
    if (fd < 0) {
        return fd;
    }
    do {
        struct pirn_entry entry;
        uint32_t at = 0;

        pirn_prep_list(&op, fd, source->list, LIST_BYTES);
        r = pirn_wait(context, &op);
        while (goes_on && r > 0 &&
               pirn_entry_next(source->list, (uint32_t)r, &at, &entry)) {
            goes_on = store_entry(source, &entry);
        }
    } while (goes_on && r > 0);
    (void)storings_finish(&source->put->storings);
    if (r >= 0 && source->put->removes) {
        pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
        r = pirn_wait(context, &op);
    }
    put_close_file(source->put, fd);
    return r;
}

void put_from_maildir(struct put *put)
{
    static const char *const dirs[] = {"new", "cur"};
    struct source source = {.put = put};
    enum code code =
        maildir_open(&source.maildir, &put->tool, put->from_maildir);

    for (int i = 0; code == CODE_DONE && i < 2; i++) {
        source.dir = dirs[i];
        int r = store_directory(&source);
        code = r < 0 ? maildir_say(&source.maildir, r) : put->storings.failed;
    }
    if (put->storings.failed == CODE_DONE) {
        put->storings.failed = code;
    }
    maildir_close(&source.maildir);
}

/* ---- to ---- */

struct target {
    struct put *put;
    struct maildir maildir;
    struct delivery delivery;
};

/* All of @fd to the delivery's file: its size, or an errno that was said. */
static int64_t copy(struct target *target, const char *file, int fd)
{
    struct put *put = target->put;
    char *buf = put->storings.buf;
    uint64_t size = 0;
    int32_t r;

    do {
        struct pirn_op op = {0};
        uint32_t len;

        pirn_prep_read(&op, fd, buf, sizeof(put->storings.buf),
                       PIRN_OFFSET_CURRENT);
        r = pirn_wait(put->tool.context, &op);
        if (r < 0 && r != -EINTR) {
            (void)storings_miss(&put->storings, file, r);
            return r;
        }
        len = r > 0 ? (uint32_t)r : 0;
        for (uint32_t at = 0; at < len;
             at += (uint32_t)r, size += (uint32_t)r) {
            pirn_prep_write(&op, target->delivery.fd, buf + at, len - at, size);
            r = pirn_wait(put->tool.context, &op);
            if (r <= 0) {
                put->storings.failed =
                    maildir_say(&target->maildir, r == 0 ? -EIO : r);
                return -EIO;
            }
        }
    } while (r != 0);
    return (int64_t)size;
}

static void print_name(const struct target *target, const char *file)
{
    struct json json = {stdout, false};

    if (!target->put->options.json) {
        printf("new/%s\n", target->delivery.name);
        return;
    }
    json_open(&json, '{');
    json_key(&json, "maildir");
    json_text(&json, target->put->maildir);
    json_key(&json, "name");
    json_text(&json, target->delivery.name);
    json_key(&json, "file");
    json_text(&json, file);
    json_close(&json, '}');
    json_end(&json);
}

/* 0, or an errno that was not said. */
static int deliver(struct target *target, const char *file, int fd)
{
    struct pirn_context *context = target->put->tool.context;
    struct delivery *delivery = &target->delivery;

    maildir_prep_begin(delivery, &target->maildir, NULL);
    int r = pirn_wait(context, &delivery->op);
    if (r < 0) {
        return r;
    }
    int64_t size = copy(target, file, fd);
    if (size < 0) {
        maildir_prep_abandon(delivery);
        return pirn_wait(context, &delivery->op);
    }
    maildir_prep_publish(delivery, (uint64_t)size, false);
    r = pirn_wait(context, &delivery->op);
    if (r == 1) { /* a name with a random number of 64 bits */
        return -EEXIST;
    }
    if (r == 0) {
        print_name(target, file);
    }
    return r;
}

enum code put_to_maildir(struct put *put)
{
    struct storings *storings = &put->storings;
    struct target target = {.put = put};

    storings->failed = maildir_open(&target.maildir, &put->tool, put->maildir);
    for (int i = 0; storings->failed == CODE_DONE && i < put->count; i++) {
        int fd = put_open_file(put, put->files[i]);
        int r = fd < 0 ? 0 : deliver(&target, put->files[i], fd);

        put_close_file(put, fd);
        if (r < 0) {
            storings->failed = maildir_say(&target.maildir, r);
        }
    }
    maildir_close(&target.maildir);
    return storings->failed != CODE_DONE ? storings->failed : storings->missed;
}
