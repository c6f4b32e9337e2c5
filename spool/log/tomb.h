/* SPDX-License-Identifier: MIT */
/*
 * spool/log/tomb.h - which records are dead, and which there have to be
 *
 *    63            32 31    25 24                 0
 *   +----------------+--------+--------------------+
 *   | generation     | check  | 25 records         |   a bit set: it is dead
 *   +----------------+--------+--------------------+
 *   | generation     | check  | flags | record 16  |   a segment's bound
 *   +----------------+--------+--------------------+
 *
 * The truth is in shared memory; a copy is on disk, written from there, page by
 * page. The generation stands in the same word as the bits, so neither a torn
 * page nor one of an earlier turn of the segment can bury a record of a later.
 * So does the check: it is swapped with what it is of, and whoever reads the
 * copy puts one wrong bit of a word right and knows two.
 *
 * A page is dirty while its version is ahead of the version that was synced. A
 * keeper notes versions, writes, syncs, and only then raises what was synced:
 * one who is killed at any line leaves dirty what he did not sync. Pages are
 * written from the shared memory itself, never from a copy: a keeper that was
 * stopped in between and wakes writes what is true then. Pure.
 */
#ifndef SPOOL_LOG_TOMB_H
#define SPOOL_LOG_TOMB_H

#include <stdbool.h>
#include <stdint.h>

#ifndef PIRN__TOMB_PAGE_WORDS
#define PIRN__TOMB_PAGE_WORDS 512u /* 4 KiB, 16384 records; a test has less */
#endif

#define PIRN__TOMB_WORD_RECORDS 25u

/*
 * Over mapped memory, zeroed when the index is made. A segment's bound says of
 * its generation what records there are: a *cut* is the first one that was
 * never committed; without one it is how many were, at least.
 */
struct pirn__tombs {
    uint64_t *words;    /* segment_count * segment_words, to a whole page */
    uint64_t *bounds;   /* segment_count, to a whole page */
    uint64_t *versions; /* of each page: raised behind every change */
    uint64_t *synced;   /* of each page: the version that is on disk */
    uint32_t segment_count;
    uint32_t segment_words;
};

/* Of an index: PIRN__SEGMENT_RECORDS_MAX records, and a few. */
#define PIRN__TOMB_SEGMENT_WORDS 656u

#define PIRN__TOMB_RECORDS_MAX 16384u /* of a segment */

/* 512 bytes, which a device writes at once; and how many of these words may be
 * wrong. */
#define PIRN__TOMB_SECTOR_WORDS 64u
#define PIRN__TOMB_WRONG_MAX 2u

/** pirn__tombs_bytes() - how long their file is, of so many segments */
uint64_t pirn__tombs_bytes(uint32_t segment_count);

/** pirn__tombs_pages() - how many there are: the words', then the bounds' */
uint32_t pirn__tombs_pages(const struct pirn__tombs *tombs);

/** pirn__tomb_word() - a word with its check; @low: of 25 bits */
uint64_t pirn__tomb_word(uint32_t generation, uint32_t low);

/**
 * pirn__tomb_word_mend() - a word as it was read from the disk
 *
 * Return: 0 as it was written; 1: one bit was not, and is put right; -EBADMSG:
 *         more than one was not, and it says nothing now: of no generation
 */
int pirn__tomb_word_mend(uint64_t *word);

/**
 * pirn__tombs_mend() - a sector of words, as they were read from the disk
 * @page: that they are of
 *
 * As pirn__tomb_word_mend(), each. Where more than PIRN__TOMB_WRONG_MAX of them
 * were not as they were written these are other bytes, and what looks right is
 * so by chance: none says anything then. Nor does a bound that is none.
 *
 * Return: how many say nothing, and may have said something
 */
uint32_t pirn__tombs_mend(const struct pirn__tombs *tombs, uint32_t page,
                          uint64_t words[PIRN__TOMB_SECTOR_WORDS]);

/**
 * pirn__tomb_set() - the record is dead
 *
 * Return: false: the segment has another generation by now, nothing was changed
 */
bool pirn__tomb_set(const struct pirn__tombs *tombs, uint32_t segment,
                    uint32_t generation, uint32_t record);

/** pirn__tombs_page() - where a page's PIRN__TOMB_PAGE_WORDS words are */
uint64_t *pirn__tombs_page(const struct pirn__tombs *tombs, uint32_t page);

/**
 * pirn__tomb_cut() - from @record on, nothing was committed
 * @is_exact: all before it was, so it has to be there
 *
 * A cut that is there stays if it is lower. False as pirn__tomb_set().
 */
bool pirn__tomb_cut(const struct pirn__tombs *tombs, uint32_t segment,
                    uint32_t generation, uint32_t record, bool is_exact);

/**
 * pirn__tomb_keep() - the first @records were committed
 *
 * It may be less than there are, so nobody has to write it: no version is
 * raised. Return: false: nothing has changed; the bound says that, or more
 */
bool pirn__tomb_keep(const struct pirn__tombs *tombs, uint32_t segment,
                     uint32_t generation, uint32_t records);

/** pirn__tomb_bound_page() - the page that a segment's bound is on */
uint32_t pirn__tomb_bound_page(const struct pirn__tombs *tombs,
                               uint32_t segment);

/** pirn__tomb_bound_changed() - it is to be written */
void pirn__tomb_bound_changed(const struct pirn__tombs *tombs,
                              uint32_t segment);

/** pirn__tomb_kept() - how many records there have to be; 0: nothing says so */
uint32_t pirn__tomb_kept(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation);

/** pirn__tomb_cut_at() - the first record that does not exist; UINT32_MAX: the
 * generation has no cut */
uint32_t pirn__tomb_cut_at(const struct pirn__tombs *tombs, uint32_t segment,
                           uint32_t generation);

/** pirn__tomb_mark_first() - what is before the cut are first versions alone:
 * of none of them a newer one stands in a segment that says so, too. It goes
 * with the cut, which is there; false as pirn__tomb_set(), or there is none */
bool pirn__tomb_mark_first(const struct pirn__tombs *tombs, uint32_t segment,
                           uint32_t generation);

/** pirn__tomb_is_first() - whether the cut of that generation says so */
bool pirn__tomb_is_first(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation);

/* What a record is by its segment's words. */
enum pirn__tomb_verdict {
    PIRN__TOMB_ALIVE = 0,
    PIRN__TOMB_DEAD,
    PIRN__TOMB_ABSENT, /* nobody was ever told of it, or all is over with it */
};

/**
 * pirn__tomb_judge() - as a reader of the disk's copy does
 *
 * A word of an earlier generation says nothing. Where the record's word or the
 * bound is of a later one, the segment was free since, and the record may be
 * gone at any moment: it is absent. It must not count as dead: the cut that it
 * may have been behind is no longer known.
 */
enum pirn__tomb_verdict pirn__tomb_judge(const struct pirn__tombs *tombs,
                                         uint32_t segment, uint32_t generation,
                                         uint32_t record);

/** pirn__tomb_is_set() - as a reader of the disk's copy judges: of a later
 * generation than asked for, all are dead; of an earlier one, none is */
bool pirn__tomb_is_set(const struct pirn__tombs *tombs, uint32_t segment,
                       uint32_t generation, uint32_t record);

/** pirn__tomb_dead() - how many of the first @records are dead */
uint32_t pirn__tomb_dead(const struct pirn__tombs *tombs, uint32_t segment,
                         uint32_t generation, uint32_t records);

/** pirn__tomb_turn() - all words of a segment to @generation, no bit set, no
 * cut; by who has the segment, when all its records are durably dead */
void pirn__tomb_turn(const struct pirn__tombs *tombs, uint32_t segment,
                     uint32_t generation);

/** pirn__tomb_next_dirty() - the first dirty page from @page on, and its
 * version now; false: none */
bool pirn__tomb_next_dirty(const struct pirn__tombs *tombs, uint32_t page,
                           uint32_t *ret_page, uint64_t *ret_version);

/** pirn__tomb_mark_synced() - the page was written and synced since @version */
void pirn__tomb_mark_synced(const struct pirn__tombs *tombs, uint32_t page,
                            uint64_t version);

#endif /* SPOOL_LOG_TOMB_H */
