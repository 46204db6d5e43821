#pragma once
// What each thread of ours does first.

#include <pthread.h>
#include <signal.h>

namespace sallyport::verify {

/// Names the calling thread, at most 15 octets, and leaves signals to the main one.
inline void begin_thread(const char* name) noexcept {
  ::pthread_setname_np(::pthread_self(), name);
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace sallyport::verify
