// How a container of the plan becomes something to execute.
#include <fcntl.h>
#include <unistd.h>

#include "base/guarded_files.h"
#include "base/strings.h"
#include "container/mount_points.h"
#include "pod/env_file.h"
#include "supervisor/container_runner.h"
#include "supervisor/identity.h"
#include "supervisor/network_files.h"
#include "supervisor/process_tree.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;

std::string withJobFields(std::string text, const JobFacts& facts) {
  const auto first = [](const std::vector<std::string>& list) { return list.empty() ? std::string() : list.front(); };
  const std::pair<std::string_view, std::string> fields[] = {{"$(status.podIP)", first(facts.pod_ips)},
                                                             {"$(status.podIPs)", join(facts.pod_ips, ",")},
                                                             {"$(status.hostIP)", first(facts.host_ips)},
                                                             {"$(status.hostIPs)", join(facts.host_ips, ",")}};
  for (const auto& [field, value] : fields) {
    if (text.find(field) != std::string::npos) text = replaceAll(text, field, value);
  }
  return text;
}

namespace {

bool liesIn(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// What is mounted inside another mount of the pod's own (/tmp, an emptyDir) needs a place there.
Status makeInnerPoints(const std::vector<container::Bind>& binds, const Scratch& scratch) {
  for (const container::Bind& inner : binds) {
    const container::Bind* around = nullptr;
    for (const container::Bind& each : binds) {
      if (liesIn(inner.target, each.target)) around = &each;  // in order of depth: the last is the nearest
    }
    if (around == nullptr) continue;
    std::error_code error;
    for (const fs::path& own : {scratch.disk, scratch.memory}) {
      // A subPath's source has no links any more: the folder is compared as it really is.
      const fs::path root = fs::canonical(own, error);
      const fs::path source = fs::canonical(around->source, error);
      if (error || !liesIn(source.string(), root.string())) continue;
      const fs::path point = source / inner.target.substr(around->target.size() + 1);
      const bool directory = fs::is_directory(inner.source, error);
      TRY_STATUS(makeBelow(root, point.lexically_relative(root), directory ? FileKind::Directory : FileKind::File)
                     .map_error([&](const Error& why) { return why.wrap(fmt::format("mountPath {}", inner.target)); }));
    }
  }
  return {};
}

/// What of the container's environment its runtime itself has to have.
std::map<std::string, std::string> ofRuntime(const std::map<std::string, std::string>& whole) {
  std::map<std::string, std::string> out;
  for (const std::string_view name : {kInstanceVariable, std::string_view("HOME"), std::string_view("PATH")}) {
    const auto found = whole.find(std::string(name));
    if (found != whole.end()) out.insert(*found);
  }
  return out;
}

}  // namespace

fs::path ContainerRunner::scratch() const {
  const std::string rank = context_.rank ? fmt::format("-rank{}", context_.rank->id) : "";
  return context_.volumes.scratch().disk / "containers" / fmt::format("{}-{}{}", plan_.name(), restarts_, rank);
}

std::string ContainerRunner::instance() const {
  const std::string rank = context_.rank ? fmt::format("/{}", context_.rank->id) : "";
  return fmt::format("{}/{}/{}/{}{}", context_.plan.pod_uid(), context_.plan.attempt(), plan_.name(), restarts_, rank);
}

/// Values that lie in files of the pod's volumes when the container starts (fileKeyRef).
Status ContainerRunner::readFileKeys() {
  constexpr size_t kMostOfEnvFile = 1024 * 1024;
  file_values_.clear();
  for (const auto& variable : plan_.env()) {
    if (!variable.has_file()) continue;
    const site::v1::FileKey& key = variable.file();
    const auto wrong = [&](const Error& why) {
      return why.wrap(fmt::format("env {}: file {} of volume {}", variable.name(), key.path(), key.volume()));
    };
    const auto text = readInRoot(context_.volumes.pathOf(key.volume()), key.path(), kMostOfEnvFile);
    if (!text && text.error().is(Code::NotFound) && key.optional()) continue;
    if (!text) return failure(wrong(text.error()));
    const auto value = pod::valueInEnvFile(*text, key.key());
    if (!value) return failure(wrong(value.error()));
    const bool has_value = *value && !(*value)->empty();
    if (!has_value && key.optional()) continue;
    if (!has_value) return failure(wrong({Code::NotFound, fmt::format("it has no key {}", key.key())}));
    file_values_[variable.name()] = **value;
  }
  return {};
}

std::map<std::string, std::string> ContainerRunner::environment() const {
  std::map<std::string, std::string> own = file_values_;
  for (const auto& variable : plan_.env()) {
    if (variable.has_file()) continue;
    own[variable.name()] =
        variable.field().empty() ? variable.value() : withJobFields(variable.value(), context_.facts);
  }
  own.emplace("HOSTNAME", hostnameOf(context_.plan));
  std::map<std::string, std::string> out;
  if (context_.runtime.isolates()) {
    const Identity identity =
        context_.runtime.mapsUsers() ? identityOf(plan_, image_.config.user, image_.path) : Identity();
    own.emplace("HOME", homeOf(identity, image_.path));
    out = container::effectiveEnvironment(image_.config, own);
  } else {
    out = own;
    for (const auto& volume : context_.plan.volumes()) {
      std::string name = volume.name();
      for (char& c : name)
        c = c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      out.emplace("SLIPWAY_VOLUME_" + name, context_.volumes.pathOf(volume.name()).string());
    }
    out.emplace("SLIPWAY_TERMINATION_LOG", (scratch() / "termination-log").string());
  }
  for (const auto& [name, value] : context_.facts.env) out.emplace(name, value);
  out[std::string(kInstanceVariable)] = instance();
  return out;
}

Result<std::vector<container::Bind>> ContainerRunner::makeBinds() {
  TRY(std::vector<container::Bind> binds, context_.volumes.binds(plan_));
  const Scratch& pod = context_.volumes.scratch();
  const auto add = [&](const fs::path& source, const std::string& target) {
    const bool taken = std::any_of(binds.begin(), binds.end(), [&](const auto& each) { return each.target == target; });
    if (!taken) binds.insert(binds.begin(), {source, target, false});
  };
  TRY_STATUS(makeDirectories(scratch() / "tmp", 0777));
  add(scratch() / "tmp", "/tmp");
  add(pod.memory / "shm", "/dev/shm");
  add(pod.disk / "etc/hosts", "/etc/hosts");
  add(pod.disk / "etc/resolv.conf", "/etc/resolv.conf");
  const std::string message_path = plan_.termination_message_path();
  if (context_.rank) {
    // Where PMIx's server has what it shares with the ranks.
    const auto shared = context_.facts.env.find("PMIX_SERVER_TMPDIR");
    std::error_code error;
    if (shared != context_.facts.env.end() && fs::is_directory(shared->second, error)) {
      const fs::path folder = fs::path(shared->second).lexically_normal();
      add(folder, folder.string().ends_with('/') ? folder.parent_path().string() : folder.string());
    }
  }
  if (hasParentParts(message_path)) {
    return failure(Code::Invalid, "terminationMessagePath \"{}\": \"..\" is not allowed", message_path);
  }
  if (!message_path.empty()) {
    add(scratch() / "termination-log", message_path.starts_with("/") ? message_path : "/" + message_path);
  }
  sortByDepth(binds);
  container::resolveTargets(image_.path, binds);
  sortByDepth(binds);
  TRY_STATUS(makeInnerPoints(binds, pod));
  return binds;
}

Result<container::Launch> ContainerRunner::makeLaunch() {
  if (spansNodes()) {
    forgetRanks(context_.directory, plan_.name(), restarts_);
    return stepLaunch(*context_.step, context_.directory.path(), plan_.name(), restarts_);
  }
  TRY_STATUS(makeDirectories(scratch(), 0700));
  TRY(const FileDescriptor made, openFile(scratch() / "termination-log", O_CREAT | O_WRONLY, 0666));
  container::ContainerSpec spec;
  spec.image = image_;
  std::vector<std::string> command(plan_.command().begin(), plan_.command().end());
  std::vector<std::string> args(plan_.args().begin(), plan_.args().end());
  TRY(spec.argv, container::effectiveCommand(image_.config, command, args));
  for (std::string& word : spec.argv) word = withJobFields(std::move(word), context_.facts);
  spec.env = environment();
  spec.working_dir = !plan_.working_dir().empty() ? plan_.working_dir() : image_.config.working_dir;
  if (spec.working_dir.empty()) spec.working_dir = "/";
  spec.read_only_root = plan_.read_only_root();
  const Identity identity = identityOf(plan_, image_.config.user, image_.path);
  spec.user = identity.user;
  spec.group = identity.group;
  spec.hostname = hostnameOf(context_.plan);
  spec.scratch = scratch();
  if (!context_.runtime.isolates()) return context_.runtime.launch(spec);
  TRY(spec.binds, makeBinds());
  // What an image in one file says of its environment only the runtime knows.
  std::error_code error;
  const bool only = fs::is_directory(image_.path, error);
  entry_ = ProgramEntry::open(executor_, {spec.argv, spec.env, only, spec.working_dir});
  if (entry_) {
    spec.argv = entry_->argv();
    spec.working_dir = "/";
    spec.env = ofRuntime(spec.env);
  }
  return context_.runtime.launch(spec);
}

/// Looking at all processes of a node takes a while: the one that was found is asked first.
pid_t ContainerRunner::inside() const {
  if (spansNodes()) return firstRank();
  if (inside_ == 0 || !isStillInside(inside_, process_->instance(), process_->pid()))
    inside_ = insideContainer(process_->instance(), process_->pid());
  return inside_;
}

pid_t ContainerRunner::firstRank() const {
  const std::string rank = process_->instance() + "/0";
  if (context_.runtime.isolates()) return insideContainer(rank, -1);
  const auto processes = processesOf(rank, -1);
  return processes.empty() ? 0 : processes.front().pid;
}

bool ContainerRunner::entered() const {
  if (!process_) return false;
  if (spansNodes()) return firstRank() != 0;
  return !context_.runtime.isolates() || inside() != 0;
}

Result<SpawnOptions> ContainerRunner::execOptions(const std::vector<std::string>& command, bool tty, bool with_input,
                                                  const std::string& instance) const {
  if (!process_) {
    return failure(Code::ServiceUnavailable, "container {} is not running", plan_.name());
  }
  SpawnOptions options;
  options.tty = tty;
  options.stdin_open = with_input;
  options.launch.argv = command;
  if (!context_.runtime.isolates()) {
    options.launch.env = launch_.env;
    if (spansNodes()) {
      for (const auto& [name, value] : environment()) options.launch.env[name] = value;
    }
    options.launch.working_directory = launch_.working_directory;
  } else {
    options.join = inside();
    if (options.join == 0) return failure(Code::ServiceUnavailable, "container {} is still starting", plan_.name());
    options.launch.env = environment();
    options.launch.working_directory = !plan_.working_dir().empty() ? plan_.working_dir() : image_.config.working_dir;
  }
  if (tty) options.launch.env.emplace("TERM", "xterm");
  options.launch.env[std::string(kInstanceVariable)] = instance;
  return options;
}

std::string ContainerRunner::terminationMessage(int exit_code) const {
  constexpr size_t kMostOfFile = 4096;
  constexpr size_t kMostOfLog = 2048;
  constexpr size_t kMostLines = 80;
  const auto written = readHead(scratch() / "termination-log", kMostOfFile);
  if (written && !written->empty()) return toValidUtf8(*written);
  if (plan_.termination_message_policy() != "FallbackToLogsOnError" || exit_code == 0) return "";
  const auto text = pod::endOfLog(context_.directory.log(plan_.name(), restarts_), kMostLines, kMostOfLog);
  return text ? toValidUtf8(*text) : "";
}

uint64_t oomKills() {
  const auto membership = readFile("/proc/self/cgroup");
  if (!membership) return 0;
  for (const std::string_view line : split(*membership, '\n')) {
    const auto [id, rest] = splitOnce(line, ':');
    const auto [controllers, path] = splitOnce(rest, ':');
    const bool unified = id == "0";
    if (!unified && controllers != "memory") continue;
    const std::string base = fmt::format("/sys/fs/cgroup/{}{}", unified ? "" : "memory", path);
    const auto text = readFile(base + (unified ? "/memory.events" : "/memory.oom_control"));
    if (!text) continue;
    for (const std::string_view entry : split(*text, '\n')) {
      const auto [name, value] = splitOnce(entry, ' ');
      if (name == "oom_kill") return static_cast<uint64_t>(parseInt(value).value_or(0));
    }
  }
  return 0;
}

}  // namespace slipway::supervisor
