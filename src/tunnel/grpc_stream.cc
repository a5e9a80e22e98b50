#include "tunnel/grpc_stream.h"

namespace slipway::tunnel {

Task<Result<Metadata>> GrpcStream::responseHeaders() {
  while (headers_.empty() && !outcome_) co_await changed_.wait();
  if (headers_.empty()) {
    if (!*outcome_) co_return failure(outcome_->error());
    co_return failure(Code::InternalError, "gRPC: the call ended without headers");
  }
  co_return grpcMetadata(headers_);
}

void GrpcStream::respond(const Metadata& metadata) {
  if (!session_ || responded_) return;
  responded_ = true;
  session_->respond(id_, grpcResponseHeaders(metadata), false);
  wake_();
}

void GrpcStream::send(std::string_view message) {
  if (!session_) return;
  session_->data(id_, grpcFrame(message));
  wake_();
}

void GrpcStream::closeSend() {
  if (!session_) return;
  session_->end(id_, {});
  wake_();
}

void GrpcStream::finish(GrpcCode code, std::string_view message) {
  if (!session_ || finished_) return;
  finished_ = true;
  H2Headers trailers = grpcTrailers(code, message);
  if (responded_) {
    session_->end(id_, std::move(trailers));
  } else {
    H2Headers headers = grpcResponseHeaders({});
    headers.insert(headers.end(), trailers.begin(), trailers.end());
    session_->respond(id_, headers, true);
  }
  wake_();
}

void GrpcStream::reset() {
  if (!session_) return;
  session_->reset(id_, kH2Cancel);
  wake_();
}

Task<Result<std::optional<std::string>>> GrpcStream::receive() {
  while (true) {
    std::optional<std::string> message = reader_.next();
    if (message) {
      const size_t bytes = message->size() + kGrpcPrefix;
      unconsumed_ -= std::min(bytes, unconsumed_);
      if (session_) {
        session_->consumed(id_, bytes);
        wake_();
      }
      co_return message;
    }
    if (outcome_ && !*outcome_) co_return failure(outcome_->error());
    if (outcome_) co_return std::nullopt;
    co_await changed_.wait();
  }
}

void GrpcStream::headersArrived(H2Headers headers, bool end, bool from_client) {
  if (from_client && !headers_.empty()) return;  // trailers of a request say nothing
  if (from_client) {
    headers_ = std::move(headers);
  } else if (headers_.empty() && !end) {
    if (headerValue(headers, ":status").starts_with('1')) return;  // informational
    const Status good = checkGrpcResponse(headers);
    if (!good) return fail(good.error());
    headers_ = std::move(headers);
  } else if (end) {
    const Status good = headers_.empty() ? checkGrpcResponse(headers) : Status{};
    this->end(good ? grpcStatusIn(headers) : good);
  }
  changed_.pulse();
}

void GrpcStream::dataArrived(std::string_view bytes) {
  if (outcome_) {
    session_->consumed(id_, bytes.size());
    return;
  }
  unconsumed_ += bytes.size();
  const Status fed = reader_.feed(bytes);
  if (!fed) return fail(fed.error());
  changed_.pulse();
}

void GrpcStream::endArrived(bool from_client) {
  if (!reader_.atBoundary()) return fail({Code::BadRequest, "gRPC: the call ended within a message"});
  if (from_client) return end({});
  end(failure(Code::InternalError, "gRPC: the call ended without a status"));
}

void GrpcStream::close(const Error& why) {
  end(failure(why));
  if (session_ && unconsumed_ > 0) session_->consumed(id_, unconsumed_);
  session_ = nullptr;
  room();
}

void GrpcStream::room() {
  if (on_room_) on_room_();
}

void GrpcStream::fail(Error why) {
  end(failure(std::move(why)));
  reset();
}

void GrpcStream::end(Status outcome) {
  if (!outcome_) outcome_ = std::move(outcome);
  changed_.pulse();
  room();
}

}  // namespace slipway::tunnel
