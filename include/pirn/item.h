/* SPDX-License-Identifier: MIT */
/*
 * pirn/item.h - what a spool keeps: an id, metadata, a body
 *
 * An item is one envelope: a sender's side, one or more recipients, one body.
 * The spool acts on the fixed metadata and only carries the fields. Of these
 * `pirn serve` stores from, to (one for each recipient), client and helo; a
 * check adds quarantined and was, `pirn take` reason. Names that begin with
 * `pirn.' are the spool's own.
 */
#ifndef PIRN_ITEM_H
#define PIRN_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>

PIRN_BEGIN_DECLS

/* Never reused. Sorts by the time of creation, in milliseconds. */
struct pirn_id {
    uint8_t bytes[16]; /* most significant first */
};

/* 26 characters of 0-9a-v (base 32, as in RFC 4648 "extended hex") and NUL. */
#define PIRN_ID_TEXT 27

/** pirn_id_format() - to the text that people and file names use */
PIRN_API void pirn_id_format(const struct pirn_id *id, char text[PIRN_ID_TEXT]);

/**
 * pirn_id_parse() - from that text
 * @text: NUL-terminated
 *
 * Return: 0, or -EINVAL: not 26 characters of the alphabet
 */
PIRN_API PIRN_MUST_CHECK int pirn_id_parse(const char *text,
                                           struct pirn_id *ret_id);

/* Names of queues: 1 to 63 of a-z 0-9 - _ and not first a digit or '-'. */
#define PIRN_QUEUE_TEXT 64

/** pirn_queue_name_is_valid() - whether a queue may be called so */
PIRN_API bool pirn_queue_name_is_valid(const char *name);

enum pirn_item_state {
    PIRN_ITEM_READY = 0,   /* whoever claims it has it */
    PIRN_ITEM_CLAIMED = 1, /* an owner has it */
    PIRN_ITEM_DELAYED = 2, /* ready when its time has come */
    PIRN_ITEM_HELD = 3,    /* until somebody releases it */
};

/* All fields of one item together, in their stored form. */
#define PIRN_FIELDS_MAX (64u * 1024)

/*
 * Fields: pairs "name NUL value NUL", one after the other; a name may stand
 * there several times (recipients do). Placed; zeroed means: none, no room.
 */
struct pirn_fields {
    char *bytes; /* the caller's, @cap bytes */
    uint32_t len;
    uint32_t cap;
};

/**
 * pirn_fields_add() - put one more pair at the end
 * @name:  1 to 63 of a-z 0-9 - _ .
 * @value: any text without NUL
 *
 * Return: 0; -EINVAL the name is not allowed; -ENOSPC it does not fit
 */
PIRN_API PIRN_MUST_CHECK int pirn_fields_add(struct pirn_fields *fields,
                                             const char *name,
                                             const char *value);

/**
 * pirn_fields_next() - walk the pairs
 * @at: in and out; 0 at the start
 *
 * Return: whether there was one more; the strings borrow @fields
 */
PIRN_API bool pirn_fields_next(const struct pirn_fields *fields, uint32_t *at,
                               const char **ret_name, const char **ret_value);

/** pirn_fields_get() - the first value of a name, or NULL */
PIRN_API const char *pirn_fields_get(const struct pirn_fields *fields,
                                     const char *name);

/* An item as it was when it was read. Times: CLOCK_REALTIME, ns since 1970. */
struct pirn_item {
    struct pirn_id id;
    char queue[PIRN_QUEUE_TEXT];
    enum pirn_item_state state;
    uint32_t owner;      /* slot of the owner, where it is claimed */
    uint64_t claimed_ns; /* of a look: since when he has it, in files since he
                            changed it last; 0: nobody has it, or not known */
    uint32_t attempts;   /* how often it was handed out before */
    uint32_t version;    /* raised by every change of the metadata */
    uint64_t size_bytes; /* of the body */
    uint64_t created_ns;
    uint64_t due_ns;           /* 0: at once */
    int8_t priority;           /* -8 .. 7, the higher the earlier; 0: normal */
    uint64_t digest;           /* XXH3-64 of the body, as it came */
    struct pirn_fields fields; /* borrows what it was read into */
};

PIRN_END_DECLS

#endif /* PIRN_ITEM_H */
