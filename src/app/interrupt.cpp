#include "app/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

namespace tillite {
namespace {

constexpr int kInterruptedStatus = 130;
constexpr timespec kWakeUp = {.tv_sec = 0, .tv_nsec = 100'000'000};

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::jthread([source = source_, signals](const std::stop_token& end) mutable {
    while (!end.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &kWakeUp) <= 0) continue;
      if (source.stop_requested()) _exit(kInterruptedStatus);
      source.request_stop();
    }
  });
}

}  // namespace tillite
