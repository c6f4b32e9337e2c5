#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A checker that cannot complain is worse than none.

Each checker is given small trees: one in order, which must pass in silence,
and trees with one fault each, which must be complained about in the words that
stand beside them.
"""
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import complete
import layers
import lengths
import named
import outside
import plants
import shell
import symbols
import words

SPDX = "/* SPDX-License-Identifier: MIT */\n"
HERE = Path(__file__).resolve().parent


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()

    def put(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def clean(self, check, files, *args):
        for name, content in files.items():
            self.put(name, content)
        self.assertEqual(list(check(self.root, *args)), [])

    def red(self, check, complaint, files, *args):
        for name, content in files.items():
            self.put(name, content)
        found = "\n".join(check(self.root, *args))
        self.assertIn(complaint, found)
        for name in files:
            (self.root / name).unlink()


class Layers(Tree):
    def test_downwards_is_clean(self):
        self.clean(layers.complaints, {
            "runtime/op.c": '#include "runtime/engine/engine.h"\n'
                            "#include <pirn/op.h>\n#include <string.h>\n",
            "runtime/engine/uring.c": "#include <liburing.h>\n",
            "spool/id.c": "#include <xxhash.h>\n",
            "tests/unit/test_op.c": '#include "runtime/op.h"\n',
        })

    def test_each_step_upwards_is_refused(self):
        for name, include in {
                "include/pirn/op.h": "<liburing.h>",
                "runtime/engine/engine.c": '"runtime/context.h"',
                "runtime/engine/call.c": "<liburing.h>",
                "runtime/context.c": "<linux/io_uring.h>",
                "runtime/op.c": "<pirn/spool.h>",
                "runtime/heap.c": "<pirn/context.h>",
                "runtime/file.c": '"spool/id.h"',
                "spool/spool.c": '"runtime/engine/engine.h"',
                "spool/id.c": "<pirn/op.h>",
                "spool/file.c": '"smtp/reply.h"',
                "smtp/session.c": '"runtime/context.h"',
                "smtp/body.c": '"smtp/session.h"',
                "smtp/reply.c": "<xxhash.h>",
                "cli/put.c": '"spool/id.h"',
                "bench/bench_nop.c": "<liburing.h>",
                "bench/base_nop.c": "<pirn/op.h>",
                "examples/hello.c": '"runtime/list.h"',
                }.items():
            self.red(layers.complaints, f"{name}:1: may not include",
                     {name: f"#include {include}\n"})

    def test_who_says_pure_is_held_to_it(self):
        self.red(layers.complaints, "runtime/post.h: says it is pure",
                 {"runtime/post.h": "/*\n * A box. Pure.\n */\n"})

    def test_a_file_in_no_room_is_refused(self):
        self.red(layers.complaints, "no row", {"utils/misc.c": ""})


class Lengths(Tree):
    def test_the_limits_themselves_are_clean(self):
        self.clean(lengths.complaints, {
            "a.c": "int f(void)\n{\n" + "    ;\n" * 70 + "}\n",
            "b.c": "x" * 80 + "\n" + "\n" * 799,
            "c.h": "\n" * 400,
            "examples/d.c": "\n" * 59,
        })

    def test_one_more_is_refused(self):
        self.red(lengths.complaints, "a.c:2: function of 71 lines",
                 {"a.c": "int f(void)\n{\n" + "    ;\n" * 71 + "}\n"})
        self.red(lengths.complaints, "81 columns", {"a.c": "x" * 81})
        self.red(lengths.complaints, "801 lines", {"a.c": "\n" * 801})
        self.red(lengths.complaints, "401 lines", {"a.h": "\n" * 401})
        self.red(lengths.complaints, "60 lines", {"examples/a.c": "\n" * 60})


class Named(Tree):
    HEAD = "| id | test |\n|---|---|\n"

    def setUp(self):
        super().setUp()
        self.put("tests/unit/test_a.c", "static void a_b(\n    void **state)\n")
        self.put("tests/process/test_c.py", "class C:\n    def test_c_d(self):")

    def test_names_of_what_is_there_are_clean(self):
        self.clean(named.complaints, {
            "docs/features.md": self.HEAD + "| F | unit/test_a.c: a_b; "
                                "process/test_c.py: c_d |\n",
            "tests/README.md": "| x | in (`unit/`) |\n|---|---|\n"
                               "| y | test_a.c: a_b; test_a.c |\n",
        })

    def test_other_names_are_refused(self):
        for cell, words in {"unit/test_b.c": "there is no tests/unit/test_b.c",
                            "kernel/test_a.c": "no tests/kernel/test_a.c",
                            "unit/test_a.c: a_b, a_c": "has no a_c",
                            "unit/test_a.c: a_b; test_a.c: c_d": "has no c_d",
                            "process/test_c.py: a_b": "has no a_b"}.items():
            self.red(named.complaints, words, {
                "docs/features.md": self.HEAD + f"| F | {cell} |\n"})


class Words(Tree):
    def test_ordinary_words_are_clean(self):
        self.clean(words.complaints, {
            "runtime/a.c": SPDX + "/* asleep at /var/spool/pirn */\n",
            "tests/process/test_a.py": "time.sleep(1)\n",
        })

    def test_paths_plants_and_sleeps_are_refused(self):
        for folder in "work", "root":
            self.red(words.complaints, "path of one machine",
                     {"README.md": f"see /{folder}/here\n"})
        self.red(words.complaints, "planted",
                 {"spool/a.c": SPDX + "#ifdef PIRN_" + "PLANT\n"})
        for call in "sleep(1)", "usleep(1)", "nanosleep(&t, 0)":
            self.red(words.complaints, "may not sleep",
                     {"tests/unit/test_a.c": SPDX + f"    {call};\n"})
        self.red(words.complaints, "SPDX", {"cli/a.c": "int a;\n"})


class Shell(Tree):
    def test_posix_is_clean(self):
        self.clean(shell.complaints, {
            "script/a": "#!/bin/sh\nset -eu\nif [ -n \"$1\" ]; then :; fi\n",
            "script/b": "#!/usr/bin/env python3\nimport sys\n",
            ".ci/run": "#!/bin/bash\nset -o pipefail\n[[ -n $1 ]]\n",
        })

    def test_what_dash_cannot_do_is_refused(self):
        self.red(shell.complaints, "script/a: ",
                 {"script/a": "#!/bin/sh\nif true; then\n"})
        self.red(shell.complaints, "not POSIX",
                 {"script/a": "#!/bin/sh\nif [[ -n $1 ]]; then :; fi\n"})
        self.red(shell.complaints, "not POSIX",
                 {"script/a": "#!/bin/sh\nset -o pipefail\n"})
        self.red(shell.complaints, "no shell", {"script/a": "true\n"})


class Objects(Tree):
    """Checkers of what was built: here, of a build of one small file."""

    def build(self, name, code):
        source = self.put(name, code)
        path = source.with_suffix(".o")
        subprocess.run(["cc", "-w", "-c", source, "-o", path], check=True)
        self.put("build/compile_commands.json", json.dumps([
            {"directory": str(self.root), "file": str(source),
             "output": str(path)}]))
        return self.root / "build"

    def outside(self, name, code):
        build = self.build(name, code)
        return "\n".join(outside.complaints(self.root, build))

    def test_computing_is_inside(self):
        code = ("#include <stdlib.h>\n#include <string.h>\n"
                "int pirn_x(void);\n"
                "void *pirn_f(const char *s)\n"
                "{ return strlen(s) + pirn_x() ? calloc(1, 1) : 0; }\n")
        self.assertEqual(self.outside("runtime/op.c", code), "")

    def test_the_engine_may_call_out(self):
        code = "#include <unistd.h>\nint pirn__f(void){return getpid();}\n"
        self.assertEqual(self.outside("runtime/engine/call.c", code), "")

    def test_outside_calls_are_refused_in_every_room(self):
        for room in "runtime", "spool", "smtp", "cli":
            for call in ("open", "openat", "read", "write", "fsync", "mmap",
                         "clock_gettime", "getrandom", "getentropy", "fork",
                         "getpid", "socket", "time", "rename", "stat",
                         "opendir", "fopen", "syscall", "gettimeofday",
                         "pthread_create", "rand", "io_uring_queue_init"):
                found = self.outside(
                    f"{room}/a.c",
                    f"long {call}();\nlong pirn_f(void)"
                    f"{{ return {call}(); }}\n".replace("()", "(void)", 1))
                self.assertIn(f"{room}/a.c: calls {call},", found)

    def test_c_ares_is_the_resolver_s_alone(self):
        code = ("void ares_cancel(void);\n"
                "void pirn_f(void){ares_cancel();}\n")
        self.assertIn("calls ares_cancel", self.outside("runtime/op.c", code))
        self.assertEqual(self.outside("runtime/resolve.c", code), "")

    def test_a_terminal_is_the_program_s_alone(self):
        code = "#include <stdio.h>\nvoid pirn_f(void){puts(\"\");}\n"
        self.assertIn("calls puts", self.outside("smtp/session.c", code))
        self.assertEqual(self.outside("cli/ls.c", code), "")

    def test_pure_files_allocate_nothing(self):
        code = "#include <stdlib.h>\nvoid *pirn_f(void){return malloc(9);}\n"
        self.assertIn("calls malloc", self.outside("smtp/body.c", code))
        self.assertEqual(self.outside("smtp/session.c", code), "")

    def test_a_symbol_without_prefix_is_refused(self):
        build = self.build("spool/a.c", "int ring_create(void){return 0;}\n")
        self.assertIn("ring_create lacks the prefix", "\n".join(
            symbols.complaints(self.root, build, [])))
        build = self.build("spool/a.c", "static int b; int pirn__a(void)"
                                        "{return b;}\n")
        self.assertEqual(list(symbols.complaints(self.root, build, [])), [])

    def test_what_nobody_names_is_refused(self):
        build = self.build("runtime/a.c", "int pirn__a;\n")
        self.put("tests/meson.build", "  'test_a.py': {},\n")
        self.put("include/meson.build", "  'pirn/a.h',\n")
        self.put("include/pirn/a.h", "")
        self.put("tests/process/test_a.py", "")
        self.clean(complete.complaints, {}, build)
        self.red(complete.complaints, "runtime/b.c: is not compiled",
                 {"runtime/b.c": ""}, build)
        self.red(complete.complaints, "test_b.py: is not run",
                 {"tests/process/test_b.py": ""}, build)
        self.red(complete.complaints, "include/pirn/b.h: include/meson.build",
                 {"include/pirn/b.h": ""}, build)

    def test_a_plant_is_looked_for_and_in_no_build(self):
        row = '    "{}": ("sim_model", "chain"),\n'
        self.put("tests/sim/test_plants.py", row.format("a-b"))
        site = '    return pirn__planted("{}");\n'
        self.put("spool/b.c", site.format("a-b"))
        build = self.build("runtime/a.c", "int pirn_a;")
        self.clean(plants.complaints, {}, build)
        build = self.build("runtime/a.c", 'const char *pirn_a = "a-b";')
        self.red(plants.complaints, "a-b is in its object", {}, build)
        build = self.build("runtime/a.c", "int pirn_a;")
        for name, plant, complaint in (
                ("runtime/c.c", "a-b", "is planted at"),
                ("runtime/c.c", "c-d", "does not look for c-d"),
                ("smtp/c.c", "a-b", "grow in runtime/ and spool/"),
                ("runtime/c.c", "A", "is a string")):
            self.red(plants.complaints, complaint,
                     {name: site.format(plant)}, build)
        self.put("tests/sim/test_plants.py",
                 row.format("a-b") + row.format("e-f"))
        self.red(plants.complaints, "e-f is planted nowhere", {}, build)

    def promises(self, header, code):
        self.put("include/pirn/a.h", header)
        build = self.build("runtime/a.c", code)
        subprocess.run(["cc", "-shared", "-o", self.root / "a.so", "-fPIC",
                        self.root / "runtime/a.c"], check=True)
        return "\n".join(symbols.complaints(self.root, build,
                                            [self.root / "a.so"]))

    def test_exported_and_declared_are_the_same(self):
        declared = "PIRN_API int\npirn_a(int x);\n"
        defined = "int pirn_a(int x){return x;}\n"
        self.assertEqual(self.promises(declared, defined), "")
        self.assertIn("pirn_a is declared in a public header, and nowhere",
                      self.promises(declared, "int pirn__b;\n"))
        self.assertIn("pirn_a is exported, and no public header",
                      self.promises("int pirn_a(int x);\n", defined))


class Format(Tree):
    @unittest.skipUnless(shutil.which("clang-format-14")
                         or shutil.which("clang-format"), "no clang-format")
    def test_another_form_is_refused(self):
        for room in ("bench", "cli", "examples", "include", "runtime", "smtp",
                     "spool", "tests"):
            (self.root / room).mkdir()
        shutil.copy(HERE.parent.parent / ".clang-format", self.root)
        run = ["sh", str(HERE / "format.sh"), str(self.root)]
        self.put("runtime/a.c", "int f(void)\n{\n    return 1;\n}\n")
        first = subprocess.run(run, capture_output=True)
        if first.returncode == 77:
            self.skipTest("clang-format is not version 14")
        self.assertEqual(first.returncode, 0)
        self.put("runtime/a.c", "int f(void) { return 1; }\n")
        self.assertNotEqual(subprocess.run(run, capture_output=True)
                            .returncode, 0)


class Summary(Tree):
    """script/summary decides what a run of tests was worth."""

    def summary(self, *rows):
        self.put("meson-logs/testlog.json", "\n".join(
            json.dumps({"name": "x"} | row) for row in rows))
        run = subprocess.run(
            [sys.executable, "-B", HERE.parent.parent / "script" / "summary",
             self.root], capture_output=True, text=True)
        return run.stdout.splitlines()[-1], run.returncode

    def test_cases_are_counted(self):
        cmocka = "[       OK ] a\n[       OK ] b\n[  PASSED  ] 2 test(s).\n"
        unit = "Ran 3 tests in 1s\n\nOK (skipped=1)\n"
        lines = "ok a_b\nskip c: no disk\n"
        self.assertEqual(
            self.summary({"result": "OK", "stdout": cmocka},
                         {"result": "OK", "stderr": unit},
                         {"result": "OK", "stdout": lines},
                         {"result": "OK"},
                         {"result": "SKIP", "stdout": "no disk\n"}),
            ("6 passed, 0 failed, 3 skipped", 0))

    def test_every_bad_end_is_a_failure(self):
        named = ("[       OK ] a\n[  FAILED  ] b\n"
                 "[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] b\n")
        unit = "Ran 3 tests in 1s\n\nFAILED (failures=1, errors=1)\n"
        for row, line in (
                ({"result": "FAIL", "stdout": named}, "1 passed, 1 failed"),
                ({"result": "OK", "stdout": named}, "1 passed, 1 failed"),
                ({"result": "FAIL", "stderr": unit}, "1 passed, 2 failed"),
                ({"result": "FAIL", "stdout": "ok a\nnot ok b\n"},
                 "1 passed, 1 failed"),
                ({"result": "FAIL", "stdout": "[       OK ] a\n"},
                 "1 passed, 1 failed"),
                ({"result": "TIMEOUT"}, "0 passed, 1 failed"),
                ({"result": "ERROR"}, "0 passed, 1 failed"),
                ({"result": "INTERRUPT"}, "0 passed, 1 failed")):
            self.assertEqual(self.summary(row), (line, 1))

    def test_no_tests_are_no_success(self):
        self.assertEqual(self.summary({"result": "SKIP"}),
                         ("0 passed, 0 failed, 1 skipped", 1))


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=[sys.argv[0]])
