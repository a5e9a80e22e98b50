#include "slurm/values.h"

#include "base/clock.h"
#include "slurm/states.h"

namespace slipway::slurm {
namespace {

std::string gres(std::string_view text) {
  google::protobuf::RepeatedPtrField<site::v1::Gres> list;
  parseGres(text, list);
  std::string out;
  for (const auto& entry : list) out += fmt::format("{}/{}={} ", entry.name(), entry.type(), entry.count());
  return out;
}

std::string gresInTres(std::string_view text) {
  google::protobuf::RepeatedPtrField<site::v1::Gres> list;
  gresOfTres(text, list);
  std::string out;
  for (const auto& entry : list) out += fmt::format("{}/{}={} ", entry.name(), entry.type(), entry.count());
  return out;
}

std::string state(const State& state) {
  std::string out = state.base;
  for (const std::string& flag : state.flags) out += " " + flag;
  return out;
}

TEST(Values, Times) {
  const auto seconds = [](std::string_view text) {
    return std::chrono::duration_cast<std::chrono::seconds>(parseTime(text)->time_since_epoch()).count();
  };
  EXPECT_EQ(parseTimestamp("2026-11-22T02:00:17"), seconds("2026-11-22T02:00:17Z"));
  EXPECT_EQ(parseTimestamp("2024-02-29T23:59:59"), seconds("2024-02-29T23:59:59Z"));
  EXPECT_EQ(parseTimestamp("1970-01-01T00:00:00"), 0);
  for (const std::string_view nothing :
       {"Unknown", "None", "N/A", "(null)", "", "2026-13-01T00:00:00", "2026-1x-01T00:00:00"}) {
    EXPECT_EQ(parseTimestamp(nothing), 0) << nothing;
  }
}

TEST(Values, TimeLimits) {
  EXPECT_EQ(parseTimeLimit("1-02:03:04"), 86400 + 2 * 3600 + 3 * 60 + 4);
  EXPECT_EQ(parseTimeLimit("00:01:00"), 60);
  EXPECT_EQ(parseTimeLimit("05:30"), 330);
  EXPECT_EQ(parseTimeLimit("90"), 5400);
  EXPECT_EQ(parseTimeLimit("2-12"), 60 * 3600);
  EXPECT_EQ(parseTimeLimit("2-12:30"), 60 * 3600 + 1800);
  EXPECT_EQ(parseTimeLimit("UNLIMITED"), 0);
  EXPECT_EQ(parseTimeLimit("Partition_Limit"), 0);
  EXPECT_EQ(parseTimeLimit("365-00:00:00"), 365 * 86400);
  for (const int64_t value : {1, 59, 60, 3599, 86399, 86400, 200000}) {
    EXPECT_EQ(parseTimeLimit(formatTimeLimit(value)), value);
  }
}

TEST(Values, CountsAndMemory) {
  EXPECT_EQ(parseCount("12"), 12);
  EXPECT_EQ(parseCount("1.5K"), 1536);
  EXPECT_EQ(parseCount("2-4"), 2);
  EXPECT_EQ(parseCount("(null)"), 0);
  EXPECT_EQ(parseMemoryMib("100M"), 100);
  EXPECT_EQ(parseMemoryMib("1.50G"), 1536);
  EXPECT_EQ(parseMemoryMib("2T"), 2 << 20);
  EXPECT_EQ(parseMemoryMib("8000"), 8000);
  EXPECT_EQ(countIds("0-3,8,10-11"), 7);
  EXPECT_EQ(countIds("(null)"), 0);
}

TEST(Values, Gres) {
  EXPECT_EQ(gres("gpu:a100:2(IDX:0-1)"), "gpu/a100=2 ");
  EXPECT_EQ(gres("gpu:a100:4(S:0,1),shard:8,nvme"), "gpu/a100=4 shard/=8 nvme/=1 ");
  EXPECT_EQ(gres("gpu:2"), "gpu/=2 ");
  EXPECT_EQ(gres("gpu:no_consume:2"), "gpu/=2 ");
  EXPECT_EQ(gres("tmpdisk:2K"), "tmpdisk/=2048 ");
  EXPECT_EQ(gres("(null)"), "");
  EXPECT_EQ(gresInTres("cpu=2,mem=1G,gres/gpu=3,gres/gpu:a100=2"), "gpu/=1 gpu/a100=2 ");
  EXPECT_EQ(gresInTres("cpu=2,gres/gpu=2,gres/gpu:a100=2"), "gpu/a100=2 ");
  EXPECT_EQ(tresValue("cpu=2,mem=1G,gres/mem=7", "mem"), "1G");
  EXPECT_EQ(tresValue("cpu=2", "mem"), "");
}

TEST(States, OfNodes) {
  EXPECT_EQ(state(parseNodeState("IDLE+DRAIN")), "IDLE DRAIN");
  EXPECT_EQ(state(parseNodeState("MIXED*+DRAIN")), "MIXED NOT_RESPONDING DRAIN");
  EXPECT_EQ(state(parseNodeState("DOWN~")), "DOWN POWERED_DOWN");
  EXPECT_EQ(state(parseNodeState("idle#")), "IDLE POWERING_UP");
  EXPECT_EQ(state(parseNodeState("DOWN*+DRAIN+INVALID_REG")), "DOWN NOT_RESPONDING DRAIN INVALID_REG");
  EXPECT_EQ(state(parseNodeState("IDLE+CLOUD+POWERED_DOWN")), "IDLE CLOUD POWERED_DOWN");
  EXPECT_EQ(state(parseNodeState("ALLOC$@")), "ALLOCATED MAINTENANCE REBOOT_REQUESTED");
  EXPECT_EQ(state(parseNodeState("drained*")), "IDLE DRAIN NOT_RESPONDING");
  EXPECT_EQ(state(parseNodeState("SINGING+NEWFLAG")), "SINGING NEWFLAG");
  EXPECT_EQ(state(parseNodeState("")), "UNKNOWN");
}

TEST(States, OfJobs) {
  struct Case {
    std::string_view said;
    std::string_view meant;
    bool final;
  };
  for (const auto& [said, meant, final] :
       std::initializer_list<Case>{{"PENDING", "PENDING", false},
                                   {"RUNNING", "RUNNING", false},
                                   {"SUSPENDED", "SUSPENDED", false},
                                   {"COMPLETED", "COMPLETED", true},
                                   {"CANCELLED", "CANCELLED", true},
                                   {"FAILED", "FAILED", true},
                                   {"TIMEOUT", "TIMEOUT", true},
                                   {"NODE_FAIL", "NODE_FAIL", true},
                                   {"PREEMPTED", "PREEMPTED", true},
                                   {"BOOT_FAIL", "BOOT_FAIL", true},
                                   {"DEADLINE", "DEADLINE", true},
                                   {"OUT_OF_MEMORY", "OUT_OF_MEMORY", true},
                                   {"COMPLETING", "RUNNING COMPLETING", false},
                                   {"CONFIGURING", "RUNNING CONFIGURING", false},
                                   {"REQUEUED", "PENDING REQUEUED", false},
                                   {"REQUEUE_HOLD", "PENDING REQUEUE_HOLD", false},
                                   {"REQUEUE_FED", "PENDING REQUEUE_FED", false},
                                   {"SPECIAL_EXIT", "PENDING SPECIAL_EXIT", false},
                                   {"RESIZING", "RUNNING RESIZING", false},
                                   {"SIGNALING", "RUNNING SIGNALING", false},
                                   {"STAGE_OUT", "RUNNING STAGE_OUT", false},
                                   {"STOPPED", "RUNNING STOPPED", false},
                                   {"RESV_DEL_HOLD", "PENDING RESV_DEL_HOLD", false},
                                   {"REVOKED", "CANCELLED REVOKED", true},
                                   {"CANCELLED by 1000", "CANCELLED", true},
                                   {"FAILED+COMPLETING", "FAILED COMPLETING", false},
                                   {"PREEMPTED,REQUEUED", "PREEMPTED REQUEUED", false},
                                   {"", "UNKNOWN", false},
                                   {"DANCING", "DANCING", false}}) {
    const State parsed = parseJobState(said);
    EXPECT_EQ(state(parsed), meant);
    EXPECT_EQ(isFinal(parsed), final) << said;
  }
}

}  // namespace
}  // namespace slipway::slurm
