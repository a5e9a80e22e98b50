// Log files of containers, read whole and in pieces; and what a container writes, through writer and reader.
#include <cstdlib>

#include "pod/cri_log.h"

using namespace slipway;

namespace {

std::string readIn(std::string_view bytes, size_t piece, const pod::LogOptions& options) {
  pod::CriLogReader reader(options);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) out += reader.feed(bytes.substr(0, piece));
  return out + reader.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  pod::LogOptions options;
  options.timestamps = (data[0] & 1U) != 0;
  if ((data[0] & 2U) != 0) options.stream = "stdout";
  if ((data[0] & 4U) != 0) options.limit_bytes = data[1];
  const std::string whole = readIn(bytes, bytes.size() + 1, options);
  if (whole != readIn(bytes, 1, options) || whole != readIn(bytes, 1U + data[1], options)) std::abort();

  pod::CriLogWriter writer("stdout");
  const WallTime now = parseTime("2026-01-01T00:00:00Z").value();
  std::string file;
  for (size_t at = 0; at < bytes.size(); at += 1U + data[1]) file += writer.feed(bytes.substr(at, 1U + data[1]), now);
  file += writer.flush(now);
  if (readIn(file, file.size() + 1, {}) != bytes) std::abort();
  return 0;
}
