/* SPDX-License-Identifier: MIT */
/* pirn/pirn.h - the whole runtime; read op.h and context.h first. The spool is
 * another library, libpirn-spool: pirn/spool.h */
#ifndef PIRN_PIRN_H
#define PIRN_PIRN_H

#include <pirn/base.h>
#include <pirn/chain.h>
#include <pirn/child.h>
#include <pirn/context.h>
#include <pirn/context_facts.h>
#include <pirn/directory.h>
#include <pirn/file.h>
#include <pirn/gate.h>
#include <pirn/group.h>
#include <pirn/invariant.h>
#include <pirn/op.h>
#include <pirn/path.h>
#include <pirn/post.h>
#include <pirn/probe.h>
#include <pirn/reactor.h>
#include <pirn/readiness.h>
#include <pirn/request.h>
#include <pirn/resolve.h>
#include <pirn/serial.h>
#include <pirn/shared.h>
#include <pirn/signal.h>
#include <pirn/socket.h>
#include <pirn/standard.h>
#include <pirn/stream.h>
#include <pirn/stream_file.h>
#include <pirn/sync.h>
#include <pirn/task.h>
#include <pirn/timer.h>
#include <pirn/trace.h>
#include <pirn/trace_tree.h>
#include <pirn/watch.h>

#endif /* PIRN_PIRN_H */
