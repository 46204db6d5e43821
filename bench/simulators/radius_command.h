#pragma once
// `sallyport-lab simulate radius`: its options, and its run until a signal comes.

#include "bench/command.h"

namespace CLI {
class App;
}

namespace sallyport::lab {

void add_simulate_radius(CLI::App& simulate, Chosen& chosen);

}  // namespace sallyport::lab
