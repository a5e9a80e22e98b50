#pragma once

#include <memory>

#include "http/client.h"
#include "kube/client.h"

namespace slipway::kube {

/// Frames of a watch: one JSON object a line, in pieces of any size. Sans-IO.
class WatchDecoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole event; nothing when more bytes are needed. An ERROR event is the error that its Status tells.
  Result<std::optional<WatchEvent>> next();

 private:
  std::string buffer_;
  size_t begin_ = 0;
  size_t searched_ = 0;
};

/// A watch on an answered request; a refusal is the server's error. The watch ends by itself some time after `timeout`,
/// should the server be gone without a word.
Task<Result<std::unique_ptr<Watch>>> openWatch(std::unique_ptr<http::ResponseStream> stream, std::string what,
                                               std::chrono::seconds timeout);

}  // namespace slipway::kube
