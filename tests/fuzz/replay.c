/* SPDX-License-Identifier: MIT */
/*
 * replay.c - a target without libFuzzer: the kept inputs, then changes of them
 *
 *   fuzz_address               all of corpus/address, then so many changed ones
 *   fuzz_address FILE...       these, once each
 *
 * PIRN_SEED chooses the changes, PIRN_LONG makes them many. An input that stops
 * the program is written to a file first, and the command that tries it again
 * is printed. The same seed changes the same inputs in the same way.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/model/rng.h"

enum { KEPT_MAX = 4096, LONG = 50, CHANGES_MAX = 4, PATH_BYTES = 1024 };

#define SEED 20261121u

struct input {
    uint8_t *bytes;
    size_t len;
    char name[256];
};

struct kept {
    struct input inputs[KEPT_MAX];
    uint32_t count;
};

/* What is being tried; for who is called when that stops the program. */
static struct input tried;
static char crash_path[PATH_BYTES];

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        return;
    }
}

static void stopped(int signal)
{
    int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0 && write(fd, tried.bytes, tried.len) == (ssize_t)tried.len) {
        say("the input is kept; again: tests/fuzz_");
        say(fuzz_target.name);
        say(" ");
        say(crash_path);
        say("\n");
    }
    raise(signal); /* as if nobody had looked: SA_RESETHAND */
}

static void watch_for_stops(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = stopped,
                               .sa_flags = (int)SA_RESETHAND};

    snprintf(crash_path, sizeof(crash_path), "fuzz-%s-%d", fuzz_target.name,
             (int)getpid());
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler == SIG_DFL) { /* a sanitizer's stays */
            sigaction(signals[i], &action, NULL);
        }
    }
}

static void try(const uint8_t *bytes, size_t len)
{
    tried.bytes = fuzz_copy(bytes, len);
    tried.len = len;
    LLVMFuzzerTestOneInput(tried.bytes, tried.len);
    free(tried.bytes);
}

static bool input_read(const char *path, struct input *ret_input)
{
    FILE *file = fopen(path, "rb");
    long len;

    if (file == NULL || fseek(file, 0, SEEK_END) < 0 ||
        (len = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) < 0) {
        fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
        return false;
    }
    ret_input->bytes = malloc((size_t)len + 1);
    pirn_assert(ret_input->bytes != NULL);
    ret_input->len = fread(ret_input->bytes, 1, (size_t)len, file);
    fclose(file);
    return ret_input->len == (size_t)len;
}

static bool kept_add(struct kept *kept, const char *folder, const char *name)
{
    struct input *input = &kept->inputs[kept->count];
    char path[2 * PATH_BYTES];

    if (name[0] == '.') {
        return true;
    }
    pirn_assert_rule(kept->count < KEPT_MAX, "a corpus is not that large");
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(input->name, sizeof(input->name), "%s", name);
    kept->count++;
    return input_read(path, input);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->name,
                  ((const struct input *)b)->name);
}

/* In the order of their names, so that a seed means the same everywhere. */
static bool kept_read(struct kept *kept)
{
    const char *corpus = getenv("PIRN_FUZZ_CORPUS");
    char folder[PATH_BYTES];
    bool is_read = true;

    snprintf(folder, sizeof(folder), "%s/%s",
             corpus != NULL ? corpus : "tests/fuzz/corpus", fuzz_target.name);
    DIR *names = opendir(folder);
    if (names == NULL) {
        fprintf(stderr,
                "%s: no kept inputs: %s; run it from the source's root, or "
                "name the corpus by PIRN_FUZZ_CORPUS\n",
                folder, strerror(errno));
        return false;
    }
    for (struct dirent *at = readdir(names); at != NULL; at = readdir(names)) {
        is_read = kept_add(kept, folder, at->d_name) && is_read;
    }
    closedir(names);
    qsort(kept->inputs, kept->count, sizeof(kept->inputs[0]), by_name);
    return is_read && kept->count > 0;
}

static void kept_free(struct kept *kept)
{
    for (uint32_t i = 0; i < kept->count; i++) {
        free(kept->inputs[i].bytes);
    }
}

/* An input in the making, in room for the largest. */
struct draft {
    uint8_t *bytes;
    size_t len;
};

/* Makes @len bytes of room at @at, as far as there are any. */
static size_t widen(struct draft *draft, size_t at, size_t len)
{
    size_t room = fuzz_target.size_max - draft->len;

    len = len < room ? len : room;
    memmove(draft->bytes + at + len, draft->bytes + at, draft->len - at);
    draft->len += len;
    return len;
}

static void drop(struct draft *draft, size_t at, size_t len)
{
    len = len < draft->len - at ? len : draft->len - at;
    memmove(draft->bytes + at, draft->bytes + at + len, draft->len - at - len);
    draft->len -= len;
}

static void insert(struct rng *rng, struct draft *draft, size_t at)
{
    size_t len = widen(draft, at, rng_between(rng, 1, 8));
    uint8_t same = (uint8_t)rng_next(rng);
    bool are_same = rng_coin(rng);

    for (size_t i = 0; i < len; i++) {
        draft->bytes[at + i] = are_same ? same : (uint8_t)rng_next(rng);
    }
}

/* A piece of another input; a piece of this one, if that is where it is. */
static void graft(struct rng *rng, struct draft *draft, size_t at,
                  const struct input *other)
{
    if (other->len == 0) {
        return;
    }
    size_t from = rng_below(rng, (uint32_t)other->len);
    size_t len = rng_between(rng, 1, 64);

    len = len < other->len - from ? len : other->len - from;
    len = widen(draft, at, len);
    memcpy(draft->bytes + at, other->bytes + from, len);
}

static void change(struct rng *rng, struct draft *draft,
                   const struct input *other)
{
    static const uint8_t edges[] = {0,   1,    '\n', '\r', ' ',  '.',
                                    '%', 0x7f, 0x80, 0xfe, 0xff, '0'};
    uint32_t at = rng_below(rng, (uint32_t)draft->len + 1);
    uint32_t kind = rng_below(rng, 6);

    if (at == draft->len && kind < 3) {
        return insert(rng, draft, at);
    }
    switch (kind) {
    case 0:
        fuzz_flip(draft->bytes + at, rng_below(rng, 8));
        break;
    case 1:
        draft->bytes[at] = (uint8_t)rng_next(rng);
        break;
    case 2:
        draft->bytes[at] = edges[rng_below(rng, sizeof(edges))];
        break;
    case 3:
        drop(draft, at, rng_between(rng, 1, 16));
        break;
    case 4:
        insert(rng, draft, at);
        break;
    default:
        graft(rng, draft, at, other);
        break;
    }
}

static void try_changed(struct rng *rng, const struct kept *kept,
                        struct draft *draft)
{
    const struct input *base = &kept->inputs[rng_below(rng, kept->count)];

    draft->len =
        base->len < fuzz_target.size_max ? base->len : fuzz_target.size_max;
    memcpy(draft->bytes, base->bytes, draft->len);
    for (uint32_t i = rng_between(rng, 1, CHANGES_MAX); i > 0; i--) {
        change(rng, draft, &kept->inputs[rng_below(rng, kept->count)]);
    }
    try(draft->bytes, draft->len);
}

static uint64_t seed_of_this_run(void)
{
    const char *seed = getenv("PIRN_SEED");

    if (seed != NULL) {
        return strtoull(seed, NULL, 0);
    }
    return getenv("PIRN_LONG") != NULL ? (uint64_t)time(NULL) : SEED;
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void try_all(const struct kept *kept)
{
    uint64_t seed = seed_of_this_run();
    uint32_t runs = fuzz_target.runs * (getenv("PIRN_LONG") ? LONG : 1);
    struct rng rng = rng_of(seed, 0);
    struct draft draft = {malloc(fuzz_target.size_max), 0};

    pirn_assert(draft.bytes != NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    for (uint32_t i = 0; i < kept->count; i++) {
        try(kept->inputs[i].bytes, kept->inputs[i].len);
    }
    puts("ok kept_inputs_do_no_harm");
    double begun = cpu_seconds();
    for (uint32_t i = 0; i < runs; i++) {
        try_changed(&rng, kept, &draft);
    }
    double seconds = cpu_seconds() - begun;
    puts("ok changed_inputs_do_no_harm");
    printf("{\"fuzz\": \"%s\", \"seed\": %llu, \"kept\": %u, \"runs\": %u, "
           "\"cpu_s\": %.3f, \"runs_per_s\": %.0f}\n",
           fuzz_target.name, (unsigned long long)seed, kept->count, runs,
           seconds, runs / seconds);
    free(draft.bytes);
}

int main(int argc, char **argv)
{
    static struct kept kept;

    watch_for_stops();
    for (int i = 1; i < argc; i++) {
        struct input input;
        if (!input_read(argv[i], &input)) {
            return 1;
        }
        try(input.bytes, input.len);
        free(input.bytes);
        printf("%s: no harm\n", argv[i]);
    }
    if (argc > 1) {
        return 0;
    }
    bool is_read = kept_read(&kept);
    if (is_read) {
        try_all(&kept);
    }
    kept_free(&kept);
    return is_read ? 0 : 1;
}
