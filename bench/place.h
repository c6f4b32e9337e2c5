/* SPDX-License-Identifier: MIT */
/*
 * bench/place.h - directories for durable work
 *
 * Each side has a fresh one in each round, so that none grows with the number
 * of rounds. They are left behind, or else it says so: the file system is
 * thrown away.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stdint.h>

enum { PLACE_PATH = 4096 };

/** place_path() - where a side works in a round; -ENAMETOOLONG */
int place_path(char path[PLACE_PATH], const char *dir, const char *side,
               uint32_t round);

struct options;

/** place_path_of() - likewise, for the question that is asked: the same side
 * may work for several */
int place_path_of(char path[PLACE_PATH], const struct options *options,
                  const char *side, uint32_t round);

/**
 * place_make() - make a directory inside @dir_fd, durably
 * @dir_fd: or AT_FDCWD
 *
 * Return: its descriptor, to be closed; or a negative errno
 */
int place_make(int dir_fd, const char *name);

/* Where files are made, and where they are published. */
struct place_pair {
    int tmp;
    int out;
};

/** place_make_pair() - both, fresh, for a side in a round, and settled */
int place_make_pair(struct place_pair *ret_pair, const char *dir,
                    const char *side, uint32_t round);

void place_close_pair(struct place_pair *pair);

/** place_settle() - write out what others left dirty on @fd's file system */
int place_settle(int fd);

/** place_settle_path() - the same, of the directory @path */
int place_settle_path(const char *path);

/** place_remove() - a directory with all that is in it, where room matters */
void place_remove(const char *path);

#endif /* BENCH_PLACE_H */
