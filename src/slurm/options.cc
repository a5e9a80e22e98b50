#include "slurm/options.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "slurm/host_list.h"
#include "slurm/values.h"

namespace slipway::slurm {
namespace {

constexpr size_t kLongestValue = 4096;

bool isControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

Status checkText(std::string_view what, std::string_view value, std::string_view extra) {
  if (value.size() > kLongestValue) return failure(Code::Invalid, "{}: longer than {} bytes", what, kLongestValue);
  for (const char c : value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-").find(c) != std::string_view::npos;
    if (plain || extra.find(c) != std::string_view::npos) continue;
    return failure(Code::Invalid, "{}: \"{}\" has a character that is not allowed there: use letters, digits and _.-{}",
                   what, toValidUtf8(value.substr(0, 100)), extra);
  }
  return {};
}

Status checkRange(std::string_view what, int64_t value, int64_t most) {
  if (value < 0 || value > most) return failure(Code::Invalid, "{}: {} is not between 0 and {}", what, value, most);
  return {};
}

/// Options that would change whose job it is, where its output goes, what is run, or what sbatch itself does.
constexpr std::array<std::string_view, 32> kOwned = {
    "comment",      "output",    "error",        "input",      "job-name",    "parsable", "wrap",         "chdir",
    "array",        "test-only", "wait",         "export",     "export-file", "uid",      "gid",          "clusters",
    "cluster",      "help",      "usage",        "version",    "quiet",       "verbose",  "open-mode",    "signal",
    "get-user-env", "container", "container-id", "ignore-pbs", "bbf",         "bb",       "autocomplete", "external"};

/// Options that are whole without a value.
constexpr std::array<std::string_view, 15> kBare = {
    "exclusive",       "contiguous", "no-requeue", "requeue", "overcommit",    "oversubscribe",
    "spread-job",      "share",      "no-kill",    "reboot",  "use-min-nodes", "disable-stdout-job-summary",
    "enforce-binding", "nice",       "hold"};

/// getopt_long takes any abbreviation that is not ambiguous: "--comm" is "--comment".
bool isOwned(std::string_view name) {
  return std::any_of(kOwned.begin(), kOwned.end(), [&](std::string_view owned) { return owned.starts_with(name); });
}

void add(std::vector<std::string>& out, std::string_view name, std::string_view value) {
  if (!value.empty()) out.push_back(fmt::format("--{}={}", name, value));
}

std::string gresList(const site::v1::SlurmOptions& options) {
  std::string out = options.gres_text();
  for (const site::v1::Gres& gres : options.gres()) {
    if (!out.empty()) out += ',';
    out += gres.type().empty() ? fmt::format("{}:{}", gres.name(), gres.count())
                               : fmt::format("{}:{}:{}", gres.name(), gres.type(), gres.count());
  }
  return out;
}

/// Slurm's limit is the backstop: the supervisor ends a pod at its deadline to the second, sbatch counts minutes.
int64_t timeLimitOf(const Submission& submission) {
  if (submission.options.time_limit_seconds() > 0) return submission.options.time_limit_seconds();
  if (submission.deadline_seconds <= 0) return 0;
  return submission.deadline_seconds + submission.grace_seconds + 60;
}

}  // namespace

std::string commentOf(std::string_view cluster, std::string_view pod_uid, uint32_t attempt) {
  return fmt::format("slipway:{}:{}:{}", cluster, pod_uid, attempt);
}

Status validateFlag(std::string_view flag) {
  if (!flag.starts_with("--") || flag.size() < 4) {
    return failure(Code::Invalid, "flag \"{}\": write it in the long form, as one word: --name=value",
                   toValidUtf8(flag.substr(0, 100)));
  }
  if (flag.size() > kLongestValue || std::any_of(flag.begin(), flag.end(), isControl)) {
    return failure(Code::Invalid, "flag \"{}\": too long, or with control characters",
                   toValidUtf8(flag.substr(0, 100)));
  }
  const bool bare = flag.find('=') == std::string_view::npos;
  const std::string_view name = flag.substr(2, flag.find('=') - 2);
  TRY_STATUS(checkText("flag", name, ""));
  if (isOwned(name)) return failure(Code::Invalid, "flag \"--{}\": Slipway sets this option itself", name);
  if (bare && std::find(kBare.begin(), kBare.end(), name) == kBare.end()) {
    return failure(Code::Invalid, "flag \"--{}\": needs a value, written --{}=value", name, name);
  }
  return {};
}

Status validateOptions(const site::v1::SlurmOptions& options) {
  TRY_STATUS(checkText("partition", options.partition(), ","));
  TRY_STATUS(checkText("account", options.account(), "@+"));
  TRY_STATUS(checkText("qos", options.qos(), "@+"));
  TRY_STATUS(checkText("constraint", options.constraint(), "&|*()[]:+=!,@"));
  TRY_STATUS(checkText("reservation", options.reservation(), ",@+:"));
  TRY_STATUS(checkText("gres", options.gres_text(), ":,=/()@+"));
  TRY_STATUS(checkText("mpi", options.mpi(), ","));
  for (const std::string& node : options.node_list()) TRY_STATUS(checkText("node", node, "[],"));
  for (const site::v1::Gres& gres : options.gres()) {
    TRY_STATUS(checkText("gres", gres.name(), ""));
    TRY_STATUS(checkText("gres", gres.type(), ""));
    TRY_STATUS(checkRange("gres", gres.count(), 1'000'000'000));
  }
  TRY_STATUS(checkRange("cpus-per-task", options.cpus_per_task(), 1'000'000));
  TRY_STATUS(checkRange("mem", options.memory_mib(), 1'000'000'000));
  TRY_STATUS(checkRange("time-limit", options.time_limit_seconds(), 100LL * 366 * 86400));
  TRY_STATUS(checkRange("nodes", options.nodes(), 1'000'000));
  TRY_STATUS(checkRange("ntasks-per-node", options.ntasks_per_node(), 1'000'000));
  for (const std::string& flag : options.flags()) TRY_STATUS(validateFlag(flag));
  const std::string& name = options.job_name();
  if (name.size() > 1000 || std::any_of(name.begin(), name.end(), isControl)) {
    return failure(Code::Invalid, "job name \"{}\": too long, or with control characters",
                   toValidUtf8(name.substr(0, 99)));
  }
  return {};
}

Result<std::vector<std::string>> sbatchArguments(const Submission& submission) {
  const site::v1::SlurmOptions& options = submission.options;
  TRY_STATUS(validateOptions(options));
  std::vector<std::string> out(options.flags().begin(), options.flags().end());
  add(out, "partition", options.partition().empty() ? submission.default_partition : options.partition());
  add(out, "account", options.account().empty() ? submission.default_account : options.account());
  add(out, "qos", options.qos());
  add(out, "constraint", options.constraint());
  add(out, "reservation", options.reservation());
  const std::vector<std::string> nodes(options.node_list().begin(), options.node_list().end());
  add(out, "nodelist", compressHostList(nodes));
  const int64_t count = std::max<int64_t>(1, options.nodes());
  add(out, "nodes", fmt::format("{}", count));
  const int64_t tasks = std::max<int64_t>(1, options.ntasks_per_node());
  add(out, "ntasks-per-node", fmt::format("{}", tasks));
  // What a pod requests it requests of each node, shared by the tasks there.
  const int64_t cpus = (options.cpus_per_task() + tasks - 1) / tasks;
  if (cpus > 0) add(out, "cpus-per-task", fmt::format("{}", cpus));
  if (options.memory_mib() > 0) add(out, "mem", fmt::format("{}M", options.memory_mib()));
  add(out, "gres", gresList(options));
  const int64_t limit = timeLimitOf(submission);
  if (limit > 0) add(out, "time", formatTimeLimit(limit));
  add(out, "signal", fmt::format("B:TERM@{}", std::clamp<int64_t>(submission.grace_seconds, 1, 65535)));
  add(out, "job-name", options.job_name().empty() ? "slipway" : options.job_name());
  add(out, "comment", submission.comment);
  add(out, "chdir", submission.directory);
  add(out, "output", submission.output);
  out.emplace_back("--open-mode=append");
  out.emplace_back("--parsable");
  return out;
}

}  // namespace slipway::slurm
