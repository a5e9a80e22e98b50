#include "http/parser.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace slipway::http {
namespace {

constexpr size_t kMaxFields = 256;

// RFC 9110 §5.6.2.
constexpr std::array<bool, 256> kToken = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = table[static_cast<size_t>(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<size_t>(c)] = true;
  return table;
}();

bool isToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return kToken[c]; });
}

bool isVisible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7F; });
}

bool isFieldValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return (c >= 0x20 && c != 0x7F) || c == '\t'; });
}

// Proxies are asked for "http://host/path"; the server sees the path only.
std::string originForm(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return std::string(target);
  const size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? "/" : std::string(target.substr(path));
}

}  // namespace

void MessageParser::reset(bool to_head) {
  state_ = State::Head;
  request_ = Request();
  response_ = Response();
  chunks_ = ChunkedDecoder();
  scanned_ = 0;
  to_head_ = to_head;
  minor_version_ = 1;
  close_ = keep_alive_ = chunked_ = false;
  hosts_ = 0;
  length_.reset();
  left_ = 0;
  room_ = limits_.max_body_bytes;
}

Result<size_t> MessageParser::feed(std::string_view bytes) {
  if (state_ == State::Head) return feedHead(bytes);
  return feedBody(bytes);
}

Status MessageParser::end() {
  if (state_ == State::UntilEnd) state_ = State::Done;
  if (done()) return {};
  return failure(Code::ServiceUnavailable, "HTTP: the connection ended in the middle of a message");
}

bool MessageParser::keepAlive() const {
  if (state_ == State::UntilEnd || (kind_ == Kind::Response && !to_head_ && !length_ && !chunked_ &&
                                    response_.status >= 200 && response_.status != 204 && response_.status != 304)) {
    return false;
  }
  return !close_ && (minor_version_ > 0 || keep_alive_);
}

bool MessageParser::expectsContinue() const {
  return !isHttp10() && !done() && request_.headers.hasToken("Expect", "100-continue");
}

tl::unexpected<Error> MessageParser::refuse(int status, std::string_view why) {
  failed_status_ = status;
  return failure(status == 413 ? Code::RequestEntityTooLarge : Code::BadRequest, "HTTP: {}", why);
}

Result<size_t> MessageParser::feedHead(std::string_view bytes) {
  // An empty line before a request is allowed (RFC 9112 §2.2).
  size_t skipped = 0;
  while (bytes.substr(skipped).starts_with("\r\n")) skipped += 2;
  if (skipped > 0) {
    scanned_ = 0;
    bytes.remove_prefix(skipped);
  }
  // What cannot become a message (TLS on a plain port) is refused at its first byte.
  if (!bytes.empty() && bytes[0] != '\r' && !kToken[static_cast<unsigned char>(bytes[0])]) {
    return refuse(400, "this is not HTTP");
  }
  const size_t end = bytes.find("\r\n\r\n", scanned_);
  if (std::min(end, bytes.size()) > limits_.max_header_bytes) return refuse(431, "the header is too large");
  if (end == std::string_view::npos) {
    scanned_ = bytes.size() < 3 ? 0 : bytes.size() - 3;
    return skipped;
  }
  TRY_STATUS(parseHead(bytes.substr(0, end + 2)));
  return skipped + end + 4;
}

Status MessageParser::parseHead(std::string_view head) {
  bool first = true;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (first) {
      TRY_STATUS(kind_ == Kind::Request ? parseRequestLine(line) : parseStatusLine(line));
      first = false;
    } else {
      TRY_STATUS(parseField(line));
    }
  }
  return chooseBody();
}

Status MessageParser::parseRequestLine(std::string_view line) {
  const auto [method, rest] = splitOnce(line, ' ');
  const size_t space = rest.rfind(' ');
  if (space == std::string_view::npos) return refuse(400, "malformed request line");
  const std::string_view target = rest.substr(0, space);
  if (!isToken(method) || !isVisible(target)) return refuse(400, "malformed request line");
  TRY_STATUS(parseVersion(rest.substr(space + 1)));
  request_.method = method;
  request_.target = originForm(target);
  return {};
}

Status MessageParser::parseStatusLine(std::string_view line) {
  const auto [version, rest] = splitOnce(line, ' ');
  TRY_STATUS(parseVersion(version));
  const std::string_view code = splitOnce(rest, ' ').first;
  const std::optional<int64_t> status = code.size() == 3 ? parseInt(code) : std::nullopt;
  if (!status || *status < 100) return refuse(400, "malformed status line");
  response_.status = static_cast<int>(*status);
  return {};
}

Status MessageParser::parseVersion(std::string_view text) {
  if (!text.starts_with("HTTP/") || text.size() != 8) return refuse(400, "malformed version");
  if (text != "HTTP/1.1" && text != "HTTP/1.0") return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken");
  minor_version_ = text.back() - '0';
  return {};
}

Status MessageParser::parseField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !isToken(line.substr(0, colon))) return refuse(400, "malformed header field");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!isFieldValue(value)) return refuse(400, "malformed header field");
  if (headers().size() >= kMaxFields) return refuse(431, "too many header fields");
  TRY_STATUS(noteFraming(name, value));
  headers().add(std::string(name), std::string(value));
  return {};
}

Status MessageParser::noteFraming(std::string_view name, std::string_view value) {
  if (equalsIgnoreCase(name, "Content-Length")) {
    const bool digits = !value.empty() && value.size() <= 18 &&
                        std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
    if (!digits) return refuse(400, "malformed Content-Length");
    const auto length = static_cast<uint64_t>(*parseInt(value));
    if (length_ && *length_ != length) return refuse(400, "two different Content-Length fields");
    length_ = length;
  } else if (equalsIgnoreCase(name, "Transfer-Encoding")) {
    if (chunked_) return refuse(400, "two Transfer-Encoding fields");
    if (!equalsIgnoreCase(value, "chunked")) return refuse(501, "the only transfer coding known is chunked");
    chunked_ = true;
  } else if (equalsIgnoreCase(name, "Connection")) {
    for (const std::string_view token : split(value, ',')) {
      close_ = close_ || equalsIgnoreCase(trim(token), "close");
      keep_alive_ = keep_alive_ || equalsIgnoreCase(trim(token), "keep-alive");
    }
  } else if (equalsIgnoreCase(name, "Host")) {
    ++hosts_;
  }
  return {};
}

// RFC 9112 §6.3.
Status MessageParser::chooseBody() {
  if (chunked_ && length_) return refuse(400, "both Content-Length and Transfer-Encoding");
  if (chunked_ && isHttp10()) return refuse(400, "Transfer-Encoding in HTTP/1.0");
  if (kind_ == Kind::Request) {
    if (hosts_ > 1 || (hosts_ == 0 && !isHttp10())) return refuse(400, "exactly one Host field is needed");
  } else {
    const int status = response_.status;
    if (to_head_ || status / 100 == 1 || status == 204 || status == 304) {
      state_ = State::Done;
      return {};
    }
    if (!chunked_ && !length_) {
      state_ = State::UntilEnd;
      return {};
    }
  }
  left_ = length_.value_or(0);
  if (left_ > limits_.max_body_bytes) return refuse(413, "the body is too large");
  state_ = chunked_ ? State::Chunked : left_ > 0 ? State::Length : State::Done;
  // The announced length is only a promise: believe a part of it.
  body().reserve(static_cast<size_t>(std::min<uint64_t>(left_, 64 * 1024)));
  return {};
}

Result<size_t> MessageParser::feedBody(std::string_view bytes) {
  if (state_ == State::Chunked) {
    auto used = chunks_.feed(bytes, body(), room_);
    if (!used) return refuse(used.error().is(Code::RequestEntityTooLarge) ? 413 : 400, used.error().message);
    if (chunks_.done()) state_ = State::Done;
    return used;
  }
  if (state_ == State::Done) return size_t{0};
  const uint64_t limit = state_ == State::Length ? left_ : bytes.size();
  const size_t count = static_cast<size_t>(std::min<uint64_t>(limit, bytes.size()));
  if (count > room_) return refuse(413, "the body is too large");
  room_ -= count;
  body().append(bytes.substr(0, count));
  if (state_ == State::Length) {
    left_ -= count;
    if (left_ == 0) state_ = State::Done;
  }
  return count;
}

}  // namespace slipway::http
