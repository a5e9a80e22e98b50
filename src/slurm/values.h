#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/site.pb.h"

/// Single values as Slurm prints them. All are pure, none fails: what makes no sense is "unknown".
namespace slipway::slurm {

/// True for what Slurm prints where there is nothing: "", "(null)", "None", "N/A", "n/a", "Unknown", "n/s".
bool isNothing(std::string_view value);

/// "2026-11-22T02:00:17" → Unix seconds; 0 for Unknown, None and the like. The text is taken as UTC: the driver runs
/// Slurm's commands with TZ=UTC, where no hour occurs twice.
int64_t parseTimestamp(std::string_view value);

/// "1-02:03:04", "02:03:04", "03:04" (minutes and seconds), "90" (minutes) → seconds; 0 for UNLIMITED, INFINITE,
/// Partition_Limit and the like.
int64_t parseTimeLimit(std::string_view value);
/// Seconds → "1-02:03:04", as sbatch --time reads it.
std::string formatTimeLimit(int64_t seconds);

/// "12", "2K" (1024 each), "1.5K", "1-4" (the first) → number; 0 if there is none.
int64_t parseCount(std::string_view value);
/// "100", "100M", "1.50G", "2T", "512K" → MiB.
int64_t parseMemoryMib(std::string_view value);

/// "gpu:a100:2(IDX:0-1),shard:8,license:no_consume:3", "gpu:2(S:0,1)" → entries; also "gres/gpu:a100=2" of TRES.
void parseGres(std::string_view text, google::protobuf::RepeatedPtrField<site::v1::Gres>& out);

/// One value of "cpu=2,mem=200M,node=1,billing=2,gres/gpu=2": tresValue(text, "mem") is "200M".
std::string_view tresValue(std::string_view tres, std::string_view name);
/// GRES of a TRES text; an untyped total is left out where typed entries cover it.
void gresOfTres(std::string_view tres, google::protobuf::RepeatedPtrField<site::v1::Gres>& out);

/// How many ids "0-3,8,10-11" has.
int64_t countIds(std::string_view ids);

}  // namespace slipway::slurm
