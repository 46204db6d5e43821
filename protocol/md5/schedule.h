#pragma once
// Which jobs share a pass through a kernel.

#include <span>

#include "protocol/md5/kernels.h"

namespace sallyport::md5 {

/// Finishes all jobs with these kernels: longest first, so that lanes that run together end
/// together.
void run_in_lanes(std::span<const Job> jobs, const Kernels& kernels) noexcept;

}  // namespace sallyport::md5
