#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nothing outside runtime/engine/ names an outside call.

Every name that an object file leaves undefined must be ours or in a list of
functions that only compute. What the process asks of the world (open, write,
fsync, clock_gettime, getrandom, mmap, fork, getpid, ...) is in no list, so it
can be reached through the engine alone, and every engine can stand in for it.

outside.py SOURCE BUILD
"""
import re
import sys
from pathlib import Path

import layers
import objects
import tree

# Bytes in, bytes out.
COMPUTE = r"""
    mem(cpy|move|set|cmp|chr|rchr|mem) bcmp
    str(len|nlen|cmp|ncmp|chr|rchr|chrnul|casecmp|ncasecmp|spn|cspn|str|casestr)
    strto(l|ul|ll|ull) v?snprintf qsort bsearch abort
    __(mem(cpy|move|set)|v?snprintf|str\w+)_chk
    __isoc23_strto(l|ul|ll|ull) __ctype_(b|tolower|toupper)_loc
    inet_(ntop|pton) sig(empty|fill|add|del)set sigismember
    __errno_location __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    __cpu_(model|features2|indicator_init) __(a|ub|t)san_\w+ __sanitizer_\w+
    __asan_\w+ __gcov_\w+
"""
MEMORY = "malloc calloc realloc free aligned_alloc posix_memalign"
OURS = r"pirn_\w+"
XXHASH = r"XXH\w+"
CARES = r"ares_\w+" # has its own sockets, clock and files

# What a program with a person in front of it may use besides.
TERMINAL = r"""
    argp_\w+ getopt_long optarg optind opterr program_invocation_\w+
    stdin stdout stderr v?f?printf __v?f?printf_chk puts fputs fputc putchar
    putc fwrite fflush ferror fileno perror v?asprintf __v?asprintf_chk
    getenv exit _?_?exit strerror strdup strndup isatty
    gmtime_r strftime strptime timegm strtod open_memstream fclose
    main __libc_start_main
"""

# A source (every row that matches counts) -> what it may leave undefined.
ALLOWED = [
    (r"(runtime|spool|smtp|cli)/.*", [OURS, COMPUTE]),
    (r"(runtime|spool|smtp|cli)/.*", [MEMORY]),
    (r"runtime/invariant\.c", ["fprintf __fprintf_chk stderr"]),
    (r"runtime/group\.c", [r"pthread_(create|join|(cond|mutex)_\w+)"]),
    (r"runtime/thread\.c", ["pthread_(once|atfork) __tls_get_addr"]),
    (r"runtime/resolve\.c", [CARES]),
    (r"spool/.*", [XXHASH]),
    (r"cli/.*", [TERMINAL]),
    # How wide it is; and who is ended by a signal asks no engine any more.
    (r"cli/progress\.c", ["ioctl sigaction raise write"]),
    # Commands are begun by what no engine carries out.
    (r"cli/spawn\.c", [r"environ posix_spawn\w* memfd_create pipe2 ioctl close"]),
]


def allowed(name):
    lists = []
    for row, patterns in ALLOWED:
        if re.fullmatch(row, name):
            if patterns == [MEMORY] and layers.is_pure(name):
                continue
            lists += patterns
    return re.compile("|".join(" ".join(lists).split()) or r"(?!)")


def complaints(root, build):
    rooms = ("runtime/", "spool/", "smtp/", "cli/")
    built = list(objects.objects(root, build, *rooms))
    # The program is nobody's library, so its own names need no prefix.
    program = {symbol for name, path in built if name.startswith("cli/")
               for symbol in objects.symbols(path, "-g", "--defined-only")}
    for name, path in built:
        if name.startswith("runtime/engine/"):
            continue
        pattern = allowed(name)
        own = program if name.startswith("cli/") else set()
        for symbol in objects.symbols(path, "-u"):
            if symbol not in own and not pattern.fullmatch(symbol):
                yield f"{name}: calls {symbol}, which is the engine's to call"


if __name__ == "__main__":
    source, build = [Path(a).resolve() for a in sys.argv[1:3]]
    sys.exit(tree.report(complaints(source, build)))
