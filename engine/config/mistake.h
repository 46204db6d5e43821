#pragma once
// What is wrong with a configuration, said to a person: where, what, and how to mend it. Loaders
// collect every mistake before they give up. A mistake is refused; a warning is printed and the
// configuration is used. No text of either ever holds a secret or a part of one.

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace sallyport::config {

/// A place in a file. Lines and columns count from 1; line 0 is "no place in particular".
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  auto operator<=>(const Position&) const = default;
};

struct Mistake {
  std::string source;  ///< the file's path as it was given, "environment" or "command line"
  Position where;
  std::string key;    ///< "radius.listen", "client.secret"; empty: the file as a whole
  std::string wrong;  ///< no full stop
  std::string mend;   ///< a full sentence, in the imperative

  /// "file:line:column: key: wrong. Mend: …"
  [[nodiscard]] std::string text() const;
};

/// What is wrong with one value, by whoever checks values without knowing where they stand.
struct Complaint {
  std::string wrong;
  std::string mend;
};

}  // namespace sallyport::config
