/* SPDX-License-Identifier: MIT */
/* superblock.c - see spool/superblock.h */
#include "spool/superblock.h"

#include <errno.h>

#include <pirn/invariant.h>

#include "spool/names.h"
#include "spool/text.h"

size_t pirn__superblock_encode(char *buf)
{
    struct pirn__text_out out = {buf, buf + PIRN__SUPERBLOCK_MAX};

    pirn__text_put_string(&out, "pirn-spool 1\nlayout file\nshards ");
    pirn__text_put_u64(&out, PIRN__SHARDS, 1);
    pirn__text_put(&out, "\n", 1);
    pirn__text_put_end(&out, buf);
    return (size_t)(out.at - buf);
}

int pirn__superblock_decode(const char *text, size_t len)
{
    struct pirn__text_in in;
    uint64_t shards;
    int r = pirn__text_check(text, len, "pirn-spool", &in);

    if (r < 0) {
        return r;
    }
    if (!pirn__text_take(&in, "layout file\nshards ") ||
        !pirn__text_take_u64(&in, &shards) || !pirn__text_take(&in, "\n") ||
        in.at != in.end || shards != PIRN__SHARDS) {
        return -EPROTO; /* whole, so somebody meant it */
    }
    return 0;
}
