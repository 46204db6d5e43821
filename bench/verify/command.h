#pragma once
// `sallyport-lab bench verify …`: what waiting verifications and their transfers cost.

#include "bench/command.h"

namespace CLI {
class App;
}

namespace sallyport::lab {

/// Adds `verify` with its subcommands to `bench`.
void add_bench_verify(CLI::App& bench, Chosen& chosen);

}  // namespace sallyport::lab
