// The process above the supervisor: it outlives a kill -9 of the supervisor and leaves nothing behind.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "async/loop.h"
#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "supervisor/process_tree.h"
#include "supervisor/supervise.h"

namespace slipway::supervisor {
namespace {

volatile sig_atomic_t child_pid = 0;

void passOn(int signal) {
  if (child_pid > 0) ::kill(child_pid, signal);
}

Task<void> store(Task<int> task, int& out) {
  out = co_await std::move(task);
}

/// In the child: the supervisor itself.
int runHere(const SupervisorOptions& options) {
  int code = 1;
  async::Loop loop;
  loop.run(store(runSupervisor(options), code), false);
  return code;
}

/// A title of its own, so that what looks for the supervisor by its command line does not find its keeper.
void renameProcess(const std::string& title) {
  const auto stat = readFile("/proc/self/stat");
  if (!stat) return;
  const size_t name_end = stat->rfind(')');
  const auto fields = split(trim(std::string_view(*stat).substr(name_end + 1)), ' ');
  if (name_end == std::string::npos || fields.size() < 47) return;
  char* const begin = reinterpret_cast<char*>(parseInt(fields[45]).value_or(0));
  char* const end = reinterpret_cast<char*>(parseInt(fields[46]).value_or(0));
  if (begin == nullptr || end <= begin) return;
  std::fill(begin, end, '\0');
  std::copy_n(title.data(), std::min<size_t>(title.size(), static_cast<size_t>(end - begin) - 1), begin);
  ::prctl(PR_SET_NAME, "slipway-keeper");
}

/// Everything below this process goes: orphans come here because it is a subreaper.
void killDescendants() {
  for (int round = 0; round < 100; ++round) {
    const auto pids = descendantsOf(::getpid());
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (pids.empty()) return;
    ::usleep(20000);
  }
}

void reportKilled(const SupervisorOptions& options, int status) {
  const pod::PodDirectory directory(options.directory);
  const auto plan = pod::readPlan(directory);
  if (!plan) return;
  auto report = pod::readReport(directory);
  site::v1::PodReport last = report ? *report : site::v1::PodReport();
  last.set_pod_uid(plan->pod_uid());
  last.set_attempt(plan->attempt());
  last.set_sequence(last.sequence() + 1);
  last.set_stage(site::v1::PodReport::FAILED);
  last.set_reason("SupervisorKilled");
  last.clear_wants_secrets();
  last.set_message(WIFSIGNALED(status)
                       ? fmt::format("the supervisor in the job was killed by signal {}", WTERMSIG(status))
                       : fmt::format("the supervisor in the job ended unexpectedly with {}", WEXITSTATUS(status)));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  last.set_finished_at_ns(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  if (const Status written = pod::writeReport(directory, last); !written)
    log::error("report: {}", written.error().message);
  std::error_code ignored;
  const std::string name = fmt::format("slipway-{}-{}", plan->pod_uid(), plan->attempt());
  if (!pod::isSafeFileName(plan->pod_uid())) return;
  PodVolumes({options.scratch / name, options.memory / name});  // its destructor removes what is left
}

}  // namespace

int superviseMain(const SupervisorOptions& options) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t keeper = ::getpid();
  for (const int signal : {SIGTERM, SIGINT}) ::signal(signal, passOn);
  child_pid = ::fork();
  if (child_pid < 0) {
    log::error("supervise: {}", errnoError("fork", errno).message);
    return 1;
  }
  if (child_pid == 0) {
    for (const int signal : {SIGTERM, SIGINT}) ::signal(signal, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != keeper) ::_exit(1);
    ::_exit(runHere(options));
  }
  renameProcess(fmt::format("slipway-keeper {}", options.directory.filename().string()));
  int status = 0;
  while (true) {
    int each = 0;
    const pid_t pid = ::waitpid(-1, &each, 0);
    if (pid == child_pid) {
      status = each;
      break;
    }
    if (pid < 0 && errno != EINTR) break;
  }
  child_pid = 0;
  killDescendants();
  if (!WIFEXITED(status)) reportKilled(options, status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace slipway::supervisor
