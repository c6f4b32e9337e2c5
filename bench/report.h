/* SPDX-License-Identifier: MIT */
/*
 * bench/report.h - figures for people, for scripts and for later
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

/** report_table() - each side's own figures, with the machine above */
void report_table(FILE *file, const struct machine *machine,
                  const struct result *results, uint32_t count);

/** report_ratios() - `ratio NAME VALUE`, then the spread and what it is of */
void report_ratios(FILE *file, const struct result *results, uint32_t count);

/** report_json() - one line: the question, its figures, the machine */
void report_json(FILE *file, const struct machine *machine,
                 const struct result *result);

/** report_json_text() - "text" with what JSON demands to be escaped */
void report_json_text(FILE *file, const char *text);

/** report_json_machine() - the object that every line carries */
void report_json_machine(FILE *file, const struct machine *machine);

#endif /* BENCH_REPORT_H */
