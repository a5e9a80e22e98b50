// See README.md: a Slurm without daemons.
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <iterator>

#include "base/files.h"
#include "base/strings.h"
#include "faults.h"
#include "print.h"
#include "run.h"
#include "state.h"

namespace fake_slurm {
namespace {

using Arguments = std::vector<std::string>;

/// "--name=value" and bare words; "-o", "-d" and the like are kept as they are.
struct Parsed {
  Values options;
  Arguments words;
};

Parsed parse(const Arguments& arguments) {
  Parsed parsed;
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--")) {
      const auto [name, value] = slipway::splitOnce(std::string_view(argument).substr(2), '=');
      parsed.options[std::string(name)] = std::string(value);
    } else if (argument.starts_with("-")) {
      parsed.options[argument.substr(1)] = "";
    } else {
      parsed.words.push_back(argument);
    }
  }
  return parsed;
}

int complain(std::string_view text, int code = 1) {
  fmt::print(stderr, "{}\n", text);
  return code;
}

/// "1-02:03:04", "02:03:04", "MM:SS", "MM".
int64_t limitOf(const std::string& text) {
  if (text.empty()) return 3600;
  const auto [days, clock] = text.find('-') == std::string::npos
                                 ? std::pair(std::string_view("0"), std::string_view(text))
                                 : slipway::splitOnce(text, '-');
  int64_t total = 0;
  const auto parts = slipway::split(clock, ':');
  for (const std::string_view part : parts) total = total * 60 + slipway::parseInt(part).value_or(0);
  return slipway::parseInt(days).value_or(0) * 86400 + (parts.size() == 1 ? total * 60 : total);
}

std::string expandOutput(std::string path, uint32_t id, const std::string& directory) {
  if (path.empty()) path = fmt::format("slurm-{}.out", id);
  path = slipway::replaceAll(path, "%j", std::to_string(id));
  return path[0] == '/' ? path : directory + "/" + path;
}

std::string userName() {
  const char* user = std::getenv("USER");
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : user != nullptr ? user : "user";
}

int sbatch(State& state, const Arguments& arguments, bool lose_answer) {
  const Parsed parsed = parse(arguments);
  const auto option = [&](const std::string& name, const std::string& fallback = "") {
    const auto found = parsed.options.find(name);
    return found == parsed.options.end() ? fallback : found->second;
  };
  if (parsed.options.contains("version")) return fmt::print("slurm {}\n", state.setting("version", "22.05.8")), 0;
  std::string script;
  if (parsed.options.contains("wrap")) {
    script = "#!/bin/sh\n" + option("wrap") + "\n";
  } else if (!parsed.words.empty()) {
    const auto text = slipway::readFile(parsed.words[0]);
    if (!text) return complain("sbatch: error: Unable to open file " + parsed.words[0]);
    script = *text;
  } else {
    script.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (!script.starts_with("#!")) return complain("sbatch: error: This does not look like a batch script.");
  const std::string partition = option("partition", "main");
  if (partition != "main" && partition != "gpu") {
    return complain(
        fmt::format("sbatch: error: invalid partition specified: {}\n"
                    "sbatch: error: Batch job submission failed: Invalid partition name specified",
                    partition));
  }
  if (option("account") == "nosuch") {
    return complain(
        "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified");
  }
  Job job{.id = state.nextId()};
  const std::string directory = option("chdir", std::filesystem::current_path().string());
  std::string memory = option("mem", "100M");
  if (memory.ends_with("M")) memory.pop_back();
  job.values = {{"name", option("job-name", "sbatch")},
                {"comment", option("comment")},
                {"partition", partition},
                {"account", option("account", "acc1")},
                {"qos", option("qos", "normal")},
                {"nodelist", option("nodelist")},
                {"cpus", option("cpus-per-task", "1")},
                {"memory", memory},
                {"limit", std::to_string(limitOf(option("time")))},
                {"directory", directory},
                {"output", expandOutput(option("output"), job.id, directory)},
                {"hold", parsed.options.contains("hold") ? "1" : "0"},
                {"state", "PENDING"},
                {"submit", std::to_string(nowSeconds())},
                {"uid", std::to_string(::getuid())},
                {"user", userName()}};
  const char* exec = std::getenv("FAKE_SLURM_EXEC");
  if (exec != nullptr && std::string_view(exec) == "1") {
    const std::filesystem::path file = state.directory() / fmt::format("script.{}", job.id);
    (void)slipway::writeFileAtomic(file, script, 0700);
    job.values["script_file"] = file.string();
    job.values["exec"] = "1";
    job.values["node"] = option("nodelist", "n1");
  }
  state.save(job);
  if (job.get("exec") == "1" && job.get("hold") != "1") startJob(state, job.id);
  if (lose_answer)
    return complain("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation");
  fmt::print("{}{}\n", parsed.options.contains("parsable") ? "" : "Submitted batch job ", job.id);
  return 0;
}

int signalNumber(const std::string& name) {
  for (const auto& [known, number] : {std::pair{"TERM", SIGTERM},
                                      {"KILL", SIGKILL},
                                      {"INT", SIGINT},
                                      {"HUP", SIGHUP},
                                      {"USR1", SIGUSR1},
                                      {"USR2", SIGUSR2}}) {
    if (name == known || name == std::string("SIG") + known) return number;
  }
  return static_cast<int>(slipway::parseInt(name).value_or(SIGTERM));
}

int scancel(State& state, const Arguments& arguments) {
  const Parsed parsed = parse(arguments);
  int code = 0;
  for (const std::string& word : parsed.words) {
    const auto id = slipway::parseInt(word);
    if (!id) return complain("scancel: error: Invalid job id " + word);
    const auto job = state.job(static_cast<uint32_t>(*id));
    // Like the real one: silent about jobs that are gone.
    if (!job || isOver(job->get("state"))) continue;
    if (job->number("uid") != ::getuid() && ::getuid() != 0) {
      code = complain(fmt::format("scancel: error: Kill job error on job id {}: Access/permission denied", *id), 210);
      continue;
    }
    const auto signal = parsed.options.find("signal");
    const bool has_signal = signal != parsed.options.end();
    signalJob(state, job->id, has_signal ? signalNumber(signal->second) : SIGTERM, parsed.options.contains("batch"),
              !has_signal);
  }
  return code;
}

int scontrol(State& state, const Arguments& arguments) {
  const Parsed parsed = parse(arguments);
  const Arguments& words = parsed.words;
  if (parsed.options.contains("version") || parsed.options.contains("V")) {
    return fmt::print("slurm {}\n", state.setting("version", "22.05.8")), 0;
  }
  if (words.empty()) return complain("scontrol: no command");
  const std::string what = words.size() > 1 ? words[1] : "";
  const std::string which = words.size() > 2 ? words[2] : "";
  if (words[0] == "ping") return fmt::print("Slurmctld(primary) at fake is UP\n"), 0;
  if (words[0] == "show" && what.starts_with("node")) return printNodes(state, which), 0;
  if (words[0] == "show" && what.starts_with("config")) return printConfig(state), 0;
  if (words[0] == "show" && what.starts_with("job")) {
    return printJobs(state, which) ? 0 : complain("slurm_load_jobs error: Invalid job id specified");
  }
  if (words[0] == "requeue") {
    requeueJob(state, static_cast<uint32_t>(slipway::parseInt(what).value_or(0)));
    return 0;
  }
  return complain(fmt::format("invalid keyword: {}", words[0]));
}

int sacct(const State& state, const Arguments& arguments) {
  if (state.setting("accounting", "slurmdbd") == "none") return complain("Slurm accounting storage is disabled");
  const Parsed parsed = parse(arguments);
  const auto ids = parsed.options.find("jobs");
  printSacct(state, ids == parsed.options.end() ? "" : ids->second);
  return 0;
}

int squeue(const State& state) {
  for (const Job& job : state.jobs()) {
    if (!isOver(job.get("state"))) fmt::print("{} {} {}\n", job.id, job.get("state"), job.get("name"));
  }
  return 0;
}

/// What is called under the program's own name.
int manage(const Arguments& arguments) {
  const std::string verb = arguments.empty() ? "" : arguments[0];
  if (verb == "init" && arguments.size() >= 2) {
    const std::filesystem::path directory = arguments[1];
    std::filesystem::create_directories(directory / "jobs");
    Values settings = readValues(directory / "settings");
    for (size_t i = 2; i < arguments.size(); ++i) {
      const auto [key, value] = slipway::splitOnce(arguments[i], '=');
      settings[std::string(key)] = std::string(value);
    }
    writeValues(directory / "settings", settings);
    return 0;
  }
  const char* directory = std::getenv("FAKE_SLURM_DIR");
  if (directory == nullptr)
    return complain("usage: fake_slurm init DIR [key=value ...] | set-node | set-job | stop (see README.md)", 2);
  State state(directory);
  if (verb == "set-node" && arguments.size() >= 3) {
    Values values{{"state", arguments[2]}};
    if (arguments.size() > 3) values["reason"] = arguments[3];
    writeValues(state.directory() / ("node." + arguments[1]), values);
    return 0;
  }
  if (verb == "set-job" && arguments.size() == 4) {
    const bool known = state.change(static_cast<uint32_t>(slipway::parseInt(arguments[1]).value_or(0)),
                                    [&](Job& job) { job.values[arguments[2]] = arguments[3]; });
    return known ? 0 : complain("no such job");
  }
  if (verb == "stop") {
    for (const Job& job : state.jobs()) {
      if (job.number("pid") > 0) ::kill(-static_cast<pid_t>(job.number("pid")), SIGKILL);
    }
    return 0;
  }
  return complain("usage: fake_slurm init | set-node | set-job | stop (see README.md)", 2);
}

int run(const std::string& program, const Arguments& arguments) {
  if (program == "fake_slurm") return manage(arguments);
  const char* directory = std::getenv("FAKE_SLURM_DIR");
  if (directory == nullptr) return complain(program + ": error: FAKE_SLURM_DIR is not set");
  State state(directory);
  {
    const auto calls = slipway::openFile(state.directory() / "calls", O_WRONLY | O_CREAT | O_APPEND);
    if (calls) (void)slipway::writeAll(calls->get(), program + " " + slipway::join(arguments, " ") + "\n");
  }
  const bool lose_answer = applyFaults(state, program);
  if (program == "sbatch") return sbatch(state, arguments, lose_answer);
  if (program == "scancel") return scancel(state, arguments);
  if (program == "scontrol") return scontrol(state, arguments);
  if (program == "sacct") return sacct(state, arguments);
  if (program == "squeue") return squeue(state);
  if (program == "sinfo") return fmt::print("slurm {}\n", state.setting("version", "22.05.8")), 0;
  return complain("fake_slurm: unknown name " + program);
}

}  // namespace
}  // namespace fake_slurm

int main(int argc, char** argv) {
  const std::string program = std::filesystem::path(argv[0]).filename().string();
  const int code = fake_slurm::run(program, {argv + 1, argv + argc});
  std::fflush(stdout);
  return code;
}
