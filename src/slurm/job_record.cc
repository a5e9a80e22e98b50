#include "slurm/job_record.h"

#include <charconv>

#include "base/strings.h"
#include "slurm/fields.h"

namespace slipway::slurm {
namespace {

using F = JobField;
constexpr FieldKey keep(std::string_view name, F field, Kind kind = Kind::Word) {
  return {name, static_cast<uint8_t>(field), kind};
}
constexpr FieldKey skip(std::string_view name, Kind kind = Kind::Word) {
  return {name, 0, kind};
}

constexpr FieldKey lateKeep(std::string_view name, F field, Kind kind) {
  return {name, static_cast<uint8_t>(field), kind, true};
}
constexpr FieldKey late(std::string_view name, Kind kind = Kind::Word) {
  return {name, 0, kind, true};
}

/// Marks the four keys of the `-d` lines; they repeat, so they are no single values.
constexpr uint8_t kNodes = 200, kCpuIds = 201, kMem = 202, kGres = 203;

/// Every key that a job record has in Slurm 20.11 to 26.05. Those not kept are here to end the texts before them.
constexpr auto kKeys = std::to_array<FieldKey>({
    keep("JobId", F::JobId),
    keep("ArrayJobId", F::ArrayJobId),
    keep("ArrayTaskId", F::ArrayTaskId),
    skip("ArrayTaskThrottle"),
    keep("HetJobId", F::HetJobId),
    keep("HetJobOffset", F::HetJobOffset),
    keep("JobName", F::JobName, Kind::Text),
    skip("HetJobIdSet"),
    skip("SLUID"),
    keep("UserId", F::UserId),
    skip("GroupId"),
    skip("MCS_label"),
    skip("Priority"),
    skip("Nice"),
    keep("Account", F::Account),
    keep("QOS", F::Qos),
    skip("WCKey", Kind::Text),
    keep("JobState", F::State, Kind::Text),
    keep("Reason", F::Reason, Kind::Text),
    skip("FailedNode"),
    skip("Dependency", Kind::Text),
    skip("Requeue"),
    keep("Restarts", F::Restarts),
    keep("BatchFlag", F::BatchFlag),
    skip("Reboot"),
    keep("ExitCode", F::ExitCode),
    skip("DerivedExitCode"),
    keep("RunTime", F::RunTime),
    keep("TimeLimit", F::TimeLimit),
    skip("TimeMin"),
    keep("SubmitTime", F::SubmitTime),
    skip("EligibleTime"),
    skip("AccrueTime"),
    keep("StartTime", F::StartTime),
    keep("EndTime", F::EndTime),
    skip("Deadline"),
    skip("ResizeTime"),
    skip("PreemptEligibleTime"),
    skip("PreemptTime"),
    skip("SuspendTime"),
    skip("SecsPreSuspend"),
    skip("LastSchedEval"),
    skip("Scheduler"),
    skip("BitFlags"),
    keep("Partition", F::Partition),
    skip("AllocNode:Sid"),
    skip("ReqNodeList"),
    skip("ExcNodeList"),
    keep("NodeList", F::NodeList),
    skip("SchedNodeList"),
    keep("BatchHost", F::BatchHost),
    keep("NumNodes", F::NumNodes),
    keep("NumCPUs", F::NumCpus),
    skip("NumTasks"),
    skip("CPUs/Task"),
    skip("ReqB:S:C:T"),
    keep("TRES", F::Tres),
    keep("ReqTRES", F::ReqTres),
    keep("AllocTRES", F::AllocTres),
    skip("Socks/Node"),
    skip("NtasksPerN:B:S:C"),
    skip("CoreSpec"),
    skip("ThreadSpec"),
    skip("CpusPerTres"),
    keep("JOB_GRES", F::JobGres),
    {"Nodes", kNodes},
    {"CPU_IDs", kCpuIds},
    {"Mem", kMem},
    {"GRES", kGres},
    skip("MinCPUsNode"),
    skip("MinMemoryCPU"),
    skip("MinMemoryNode"),
    skip("MinTmpDiskNode"),
    skip("Features", Kind::Text),
    skip("ClusterFeatures", Kind::Text),
    skip("Prefer", Kind::Text),
    skip("DelayBoot"),
    skip("Reservation", Kind::Text),
    skip("OverSubscribe"),
    skip("Shared"),
    skip("Exclusive"),
    skip("Contiguous"),
    skip("Licenses", Kind::Text),
    skip("LicensesAlloc", Kind::Text),
    skip("Network", Kind::Text),
    late("Command", Kind::Text),
    late("SubmitLine", Kind::Text),
    lateKeep("WorkDir", F::WorkDir, Kind::Text),
    late("Switches", Kind::Text),
    late("BurstBuffer", Kind::Text),
    late("BurstBufferState", Kind::Text),
    late("AdminComment", Kind::Text),
    late("SystemComment", Kind::Text),
    lateKeep("Comment", F::Comment, Kind::Text),
    late("Extra", Kind::Text),
    late("Container", Kind::Text),
    late("ContainerID", Kind::Text),
    late("StdErr", Kind::Text),
    late("StdIn", Kind::Text),
    lateKeep("StdOut", F::StdOut, Kind::Text),
    late("Power"),
    late("CpuFreq"),
    late("CPU_max_freq"),
    late("TresPerJob", Kind::Text),
    late("TresPerNode", Kind::Text),
    late("TresPerSocket", Kind::Text),
    late("TresPerTask", Kind::Text),
    late("TresBind", Kind::Text),
    late("TresFreq", Kind::Text),
    late("MemPerTres", Kind::Text),
    late("CpusPerTRES", Kind::Text),
    late("MailUser", Kind::Text),
    late("MailType"),
    late("GtidPerTask"),
    late("NtasksPerTRES"),
    late("NtasksPerTres"),
    late("Cluster"),
    late("Origin"),
    late("OriginRaw"),
    late("ViableSiblings"),
    late("ActiveSiblings"),
    late("SegmentSize"),
    late("OOMKillStep"),
    late("Oversubscribe"),
    late("StepMgrEnabled"),
    late("ResvPorts"),
    late("NodeListExpanded"),
    late("JobIdSet"),
    late("PackJobId"),
    late("PackJobOffset"),
    late("PackJobIdSet"),
});
constexpr FieldTable<kKeys.size()> kTable(kKeys);

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Whether "UserId=<name>(<number>) GroupId=" stands at `at`.
bool isUserField(std::string_view record, size_t at) {
  const std::string_view rest = record.substr(at, 300);
  const size_t space = rest.find(' ');
  if (space == std::string_view::npos || space < 3 || rest[space - 1] != ')') return false;
  size_t digit = space - 1;
  while (digit > 0 && rest[digit - 1] >= '0' && rest[digit - 1] <= '9') --digit;
  return digit < space - 1 && rest[digit - 1] == '(' && rest.substr(space + 1).starts_with("GroupId=");
}

/// "SLUID=" and "HetJobIdSet=" stand between the name and UserId; neither has spaces in its value.
std::string_view withoutSuffixFields(std::string_view name) {
  for (int i = 0; i < 2; ++i) {
    name = trimmed(name);
    const size_t space = name.rfind(' ');
    if (space == std::string_view::npos) break;
    const std::string_view last = name.substr(space + 1);
    if (last.starts_with("SLUID=") || last.starts_with("HetJobIdSet=")) name = name.substr(0, space);
  }
  return trimmed(name);
}

uint32_t toId(std::string_view text) {
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

/// The state of reading one record.
class JobParser {
 public:
  JobParser(std::string_view record, JobRecord& out) : text_(record), scanner_(kTable, record), out_(out) {}

  void run() {
    for (FieldWord word = scanner_.next(); word.key != nullptr;) {
      if (word.key->name == "JobName" && !seen(F::JobName) && !seen(F::UserId)) {
        word = readName(word);
        continue;
      }
      if (isTail(word.key->name)) tail_ = true;
      if (restartsBody(word)) {
        rereadBodyFrom(word);
      }
      word = word.key->kind == Kind::Text ? readText(word) : readWord(word);
    }
  }

 private:
  bool seen(F field) const { return out_.get(field).data() != nullptr; }
  void put(uint8_t field, std::string_view value) { out_.values_[field] = value; }
  static bool isTail(std::string_view name) { return name == "Command" || name == "WorkDir"; }

  /// A name ends at the first UserId that has the right form, SubmitTime not having come; restartsBody() corrects that.
  FieldWord readName(const FieldWord& name) {
    name_begin_ = name.value;
    scanner_.skipWord();
    FieldWord first{};
    for (FieldWord word = scanner_.next(); word.key != nullptr; word = scanner_.next()) {
      if (word.key->name == "UserId" && isUserField(text_, word.at)) {
        put(static_cast<uint8_t>(F::JobName), withoutSuffixFields(text_.substr(name_begin_, word.at - name_begin_)));
        return word;
      }
      if (first.key == nullptr) first = word;
      scanner_.skipWord();
    }
    // No UserId: the name ends at whatever key comes next.
    const size_t end = first.key == nullptr ? text_.size() : first.at;
    put(static_cast<uint8_t>(F::JobName), trimmed(text_.substr(name_begin_, end - name_begin_)));
    scanner_.seek(end);
    return scanner_.next();
  }

  bool restartsBody(const FieldWord& word) const {
    return word.key->name == "UserId" && seen(F::UserId) && name_begin_ != 0 && !seen(F::SubmitTime) && !tail_ &&
           isUserField(text_, word.at);
  }

  /// What was read since the name was a part of the name.
  void rereadBodyFrom(const FieldWord& word) {
    for (size_t i = static_cast<size_t>(F::UserId); i < out_.values_.size(); ++i) out_.values_[i] = {};
    out_.details_.clear();
    put(static_cast<uint8_t>(F::JobName), withoutSuffixFields(text_.substr(name_begin_, word.at - name_begin_)));
  }

  FieldWord readWord(const FieldWord& word) {
    const size_t end = scanner_.skipWord();
    store(word, text_.substr(word.value, end - word.value));
    return scanner_.next();
  }

  FieldWord readText(const FieldWord& word) {
    scanner_.skipWord();
    FieldWord next = scanner_.next();
    while (tail_ && next.key != nullptr && !next.key->late && isKnownAlready(*next.key)) {
      scanner_.skipWord();
      next = scanner_.next();
    }
    store(word, trimmed(text_.substr(word.value, next.at - word.value)));
    return next;
  }

  /// An early key in a late text is a part of that text, unless it is one that is missing so far.
  bool isKnownAlready(const FieldKey& key) const {
    return key.field == 0 || key.field >= kNodes || seen(static_cast<F>(key.field));
  }

  void store(const FieldWord& word, std::string_view value) {
    const uint8_t field = word.key->field;
    if (field == 0) return;
    if (field >= kNodes) return storeDetail(field, value);
    const F which = static_cast<F>(field);
    const bool head = field < static_cast<uint8_t>(F::JobName);
    if (head && (seen(F::JobName) && tail_)) return;
    // StdOut stands after every text of the user's, so there the last one counts.
    if (seen(which) && which != F::StdOut) return;
    put(field, value.data() == nullptr ? std::string_view("") : value);
  }

  void storeDetail(uint8_t field, std::string_view value) {
    if (tail_) return;
    if (field == kNodes) {
      out_.details_.push_back({.nodes = value});
    } else if (!out_.details_.empty()) {
      JobNodesDetail& last = out_.details_.back();
      (field == kCpuIds ? last.cpu_ids : field == kMem ? last.memory : last.gres) = value;
    }
  }

  std::string_view text_;
  FieldScanner<kKeys.size()> scanner_;
  JobRecord& out_;
  size_t name_begin_ = 0;
  bool tail_ = false;
};

Result<void> parseJob(std::string_view record, JobRecord& out) {
  out.values_.fill({});
  out.details_.clear();
  JobParser(record, out).run();
  size_t users = 0;
  for (size_t at = record.find("UserId="); at != std::string_view::npos; at = record.find("UserId=", at + 1)) {
    users += isUserField(record, at) ? 1 : 0;
  }
  out.ambiguous_user_ = users > 1;
  if (out.id() == 0) {
    return failure(Code::BadRequest, "a job record without an id: \"{}\"", toValidUtf8(record.substr(0, 120)));
  }
  return {};
}

uint32_t JobRecord::id() const {
  return toId(get(F::JobId));
}

uint32_t JobRecord::uid() const {
  if (ambiguous_user_) return UINT32_MAX;
  const std::string_view value = get(F::UserId);
  const size_t open = value.rfind('(');
  uint32_t uid = UINT32_MAX;
  if (open != std::string_view::npos) std::from_chars(value.data() + open + 1, value.data() + value.size(), uid);
  return uid;
}

std::string_view JobRecord::user() const {
  if (ambiguous_user_) return "";
  const std::string_view value = get(F::UserId);
  const size_t open = value.rfind('(');
  return open == std::string_view::npos ? value : value.substr(0, open);
}

uint64_t JobRecord::hash() const {
  uint64_t hash = 1469598103934665603ULL;
  const auto mix = [&hash](std::string_view text) {
    hash = (hash ^ text.size()) * 0x9E3779B97F4A7C15ULL;
    while (text.size() >= 8) {
      uint64_t piece = 0;
      __builtin_memcpy(&piece, text.data(), 8);
      hash = (hash ^ piece) * 0x9E3779B97F4A7C15ULL;
      hash ^= hash >> 29U;
      text.remove_prefix(8);
    }
    uint64_t rest = 0;
    __builtin_memcpy(&rest, text.data(), text.size());
    hash = (hash ^ rest) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 32U;
  };
  for (size_t i = 1; i < values_.size(); ++i) {
    if (i != static_cast<size_t>(F::RunTime)) mix(values_[i]);
  }
  for (const JobNodesDetail& detail : details_) {
    mix(detail.nodes);
    mix(detail.cpu_ids);
    mix(detail.memory);
    mix(detail.gres);
  }
  return hash;
}

}  // namespace slipway::slurm
