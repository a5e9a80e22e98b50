#include "async/deadline.h"
#include "base/strings.h"
#include "net/prefixed_stream.h"
#include "net/tcp.h"

namespace slipway::net {
namespace {

constexpr auto kProxyLimit = std::chrono::seconds(20);
constexpr size_t kMaxAnswer = 16 * 1024;

struct Proxy {
  HostPort where;
  std::string credentials;  // "user:password", decoded
};

Result<Proxy> parseProxy(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.find("://") == std::string_view::npos) return parseProxy(std::string(kScheme) + std::string(url));
  if (!url.starts_with(kScheme)) {
    return failure(Code::BadRequest, "proxy \"{}\": only http:// proxies can be used", url);
  }
  std::string_view rest = url.substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  Proxy proxy;
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    proxy.credentials = percentDecode(rest.substr(0, at));
    rest.remove_prefix(at + 1);
  }
  auto where = parseHostPort(rest, 80);
  // The URL itself may hold a password: it stays out of the message.
  if (!where) return failure(where.error().wrap("proxy URL"));
  proxy.where = std::move(*where);
  return proxy;
}

// "HTTP/1.1 200 Connection established" and the rest of the head; gives what came after it.
Task<Result<std::string>> readAnswer(ByteStream& stream) {
  std::string answer;
  std::array<char, 2048> buffer;
  size_t end = std::string::npos;
  while (end == std::string::npos) {
    if (answer.size() > kMaxAnswer) co_return failure(Code::ServiceUnavailable, "the answer has no end");
    CO_TRY(const size_t count, co_await stream.readSome(buffer));
    if (count == 0) co_return failure(Code::ServiceUnavailable, "it closed the connection without an answer");
    answer.append(buffer.data(), count);
    end = answer.find("\r\n\r\n");
  }
  const std::string line = answer.substr(0, answer.find("\r\n"));
  const std::string_view status = splitOnce(line, ' ').second;
  if (!line.starts_with("HTTP/1.") || !status.starts_with('2')) {
    co_return failure(Code::ServiceUnavailable, "it answered \"{}\"", toValidUtf8(line));
  }
  co_return answer.substr(end + 4);
}

Task<Result<StreamPtr>> connectThrough(Proxy proxy, HostPort where) {
  CO_TRY(StreamPtr stream, co_await dialTcp(proxy.where));
  std::string request = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", where.str());
  if (!proxy.credentials.empty()) {
    request += "Proxy-Authorization: Basic " + base64Encode(proxy.credentials) + "\r\n";
  }
  request += "\r\n";
  CO_TRY_STATUS(co_await stream->write(request));
  CO_TRY(std::string early, co_await readAnswer(*stream));
  co_return prefixedStream(std::move(early), std::move(stream));
}

class TcpDialer final : public Dialer {
 public:
  TcpDialer(HostPort where, std::string proxy_url) : where_(std::move(where)), proxy_url_(std::move(proxy_url)) {}

  Task<Result<StreamPtr>> dial() override {
    if (proxy_url_.empty()) return dialTcp(where_);
    return dialProxy(where_, proxy_url_);
  }
  std::string target() const override { return where_.str(); }

 private:
  static Task<Result<StreamPtr>> dialProxy(HostPort where, std::string proxy_url) {
    CO_TRY(const Proxy proxy, parseProxy(proxy_url));
    const std::string what = fmt::format("connecting to {} through the proxy {}", where.str(), proxy.where.str());
    auto stream = co_await async::withDeadline(connectThrough(proxy, where), kProxyLimit, what);
    if (!stream && !stream.error().is(Code::Timeout)) co_return failure(stream.error().wrap(what));
    co_return std::move(stream);
  }

  HostPort where_;
  std::string proxy_url_;
};

}  // namespace

std::unique_ptr<Dialer> tcpDialer(HostPort where, std::string proxy_url) {
  return std::make_unique<TcpDialer>(std::move(where), std::move(proxy_url));
}

}  // namespace slipway::net
