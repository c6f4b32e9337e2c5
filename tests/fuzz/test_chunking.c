/* SPDX-License-Identifier: MIT */
/*
 * test_chunking.c - one session has one outcome, however the network cuts it
 *
 *   fuzz_chunking                     so many cuts of sessions from a seed
 *   fuzz_chunking --seed N --count M  others
 *   fuzz_chunking --say SETTING FILE...  what came of the bytes of files
 *
 * Sessions are made of what clients say and of what they should not: most get
 * through to a mail, some of whose lines are what some server took for the end.
 * Each is heard once whole and then in random pieces, with the arena changed
 * under it: replies, envelopes and mails are the same to the byte.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <time.h>

#include "tests/fuzz/talk.h"

enum {
    COUNT = 50000,
    LONG = 5000000,
    CUTS = 25, /* of one session */
    SESSION_MAX = 1 << 15,
};

#define SEED 20261121u

struct said {
    size_t len;
    char bytes[SESSION_MAX];
};

static void say(struct said *said, const char *bytes, size_t len)
{
    if (len <= SESSION_MAX - said->len) {
        memcpy(said->bytes + said->len, bytes, len);
        said->len += len;
    }
}

#define SAY(said, literal) say(said, literal, sizeof(literal) - 1)

struct phrase {
    const char *bytes;
    size_t len;
};

#define PHRASE(literal)              \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static void say_one(struct said *said, struct rng *rng,
                    const struct phrase *phrases, uint32_t count)
{
    const struct phrase *phrase = &phrases[rng_below(rng, count)];

    say(said, phrase->bytes, phrase->len);
}

#define SAY_ONE(said, rng, phrases) \
    say_one(said, rng, phrases, sizeof(phrases) / sizeof((phrases)[0]))

static void say_line_end(struct said *said, struct rng *rng)
{
    static const struct phrase wrong[] = {
        PHRASE("\n"),   PHRASE("\r"),     PHRASE("\r\r\n"),
        PHRASE("\n\r"), PHRASE("\0\r\n"), PHRASE("\r\0\n"),
    };

    if (rng_below(rng, 200) == 0) {
        SAY_ONE(said, rng, wrong);
    } else {
        SAY(said, "\r\n");
    }
}

static void say_filler(struct said *said, struct rng *rng, uint32_t most)
{
    for (uint32_t i = rng_below(rng, most); i > 0; i--) {
        char byte = (char)(rng_below(rng, 64) == 0 ? rng_next(rng)
                                                   : 'a' + rng_below(rng, 26));
        say(said, &byte, 1);
    }
}

static void say_command(struct said *said, struct rng *rng)
{
    static const struct phrase commands[] = {
        PHRASE("EHLO c.example"),
        PHRASE("HELO c"),
        PHRASE("EHLO"),
        PHRASE("MAIL FROM:<a@b.example>"),
        PHRASE("MAIL FROM:<a@b> SIZE=200 BODY=8BITMIME"),
        PHRASE("MAIL FROM:<> SIZE=99999999999999999999"),
        PHRASE("mail from: <@x,@y:\"a b\"@[IPv6:::1]>  "),
        PHRASE("RCPT TO:<c@d.example>"),
        PHRASE("rcpt to:<Postmaster>"),
        PHRASE("RCPT TO:<c@[192.0.2.1]> NOTIFY=NEVER"),
        PHRASE("RCPT TO:<\xc3\xa9@d>"),
        PHRASE("DATA"),
        PHRASE("DATA x"),
        PHRASE("RSET"),
        PHRASE("NOOP "),
        PHRASE("VRFY x"),
        PHRASE("HELP"),
        PHRASE("BDAT 10 LAST"),
        PHRASE("STARTTLS"),
        PHRASE("QUIT"),
        PHRASE(""),
    };

    SAY_ONE(said, rng, commands);
    if (rng_below(rng, 8) == 0) {
        say_filler(said, rng, rng_below(rng, 4) == 0 ? 2100 : 40);
    }
    say_line_end(said, rng);
}

static void say_mail(struct said *said, struct rng *rng)
{
    static const struct phrase odd[] = {
        PHRASE("\n.\n"),       PHRASE("\n.\r\n"),     PHRASE("\r\n.\n"),
        PHRASE("\r.\r"),       PHRASE("\r\n.\r"),     PHRASE("\r.\r\n"),
        PHRASE("\r\n\0.\r\n"), PHRASE("\r\n.\0\r\n"), PHRASE("\r\r\n.\n"),
        PHRASE("\r\n.\r\r\n"), PHRASE("\0"),          PHRASE("\n"),
        PHRASE("\r"),          PHRASE("\r\r"),
    };

    for (uint32_t lines = rng_below(rng, 12); lines > 0; lines--) {
        if (rng_below(rng, 4) == 0) {
            say(said, "...", rng_between(rng, 1, 3));
        }
        say_filler(said, rng, 60);
        if (rng_below(rng, 40) == 0) {
            SAY_ONE(said, rng, odd);
        }
        SAY(said, "\r\n");
    }
    if (rng_below(rng, 16) != 0) {
        SAY(said, ".\r\n");
    }
}

/* In order, as a client would; then whatever. */
static void session_make(struct said *said, struct rng *rng)
{
    said->len = 0;
    if (rng_below(rng, 4) == 0) {
        say_command(said, rng);
    }
    for (uint32_t mails = rng_between(rng, 1, 3); mails > 0; mails--) {
        SAY(said, "EHLO c\r\nMAIL FROM:<a@b>\r\n");
        for (uint32_t i = rng_between(rng, 0, 3); i > 0; i--) {
            SAY(said, "RCPT TO:<c@d>\r\n");
        }
        if (rng_below(rng, 3) == 0) {
            say_command(said, rng);
        }
        SAY(said, "DATA\r\n");
        say_mail(said, rng);
    }
    for (uint32_t i = rng_below(rng, 6); i > 0; i--) {
        say_command(said, rng);
    }
    if (rng_below(rng, 32) == 0) {
        say_filler(said, rng, 3000);
    }
}

/* What was tried, if it comes out different. */
static void tell_difference(const struct said *said, uint8_t setting,
                            uint64_t seed, uint64_t session, uint32_t cut)
{
    printf("not ok any_chunking_has_one_outcome\n"
           "session %llu of seed %llu, setting %u, cut %u; its bytes are in "
           "fuzz-chunking-session\n",
           (unsigned long long)session, (unsigned long long)seed, setting, cut);
    FILE *file = fopen("fuzz-chunking-session", "wb");
    if (file != NULL) {
        fwrite(said->bytes, 1, said->len, file);
        fclose(file);
    }
}

struct talks {
    struct talk *whole;
    struct talk *cut;
    struct said said;
    uint64_t mails; /* that were accepted, in all sessions */
    uint64_t bytes;
};

static uint32_t mails_of(const struct talk *talk)
{
    const char *at = talk->log;
    const char *end = talk->log + talk->log_len;
    uint32_t count = 0;

    while ((at = memmem(at, (size_t)(end - at), "[end]", 5)) != NULL) {
        at += 5;
        count++;
    }
    return count;
}

/* One session, cut @cuts times. */
static bool try_session(struct talks *talks, uint64_t seed, uint64_t session,
                        uint32_t cuts)
{
    struct rng rng = rng_of(seed, session);
    uint8_t setting = (uint8_t)(rng_coin(&rng) ? 0 : rng_below(&rng, 64));

    session_make(&talks->said, &rng);
    talk_begin(talks->whole, setting);
    talk_hear(talks->whole, talks->said.bytes, talks->said.len);
    talks->mails += mails_of(talks->whole);
    for (uint32_t i = 0; i < cuts; i++) {
        talk_begin(talks->cut, setting);
        talk_hear_pieces(talks->cut, talks->said.bytes, talks->said.len, &rng);
        talks->bytes += talks->said.len;
        if (!talk_is_same(talks->whole, talks->cut)) {
            tell_difference(&talks->said, setting, seed, session, i);
            return false;
        }
    }
    return true;
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int try_sessions(struct talks *talks, uint64_t seed, uint64_t count)
{
    double begun = cpu_seconds();
    uint64_t done = 0;

    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    for (uint64_t session = 0; done < count; session++) {
        uint32_t cuts = count - done < CUTS ? (uint32_t)(count - done) : CUTS;
        if (!try_session(talks, seed, session, cuts)) {
            return 1;
        }
        done += cuts;
    }
    double seconds = cpu_seconds() - begun;
    bool are_mails = count < CUTS || talks->mails > 0;
    printf("%s any_chunking_has_one_outcome\n", are_mails ? "ok" : "not ok");
    printf("{\"fuzz\": \"chunking\", \"seed\": %llu, \"chunkings\": %llu, "
           "\"mails\": %llu, \"bytes\": %llu, \"cpu_s\": %.3f, "
           "\"chunkings_per_s\": %.0f}\n",
           (unsigned long long)seed, (unsigned long long)done,
           (unsigned long long)talks->mails, (unsigned long long)talks->bytes,
           seconds, (double)done / seconds);
    return are_mails ? 0 : 1;
}

/* For who compares with another server: of each file the length of the log and
 * the log. */
static int tell(struct talks *talks, const char *setting, char **paths,
                int count)
{
    for (int i = 0; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (file == NULL) {
            perror(paths[i]);
            return 1;
        }
        talks->said.len = fread(talks->said.bytes, 1, SESSION_MAX, file);
        fclose(file);
        talk_begin(talks->whole, (uint8_t)strtoul(setting, NULL, 0));
        talk_hear(talks->whole, talks->said.bytes, talks->said.len);
        printf("%zu\n", talks->whole->log_len);
        fwrite(talks->whole->log, 1, talks->whole->log_len, stdout);
    }
    return 0;
}

static uint64_t seed_of_this_run(void)
{
    const char *seed = getenv("PIRN_SEED");

    if (seed != NULL) {
        return strtoull(seed, NULL, 0);
    }
    return getenv("PIRN_LONG") != NULL ? (uint64_t)time(NULL) : SEED;
}

int main(int argc, char **argv)
{
    static struct talks talks;
    uint64_t seed = seed_of_this_run();
    uint64_t count = getenv("PIRN_LONG") != NULL ? LONG : COUNT;
    int result;

    talks.whole = talk_create();
    talks.cut = talk_create();
    if (argc >= 3 && strcmp(argv[1], "--say") == 0) {
        result = tell(&talks, argv[2], argv + 3, argc - 3);
    } else {
        for (int i = 1; i + 1 < argc; i += 2) {
            uint64_t value = strtoull(argv[i + 1], NULL, 0);
            seed = strcmp(argv[i], "--seed") == 0 ? value : seed;
            count = strcmp(argv[i], "--count") == 0 ? value : count;
        }
        result = try_sessions(&talks, seed, count);
    }
    talk_destroy(talks.whole);
    talk_destroy(talks.cut);
    return result;
}
