#include "faults.h"

#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"

namespace fake_slurm {
namespace {

[[noreturn]] void failWith(int code, std::string_view text) {
  fmt::print(stderr, "{}\n", text);
  std::exit(code);
}

void apply(const std::string& program, std::string_view fault, std::string_view argument, bool& lose_answer) {
  const std::string prefix = program + ": error: ";
  if (fault == "latency") ::usleep(static_cast<useconds_t>(slipway::parseInt(argument).value_or(0) * 1000));
  if (fault == "fail") {
    failWith(1, prefix + (argument.empty() ? "Unable to contact slurm controller (connect failure)"
                                           : std::string(argument)));
  }
  if (fault == "hang") {
    while (true) ::pause();
  }
  if (fault == "empty") std::exit(0);
  if (fault == "garbage") {
    fmt::print("\x01\xff{{\"not\": [slurm\n=== \n\n");
    std::exit(0);
  }
  if (fault == "ratelimit") failWith(1, prefix + "RPC rate limit exceeded, telling to back off");
  if (fault == "timeout") failWith(1, prefix + "Socket timed out on send/recv operation");
  if (fault == "lost") lose_answer = true;
}

/// Removes the first line that equals `line`.
void removeLine(const std::filesystem::path& path, std::string_view text, std::string_view line) {
  std::string rest;
  bool removed = false;
  for (const std::string_view other : slipway::split(text, '\n')) {
    if (!removed && other == line) {
      removed = true;
    } else if (!other.empty()) {
      rest += std::string(other) + "\n";
    }
  }
  (void)slipway::writeFileAtomic(path, rest);
}

}  // namespace

bool applyFaults(const State& state, const std::string& program) {
  const std::filesystem::path path = state.directory() / "control";
  const std::string text = slipway::readFile(path).value_or("");
  const char* inline_text = std::getenv("FAKE_SLURM_CONTROL");
  std::string all = text;
  if (inline_text != nullptr) all += "\n" + slipway::replaceAll(inline_text, ";", "\n");
  bool lose_answer = false;
  for (const std::string_view line : slipway::split(all, '\n')) {
    auto [who, rest] = slipway::splitOnce(slipway::trim(line), ' ');
    if (who != "*" && who != program) continue;
    if (rest.starts_with("once ")) {
      rest.remove_prefix(5);
      removeLine(path, text, line);
    }
    const auto [fault, argument] = slipway::splitOnce(rest, ' ');
    apply(program, fault, argument, lose_answer);
  }
  return lose_answer;
}

}  // namespace fake_slurm
