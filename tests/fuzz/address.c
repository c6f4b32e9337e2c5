/* SPDX-License-Identifier: MIT */
/*
 * address.c - any text as a path
 *
 * What passes is read a second time by simpler rules, written here: what RFC
 * 5321 forbids in either half is not in it. It is the same address without its
 * source route, and whatever stands behind the path.
 */
#include "tests/fuzz/fuzz.h"

#include "smtp/address.h"

const struct fuzz_target fuzz_target = {"address", 200000, 1024};

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* Where the domain begins: behind the first @ that is not quoted. */
static size_t domain_at(struct smtp_span address)
{
    bool is_quoted = false;
    size_t at = 0;

    for (; at < address.len; at++) {
        char byte = address.bytes[at];
        if (byte == '"') {
            is_quoted = !is_quoted;
        } else if (byte == '\\' && is_quoted) {
            at++;
        } else if (byte == '@' && !is_quoted) {
            break;
        }
    }
    return at + 1;
}

static void check_domain(struct smtp_span domain)
{
    pirn_assert(domain.len > 0);
    if (domain.bytes[0] == '[') {
        pirn_assert(domain.bytes[domain.len - 1] == ']');
        pirn_assert(memchr(domain.bytes, ']', domain.len) ==
                    domain.bytes + domain.len - 1);
        return;
    }
    for (size_t i = 0; i < domain.len; i++) {
        char byte = domain.bytes[i];
        char before = i > 0 ? domain.bytes[i - 1] : '.';
        char after = i + 1 < domain.len ? domain.bytes[i + 1] : '.';
        if (byte == '.') {
            pirn_assert(is_letter_or_digit(before));
            pirn_assert(is_letter_or_digit(after) && i + 1 < domain.len);
        } else if (byte == '-') {
            pirn_assert(before != '.' && after != '.');
        } else {
            pirn_assert(is_letter_or_digit(byte));
        }
    }
}

static void check_local_part(struct smtp_span local)
{
    bool is_quoted = local.len > 0 && local.bytes[0] == '"';

    pirn_assert(local.len >= 1 && local.len <= SMTP_LOCAL_PART_MAX);
    for (size_t i = 0; i < local.len; i++) {
        pirn_assert(local.bytes[i] >= ' ' && local.bytes[i] <= '~');
        if (!is_quoted) {
            pirn_assert(strchr(" \"(),:;<>@[\\]", local.bytes[i]) == NULL);
        }
    }
    if (is_quoted) {
        pirn_assert(local.len >= 2 && local.bytes[local.len - 1] == '"');
        return;
    }
    pirn_assert(local.bytes[0] != '.' && local.bytes[local.len - 1] != '.');
    pirn_assert(memmem(local.bytes, local.len, "..", 2) == NULL);
}

static void check_bare(struct smtp_span address,
                       enum smtp_address_outcome outcome)
{
    struct smtp_span again;
    size_t used;
    char *path = malloc(address.len + 2);

    pirn_assert(path != NULL);
    path[0] = '<';
    memcpy(path + 1, address.bytes, address.len);
    path[address.len + 1] = '>';
    pirn_assert(
        pirn__smtp_address_parse((struct smtp_span){path, address.len + 2},
                                 &again, &used) == outcome);
    pirn_assert(used == address.len + 2 && again.len == address.len);
    pirn_assert(again.bytes == path + 1);
    free(path);
}

static void check(struct smtp_span text, struct smtp_span address, size_t used,
                  enum smtp_address_outcome outcome)
{
    struct smtp_span again;
    size_t used_again;

    pirn_assert(used >= 2 && used <= text.len && used <= SMTP_PATH_MAX);
    pirn_assert(text.bytes[0] == '<' && text.bytes[used - 1] == '>');
    pirn_assert(address.bytes + address.len == text.bytes + used - 1);
    pirn_assert(pirn__smtp_address_parse((struct smtp_span){text.bytes, used},
                                         &again, &used_again) == outcome);
    pirn_assert(used_again == used && again.len == address.len);
    check_bare(address, outcome);
    if (outcome == SMTP_ADDRESS_NULL) {
        pirn_assert(address.len == 0);
        return;
    }
    size_t domain = 0;
    if (outcome == SMTP_ADDRESS_OK) {
        domain = domain_at(address);
        pirn_assert(domain >= 2 && domain <= address.len);
        check_domain(pirn__smtp_span_skip(address, domain));
    }
    address.len = domain > 0 ? domain - 1 : address.len;
    check_local_part(address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = fuzz_copy(data, size);
    struct smtp_span text = {bytes, size};
    struct smtp_span address = {NULL, 0};
    size_t used = 0;
    enum smtp_address_outcome outcome =
        pirn__smtp_address_parse(text, &address, &used);

    switch (outcome) {
    case SMTP_ADDRESS_OK:
    case SMTP_ADDRESS_NULL:
    case SMTP_ADDRESS_NO_DOMAIN:
        check(text, address, used, outcome);
        break;
    case SMTP_ADDRESS_TOO_LONG:
        pirn_assert(size > SMTP_LOCAL_PART_MAX);
        break;
    case SMTP_ADDRESS_NOT_ASCII:
    case SMTP_ADDRESS_SYNTAX:
        break;
    }
    free(bytes);
    return 0;
}
