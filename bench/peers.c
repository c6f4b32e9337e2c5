/* SPDX-License-Identifier: MIT */
/*
 * peers.c - what the libraries say of themselves
 *
 * tevent says nothing at run time: its version is that of the build.
 */
#include "bench/peers.h"

#include <stdio.h>

#if HAVE_LIBEV
#include <ev.h>
#endif
#if HAVE_LIBEVENT
#include <event2/event.h>
#endif
#if HAVE_LIBUV
#include <uv.h>
#endif

const char *peer_libev_version(void)
{
#if HAVE_LIBEV
    static char text[16];

    snprintf(text, sizeof(text), "%d.%d", ev_version_major(),
             ev_version_minor());
    return text;
#else
    return "";
#endif
}

const char *peer_libevent_version(void)
{
#if HAVE_LIBEVENT
    return event_get_version();
#else
    return "";
#endif
}

const char *peer_libuv_version(void)
{
#if HAVE_LIBUV
    return uv_version_string();
#else
    return "";
#endif
}

const char *peer_tevent_version(void)
{
    return TEVENT_VERSION;
}
