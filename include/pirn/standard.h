/* SPDX-License-Identifier: MIT */
/*
 * pirn/standard.h - descriptors 0, 1 and 2, in a process that may lack some
 *
 * Who starts a program may have closed them. Then the next file that is opened
 * gets the number, and what a library or a sentence of the program's own prints
 * is written into it. So a program that opens anything begins by filling them.
 */
#ifndef PIRN_STANDARD_H
#define PIRN_STANDARD_H

#include <stdbool.h>

#include <pirn/base.h>

PIRN_BEGIN_DECLS

/** pirn_standard_are_open() - whether all three are */
PIRN_API bool pirn_standard_are_open(void);

/**
 * pirn_standard_fill() - let none of them be free
 *
 * What is closed becomes /dev/null, opened the wrong way: who reads 0 or prints
 * to 1 or 2 gets EBADF, as before, instead of an empty mail or a success that
 * nobody has seen. Before anything else is opened, and before other threads.
 *
 * Return: 0; or an errno of open(2)
 */
PIRN_API int pirn_standard_fill(void);

PIRN_END_DECLS

#endif /* PIRN_STANDARD_H */
