/* SPDX-License-Identifier: MIT */
/*
 * bench/engines.h - the same program under one engine, or policy, and the other
 */
#ifndef BENCH_ENGINES_H
#define BENCH_ENGINES_H

struct pirn_context;

/**
 * engine_context() - a context with PIRN_ENGINE=@name
 *
 * Return: 0; -EOPNOTSUPP pirn knows no such engine, or it is refused here; a
 *         person has been told
 */
int engine_context(const char *name, struct pirn_context **ret_context);

/** engine_check() - whether engine_context() would succeed */
int engine_check(const char *name);

/**
 * policy_set() - PIRN_FILES=@name for what is made from now on; NULL: as the
 *                user has it
 */
void policy_set(const char *name);

#endif /* BENCH_ENGINES_H */
