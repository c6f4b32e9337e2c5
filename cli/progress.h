/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far long work is, for who watches
 *
 * On standard error, if that is a terminal which can rewrite a line, and
 * nowhere else. What is short is not shown at all.
 *
 *   removing  [======    ]  62 %  620 of 1000
 *   removing  62 %  620 of 1000                 where it is narrow
 *   removing  620                               where nobody knows how many
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: shown to nobody. */
struct progress {
    const char *doing; /* "removing"; borrowed */
    uint64_t total;    /* 0: not known */
    uint64_t begun_ns;
    uint64_t drawn_ns;
    bool is_wanted;
    bool has_colour;
    bool is_drawn;
};

/**
 * progress_begin() - nothing is done yet
 * @doing:  up to 12 letters
 * @total:  how many there are to do; 0: nobody knows
 * @now_ns: of any clock that the others are told, too
 */
void progress_begin(struct progress *progress, const char *doing,
                    uint64_t total, uint64_t now_ns);

/** progress_tell() - @done of them are; cheap, for each one */
void progress_tell(struct progress *progress, uint64_t done, uint64_t now_ns);

/** progress_end() - the line is empty again: before results are printed */
void progress_end(struct progress *progress);

#endif /* CLI_PROGRESS_H */
