#pragma once
// The engine's name for the descriptor with one owner.

#include "verify/file_descriptor.h"

namespace sallyport::ring {
using verify::FileDescriptor;
}  // namespace sallyport::ring
