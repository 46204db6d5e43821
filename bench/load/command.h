#pragma once
// `sallyport-lab bench radius`: the load generator's command line.

#include <CLI/CLI.hpp>

#include "bench/command.h"

namespace sallyport::lab {

void add_bench_radius(CLI::App& bench, Chosen& chosen);

}  // namespace sallyport::lab
