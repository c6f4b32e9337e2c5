/* SPDX-License-Identifier: MIT */
/*
 * pirn/name.h - names that callers give to items: one item each, at most
 *
 * Part of pirn/spool.h, which has the rules that all of these follow.
 *
 *   reserve -> enqueue or commit with draft->name -> release
 *       |
 *       +-> -EEXIST: name->id is the item that has it
 *
 * So what is put again under the same name, because nobody knows whether it was
 * put before, is put once. A name ends with its item. A reservation ends when
 * it is released, which is before its owner closes, and with his death.
 *
 * The item says its name in the field "pirn.name", its first one. No change of
 * its fields (PIRN_CHANGE_FIELDS) takes that away: it is stored before the new
 * ones.
 */
#ifndef PIRN_NAME_H
#define PIRN_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/item.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_spool;

/* 1 to 64 of a-z A-Z 0-9 - _ . @ + : and not first a '.'; and NUL. */
#define PIRN_NAME_TEXT 65

/** pirn_name_is_valid() - whether an item may have that name */
PIRN_API bool pirn_name_is_valid(const char *text);

/**
 * pirn_name_fn - make the next name to be tried
 * @attempt: 0 at first
 *
 * Return: 0, @text is the name; or what the reservation ends with
 */
typedef int pirn_name_fn(void *argument, uint32_t attempt,
                         char text[PIRN_NAME_TEXT]);

/* A name while it is reserved. */
struct pirn_name {
    struct pirn_op op;
    char text[PIRN_NAME_TEXT]; /* which is reserved, or was tried last */
    struct pirn_id id;         /* after -EEXIST: which item has it, or zeros */
    struct {
        struct pirn_name_work *work;
        struct pirn_spool *spool;
        pirn_name_fn *fn;
        void *argument;
        uint32_t tries;
    } priv;
};

/**
 * pirn_prep_reserve() - have a name that no item has, and nobody else
 * @fn:    makes the names; or NULL: @name->text is tried, once
 * @tries: so many names at most
 *
 * Result: 0, @name->text is ours until it is released; -EEXIST each name that
 * was tried is taken: @name->id has the last one, or is zeros where it is
 * reserved only; -EINVAL that is no name; -EOPNOTSUPP the spool was made by a
 * version without names; what @fn said; or an errno.
 */
PIRN_API void pirn_prep_reserve(struct pirn_name *name,
                                struct pirn_spool *spool, pirn_name_fn *fn,
                                void *argument, uint32_t tries);

/**
 * pirn_prep_release_name() - end the reservation
 *
 * If an item was put with it, that item has the name from now on; else nobody.
 *
 * Result: 0, also where nothing is reserved; or an errno: it ends when its slot
 * is recovered.
 */
PIRN_API void pirn_prep_release_name(struct pirn_name *name);

PIRN_END_DECLS

#endif /* PIRN_NAME_H */
