/* SPDX-License-Identifier: MIT */
/* death.h - whether a programmer's error stops the program, and what it says */
#ifndef TESTS_SIM_DEATH_H
#define TESTS_SIM_DEATH_H

#include <stdbool.h>

/*
 * Run @act in a forked child; in there nothing of cmocka may be used.
 *
 * Return: whether the child aborted after a line with @rule in it.
 */
bool dies(void (*act)(void), const char *rule);

#endif /* TESTS_SIM_DEATH_H */
