#include "slurm/node_record.h"

#include "base/strings.h"
#include "slurm/fields.h"
#include "slurm/states.h"
#include "slurm/values.h"

namespace slipway::slurm {
namespace {

using F = NodeField;
constexpr FieldKey keep(std::string_view name, F field, Kind kind = Kind::Word) {
  return {name, static_cast<uint8_t>(field), kind};
}
constexpr FieldKey skip(std::string_view name, Kind kind = Kind::Word) {
  return {name, 0, kind};
}

/// Every key that a node record has in Slurm 20.11 to 26.05.
constexpr auto kKeys = std::to_array<FieldKey>({
    keep("NodeName", F::Name),
    keep("Arch", F::Arch),
    skip("CoresPerSocket"),
    keep("CPUAlloc", F::CpuAlloc),
    keep("CPUEfctv", F::CpuEffective),
    keep("CPUTot", F::CpuTotal),
    keep("CPULoad", F::CpuLoad),
    keep("AvailableFeatures", F::AvailableFeatures, Kind::Text),
    keep("ActiveFeatures", F::ActiveFeatures, Kind::Text),
    keep("Gres", F::Gres, Kind::Text),
    skip("GresDrain", Kind::Text),
    skip("GresUsed", Kind::Text),
    keep("NodeAddr", F::Address),
    keep("NodeHostName", F::HostName),
    skip("Port"),
    keep("Version", F::Version),
    keep("OS", F::Os, Kind::Text),
    keep("RealMemory", F::RealMemory),
    keep("AllocMem", F::AllocMem),
    keep("FreeMem", F::FreeMem),
    skip("Sockets"),
    skip("Boards"),
    skip("SocketsPerBoard"),
    keep("CoreSpecCount", F::CoreSpecCount),
    skip("CPUSpecList"),
    keep("MemSpecLimit", F::MemSpecLimit),
    keep("State", F::State),
    skip("ThreadsPerCore"),
    skip("TmpDisk"),
    skip("Weight"),
    skip("Owner"),
    skip("MCS_label"),
    skip("NextState"),
    keep("Partitions", F::Partitions),
    keep("BootTime", F::BootTime),
    skip("SlurmdStartTime"),
    skip("LastBusyTime"),
    skip("ResumeAfterTime"),
    skip("SuspendTime"),
    keep("CfgTRES", F::CfgTres),
    skip("AllocTRES"),
    skip("CapWatts"),
    skip("CurrentWatts"),
    skip("AveWatts"),
    skip("ExtSensorsJoules"),
    skip("ExtSensorsWatts"),
    skip("ExtSensorsTemp"),
    skip("CurrentJoules"),
    skip("ConsumedJoules"),
    skip("LowestJoules"),
    skip("Comment", Kind::Text),
    skip("Extra", Kind::Text),
    keep("Reason", F::Reason, Kind::Text),
    skip("InstanceId", Kind::Text),
    skip("InstanceType", Kind::Text),
    skip("ReservationName", Kind::Text),
    skip("Topology", Kind::Text),
    skip("Parameters", Kind::Text),
    skip("BcastAddr"),
    skip("CpuBind"),
    skip("ResCoresPerGPU"),
    skip("GPUSpec"),
    skip("ReqNodeList"),
    skip("CertLastRenewal"),
    skip("TLSCertLastRenewal"),
});
constexpr FieldTable<kKeys.size()> kTable(kKeys);

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string textOf(std::string_view value) {
  return isNothing(value) ? std::string() : toValidUtf8(value);
}

/// "bad DIMM [root@2026-11-22T02:29:34]" → "bad DIMM".
std::string_view withoutAuthor(std::string_view reason) {
  const size_t open = reason.rfind(" [");
  const bool author =
      open != std::string_view::npos && reason.ends_with("]") && reason.find('@', open) != std::string_view::npos;
  return author ? reason.substr(0, open) : reason;
}

void addNames(std::string_view list, google::protobuf::RepeatedPtrField<std::string>& out) {
  if (isNothing(list)) return;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= list.size(); ++i) {
    const char c = i < list.size() ? list[i] : ',';
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c != ',' || (depth > 0 && i < list.size())) continue;
    const std::string_view name = trim(list.substr(begin, i - begin));
    if (!name.empty()) *out.Add() = toValidUtf8(name);
    begin = i + 1;
  }
}

}  // namespace

Result<void> parseNode(std::string_view record, NodeRecord& out) {
  out.values_.fill({});
  FieldScanner<kKeys.size()> scanner(kTable, record);
  for (FieldWord word = scanner.next(); word.key != nullptr;) {
    FieldWord following;
    std::string_view value;
    if (word.key->kind == Kind::Text) {
      scanner.skipWord();
      following = scanner.next();
      value = trimmed(record.substr(word.value, following.at - word.value));
    } else {
      value = record.substr(word.value, scanner.skipWord() - word.value);
      following = scanner.next();
    }
    // Of two equal keys the first counts: texts that people write (Comment, Extra, Reason) come last.
    std::string_view& slot = out.values_[word.key->field];
    if (slot.data() == nullptr) slot = value;
    word = following;
  }
  if (out.name().empty()) {
    return failure(Code::BadRequest, "a node record without a name: \"{}\"", toValidUtf8(record.substr(0, 120)));
  }
  return {};
}

void toProto(const NodeRecord& record, site::v1::Node& out) {
  out.Clear();
  out.set_name(toValidUtf8(record.name()));
  State state = parseNodeState(record.get(F::State));
  out.set_state(std::move(state.base));
  for (std::string& flag : state.flags) out.add_flags(std::move(flag));
  out.set_reason(textOf(withoutAuthor(record.get(F::Reason))));
  out.set_cpus(parseCount(record.get(F::CpuTotal)));
  out.set_cpus_allocated(parseCount(record.get(F::CpuAlloc)));
  // CPUEfctv is what is left after core specialisation; it knows hyper-threads, CoreSpecCount does not.
  const int64_t effective = parseCount(record.get(F::CpuEffective));
  if (effective > 0 && effective < out.cpus()) {
    out.set_cpus_reserved(out.cpus() - effective);
  } else if (effective == 0) {
    out.set_cpus_reserved(parseCount(record.get(F::CoreSpecCount)));
  }
  out.set_memory_mib(parseMemoryMib(record.get(F::RealMemory)));
  out.set_memory_allocated_mib(parseMemoryMib(record.get(F::AllocMem)));
  out.set_memory_free_mib(isNothing(record.get(F::FreeMem)) ? -1 : parseMemoryMib(record.get(F::FreeMem)));
  out.set_memory_reserved_mib(parseMemoryMib(record.get(F::MemSpecLimit)));
  out.set_cpu_load(parseDouble(record.get(F::CpuLoad)).value_or(-1));
  parseGres(record.get(F::Gres), *out.mutable_gres());
  if (out.gres_size() == 0) gresOfTres(record.get(F::CfgTres), *out.mutable_gres());
  addNames(record.get(F::Partitions), *out.mutable_partitions());
  addNames(record.get(F::ActiveFeatures), *out.mutable_features());
  out.set_arch(textOf(record.get(F::Arch)));
  out.set_os(textOf(record.get(F::Os)));
  out.set_slurm_version(textOf(record.get(F::Version)));
  out.set_address(textOf(record.get(F::Address)));
  out.set_hostname(textOf(record.get(F::HostName)));
  out.set_boot_time(parseTimestamp(record.get(F::BootTime)));
}

}  // namespace slipway::slurm
