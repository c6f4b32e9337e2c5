/* SPDX-License-Identifier: MIT */
/*
 * session.c - any bytes as a session, in any pieces
 *
 * talk.h asserts what holds for all of them. Cut in pieces, the same bytes have
 * the same outcome: replies, envelopes and mails, to the byte. The first byte
 * says how the server is set up, the next two how the rest is cut.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/talk.h"

const struct fuzz_target fuzz_target = {"session", 25000, 4096};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk *whole;
    static struct talk *cut;
    struct fuzz_in in = {data, size};
    uint8_t setting = (uint8_t)fuzz_below(&in, TALK_SETTINGS);
    struct rng rng = rng_of(fuzz_take(&in, 2), 0);

    if (whole == NULL) {
        whole = talk_create();
        cut = talk_create();
    }
    talk_begin(whole, setting);
    talk_hear(whole, in.at, in.left);
    talk_begin(cut, setting);
    talk_hear_pieces(cut, in.at, in.left, &rng);
    pirn_assert_rule(talk_is_same(whole, cut), "one outcome of one session");
    return 0;
}
