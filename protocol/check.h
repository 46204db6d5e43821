#pragma once
// CHECK: a broken invariant ends the process, in every build. Expected failures are std::expected,
// never CHECK.

namespace sallyport {

/// Writes "file:line: CHECK(condition)" to standard error and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace sallyport

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::sallyport::check_failed(#condition, __FILE__, __LINE__))
