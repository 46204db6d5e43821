#pragma once
// `sallyport-lab bench relay`: the wall that a proxy is measured against.

#include "bench/command.h"

namespace CLI {
class App;
}

namespace sallyport::lab {

void add_bench_relay(CLI::App& bench, Chosen& chosen);

}  // namespace sallyport::lab
