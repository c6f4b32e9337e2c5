/* SPDX-License-Identifier: MIT */
/*
 * fields.c - pairs of strings in one piece of memory
 *
 *   name NUL value NUL name NUL value NUL
 *
 * @len counts whole pairs. The bytes are the caller's and may be wrong: no walk
 * leaves them, and what is not a whole pair is not met.
 */
#include "spool/fields.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

enum { NAME_MAX_LEN = 63 };

bool pirn__field_name_is_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");

    return len >= 1 && len <= NAME_MAX_LEN && name[len] == '\0';
}

int pirn_fields_add(struct pirn_fields *fields, const char *name,
                    const char *value)
{
    size_t value_size = strlen(value) + 1;

    pirn_assert(fields->len <= fields->cap);
    if (!pirn__field_name_is_valid(name)) {
        return -EINVAL;
    }
    size_t name_size = strlen(name) + 1;
    size_t room = fields->cap - fields->len;
    if (value_size > room || name_size > room - value_size) {
        return -ENOSPC;
    }
    memcpy(fields->bytes + fields->len, name, name_size);
    memcpy(fields->bytes + fields->len + name_size, value, value_size);
    fields->len += (uint32_t)(name_size + value_size);
    return 0;
}

/* The string at @at, and @at behind it; NULL if none ends before @len. */
static const char *string_at(const struct pirn_fields *fields, uint32_t *at)
{
    pirn_assert(*at <= fields->len);

    const char *string = fields->bytes + *at;
    const char *nul =
        *at < fields->len ? memchr(string, '\0', fields->len - *at) : NULL;
    if (nul == NULL) {
        return NULL;
    }
    *at += (uint32_t)(nul - string) + 1;
    return string;
}

bool pirn_fields_next(const struct pirn_fields *fields, uint32_t *at,
                      const char **ret_name, const char **ret_value)
{
    uint32_t next = *at;
    const char *name = string_at(fields, &next);
    const char *value = name ? string_at(fields, &next) : NULL;

    if (value == NULL) {
        return false;
    }
    *at = next;
    *ret_name = name;
    *ret_value = value;
    return true;
}

const char *pirn_fields_get(const struct pirn_fields *fields, const char *name)
{
    const char *found;
    const char *value;
    uint32_t at = 0;

    while (pirn_fields_next(fields, &at, &found, &value)) {
        if (strcmp(found, name) == 0) {
            return value;
        }
    }
    return NULL;
}

const struct pirn_fields pirn__fields_lost;

int pirn__fields_check(const struct pirn_fields *fields)
{
    const char *name;
    const char *value;
    uint32_t at = 0;

    if (fields == NULL) {
        return 0;
    }
    if (fields == &pirn__fields_lost) {
        return -ENOMEM;
    }
    if (fields->len > PIRN_FIELDS_MAX) {
        return -E2BIG;
    }
    while (pirn_fields_next(fields, &at, &name, &value)) {
        if (!pirn__field_name_is_valid(name)) {
            return -EINVAL;
        }
    }
    return at == fields->len ? 0 : -EINVAL;
}

struct pirn_fields pirn__fields_kept(const struct pirn_fields *before,
                                     const struct pirn_fields *fields)
{
    const char *had = pirn_fields_get(before, PIRN__NAME_FIELD);
    const char *has =
        fields == NULL ? NULL : pirn_fields_get(fields, PIRN__NAME_FIELD);

    if (had == NULL || (has != NULL && strcmp(had, has) == 0)) {
        return (struct pirn_fields){0};
    }
    uint32_t name_size = (uint32_t)sizeof(PIRN__NAME_FIELD);
    uint32_t size = name_size + (uint32_t)strlen(had) + 1;
    char *pair = before->bytes + (had - before->bytes) - name_size;
    return (struct pirn_fields){.bytes = pair, .len = size, .cap = size};
}
