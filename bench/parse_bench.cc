// How long 30 MB of `scontrol show job -o -d` take on one core: cut into records, read, and hashed for the comparison
// with the poll before. The records are those of a real Slurm, with other job ids.
#include <time.h>

#include <cstdio>

#include "base/files.h"
#include "base/strings.h"
#include "slurm/job_record.h"
#include "slurm/record_splitter.h"

namespace slipway {
namespace {

constexpr size_t kBytes = 30U << 20U;

std::string inflate(const std::string& sample) {
  std::string out;
  out.reserve(kBytes + sample.size());
  size_t id = 1000;
  while (out.size() < kBytes) {
    for (const std::string_view line : split(sample, '\n')) {
      if (!line.starts_with("JobId=")) continue;
      out += fmt::format("JobId={}{}\n", id++, line.substr(line.find(' ')));
    }
  }
  return out;
}

// Of this process alone: what else the machine does is not counted.
double cpuMilliseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

double parseOnce(const std::string& text, size_t& records, uint64_t& hashes) {
  const double begin = cpuMilliseconds();
  slurm::JobRecord record;
  slurm::RecordSplitter splitter(slurm::RecordSplitter::Type::Jobs, [&](std::string_view line) {
    if (!slurm::parseJob(line, record)) return;
    ++records;
    hashes ^= record.hash();
  });
  // In pieces as a pipe gives them.
  for (size_t at = 0; at < text.size(); at += 65536) splitter.feed(std::string_view(text).substr(at, 65536));
  splitter.finish();
  return cpuMilliseconds() - begin;
}

int run() {
  const auto sample = readFile(SLIPWAY_JOBS);
  if (!sample) return 1;
  const std::string text = inflate(*sample);
  std::vector<double> times;
  size_t records = 0;
  uint64_t hashes = 0;
  for (int i = 0; i < 7; ++i) times.push_back(parseOnce(text, records, hashes));
  std::sort(times.begin(), times.end());
  std::printf("parse_jobs_ms %.1f ms\nparse_jobs_mb %.1f MB\nparse_jobs_records %zu records\nparse_jobs_hash %llx -\n",
              times[times.size() / 2], static_cast<double>(text.size()) / 1e6, records / times.size(),
              static_cast<unsigned long long>(hashes));
  return 0;
}

}  // namespace
}  // namespace slipway

int main() {
  return slipway::run();
}
