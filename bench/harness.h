/* SPDX-License-Identifier: MIT */
/*
 * bench/harness.h - a question: ours beside others, interleaved, in one run
 *
 * A question has sides. The first is ours; the others are its speed of light
 * (base_*) or what a user would pick instead (peer_*). Each round lets every
 * side work once, forwards and backwards in turn:
 *
 *   warm-up A B | A B | B A | A B | B A ...
 *
 * Each round gives one ratio per pair; what is told is the median of these and
 * their spread. So what slows the machine down for a second slows down both.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "bench/round.h"

enum {
    SIDES_MAX = 8,
    ROUNDS_MAX = 512,
};

/* What a person asked for. */
struct question;

struct options {
    const char *dir;    /* durable work happens in here, and is left there */
    const char *server; /* the program pirn */
    const char *peers;  /* the directory of smtp-source and smtp-sink */
    uint64_t round_ns;
    uint32_t rounds;
    uint64_t items;   /* so many at most where many are queued; 0: its number */
    uint64_t long_ns; /* nor is anything longer under way */
    bool alone;       /* our side, and nobody beside it: for a profile */
    const struct question *question; /* the harness's: what is asked now */
};

/* Errors are negative errnos; the side has told a person on stderr. */
struct side {
    const char *name;
    const char *promise; /* what is safe when it answers; NULL: not asked */
    const char *(*version)(void); /* of a library; NULL: none to tell */
    /* -EOPNOTSUPP: cannot be asked here; the side is left out. */
    int (*open)(const struct options *options, void **ret_state);
    int (*round)(void *state, struct round *round);
    void (*close)(void *state);
};

/* A ratio is ours / theirs in all cases. */
enum ratio_of {
    RATIO_OF_TIME,     /* less is better */
    RATIO_OF_RATE,     /* more is better */
    RATIO_OF_CPU_RATE, /* per second of CPU time; more is better */
    RATIO_OF_P50,      /* of single operations; less is better */
};

struct echo_plan;

struct question {
    const char *verb;
    const char *group; /* a verb that asks it as well; NULL: none */
    const char *name;  /* of the ratio */
    const char *what;  /* is measured, in a line */
    enum ratio_of of;
    bool needs_dir;
    uint32_t finer; /* so many times more rounds, as much shorter; 0: as is */
    uint64_t count_max;                  /* per round; 0: no limit */
    uint32_t senders;                    /* of a question about posts */
    uint32_t depth;                      /* files at once; 0: COMMIT_DEPTH */
    uint32_t bytes;                      /* of a question about sends */
    const struct echo_plan *echo;        /* of a question about echoes */
    const struct side *sides[SIDES_MAX]; /* ours first; NULL ends */
};

struct side_result {
    const struct side *side;
    double ns[ROUNDS_MAX]; /* per operation, by round */
    double cpu_ns[ROUNDS_MAX];
    double p50_ns[ROUNDS_MAX];
    struct histogram latency;
    uint64_t count;   /* over all rounds, as what follows */
    uint64_t flushes; /* of the disk under the files */
    uint64_t lost;
    uint64_t queued; /* at most in a round */
};

struct result {
    const struct question *question;
    int error; /* 0, or why there are no figures */
    uint32_t rounds;
    uint32_t side_count; /* of those that could be asked */
    struct side_result sides[SIDES_MAX];
};

/* A ratio over all rounds. */
struct spread {
    double median;
    double min;
    double max;
};

/** harness_run() - ask a question; progress goes to stderr */
void harness_run(const struct question *question, const struct options *options,
                 struct result *result);

/** harness_median() - of @count values, which are left as they are */
double harness_median(const double *values, uint32_t count);

/** harness_best() - the fastest of the others */
uint32_t harness_best(const struct result *result);

/** harness_spread() - median and reach of @count values */
struct spread harness_spread(const double *values, uint32_t count);

/** harness_ratio() - ours against side @other, pair by pair */
struct spread harness_ratio(const struct result *result, uint32_t other);

/** harness_cpu() - our CPU time against theirs: less is better */
double harness_cpu(const struct result *result, uint32_t other);

#endif /* BENCH_HARNESS_H */
