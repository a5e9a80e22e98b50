#include "slurm/record_splitter.h"

#include <algorithm>
#include <array>

namespace slipway::slurm {
namespace {

constexpr std::string_view kNodeStart = "NodeName=";
constexpr std::string_view kJobStart = "JobId=";
/// What may follow the id in a job record: a newline and "JobId=666" in somebody's comment does not begin one.
constexpr std::array<std::string_view, 4> kAfterJobId = {"JobName=", "ArrayJobId=", "HetJobId=", "SLUID="};

bool isPrefixOf(std::string_view whole, std::string_view text) {
  return whole.substr(0, text.size()) == text;
}

}  // namespace

RecordSplitter::Begins RecordSplitter::begins(std::string_view line) const {
  const std::string_view start = type_ == Type::Nodes ? kNodeStart : kJobStart;
  if (line.size() < start.size()) return isPrefixOf(start, line) ? Begins::NeedsMore : Begins::No;
  if (!line.starts_with(start)) return Begins::No;
  if (type_ == Type::Nodes) return Begins::Yes;
  size_t at = start.size();
  while (at < line.size() && line[at] >= '0' && line[at] <= '9') ++at;
  if (at == line.size()) return Begins::NeedsMore;
  if (line[at] != ' ' || at == start.size()) return Begins::No;
  const std::string_view rest = line.substr(at + 1);
  for (const std::string_view key : kAfterJobId) {
    if (rest.starts_with(key)) return Begins::Yes;
    if (isPrefixOf(key, rest)) return Begins::NeedsMore;
  }
  return Begins::No;
}

void RecordSplitter::emit(std::string_view record) {
  while (!record.empty() && (record.back() == '\n' || record.back() == ' ')) record.remove_suffix(1);
  if (record.empty()) return;
  if (begins(record) != Begins::No) return taker_(record);
  if (preamble_.size() < 1000) preamble_.append(record.substr(0, 1000));
}

/// Emits the whole records of `text`, which begins at a record's start; gives how much of it is done with.
size_t RecordSplitter::consume(std::string_view text, bool last) {
  size_t begin = 0;
  size_t search = 0;
  while (true) {
    const size_t newline = text.find('\n', search);
    if (newline == std::string_view::npos) break;
    const Begins next = begins(text.substr(newline + 1));
    if (next == Begins::NeedsMore && !last) break;
    search = newline + 1;
    if (next != Begins::Yes) continue;
    emit(text.substr(begin, newline - begin));
    begin = newline + 1;
  }
  if (!last) return begin;
  emit(text.substr(begin));
  return text.size();
}

void RecordSplitter::feed(std::string_view bytes) {
  bytes_ += bytes.size();
  // First complete the record that the last piece cut off, copying no more than up to the start of the next one.
  while (!pending_.empty() && !bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const size_t take = std::min(bytes.size(), newline == std::string_view::npos ? bytes.size() : newline + 64);
    pending_.append(bytes.substr(0, take));
    const size_t done = consume(pending_, false);
    const size_t left = pending_.size() - done;
    if (done > 0 && left <= take) {
      bytes.remove_prefix(take - left);
      pending_.clear();
      break;
    }
    pending_.erase(0, done);
    bytes.remove_prefix(take);
    if (pending_.size() > kMaxRecord) pending_.clear();
  }
  if (!bytes.empty()) pending_.assign(bytes.substr(consume(bytes, false)));
}

void RecordSplitter::finish() {
  const std::string rest = std::move(pending_);
  pending_.clear();
  consume(rest, true);
}

}  // namespace slipway::slurm
