#include "cli/interrupt.h"

#include <csignal>
#include <thread>

#include "base/file.h"

namespace orrery::cli {

// The signals are blocked everywhere and awaited by one thread: removing files is not allowed in a signal handler.
void leave_nothing_half_written() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);  // the write fails instead, and says why
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaddset(&awaited, signal);  // `nohup orrery …` stays as it was asked
  }
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  std::thread([awaited] {
    int signal = 0;
    if (sigwait(&awaited, &signal) != 0) return;
    remove_uncommitted_files();
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, signal);
    pthread_sigmask(SIG_UNBLOCK, &ended, nullptr);
    std::raise(signal);
  }).detach();
}

}  // namespace orrery::cli
