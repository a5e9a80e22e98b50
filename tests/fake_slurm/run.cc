#include "run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"

namespace fake_slurm {
namespace {

/// Leaves the caller: its terminal, session and pipes.
bool becomeDaemon() {
  const pid_t first = ::fork();
  if (first != 0) {
    ::waitpid(first, nullptr, 0);
    return false;
  }
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  for (int fd = 3; fd < 256; ++fd) ::close(fd);
  return true;
}

[[noreturn]] void becomeScript(const Job& job) {
  ::setsid();
  const std::string output = job.get("output");
  const int out = ::open(output.empty() ? "/dev/null" : output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (out >= 0) {
    ::dup2(out, 1);
    ::dup2(out, 2);
  }
  const std::string id = std::to_string(job.id);
  const std::string node = job.get("node");
  for (const auto& [name, value] : Values{{"SLURM_JOB_ID", id},
                                          {"SLURM_JOBID", id},
                                          {"SLURM_JOB_NAME", job.get("name")},
                                          {"SLURM_JOB_NODELIST", node},
                                          {"SLURM_NODELIST", node},
                                          {"SLURMD_NODENAME", node},
                                          {"SLURM_JOB_NUM_NODES", "1"},
                                          {"SLURM_NNODES", "1"},
                                          {"SLURM_NTASKS", "1"},
                                          {"SLURM_RESTART_COUNT", std::to_string(job.number("restarts"))},
                                          {"SLURM_SUBMIT_DIR", job.get("directory")}}) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  if (::chdir(job.get("directory", "/").c_str()) != 0) ::_exit(1);
  const std::string script = job.get("script_file");
  ::execl("/bin/bash", "slurm_script", script.c_str(), nullptr);
  ::_exit(127);
}

void watchScript(State& state, uint32_t id) {
  auto job = state.job(id);
  if (!job || isOver(job->get("state"))) return;
  const int64_t run = job->number("run");
  const pid_t pid = ::fork();
  if (pid == 0) becomeScript(*job);
  state.change(id, [&](Job& it) {
    it.values["pid"] = std::to_string(pid);
    it.values["state"] = "RUNNING";
    it.values["start"] = std::to_string(nowSeconds());
  });
  const int64_t deadline = nowSeconds() + job->number("limit", 3600);
  bool late = false;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (nowSeconds() >= deadline && !late) {
      late = true;
      ::kill(-pid, SIGTERM);
    }
    if (nowSeconds() >= deadline + 2) ::kill(-pid, SIGKILL);
    ::usleep(20'000);
  }
  ::kill(-pid, SIGKILL);  // a job ends with all that it started
  state.change(id, [&](Job& it) {
    if (it.number("run") != run) return;  // it was requeued meanwhile
    const bool cancelled = it.get("cancelled") == "1";
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    it.values["exit"] = fmt::format("{}:{}", code, signal);
    it.values["state"] = cancelled ? "CANCELLED" : late ? "TIMEOUT" : code == 0 && signal == 0 ? "COMPLETED" : "FAILED";
    it.values["end"] = std::to_string(nowSeconds());
    it.values.erase("pid");
  });
}

}  // namespace

void startJob(const State& state, uint32_t id) {
  if (!becomeDaemon()) return;
  State own(state.directory());
  ::usleep(static_cast<useconds_t>(own.number("start_after", 0) * 1'000'000));
  watchScript(own, id);
  ::_exit(0);
}

void signalJob(State& state, uint32_t id, int signal, bool batch, bool cancel) {
  const auto job = state.job(id);
  if (!job) return;
  const auto pid = static_cast<pid_t>(job->number("pid"));
  if (!cancel) {
    if (pid > 0) ::kill(batch ? pid : -pid, signal);
    return;
  }
  if (pid <= 0) {
    state.change(id, [](Job& it) {
      it.values["state"] = "CANCELLED";
      it.values["end"] = std::to_string(nowSeconds());
    });
    return;
  }
  state.change(id, [](Job& it) { it.values["cancelled"] = "1"; });
  ::kill(-pid, SIGCONT);
  ::kill(-pid, SIGTERM);
  if (!becomeDaemon()) return;
  ::sleep(static_cast<unsigned>(state.number("kill_wait", 2)));
  const auto later = state.job(id);
  if (later && later->number("pid") == pid) ::kill(-pid, SIGKILL);
  ::_exit(0);
}

void requeueJob(State& state, uint32_t id) {
  pid_t pid = 0;
  const bool known = state.change(id, [&](Job& it) {
    pid = static_cast<pid_t>(it.number("pid"));
    it.values["run"] = std::to_string(it.number("run") + 1);
    it.values["restarts"] = std::to_string(it.number("restarts") + 1);
    it.values["state"] = "PENDING";
    it.values["submit"] = std::to_string(nowSeconds());
    it.values.erase("pid");
    it.values.erase("start");
    it.values.erase("end");
  });
  if (!known) return;
  if (pid > 0) ::kill(-pid, SIGKILL);
  const auto job = state.job(id);
  if (job->get("exec") == "1") startJob(state, id);
}

}  // namespace fake_slurm
