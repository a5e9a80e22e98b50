#include "kubelet/logs.h"

#include "base/clock.h"
#include "base/strings.h"
#include "kubelet/answers.h"
#include "kubelet/first_of.h"

namespace slipway::kubelet {
namespace {

tl::unexpected<Error> invalid(std::string_view name, std::string_view value) {
  return failure(Code::Invalid, "{}: \"{}\" is not valid here", name, toValidUtf8(value));
}

Result<bool> parseFlag(std::string_view name, std::string_view value) {
  // conversion of url.Values in apimachinery: absent, "" and everything but "false" and "0" are told apart so.
  if (value == "false" || value == "0") return false;
  if (value.empty() || value == "true" || value == "1") return true;
  return invalid(name, value);
}

Result<int64_t> parseNumber(std::string_view name, std::string_view value, int64_t smallest) {
  const std::optional<int64_t> number = parseInt(value);
  if (!number || *number < smallest) return invalid(name, value);
  return *number;
}

template <typename T>
Status assign(T& out, Result<T> value) {
  if (!value) return failure(std::move(value).error());
  out = std::move(*value);
  return {};
}

Status setOption(LogOptions& options, const std::string& name, const std::string& value) {
  if (name == "follow") return assign(options.follow, parseFlag(name, value));
  if (name == "previous") return assign(options.previous, parseFlag(name, value));
  if (name == "timestamps") return assign(options.timestamps, parseFlag(name, value));
  if (name == "tailLines") return assign(options.tail_lines, parseNumber(name, value, 0));
  if (name == "limitBytes") return assign(options.limit_bytes, parseNumber(name, value, 1));
  if (name == "sinceSeconds") return assign(options.since_seconds, parseNumber(name, value, 1));
  if (name == "sinceTime") {
    const auto time = parseTime(value);
    if (!time) return invalid(name, value);
    options.since_time_ns = std::chrono::nanoseconds(time->time_since_epoch()).count();
  }
  if (name == "stream") {
    if (value != "All" && value != "Stdout" && value != "Stderr") return invalid(name, value);
    options.stream = value;
  }
  return {};
}

// What is left of a byte limit; without one there is always room.
class Allowance {
 public:
  explicit Allowance(int64_t limit) : limited_(limit >= 0), left_(limit) {}
  std::string_view take(std::string_view bytes) {
    if (!limited_) return bytes;
    const std::string_view part = bytes.substr(0, static_cast<size_t>(left_));
    left_ -= static_cast<int64_t>(part.size());
    return part;
  }
  bool spent() const { return limited_ && left_ == 0; }

 private:
  bool limited_;
  int64_t left_;
};

Task<void> pump(http::Exchange& exchange, LogStream& log, std::optional<std::string> first, Allowance allowance) {
  std::optional<std::string> piece = std::move(first);
  while (true) {
    if (piece && !piece->empty()) {
      const std::string_view part = allowance.take(*piece);
      const Status sent = co_await exchange.write(part);
      if (!sent) co_return;
    }
    if (allowance.spent()) break;
    auto next = co_await log.next();
    // Without finish() the client sees a broken answer: a cut log must not look like a whole one.
    if (!next) co_return;
    if (!*next) break;
    piece = std::move(*next);
  }
  const Status finished = co_await exchange.finish();
}

}  // namespace

Result<LogOptions> parseLogOptions(std::string_view query) {
  LogOptions options;
  for (const auto& [name, value] : http::parseQuery(query)) TRY_STATUS(setOption(options, name, value));
  if (options.since_seconds >= 0 && options.since_time_ns != 0) {
    return failure(Code::Invalid, "at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  return options;
}

Task<void> sendLog(http::Exchange& exchange, Backend& backend, ContainerRef container, LogOptions options) {
  auto log = co_await backend.logs(container, options);
  if (!log) {
    co_await answerError(exchange, log.error());
    co_return;
  }
  std::optional<std::string> first;
  if (!options.follow) {
    // An error that shows with the first piece still gets a status of its own.
    auto piece = co_await (*log)->next();
    if (!piece) {
      co_await answerError(exchange, piece.error());
      co_return;
    }
    first = piece->value_or("");
  }
  http::Response head{.headers = {{"Content-Type", "text/plain; charset=utf-8"}}};
  const Status begun = co_await exchange.stream(std::move(head));
  if (!begun) co_return;
  co_await firstOf("log", pump(exchange, **log, std::move(first), Allowance(options.limit_bytes)),
                   exchange.clientGone());
}

}  // namespace slipway::kubelet
