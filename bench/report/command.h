#pragma once
// `sallyport-lab bench report`: an HTML page out of results.

#include <CLI/CLI.hpp>

#include "bench/command.h"

namespace sallyport::lab {

/// Adds the command to `bench`; sets `chosen` when it was given.
void add_bench_report(CLI::App& bench, Chosen& chosen);

}  // namespace sallyport::lab
