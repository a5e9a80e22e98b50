#pragma once

#include <array>
#include <string_view>

#include "base/result.h"
#include "proto/site.pb.h"

namespace slipway::slurm {

/// Values that are kept of a node record. Index into NodeRecord.
enum class NodeField : uint8_t {
  None,
  Name,
  Arch,
  CpuAlloc,
  CpuTotal,
  CpuEffective,
  CpuLoad,
  AvailableFeatures,
  ActiveFeatures,
  Gres,
  Address,
  HostName,
  Version,
  Os,
  RealMemory,
  AllocMem,
  FreeMem,
  State,
  Partitions,
  BootTime,
  CfgTres,
  Reason,
  CoreSpecCount,
  MemSpecLimit,
  Count,
};

/// One node, as views into the text of its record.
class NodeRecord {
 public:
  std::string_view get(NodeField field) const { return values_[static_cast<size_t>(field)]; }
  std::string_view name() const { return get(NodeField::Name); }

 private:
  friend Result<void> parseNode(std::string_view record, NodeRecord& out);
  std::array<std::string_view, static_cast<size_t>(NodeField::Count)> values_{};
};

/// Reads a record of `scontrol show node -o`, with fields missing, unknown or in another order; OS, Comment, Extra and
/// Reason hold spaces and '='. `out` is reused and its views live as long as `record`. BadRequest without a name.
Result<void> parseNode(std::string_view record, NodeRecord& out);

/// Clears and fills `out`; all texts become valid UTF-8.
void toProto(const NodeRecord& record, site::v1::Node& out);

}  // namespace slipway::slurm
