#include "supervisor/rank_input.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>

#include "base/strings.h"

namespace slipway::supervisor {
namespace {

constexpr size_t kMostOfLine = 256 << 20;

template <typename Message>
std::string wordOf(std::string_view name, const Message& message) {
  return fmt::format("{} {}\n", name, base64Encode(message.SerializeAsString()));
}

template <typename Message>
std::optional<Message> messageOf(std::string_view text) {
  const auto bytes = base64Decode(text);
  Message message;
  if (!bytes || !message.ParseFromString(*bytes)) return std::nullopt;
  return message;
}

}  // namespace

std::string stopWord(std::chrono::nanoseconds grace) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(grace, std::chrono::nanoseconds(0)));
  return fmt::format("stop {}\n", seconds.count());
}

std::string secretsWord(const site::v1::PodSecrets& secrets) {
  return wordOf("secrets", secrets);
}

std::string volumesWord(const site::v1::UpdateVolumesRequest& update) {
  return wordOf("volumes", update);
}

RankWord parseRankWord(std::string_view line) {
  const auto [name, rest] = splitOnce(line, ' ');
  RankWord word;
  if (name == "stop") {
    const auto seconds = parseInt(rest);
    if (seconds && *seconds >= 0) word.stop = std::chrono::seconds(*seconds);
  } else if (name == "secrets") {
    word.secrets = messageOf<site::v1::PodSecrets>(rest);
  } else if (name == "volumes") {
    word.volumes = messageOf<site::v1::UpdateVolumesRequest>(rest);
  }
  return word;
}

RankInput::RankInput(Executor executor, int descriptor) : input_(std::move(executor), ::dup(descriptor)) {}

Task<std::optional<RankWord>> RankInput::next() {
  std::vector<char> buffer(64 * 1024);
  size_t looked = 0;
  while (true) {
    const size_t end = text_.find('\n', looked);
    if (end != std::string::npos) {
      const RankWord word = parseRankWord(std::string_view(text_).substr(0, end));
      text_.erase(0, end + 1);
      co_return word;
    }
    looked = text_.size();
    if (looked > kMostOfLine) co_return std::nullopt;  // not ours
    const auto [error, got] =
        co_await input_.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    co_await async::throwIfCancelled();
    if (error) co_return std::nullopt;
    text_.append(buffer.data(), got);
  }
}

}  // namespace slipway::supervisor
