#include "state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <ctime>

#include "base/files.h"
#include "base/strings.h"

namespace fake_slurm {
namespace fs = std::filesystem;
using slipway::percentDecode;
using slipway::percentEncode;

int64_t nowSeconds() {
  return std::time(nullptr);
}

Values readValues(const fs::path& path) {
  Values values;
  const auto text = slipway::readFile(path);
  if (!text) return values;
  for (const std::string_view line : slipway::split(*text, '\n')) {
    const auto [key, value] = slipway::splitOnce(line, ' ');
    if (!key.empty()) values[std::string(key)] = percentDecode(value);
  }
  return values;
}

void writeValues(const fs::path& path, const Values& values) {
  std::string text;
  for (const auto& [key, value] : values) text += fmt::format("{} {}\n", key, percentEncode(value));
  const fs::path temporary = path.string() + fmt::format(".{}", ::getpid());
  (void)slipway::writeFileAtomic(temporary, text);
  fs::rename(temporary, path);
}

bool isOver(const std::string& state) {
  return state != "PENDING" && state != "RUNNING" && state != "COMPLETING" && state != "REQUEUED" &&
         state != "SUSPENDED";
}

std::string Job::get(const std::string& key, const std::string& fallback) const {
  const auto found = values.find(key);
  return found == values.end() ? fallback : found->second;
}

int64_t Job::number(const std::string& key, int64_t fallback) const {
  return slipway::parseInt(get(key)).value_or(fallback);
}

State::State(fs::path directory) : directory_(std::move(directory)), settings_(readValues(directory_ / "settings")) {}

State::Lock::Lock(const fs::path& directory)
    : fd_(::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  ::flock(fd_, LOCK_EX);
}
State::Lock::~Lock() {
  ::close(fd_);
}

std::string State::setting(const std::string& key, const std::string& fallback) const {
  const auto found = settings_.find(key);
  return found == settings_.end() ? fallback : found->second;
}

int64_t State::number(const std::string& key, int64_t fallback) const {
  return slipway::parseInt(setting(key, "")).value_or(fallback);
}

uint32_t State::nextId() {
  const Lock lock(directory_);
  const fs::path path = directory_ / "next_id";
  const auto text = slipway::readFile(path);
  // Above all generated jobs.
  const int64_t id = text ? slipway::parseInt(slipway::trim(*text)).value_or(1) : 1'000'000;
  (void)slipway::writeFileAtomic(path, fmt::format("{}\n", id + 1));
  return static_cast<uint32_t>(id);
}

std::optional<Job> State::job(uint32_t id) const {
  Job job{.id = id, .values = readValues(directory_ / "jobs" / std::to_string(id))};
  if (job.values.empty()) return std::nullopt;
  if (job.get("exec") == "1" || job.get("state") != "PENDING") return job;
  const int64_t start = job.number("submit") + number("start_after", 0);
  const int64_t run_for = number("run_for", 0);
  if (job.get("hold") == "1" || nowSeconds() < start) return job;
  job.values["state"] = "RUNNING";
  job.values["start"] = std::to_string(start);
  if (job.get("node").empty()) job.values["node"] = job.get("nodelist").empty() ? "n1" : job.get("nodelist");
  if (run_for > 0 && nowSeconds() >= start + run_for) {
    job.values["state"] = "COMPLETED";
    job.values["end"] = std::to_string(start + run_for);
  }
  return job;
}

std::vector<Job> State::jobs() const {
  std::vector<Job> out;
  std::error_code error;
  for (fs::directory_iterator it(directory_ / "jobs", error), end; !error && it != end; it.increment(error)) {
    const auto id = slipway::parseInt(it->path().filename().string());
    if (!id) continue;
    if (auto known = job(static_cast<uint32_t>(*id))) out.push_back(std::move(*known));
  }
  std::sort(out.begin(), out.end(), [](const Job& a, const Job& b) { return a.id < b.id; });
  return out;
}

void State::save(const Job& job) {
  fs::create_directories(directory_ / "jobs");
  writeValues(directory_ / "jobs" / std::to_string(job.id), job.values);
}

std::optional<std::pair<std::string, std::string>> State::nodeState(const std::string& name) const {
  const Values values = readValues(directory_ / ("node." + name));
  const auto state = values.find("state");
  if (state == values.end()) return std::nullopt;
  const auto reason = values.find("reason");
  return std::pair(state->second, reason == values.end() ? std::string() : reason->second);
}

bool State::isShown(const Job& job) const {
  return !isOver(job.get("state")) || nowSeconds() - job.number("end") < number("min_job_age", 300);
}

}  // namespace fake_slurm
