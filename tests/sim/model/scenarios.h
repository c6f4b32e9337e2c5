/* SPDX-License-Identifier: MIT */
/* scenarios.h - what the lives of the model are made of */
#ifndef TESTS_SIM_MODEL_SCENARIOS_H
#define TESTS_SIM_MODEL_SCENARIOS_H

#include "tests/sim/model/life.h"

extern const struct scenario scenario_canary;
extern const struct scenario scenario_chain;
extern const struct scenario scenario_serve;
extern const struct scenario scenario_check;
extern const struct scenario scenario_check_faulty;
extern const struct scenario scenario_check_log;
extern const struct scenario scenario_check_move;
extern const struct scenario scenario_hurt;
extern const struct scenario scenario_hurt_log;
extern const struct scenario scenario_hurt_move;
extern const struct scenario scenario_log;
extern const struct scenario scenario_log_chaos;
extern const struct scenario scenario_log_cut;
extern const struct scenario scenario_log_short;
extern const struct scenario scenario_log_strict;
extern const struct scenario scenario_log_turn;
extern const struct scenario scenario_move;
extern const struct scenario scenario_spool;
extern const struct scenario scenario_spool_cut;
extern const struct scenario scenario_spool_short;
extern const struct scenario scenario_spool_strict;
extern const struct scenario scenario_spool_chaos;
extern const struct scenario scenario_stream;
extern const struct scenario scenario_together;
extern const struct scenario scenario_together_log;
extern const struct scenario scenario_together_move;

#endif /* TESTS_SIM_MODEL_SCENARIOS_H */
