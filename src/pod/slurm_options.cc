#include "pod/slurm_options.h"

#include <re2/re2.h>

#include "base/clock.h"
#include "base/strings.h"
#include "pod/shell_words.h"

namespace slipway::pod {
namespace {

/// What Slipway sets itself, and what would make sbatch do something else than submit this job.
constexpr std::string_view kOwned[] = {
    "array",    "chdir",       "clusters",     "cluster",   "comment",  "container", "container-id", "error",
    "export",   "export-file", "get-user-env", "gid",       "help",     "hetjob",    "input",        "job-name",
    "nodefile", "nodelist",    "open-mode",    "output",    "parsable", "quiet",     "requeue",      "no-requeue",
    "signal",   "test-only",   "uid",          "usage",     "verbose",  "version",   "wait",         "workdir",
    "wrap",     "ignore-pbs",  "batch",        "propagate",
};

/// Short options of sbatch that take a value, or none, by their long names.
struct ShortOption {
  char letter;
  std::string_view name;
  bool takes_value;
};
constexpr ShortOption kShort[] = {
    {'A', "account", true},         {'a', "array", true},         {'b', "begin", true},
    {'B', "extra-node-info", true}, {'c', "cpus-per-task", true}, {'C', "constraint", true},
    {'d', "dependency", true},      {'D', "chdir", true},         {'e', "error", true},
    {'F', "nodefile", true},        {'G', "gpus", true},          {'H', "hold", false},
    {'i', "input", true},           {'J', "job-name", true},      {'k', "no-kill", false},
    {'L', "licenses", true},        {'M', "clusters", true},      {'m', "distribution", true},
    {'n', "ntasks", true},          {'N', "nodes", true},         {'o', "output", true},
    {'O', "overcommit", false},     {'p', "partition", true},     {'q', "qos", true},
    {'s', "oversubscribe", false},  {'S', "core-spec", true},     {'t', "time", true},
    {'w', "nodelist", true},        {'W', "wait", false},         {'x', "exclude", true},
    {'h', "help", false},           {'Q', "quiet", false},        {'v', "verbose", false},
    {'V', "version", false},        {'u', "usage", false},
};

Status checkWord(std::string_view word) {
  for (const unsigned char c : word) {
    if (c < 0x20 || c == 0x7F) return failure(Code::Invalid, "control characters are not allowed");
  }
  if (word.size() > 4096) return failure(Code::Invalid, "longer than 4096 bytes");
  return {};
}

Status checkName(std::string_view name) {
  static const re2::RE2 kName("[a-z0-9][a-z0-9-]*");
  if (!re2::RE2::FullMatch(re2::StringPiece(name.data(), name.size()), kName)) {
    return failure(Code::Invalid, "\"--{}\" is not an option", name);
  }
  for (const std::string_view owned : kOwned) {
    // getopt_long takes any unambiguous beginning of a name for the name.
    if (owned.starts_with(name)) {
      return failure(Code::Invalid, "--{} is not allowed: --{} is set by Slipway", name, owned);
    }
  }
  return {};
}

/// "-N4" or "-N" "4" → "--nodes=4". Gives how many words were used.
Result<size_t> addShort(const std::vector<std::string>& words, size_t at, std::vector<std::string>& out) {
  const std::string& word = words[at];
  for (const ShortOption& option : kShort) {
    if (option.letter != word[1]) continue;
    TRY_STATUS(checkName(option.name));
    std::string value = word.substr(2);
    if (!option.takes_value) {
      if (!value.empty()) return failure(Code::Invalid, "{}: write short options one by one", word);
      out.push_back(fmt::format("--{}", option.name));
      return size_t{1};
    }
    if (!value.empty()) {
      out.push_back(fmt::format("--{}={}", option.name, value));
      return size_t{1};
    }
    if (at + 1 >= words.size()) return failure(Code::Invalid, "{} needs a value", word);
    out.push_back(fmt::format("--{}={}", option.name, words[at + 1]));
    return size_t{2};
  }
  return failure(Code::Invalid, "{} is not an option of sbatch that is known here", word);
}

struct Rule {
  std::string_view annotation;
  const char* pattern;
  void (*set)(site::v1::SlurmOptions&, const std::string&);
};

const Rule kRules[] = {
    {"partition", "[A-Za-z0-9_.,+-]+", [](auto& o, const std::string& v) { o.set_partition(v); }},
    {"account", "[A-Za-z0-9_.@:+-]+", [](auto& o, const std::string& v) { o.set_account(v); }},
    {"qos", "[A-Za-z0-9_.@:+-]+", [](auto& o, const std::string& v) { o.set_qos(v); }},
    {"constraint", R"([A-Za-z0-9_.,&|*()\[\]:=+-]+)", [](auto& o, const std::string& v) { o.set_constraint(v); }},
    {"reservation", "[A-Za-z0-9_.,+-]+", [](auto& o, const std::string& v) { o.set_reservation(v); }},
    {"gres", "[A-Za-z0-9_.,:=/()+-]+", [](auto& o, const std::string& v) { o.set_gres_text(v); }},
    {"nodes", "[1-9][0-9]{0,4}", [](auto& o, const std::string& v) { o.set_nodes(*parseInt(v)); }},
    {"ntasks-per-node", "[1-9][0-9]{0,4}", [](auto& o, const std::string& v) { o.set_ntasks_per_node(*parseInt(v)); }},
    {"mpi", "[A-Za-z0-9_]+", [](auto& o, const std::string& v) { o.set_mpi(v); }},
};

bool hasAnnotation(const kube::Object& pod, std::string_view name) {
  return !kube::annotation(pod, fmt::format("slipway.dev/{}", name)).empty();
}

/// --mem: a number of MiB, or with a unit. Nothing: it stays a flag ("0" is all of a node's).
std::optional<int64_t> mebibytes(std::string_view text) {
  static const re2::RE2 kSize("([1-9][0-9]{0,9})([KMGTkmgt]?)B?");
  int64_t number = 0;
  std::string unit;
  if (!re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kSize, &number, &unit)) return std::nullopt;
  switch (unit.empty() ? 'm' : unit[0] | 0x20) {
    case 'k':
      return (number + 1023) / 1024;
    case 'g':
      return number * 1024;
    case 't':
      return number * 1024 * 1024;
    default:
      return number;
  }
}

/// Numbers that depend on each other, as they are found among the flags.
struct Counts {
  int64_t cpus_per_task = 0;
  int64_t tasks = 0;
};

/// Whether the flag has become a field. An annotation of its own goes before it; what resources say does not.
Result<bool> adopt(const kube::Object& pod, const std::string& name, const std::string& value, Counts& counts,
                   site::v1::SlurmOptions& options) {
  for (const Rule& rule : kRules) {
    if (rule.annotation != name) continue;
    if (hasAnnotation(pod, name)) return true;
    if (!re2::RE2::FullMatch(value, rule.pattern)) {
      return failure(Code::Invalid, "--{}: \"{}\" may hold only {}", name, toValidUtf8(value.substr(0, 100)),
                     rule.pattern);
    }
    rule.set(options, value);
    return true;
  }
  if (name == "time") {
    const auto seconds = parseTimeLimit(value);
    if (seconds && !hasAnnotation(pod, "time-limit")) options.set_time_limit_seconds(*seconds);
    return seconds.has_value();
  }
  if (name == "mem") {
    const auto size = mebibytes(value);
    options.set_memory_mib(size.value_or(0));
    return size.has_value();
  }
  const bool of_cpus = name == "cpus-per-task";
  if (!of_cpus && name != "ntasks") return false;
  const auto number = parseInt(value);
  if (!number || *number < 1 || *number > 1'000'000) {
    return failure(Code::Invalid, "--{}: \"{}\" is not a number", name, toValidUtf8(value.substr(0, 100)));
  }
  (of_cpus ? counts.cpus_per_task : counts.tasks) = *number;
  return true;
}

/// Of two options of one name sbatch takes the last, which would be ours: a flag that has a field goes there.
Status adoptFlags(const kube::Object& pod, site::v1::SlurmOptions& options) {
  std::vector<std::string> rest;
  Counts counts;
  for (const std::string& flag : options.flags()) {
    const auto [name, value] = splitOnce(std::string_view(flag).substr(2), '=');
    TRY(const bool adopted, adopt(pod, std::string(name), std::string(value), counts, options));
    if (!adopted) rest.push_back(flag);
  }
  options.clear_flags();
  for (std::string& flag : rest) options.add_flags(std::move(flag));
  const int64_t nodes = std::max<int64_t>(1, options.nodes());
  if (counts.tasks > 0 && options.ntasks_per_node() == 0) {
    options.set_ntasks_per_node((counts.tasks + nodes - 1) / nodes);
  }
  if (counts.cpus_per_task > 0) {
    options.set_cpus_per_task(counts.cpus_per_task * std::max<int64_t>(1, options.ntasks_per_node()));
  }
  return {};
}

Status addFlags(std::string_view line, site::v1::SlurmOptions& options) {
  TRY(const auto words, shellWords(line));
  TRY(const auto flags, checkedFlags(words));
  for (const std::string& flag : flags) options.add_flags(flag);
  return {};
}

Status applySupernetes(const kube::Object& pod, site::v1::SlurmOptions& options) {
  constexpr std::string_view kOption = "supernetes-option/";
  for (const auto& [key, value] : kube::child(pod, {"metadata", "labels"})) {
    const std::string_view name(key);
    if (!name.starts_with(kOption) || !value.is_string()) continue;
    std::string word = fmt::format("--{}", name.substr(kOption.size()));
    if (!value.get_string().empty()) word += "=" + std::string(value.get_string());
    auto flags = checkedFlags({word});
    if (!flags) return failure(flags.error().wrap(fmt::format("label {}", name)));
    options.add_flags((*flags)[0]);
  }
  const std::string_view more = kube::label(pod, "supernetes-workload/additional-nodes");
  static const re2::RE2 kNode("[A-Za-z0-9_.-]+");
  for (const std::string_view node : split(more, ',')) {
    if (!re2::RE2::FullMatch(re2::StringPiece(node.data(), node.size()), kNode)) {
      return failure(Code::Invalid, "label supernetes-workload/additional-nodes: \"{}\" is not a node", node);
    }
    options.add_node_list(std::string(node));
    options.set_nodes(options.node_list_size());
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> checkedFlags(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (size_t i = 0; i < words.size();) {
    const std::string& word = words[i];
    TRY_STATUS(checkWord(word));
    if (i + 1 < words.size()) TRY_STATUS(checkWord(words[i + 1]));
    if (word.size() > 1 && word[0] == '-' && word[1] != '-') {
      TRY(const size_t used, addShort(words, i, out));
      i += used;
      continue;
    }
    if (!word.starts_with("--") || word.size() == 2) return failure(Code::Invalid, "\"{}\" is not an option", word);
    const auto [name, value] = splitOnce(std::string_view(word).substr(2), '=');
    TRY_STATUS(checkName(name));
    ++i;
    if (word.find('=') == std::string::npos && i < words.size() && !words[i].starts_with("-")) {
      out.push_back(fmt::format("{}={}", word, words[i++]));
    } else {
      out.push_back(word);
    }
  }
  return out;
}

Result<int64_t> parseTimeLimit(std::string_view text) {
  static const re2::RE2 kSlurm(R"((?:(\d{1,5})-)?(\d{1,6})(?::(\d{1,2}))?(?::(\d{1,2}))?)");
  int64_t days = 0, first = 0, second = 0, third = 0;
  std::string d, a, b, c;
  if (re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kSlurm, &d, &a, &b, &c)) {
    days = parseInt(d).value_or(0);
    first = parseInt(a).value_or(0);
    second = parseInt(b).value_or(0);
    third = parseInt(c).value_or(0);
    // days-hours[:minutes[:seconds]], hours:minutes:seconds, minutes:seconds or minutes (sbatch(1), --time).
    int64_t seconds = 0;
    if (!d.empty()) {
      seconds = days * 86400 + first * 3600 + second * 60 + third;
    } else if (!c.empty()) {
      seconds = first * 3600 + second * 60 + third;
    } else {
      seconds = first * 60 + second;
    }
    if (seconds > 0) return seconds;
  } else if (const auto duration = parseDuration(text); duration && duration->count() > 0) {
    return std::chrono::ceil<std::chrono::seconds>(*duration).count();
  }
  return failure(Code::Invalid, "\"{}\" is not a time limit: write minutes, H:MM:SS, D-HH or 1h30m", text);
}

Status applyAnnotations(const kube::Object& pod, site::v1::SlurmOptions& options) {
  const auto about = [](const Error& error, std::string_view name) {
    return failure(error.wrap(fmt::format("annotation slipway.dev/{}", name)));
  };
  for (const Rule& rule : kRules) {
    const std::string value(kube::annotation(pod, fmt::format("slipway.dev/{}", rule.annotation)));
    if (value.empty()) continue;
    if (!re2::RE2::FullMatch(value, rule.pattern)) {
      return about(
          {Code::Invalid, fmt::format("\"{}\" may hold only {}", toValidUtf8(value.substr(0, 100)), rule.pattern)},
          rule.annotation);
    }
    rule.set(options, value);
  }
  if (const auto limit = kube::annotation(pod, "slipway.dev/time-limit"); !limit.empty()) {
    const auto seconds = parseTimeLimit(limit);
    if (!seconds) return about(seconds.error(), "time-limit");
    options.set_time_limit_seconds(*seconds);
  }
  TRY_STATUS(applySupernetes(pod, options));
  for (const std::string_view name : {"slurm.hpk.io/flags", "slipway.dev/flags"}) {
    const Status added = addFlags(kube::annotation(pod, name), options);
    if (!added) return failure(added.error().wrap(fmt::format("annotation {}", name)));
  }
  const Status adopted = adoptFlags(pod, options);
  if (!adopted) return failure(adopted.error().wrap("annotation slipway.dev/flags, or an alias of it"));
  return {};
}

bool isKnownAnnotation(std::string_view name) {
  constexpr std::string_view kOthers[] = {"time-limit", "flags", "job-id", "attempt", "cluster", "slurm-node"};
  const auto has_rule = [&](const Rule& rule) { return rule.annotation == name; };
  return std::any_of(std::begin(kRules), std::end(kRules), has_rule) ||
         std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
}

}  // namespace slipway::pod
