/* SPDX-License-Identifier: MIT */
/* engine.h - the model as an engine of the runtime, for the thread that runs */
#ifndef TESTS_SIM_MODEL_ENGINE_H
#define TESTS_SIM_MODEL_ENGINE_H

#include "runtime/engine/engine.h"

extern const struct engine_class model_engine;

#endif /* TESTS_SIM_MODEL_ENGINE_H */
