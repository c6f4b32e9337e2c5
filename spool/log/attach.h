/* SPDX-License-Identifier: MIT */
/*
 * spool/log/attach.h - the index: the one of this boot, or a new one
 */
#ifndef SPOOL_LOG_ATTACH_H
#define SPOOL_LOG_ATTACH_H

#include "spool/log/log.h"

/**
 * pirn__log_attach() - map it
 * @alone:      nobody else has the spool open: what is not of this boot, not
 *              whole or not there is made anew, empty
 * @dir:        where a new one stands; NULL: /dev/shm
 * @ret_is_new: it has to be filled, then pirn__log_attach_end()
 *
 * Return: 0; -EXDEV the living use one that is not here; -EPROTO of another
 *         version; or an errno. Blocks.
 */
PIRN_MUST_CHECK int pirn__log_attach(struct pirn__log *log, bool alone,
                                     const char *dir, bool *ret_is_new);

/** pirn__log_attach_end() - a new one is whole */
void pirn__log_attach_end(struct pirn__log *log);

/** pirn__log_detach() - unmap it; take the file away if @remove. Blocks. */
void pirn__log_detach(struct pirn__log *log, bool remove);

#endif /* SPOOL_LOG_ATTACH_H */
