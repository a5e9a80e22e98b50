#include "tunnel/grpc_codec.h"

#include "base/strings.h"

namespace slipway::tunnel {
namespace {

constexpr std::string_view kContentType = "application/grpc";

Code codeOfHttp(int64_t status) {
  switch (status) {
    case 401:
      return Code::Unauthorized;
    case 403:
      return Code::Forbidden;
    case 404:
      return Code::NotImplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code::ServiceUnavailable;
    default:
      return Code::InternalError;
  }
}

void append(H2Headers& headers, const Metadata& metadata) {
  for (const auto& [name, values] : metadata) {
    for (const std::string& value : values) headers.push_back({name, value});
  }
}

}  // namespace

Status GrpcMessageReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!lacking_) {
      const size_t part = std::min(kGrpcPrefix - prefix_.size(), bytes.size());
      prefix_ += bytes.substr(0, part);
      bytes.remove_prefix(part);
      if (prefix_.size() < kGrpcPrefix) return {};
      if (prefix_[0] != 0) return failure(Code::NotImplemented, "gRPC: compressed message without agreed encoding");
      size_t length = 0;
      for (size_t i = 1; i < kGrpcPrefix; ++i) length = length << 8 | static_cast<unsigned char>(prefix_[i]);
      if (length > max_message_) {
        return failure(Code::RequestEntityTooLarge, "gRPC: message of {} bytes, the limit is {}", length, max_message_);
      }
      lacking_ = length;
    }
    const size_t part = std::min(*lacking_, bytes.size());
    message_ += bytes.substr(0, part);
    bytes.remove_prefix(part);
    *lacking_ -= part;
    if (*lacking_ > 0) continue;
    whole_.push_back(std::exchange(message_, {}));
    prefix_.clear();
    lacking_.reset();
  }
  return {};
}

std::optional<std::string> GrpcMessageReader::next() {
  if (whole_.empty()) return std::nullopt;
  std::optional<std::string> message(std::move(whole_.front()));
  whole_.pop_front();
  return message;
}

std::string grpcFrame(std::string_view message) {
  std::string out;
  out.reserve(kGrpcPrefix + message.size());
  out.push_back('\0');
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(message.size() >> shift & 0xff));
  out += message;
  return out;
}

H2Headers grpcRequestHeaders(std::string_view path, std::string_view authority, bool tls, const Metadata& metadata) {
  H2Headers headers = {
      {":method", "POST"},          {":scheme", tls ? "https" : "http"},
      {":path", std::string(path)}, {":authority", std::string(authority)},
      {"te", "trailers"},           {"content-type", std::string(kContentType)},
      {"user-agent", "slipway"},
  };
  append(headers, metadata);
  return headers;
}

H2Headers grpcResponseHeaders(const Metadata& metadata) {
  H2Headers headers = {{":status", "200"}, {"content-type", std::string(kContentType)}};
  append(headers, metadata);
  return headers;
}

H2Headers grpcTrailers(GrpcCode code, std::string_view message) {
  H2Headers trailers = {{"grpc-status", std::to_string(static_cast<int>(code))}};
  if (!message.empty()) trailers.push_back({"grpc-message", encodeGrpcMessage(message)});
  return trailers;
}

Metadata grpcMetadata(const H2Headers& headers) {
  Metadata metadata;
  for (const H2Header& header : headers) {
    const std::string& name = header.name;
    if (name.starts_with(':') || name.starts_with("grpc-") || name == "te" || name == "content-type") continue;
    metadata[name].push_back(header.value);
  }
  return metadata;
}

Status grpcStatusIn(const H2Headers& trailers) {
  const std::string_view status = headerValue(trailers, "grpc-status");
  const std::optional<int64_t> code = parseInt(status);
  if (!code) return failure(Code::InternalError, "gRPC: the call ended without a status");
  if (*code == 0) return {};
  const std::string message = toValidUtf8(percentDecode(headerValue(trailers, "grpc-message")));
  const int known = *code > 0 && *code <= static_cast<int>(GrpcCode::Unauthenticated) ? static_cast<int>(*code) : 2;
  return failure(codeOfGrpc(known), "gRPC status {}: {}", *code, message.empty() ? "no message" : message);
}

Status checkGrpcResponse(const H2Headers& headers) {
  const std::string_view status = headerValue(headers, ":status");
  const std::string_view type = headerValue(headers, "content-type");
  if (status != "200") {
    return failure(codeOfHttp(parseInt(status).value_or(0)), "the other side answered HTTP {} to a gRPC call", status);
  }
  if (!type.starts_with(kContentType)) {
    return failure(Code::InternalError, "the other side answered content-type \"{}\" to a gRPC call",
                   toValidUtf8(type));
  }
  return {};
}

}  // namespace slipway::tunnel
