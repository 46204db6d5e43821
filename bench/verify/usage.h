#pragma once
// What this process has used, from the operating system's accounting.

#include <cstdint>

namespace sallyport::lab {

/// User and system time of all threads, microseconds.
[[nodiscard]] std::uint64_t process_cpu_us();
/// Resident octets.
[[nodiscard]] std::uint64_t resident_octets();
/// As many descriptors as the machine allows us: 100,000 streams need a thousand connections.
void raise_descriptor_limit();

}  // namespace sallyport::lab
