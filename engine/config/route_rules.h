#pragma once
// Rules of [[http.route]]: what serves a request, and routes that no request ever reaches.

#include "engine/config/http.h"
#include "engine/config/notes.h"
#include "engine/config/rules.h"

namespace sallyport::config {

void check_routes(const Http& http, const Places& places, Notes& notes);

/// Whether every request that `later` matches is one that `earlier` matches. Sometimes false where
/// it is so (two spellings of one path), never true where it is not.
[[nodiscard]] bool covers(const HttpRoute& earlier, const HttpRoute& later);

}  // namespace sallyport::config
