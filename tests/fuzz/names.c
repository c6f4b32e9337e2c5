/* SPDX-License-Identifier: MIT */
/*
 * names.c - any text as a name: of a queue, of what stands in a directory, of
 * a socket
 *
 * Nothing that passes leads out of its directory, and what is made is read.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>

#include <pirn/socket.h>

#include "spool/fields.h"
#include "spool/id.h"
#include "spool/names.h"

const struct fuzz_target fuzz_target = {"names", 150000, 256};

static void check_queue(const char *text, const struct pirn_id *id)
{
    struct pirn__name name;

    if (!pirn_queue_name_is_valid(text)) {
        return;
    }
    pirn_assert(strlen(text) < PIRN_QUEUE_TEXT);
    pirn_assert(strpbrk(text, "/. \n%") == NULL && text[0] != '\0');
    pirn_assert(pirn__field_name_is_valid(text));
    pirn__name_claimed(&name, text, PIRN__SLOTS - 1, id);
    pirn_assert(strstr(name.text, "..") == NULL && name.text[0] != '/');
    pirn__name_ready(&name, text, id);
    pirn_assert(strncmp(name.text, text, strlen(text)) == 0);
    pirn_assert(name.text[strlen(text)] == '/');
}

static void check_slot(const char *text)
{
    char again[16];
    uint32_t slot;

    if (pirn__name_parse_slot(text, &slot)) {
        pirn_assert(slot < PIRN__SLOTS);
        snprintf(again, sizeof(again), "%04u", slot);
        pirn_assert(strcmp(again, text) == 0);
    }
}

static void check_next(const char *text)
{
    struct pirn__name name;
    struct pirn_id id;

    if (pirn__name_parse_next(text, &id)) {
        pirn__name_next(&name, 7, &id);
        pirn_assert(strcmp(strrchr(name.text, '/') + 1, text) == 0);
    }
}

static void check_made(const struct pirn_id *id)
{
    struct pirn__name name;
    struct pirn_id again;

    pirn__name_next(&name, 0, id);
    pirn_assert(pirn__name_parse_next(strrchr(name.text, '/') + 1, &again));
    pirn_assert(memcmp(&again, id, sizeof(again)) == 0);
    pirn__name_body(&name, id);
    pirn_assert(pirn_id_parse(strrchr(name.text, '/') + 1, &again) == 0);
    pirn_assert(memcmp(&again, id, sizeof(again)) == 0);
}

static void check_socket(const char *text)
{
    struct pirn_address address;
    struct pirn_address again;
    char once[PIRN_ADDRESS_TEXT];
    char twice[PIRN_ADDRESS_TEXT];
    int r = pirn_address_parse(text, &address);

    pirn_assert(r == 0 || r == -EINVAL);
    if (r == 0) {
        pirn_address_format(&address, once);
        pirn_assert(pirn_address_parse(once, &again) == 0);
        pirn_address_format(&again, twice);
        pirn_assert(strcmp(once, twice) == 0);
        pirn_assert(again.len == address.len);
        pirn_assert(memcmp(&again, &address, sizeof(again)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct pirn_id id;

    for (unsigned i = 0; i < sizeof(id.bytes); i++) {
        id.bytes[i] = (uint8_t)fuzz_take(&in, 1);
    }
    char *text = fuzz_string(&in, in.left);
    check_queue(text, &id);
    check_slot(text);
    check_next(text);
    check_made(&id);
    check_socket(text);
    free(text);
    return 0;
}
