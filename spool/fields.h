/* SPDX-License-Identifier: MIT */
/*
 * spool/fields.h - what the spool asks of a caller's fields. Pure.
 */
#ifndef SPOOL_FIELDS_H
#define SPOOL_FIELDS_H

#include <pirn/item.h>

/**
 * pirn__fields_check() - whether the spool can store them
 * @fields: the caller's; NULL is none
 *
 * Return: 0; -E2BIG more than PIRN_FIELDS_MAX; -EINVAL not pairs of allowed
 *         names and values; -ENOMEM they are pirn__fields_lost
 */
PIRN_MUST_CHECK int pirn__fields_check(const struct pirn_fields *fields);

/** pirn__fields_lost - instead of those for which there was no memory, so that
 * whoever checks fields refuses these as any others */
extern const struct pirn_fields pirn__fields_lost;

/* The field of an item that says the name a caller gave it (pirn/name.h). */
#define PIRN__NAME_FIELD "pirn.name"

/**
 * pirn__fields_kept() - what a change of an item's fields may not take away
 * @before: what it has
 * @fields: the caller's, which it gets; NULL is none
 *
 * Stored before @fields: whoever asks for that field is told the first one.
 *
 * Return: the pair of PIRN__NAME_FIELD in @before, borrowed; empty where it has
 *         none, or @fields says the same
 */
struct pirn_fields pirn__fields_kept(const struct pirn_fields *before,
                                     const struct pirn_fields *fields);

/** pirn__field_name_is_valid() - 1 to 63 of a-z 0-9 - _ . */
bool pirn__field_name_is_valid(const char *name);

#endif /* SPOOL_FIELDS_H */
