#include "kube/watch_stream.h"

#include <array>

#include "async/deadline.h"
#include "json/raw.h"
#include "kube/http_client.h"

namespace slipway::kube {
namespace {

constexpr auto kLateness = std::chrono::seconds(30);
constexpr size_t kMaxErrorBytes = 64 * 1024;

Result<WatchEvent::Type> typeOf(std::string_view type) {
  if (type == "ADDED") return WatchEvent::Type::Added;
  if (type == "MODIFIED") return WatchEvent::Type::Modified;
  if (type == "DELETED") return WatchEvent::Type::Deleted;
  if (type == "BOOKMARK") return WatchEvent::Type::Bookmark;
  return failure(Code::InternalError, "watch: unknown event type \"{}\"", type);
}

/// Without managedFields, a third of many objects and of no use to who watches.
json::value parseLine(std::string_view line, boost::system::error_code& bad) {
  const std::string_view fields = slipway::json::rawMember(line, {"object", "metadata", "managedFields"});
  if (fields.empty()) return json::parse(line, bad);
  const auto begin = static_cast<size_t>(fields.data() - line.data());
  json::stream_parser parser;
  for (const std::string_view piece :
       {line.substr(0, begin), std::string_view("null"), line.substr(begin + fields.size())}) {
    parser.write(piece.data(), piece.size(), bad);
    if (bad) return nullptr;
  }
  parser.finish(bad);
  return bad ? json::value() : parser.release();
}

Result<WatchEvent> decode(std::string_view line) {
  boost::system::error_code bad;
  json::value value = parseLine(line, bad);
  if (bad || !value.is_object()) return failure(Code::InternalError, "watch: an event is not a JSON object");
  Object& envelope = value.get_object();
  json::value* object = envelope.if_contains("object");
  if (object == nullptr || !object->is_object()) return failure(Code::InternalError, "watch: an event has no object");
  if (text(envelope, {"type"}) == "ERROR") {
    const int code = static_cast<int>(integer(object->get_object(), {"code"}, 500));
    const Result<Object> error = decodeAnswer(code < 400 ? 500 : code, json::serialize(*object), "watch");
    return failure(error.error());
  }
  TRY(const WatchEvent::Type type, typeOf(text(envelope, {"type"})));
  dropNulls(*object);
  return WatchEvent{type, std::move(object->get_object())};
}

class StreamWatch final : public Watch {
 public:
  StreamWatch(std::unique_ptr<http::ResponseStream> stream, SteadyTime end) : stream_(std::move(stream)), end_(end) {}

  Task<Result<std::optional<WatchEvent>>> next() override {
    while (true) {
      Result<std::optional<WatchEvent>> event = decoder_.next();
      if (!event || *event) co_return event;
      const auto left = end_ - std::chrono::steady_clock::now();
      Task<Result<size_t>> read = stream_->readSome(buffer_);
      const Result<size_t> count = co_await async::withDeadline(std::move(read), left, "watch");
      if (!count) co_return failure(count.error());
      if (*count == 0) co_return std::nullopt;
      decoder_.feed(std::string_view(buffer_.data(), *count));
    }
  }

 private:
  std::unique_ptr<http::ResponseStream> stream_;
  SteadyTime end_;
  WatchDecoder decoder_;
  std::array<char, 16 * 1024> buffer_{};
};

}  // namespace

Result<std::optional<WatchEvent>> WatchDecoder::next() {
  while (true) {
    const size_t end = buffer_.find('\n', std::max(begin_, searched_));
    if (end == std::string::npos) {
      buffer_.erase(0, begin_);
      begin_ = 0;
      searched_ = buffer_.size();
      return std::nullopt;
    }
    const std::string_view line(buffer_.data() + begin_, end - begin_);
    begin_ = end + 1;
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    TRY(WatchEvent event, decode(line));
    return event;
  }
}

Task<Result<std::unique_ptr<Watch>>> openWatch(std::unique_ptr<http::ResponseStream> stream, std::string what,
                                               std::chrono::seconds timeout) {
  const int status = stream->head().status;
  if (status == 200) {
    const SteadyTime end = std::chrono::steady_clock::now() + timeout + kLateness;
    co_return std::make_unique<StreamWatch>(std::move(stream), end);
  }
  std::string body;
  std::array<char, 4096> buffer{};
  while (body.size() < kMaxErrorBytes) {
    Task<Result<size_t>> read = stream->readSome(buffer);
    const Result<size_t> count = co_await async::withDeadline(std::move(read), kLateness, what);
    if (!count || *count == 0) break;
    body.append(buffer.data(), *count);
  }
  const Result<Object> refused = decodeAnswer(status < 400 ? 500 : status, body, what);
  co_return failure(refused.error());
}

}  // namespace slipway::kube
