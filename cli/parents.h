/* SPDX-License-Identifier: MIT */
/* parents.h - the directories that lead to a spool */
#ifndef CLI_PARENTS_H
#define CLI_PARENTS_H

#include <pirn/context.h>

/**
 * parents_make() - make those above @path that are not there, durably
 *
 * Return: 0, or a negative errno
 */
int parents_make(struct pirn_context *context, const char *path);

#endif /* CLI_PARENTS_H */
