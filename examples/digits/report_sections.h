#pragma once

#include "examples/digits/results.h"
#include "examples/report/report.h"

// The sections of the report, each under a heading of its own.

namespace nabla::digits {

void add_models(report::Report& page, const Results& results);
void add_samples(report::Report& page, const Results& results);
void add_maps(report::Report& page, const Results& results);
void add_calibration(report::Report& page, const Results& results);
void add_trace_cost(report::Report& page, const Results& results);
void add_likelihood(report::Report& page, const Results& results);
void add_one_step(report::Report& page, const Results& results);
void add_identity(report::Report& page, const Results& results);
void add_training(report::Report& page, const Results& results);
void add_costs(report::Report& page, const Results& results);

}  // namespace nabla::digits
