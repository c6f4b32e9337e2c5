/* SPDX-License-Identifier: MIT */
/*
 * pirn/readiness.h - waiting for a descriptor, and for what comes by it
 *
 * A part of pirn/file.h, whose rules hold here. POLLIN is of <poll.h>.
 */
#ifndef PIRN_READINESS_H
#define PIRN_READINESS_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/**
 * pirn_prep_poll() - wait until a descriptor is ready
 * @fd:     anything that poll(2) can wait for
 * @events: POLLIN and the like
 *
 * Result: the events that came (POLLERR and POLLHUP unasked).
 *
 * Kernel: 5.1 (IORING_OP_POLL_ADD).
 */
PIRN_API void pirn_prep_poll(struct pirn_op *op, int fd, uint32_t events);

/**
 * pirn_prep_multishot_poll() - be told of every change of readiness
 *
 * Each delivery is the events that came, as pirn_prep_poll() has them.
 * Edge-triggered: what is not read away is not told again.
 *
 * Kernel: 5.13 (IORING_POLL_ADD_MULTI).
 */
PIRN_API void pirn_prep_multishot_poll(struct pirn_multishot *shot, int fd,
                                       uint32_t events);

/**
 * pirn_prep_multishot_read() - read whatever comes, again and again
 * @fd: a pipe, an eventfd, a terminal: what has readiness and no offsets
 *
 * Each delivery is that many bytes, pirn_multishot_bytes(); PIRN_LAST with 0 at
 * the end. Ending, and what happens without buffers, as
 * pirn_prep_multishot_recv().
 *
 * Kernel: 6.7 (IORING_OP_READ_MULTISHOT); before it each read is one of its
 *         own, started unseen.
 */
PIRN_API void pirn_prep_multishot_read(struct pirn_multishot *shot, int fd);

PIRN_END_DECLS

#endif /* PIRN_READINESS_H */
