/* SPDX-License-Identifier: MIT */
/*
 * spool/scan.h - read one directory to its end
 */
#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>
#include <pirn/path.h>

#include "spool/names.h"

struct pirn__scan;

/* An entry: 0 to go on, or a negative errno, which ends the scan. */
typedef int32_t pirn__scan_fn(struct pirn__scan *scan,
                              const struct pirn_entry *entry);

struct pirn__scan {
    struct pirn_op op;
    struct pirn__name path; /* set before; "." is the spool itself */
    struct pirn_context *context;
    pirn__scan_fn *take;
    struct pirn_op step;
    void *buf;
    int root_fd;
    int fd;
    int32_t result;
};

/**
 * pirn__prep_scan() - call @take for each entry of the directory at @scan->path
 *
 * Result: 0; -ENOENT no such directory; what @take said; or an errno.
 */
void pirn__prep_scan(struct pirn__scan *scan, int root_fd, pirn__scan_fn *take);

/* Ids, as they are found. Zeroed memory is none. */
struct pirn__ids {
    struct pirn_id *ids; /* @count of @cap, malloc'd */
    uint32_t count;
    uint32_t cap;
};

/** pirn__ids_push() - one more. Return: 0 or -ENOMEM */
PIRN_MUST_CHECK int pirn__ids_push(struct pirn__ids *ids,
                                   const struct pirn_id *id);
/** pirn__ids_sort() - the oldest first */
void pirn__ids_sort(struct pirn__ids *ids);
/** pirn__ids_has() - whether sorted ids hold one */
bool pirn__ids_has(const struct pirn__ids *ids, const struct pirn_id *id);
void pirn__ids_deinit(struct pirn__ids *ids);

/* A directory of items: start &it->scan.op; the ids are sorted at the end. */
struct pirn__id_scan {
    struct pirn__scan scan;
    struct pirn__ids ids;
    struct pirn__ids next; /* of ID.new, unsorted */
    uint32_t moving;       /* how many of ID.in and ID.out */
};

/** pirn__prep_id_scan() - the ids that are names of the directory's entries */
void pirn__prep_id_scan(struct pirn__id_scan *scan, int root_fd);

#endif /* SPOOL_SCAN_H */
