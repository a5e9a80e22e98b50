#include "supervisor/process_tree.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>

#include "base/files.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace {

void forEachProcess(const std::function<void(pid_t)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (const auto pid = parseInt(entry->d_name)) visit(static_cast<pid_t>(*pid));
  }
}

bool carries(pid_t pid, const std::string& variable) {
  const auto environment = readFile(fmt::format("/proc/{}/environ", pid));
  if (!environment) return false;
  // Apptainer's own processes have it with a prefix.
  for (size_t at = environment->find(variable); at != std::string::npos; at = environment->find(variable, at + 1)) {
    const char next = at + variable.size() < environment->size() ? (*environment)[at + variable.size()] : '\0';
    if (next == '\0' || next == '/') return true;
  }
  return false;
}

/// Whether the process has a root directory other than ours. Its mount namespace alone says little: a runtime that is
/// still setting the container up has one already, and still sees the node's files.
bool hasOwnRoot(pid_t pid) {
  struct stat own{};
  struct stat theirs{};
  if (::stat("/", &own) != 0 || ::stat(fmt::format("/proc/{}/root/", pid).c_str(), &theirs) != 0) return false;
  return own.st_dev != theirs.st_dev || own.st_ino != theirs.st_ino;
}

}  // namespace

Result<ProcessInfo> parseStat(std::string_view text) {
  // The name may hold anything, also ") ": what counts is the last ')'.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return failure(Code::InternalError, "/proc stat: no name");
  const auto fields = split(trim(text.substr(name_end + 1)), ' ');
  if (fields.size() < 22) return failure(Code::InternalError, "/proc stat: {} fields", fields.size());
  const auto number = [&](size_t index) { return parseInt(fields[index]).value_or(0); };
  static const int64_t kTick = ::sysconf(_SC_CLK_TCK);
  static const int64_t kPage = ::sysconf(_SC_PAGESIZE);
  ProcessInfo out;
  out.pid = static_cast<pid_t>(parseInt(splitOnce(text, ' ').first).value_or(0));
  out.parent = static_cast<pid_t>(number(1));
  out.session = static_cast<pid_t>(number(3));
  out.cpu_ns = static_cast<uint64_t>((number(11) + number(12) + number(13) + number(14)) * (1000000000 / kTick));
  out.rss_bytes = static_cast<uint64_t>(number(21) * kPage);
  if (fields[0] == "Z") out.rss_bytes = 0;
  return out;
}

std::vector<ProcessInfo> processesOf(std::string_view instance, pid_t session) {
  const std::string variable = fmt::format("{}={}", kInstanceVariable, instance);
  std::vector<ProcessInfo> out;
  forEachProcess([&](pid_t pid) {
    const auto text = readFile(fmt::format("/proc/{}/stat", pid));
    if (!text || text->find(") Z ") != std::string::npos) return;
    const auto info = parseStat(*text);
    if (!info || pid == ::getpid()) return;
    if (info->session == session || carries(pid, variable)) out.push_back(*info);
  });
  return out;
}

size_t signalAll(std::string_view instance, pid_t session, int signal) {
  size_t count = 0;
  for (int round = 0; round < 10; ++round) {
    const auto processes = processesOf(instance, session);
    for (const ProcessInfo& each : processes) ::kill(each.pid, signal);
    if (round == 0) count = processes.size();
    if (processes.empty() || signal != SIGKILL) break;
  }
  return count;
}

std::vector<pid_t> descendantsOf(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  forEachProcess([&](pid_t pid) {
    const auto text = readFile(fmt::format("/proc/{}/stat", pid));
    const auto info = text ? parseStat(*text) : Result<ProcessInfo>(failure(Code::NotFound, "gone"));
    if (info) children.emplace(info->parent, pid);
  });
  std::vector<pid_t> out;
  std::vector<pid_t> open = {root};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [begin, end] = children.equal_range(parent);
    for (auto it = begin; it != end; ++it) {
      out.push_back(it->second);
      open.push_back(it->second);
    }
  }
  return out;
}

bool isStillInside(pid_t pid, std::string_view instance, pid_t session) {
  const auto text = readFile(fmt::format("/proc/{}/stat", pid));
  const auto info = text ? parseStat(*text) : Result<ProcessInfo>(failure(Code::NotFound, "gone"));
  if (!info || text->find(") Z ") != std::string::npos) return false;
  const bool its = info->session == session || carries(pid, fmt::format("{}={}", kInstanceVariable, instance) + '\0');
  return its && hasOwnRoot(pid);
}

pid_t insideContainer(std::string_view instance, pid_t session) {
  pid_t found = 0;
  for (const ProcessInfo& each : processesOf(instance, session)) {
    if (hasOwnRoot(each.pid) && (found == 0 || each.pid < found)) found = each.pid;
  }
  return found;
}

}  // namespace slipway::supervisor
