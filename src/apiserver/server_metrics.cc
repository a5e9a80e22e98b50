#include "apiserver/server_metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

std::string gauge(std::string_view name, double value) {
  return fmt::format("# TYPE {} gauge\n{} {}\n", name, name, value);
}

/// A word of a line of /proc, 0 when it cannot be read.
double procNumber(const char* path, size_t index) {
  const Result<std::string> text = readFile(path);
  if (!text) return 0;
  // The name of the program stands in parentheses and may hold blanks.
  const size_t behind = text->rfind(')');
  const std::string_view rest = std::string_view(*text).substr(behind == std::string::npos ? 0 : behind + 2);
  const std::vector<std::string_view> words = split(trim(rest), ' ');
  return index < words.size() ? static_cast<double>(parseInt(words[index]).value_or(0)) : 0;
}

double bootTime() {
  const Result<std::string> text = readFile("/proc/stat");
  if (!text) return 0;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("btime ")) return static_cast<double>(parseInt(line.substr(6)).value_or(0));
  }
  return 0;
}

size_t openFiles() {
  std::error_code error;
  size_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error))
    ++count;
  return count;
}

}  // namespace

std::string storageMetrics(Store& store, const Kinds& kinds, const std::filesystem::path& database) {
  std::string out = "# TYPE apiserver_resource_objects gauge\n";
  std::string old = "# TYPE apiserver_storage_objects gauge\n";
  std::set<std::string> seen;
  for (const KindPtr& kind : kinds.all()) {
    if (!kind->hasVerb("list") || !seen.insert(kind->table).second) continue;
    const size_t count = store.table(kind->table).objects().size();
    out += fmt::format("apiserver_resource_objects{{group=\"{}\",resource=\"{}\"}} {}\n", kind->group, kind->plural,
                       count);
    old += fmt::format("apiserver_storage_objects{{resource=\"{}{}{}\"}} {}\n", kind->plural,
                       kind->group.empty() ? "" : ".", kind->group, count);
  }
  std::error_code error;
  const auto size = std::filesystem::file_size(database, error);
  return out + old + gauge("apiserver_storage_size_bytes", error ? 0.0 : static_cast<double>(size));
}

std::string processMetrics() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  // proc(5): the 22nd word of stat is the start in ticks since the boot; the first two are not counted here.
  const double start = bootTime() + procNumber("/proc/self/stat", 19) / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double resident = procNumber("/proc/self/statm", 1) * static_cast<double>(sysconf(_SC_PAGESIZE));
  std::string out = fmt::format("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {}\n",
                                seconds(usage.ru_utime) + seconds(usage.ru_stime));
  out += gauge("process_resident_memory_bytes", resident);
  out += gauge("process_open_fds", static_cast<double>(openFiles()));
  out += gauge("process_max_fds", static_cast<double>(files.rlim_cur));
  out += gauge("process_start_time_seconds", start);
  return out;
}

}  // namespace slipway::apiserver
