#include "print.h"

#include <sys/types.h>
#include <unistd.h>

#include <ctime>

#include "base/strings.h"

namespace fake_slurm {
namespace {

/// Standard output in large pieces.
class Output {
 public:
  ~Output() { flush(); }
  template <typename... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    if (text_.size() > 1U << 20U) flush();
  }

 private:
  void flush() {
    size_t done = 0;
    while (done < text_.size()) {
      const ssize_t put = ::write(1, text_.data() + done, text_.size() - done);
      if (put <= 0) break;
      done += static_cast<size_t>(put);
    }
    text_.clear();
  }
  std::string text_;
};

uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31U);
}

std::string spanText(int64_t seconds) {
  return fmt::format("{}{:02}:{:02}:{:02}", seconds >= 86400 ? fmt::format("{}-", seconds / 86400) : "",
                     seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

std::string timeOr(int64_t seconds) {
  return seconds == 0 ? "Unknown" : timeText(seconds);
}

/// A job as it is printed, submitted or generated.
struct Row {
  uint32_t id = 0;
  std::string name, user = "user1", account = "acc1", qos = "normal", state, reason = "None", partition = "main";
  uint32_t uid = 5001, restarts = 0;
  int64_t limit = 3600, submit = 0, start = 0, end = 0, cpus = 1, memory = 1000, gpus = 0;
  std::string nodes, exit = "0:0", directory = "/home/user1", comment, output = "/dev/null", array;
};

void printRow(Output& out, const Row& row) {
  const bool placed = !row.nodes.empty();
  const int64_t run =
      row.start == 0 ? 0 : (row.end != 0 && row.end < nowSeconds() ? row.end : nowSeconds()) - row.start;
  const std::string tres = fmt::format("cpu={},mem={}M,node=1,billing={}{}", row.cpus, row.memory, row.cpus,
                                       row.gpus > 0 ? fmt::format(",gres/gpu={}", row.gpus) : "");
  out.print(
      "JobId={} {}JobName={} UserId={}({}) GroupId=users(100) MCS_label=N/A Priority=4294901759 Nice=0 Account={} "
      "QOS={} "
      "JobState={} Reason={} Dependency=(null) Requeue=1 Restarts={} BatchFlag=1 Reboot=0 ExitCode={} "
      "DerivedExitCode=0:0 "
      "RunTime={} TimeLimit={} TimeMin=N/A SubmitTime={} EligibleTime={} AccrueTime={} StartTime={} EndTime={} "
      "Deadline=N/A "
      "SuspendTime=None SecsPreSuspend=0 LastSchedEval={} Scheduler=Main Partition={} AllocNode:Sid=login1:1234 "
      "ReqNodeList=(null) ExcNodeList=(null) NodeList={} ",
      row.id, row.array, row.name, row.user, row.uid, row.account, row.qos, row.state, row.reason, row.restarts,
      row.exit, spanText(run), spanText(row.limit), timeOr(row.submit), timeOr(row.submit), timeOr(row.submit),
      timeOr(row.start),
      timeOr(row.end != 0     ? row.end
             : row.start == 0 ? 0
                              : row.start + row.limit),
      timeText(nowSeconds()), row.partition, row.nodes);
  if (placed) out.print("BatchHost={} ", row.nodes);
  out.print(
      "NumNodes=1 NumCPUs={} NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:* TRES={} Socks/Node=* NtasksPerN:B:S:C=0:0:*:* "
      "CoreSpec=* ",
      row.cpus, tres);
  const std::string gres = row.gpus > 0 ? fmt::format("gpu:{}", row.gpus) : "";
  if (placed) {
    out.print("JOB_GRES={}   Nodes={} CPU_IDs=0-{} Mem={} GRES={} ", gres.empty() ? "(null)" : gres, row.nodes,
              row.cpus - 1, row.memory, gres);
  }
  out.print(
      "MinCPUsNode=1 MinMemoryNode={}M MinTmpDiskNode=0 Features=(null) DelayBoot=00:00:00 OverSubscribe=OK "
      "Contiguous=0 "
      "Licenses=(null) Network=(null) Command=(null) WorkDir={} {}StdErr={} StdIn=/dev/null StdOut={} Power= \n",
      row.memory, row.directory, row.comment.empty() ? "" : fmt::format("Comment={}  ", row.comment), row.output,
      row.output);
}

Row rowOf(const Job& job) {
  Row row;
  row.id = job.id;
  row.name = job.get("name", "sbatch");
  row.user = job.get("user", "user");
  row.uid = static_cast<uint32_t>(job.number("uid"));
  row.account = job.get("account", "(null)");
  row.qos = job.get("qos", "normal");
  row.state = job.get("state");
  row.reason = job.get("reason", row.state == "PENDING" ? "Priority" : "None");
  row.partition = job.get("partition", "main");
  row.restarts = static_cast<uint32_t>(job.number("restarts"));
  row.limit = job.number("limit", 3600);
  row.submit = job.number("submit");
  row.start = job.number("start");
  row.end = job.number("end");
  row.cpus = job.number("cpus", 1);
  row.memory = job.number("memory", 100);
  row.nodes = job.get("node");
  row.exit = job.get("exit", "0:0");
  row.directory = job.get("directory", "/");
  row.comment = job.get("comment");
  row.output = job.get("output", "/dev/null");
  return row;
}

/// Jobs that nobody submitted: number `i` of the settings. `epoch` changes what the churn touches.
Row generated(const State& state, uint32_t i, int64_t nodes, int64_t churn) {
  const int64_t minute = nowSeconds() / 60;
  const uint64_t chance = mix(i);
  const bool changes = churn > 0 && static_cast<int64_t>(chance % 100) < churn;
  const uint64_t seed = changes ? mix(i * 31ULL + static_cast<uint64_t>(minute)) : chance;
  Row row;
  row.id = i + 1;
  row.name = fmt::format("job-{}", seed % 97);
  row.user = fmt::format("user{}", chance % 50);
  row.uid = static_cast<uint32_t>(5000 + chance % 50);
  row.account = fmt::format("acc{}", chance % 7);
  row.partition = chance % 5 == 0 ? "gpu" : "main";
  row.submit = 1'790'000'000 + i;
  row.cpus = static_cast<int64_t>(1 + chance % 8);
  row.memory = static_cast<int64_t>(1000 * (1 + chance % 4));
  row.directory = fmt::format("/home/{}/project/run-{}", row.user, i);
  row.output = fmt::format("{}/slurm-{}.out", row.directory, row.id);
  const uint64_t kind = (seed >> 8U) % 10;
  if (kind < 7 && nodes > 0) {
    row.state = "RUNNING";
    row.nodes = fmt::format("n{}", 1 + i % static_cast<uint32_t>(nodes));
    row.start = row.submit + 100;
    row.gpus = row.partition == "gpu" ? 1 : 0;
  } else if (kind < 9) {
    row.state = "PENDING";
    row.reason = "Resources";
  } else {
    row.state = "COMPLETED";
    row.start = row.submit + 10;
    row.end = row.submit + 100;
    row.nodes = fmt::format("n{}", 1 + i % static_cast<uint32_t>(std::max<int64_t>(1, nodes)));
  }
  (void)state;
  return row;
}

}  // namespace

std::string timeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::localtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

void printNodes(const State& state, const std::string& only) {
  Output out;
  const int64_t nodes = state.number("nodes", 4), jobs = state.number("jobs", 0), churn = state.number("churn", 0);
  const int64_t cpus = state.number("cpus", 64), memory = state.number("memory", 256000),
                gpus = state.number("gpus", 0);
  std::vector<int64_t> used(static_cast<size_t>(nodes) + 1), used_memory(used.size());
  for (int64_t i = 0; i < jobs; ++i) {
    const Row row = generated(state, static_cast<uint32_t>(i), nodes, churn);
    if (row.state != "RUNNING") continue;
    used[static_cast<size_t>(i % nodes) + 1] += row.cpus;
    used_memory[static_cast<size_t>(i % nodes) + 1] += row.memory;
  }
  const std::string boot = timeText(1'790'000'000);
  for (int64_t i = 1; i <= nodes; ++i) {
    const std::string name = fmt::format("n{}", i);
    if (!only.empty() && only != name) continue;
    const int64_t allocated = std::min(used[static_cast<size_t>(i)], cpus);
    const auto set = nodes <= 1000 ? state.nodeState(name) : std::nullopt;
    const std::string gres = gpus > 0 ? fmt::format("gpu:a100:{}", gpus) : "(null)";
    out.print(
        "NodeName={} Arch=x86_64 CoresPerSocket={}  CPUAlloc={} CPUEfctv={} CPUTot={} CPULoad={}.50 "
        "AvailableFeatures=zone{} "
        "ActiveFeatures=zone{} Gres={} NodeAddr={} NodeHostName={} Version={} OS=Linux 5.14.0 #1 SMP PREEMPT_DYNAMIC  "
        "RealMemory={} AllocMem={} FreeMem={} Sockets=1 Boards=1 State={} ThreadsPerCore=1 TmpDisk=0 Weight=1 "
        "Owner=N/A "
        "MCS_label=N/A Partitions=main{}  BootTime={} SlurmdStartTime={} LastBusyTime={} "
        "CfgTRES=cpu={},mem={}M,billing={} "
        "AllocTRES=cpu={},mem={}M CapWatts=n/a CurrentWatts=0 AveWatts=0 ExtSensorsJoules=n/s ExtSensorsWatts=0 "
        "ExtSensorsTemp=n/s {}\n",
        name, cpus, allocated, cpus, cpus, allocated, i % 4, i % 4, gres, name, name,
        state.setting("version", "22.05.8"), memory, std::min(used_memory[static_cast<size_t>(i)], memory), memory / 2,
        set                 ? set->first
        : allocated == 0    ? "IDLE"
        : allocated >= cpus ? "ALLOCATED"
                            : "MIXED",
        i % 5 == 0 ? ",gpu" : "", boot, boot, boot, cpus, memory, cpus, allocated,
        std::min(used_memory[static_cast<size_t>(i)], memory),
        set && !set->second.empty() ? fmt::format("Reason={} [root@{}]", set->second, boot) : "");
  }
  if (nodes == 0) out.print("No nodes in the system\n");
}

bool printJobs(const State& state, const std::string& only) {
  Output out;
  size_t printed = 0;
  const int64_t jobs = state.number("jobs", 0), nodes = state.number("nodes", 4), churn = state.number("churn", 0);
  for (int64_t i = 0; i < jobs; ++i) {
    if (!only.empty() && only != std::to_string(i + 1)) continue;
    printRow(out, generated(state, static_cast<uint32_t>(i), nodes, churn));
    ++printed;
  }
  for (const Job& job : state.jobs()) {
    if (!state.isShown(job) || (!only.empty() && only != std::to_string(job.id))) continue;
    printRow(out, rowOf(job));
    ++printed;
  }
  if (printed == 0 && only.empty()) out.print("No jobs in the system\n");
  return printed > 0 || only.empty();
}

void printConfig(const State& state) {
  Output out;
  out.print("Configuration data as of {}\n", timeText(nowSeconds()));
  out.print("AccountingStorageType   = accounting_storage/{}\n", state.setting("accounting", "slurmdbd"));
  out.print("ClusterName             = {}\n", state.setting("cluster", "fake"));
  out.print("KillWait                = {} sec\n", state.number("kill_wait", 2));
  out.print("MinJobAge               = {} sec\n", state.number("min_job_age", 300));
  out.print("SLURM_VERSION           = {}\n\n", state.setting("version", "22.05.8"));
}

void printSacct(const State& state, const std::string& ids) {
  Output out;
  for (const Job& job : state.jobs()) {
    if (!ids.empty() && ("," + ids + ",").find(fmt::format(",{},", job.id)) == std::string::npos) continue;
    out.print("{}|{}|{}|{}|{}|{}|{}|{}\n", job.id, job.get("state"), job.get("exit", "0:0"),
              timeOr(job.number("start")), timeOr(job.number("end")), job.get("node", "None assigned"),
              job.get("directory"), job.get("comment"));
  }
}

}  // namespace fake_slurm
