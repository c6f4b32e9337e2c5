#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libpirn as its users have it: built alone, installed, and needing liburing
and nothing else; found by pkg-config and as a subproject."""
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Skip, cases

SOURCE = Path(__file__).resolve().parents[2]
CC = shlex.split(os.environ.get("CC", "cc"))

# What meson calls it, without what a build of everything has.
ALONE = ["-Dspool=disabled", "-Dserver=disabled", "-Dbench=disabled",
         "-Dtests=disabled", "--buildtype=plain", "--libdir=lib"]

# The C library has had several names.
LIBC = r"lib(c|pthread)\.so\.\d+|ld-linux[\w-]*\.so\.\d+"

# What an example does within a second, by itself, where it stands.
RUNS = {"chain": ["file"], "copy": ["chain.c", "copied"], "post": ["100"],
        "timer": ["1", "2"]}

USER = """project('user', 'c')
pirn = dependency('pirn', default_options: ['spool=disabled'])
executable('post', 'post.c', dependencies: pirn)
"""

here = tempfile.TemporaryDirectory(prefix="pirn-test-", dir=".")
place = Path(here.name).resolve()
installed = place / "installed"
library = installed / "lib"
os.environ["PKG_CONFIG_PATH"] = str(library / "pkgconfig")
os.environ["LD_LIBRARY_PATH"] = str(library)


def do(*command, cwd=place):
    """Run it to its end; what it says, which is why it failed if it does."""
    done = subprocess.run([str(c) for c in command], cwd=cwd,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def pkg_config(*options):
    return do("pkg-config", *options, "pirn").split()


def it_builds_and_installs_by_itself():
    do("meson", "setup", "build", SOURCE, f"--prefix={installed}", *ALONE)
    do("ninja", "-C", "build")
    do("meson", "install", "-C", "build", "--no-rebuild")
    assert sorted(p.name for p in library.iterdir()) == [
        "libpirn.a", "libpirn.so", "libpirn.so.0", "libpirn.so.0.1.0",
        "pkgconfig"], list(library.iterdir())


def it_links_liburing_and_the_c_library_alone():
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]",
                        do("readelf", "-d", library / "libpirn.so"))
    others = [n for n in needed if not re.fullmatch(LIBC, n)]
    assert [n.split(".")[0] for n in others] == ["liburing"], needed


def pkg_config_asks_for_liburing_alone():
    assert pkg_config("--print-requires") == []
    assert pkg_config("--print-requires-private")[0] == "liburing"
    assert [o for o in pkg_config("--libs", "--static")
            if not o.startswith("-L")] in (
        ["-lpirn", "-luring", "-pthread"], ["-lpirn", "-pthread", "-luring"])


def headers_include_each_other_and_the_c_librarys():
    headers = installed / "include"
    names = {h.relative_to(headers).as_posix() for h in headers.rglob("*.h")}
    assert "pirn/pirn.h" in names and "pirn/spool.h" not in names, names
    for name in names:
        text = (headers / name).read_text()
        for included in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)', text,
                                   re.M):
            assert included in names or not included.startswith(
                ("pirn", "liburing", "linux/")), f"{name}: {included}"


def examples():
    """Those of one file that need no other library."""
    for source in sorted((SOURCE / "examples").glob("*.c")):
        text = source.read_text()
        if not any(more in text for more in (
                "#include <uv.h>", "pirn/spool.h", "client.h")):
            yield source


def compile_and_run(how, libraries):
    room = place / how
    room.mkdir()
    for source in examples():
        (room / source.name).write_bytes(source.read_bytes())
        do(*CC, "-Werror=implicit-function-declaration",
           *pkg_config("--cflags"), source.name, "-o", source.stem,
           *libraries, cwd=room)
    for name, arguments in RUNS.items():
        do(room / name, *arguments, cwd=room)


def a_plain_compiler_and_pkg_config_are_enough():
    compile_and_run("shared", pkg_config("--libs"))


def the_static_library_is_as_good():
    libraries = ["-l:libpirn.a" if o == "-lpirn" else o
                 for o in pkg_config("--libs", "--static")]
    compile_and_run("static", libraries)
    assert "libpirn" not in do("readelf", "-d", place / "static" / "post")


def a_meson_project_has_it_as_a_subproject():
    room = place / "user"
    (room / "subprojects").mkdir(parents=True)
    (room / "subprojects" / "pirn").symlink_to(SOURCE)
    (room / "meson.build").write_text(USER)
    (room / "post.c").write_bytes((SOURCE / "examples/post.c").read_bytes())
    del os.environ["PKG_CONFIG_PATH"], os.environ["LD_LIBRARY_PATH"]
    do("meson", "setup", "build", "--buildtype=plain", cwd=room)
    do("ninja", "-C", "build", "post", cwd=room)
    assert do("build/post", "100", cwd=room) == "100 times across\n"


def main():
    for tool in ("meson", "ninja", "pkg-config", "readelf", CC[0]):
        if subprocess.run(["which", tool], capture_output=True).returncode:
            print(f"skipped: {tool} is not installed")
            sys.exit(77)
    with here:
        cases(it_builds_and_installs_by_itself,
              it_links_liburing_and_the_c_library_alone,
              pkg_config_asks_for_liburing_alone,
              headers_include_each_other_and_the_c_librarys,
              a_plain_compiler_and_pkg_config_are_enough,
              the_static_library_is_as_good,
              a_meson_project_has_it_as_a_subproject)


if __name__ == "__main__":
    main()
