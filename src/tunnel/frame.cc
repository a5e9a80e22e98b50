#include "tunnel/frame.h"

#include "proto/grpctunnel.pb.h"

namespace slipway::tunnel {
namespace {

namespace wire = grpctunnel::v1;

Metadata fromWire(const wire::Metadata& from) {
  Metadata to;
  for (const auto& [name, values] : from.md()) to[name].assign(values.val().begin(), values.val().end());
  return to;
}

void toWire(const Metadata& from, wire::Metadata& to) {
  for (const auto& [name, values] : from) {
    wire::Metadata::Values& entry = (*to.mutable_md())[name];
    for (const std::string& value : values) entry.add_val(value);
  }
}

template <typename Message>
Result<Message> parse(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return failure(Code::BadRequest, "tunnel frame of {} bytes: not a valid message", bytes.size());
  }
  return message;
}

}  // namespace

std::string encodeFromCaller(Frame frame) {
  wire::ClientToServer out;
  out.set_stream_id(frame.stream);
  switch (frame.kind) {
    case FrameKind::NewStream: {
      wire::NewStream& stream = *out.mutable_new_stream();
      stream.set_method_name(std::move(frame.data));
      toWire(frame.metadata, *stream.mutable_request_headers());
      stream.set_initial_window_size(frame.size);
      stream.set_protocol_revision(static_cast<wire::ProtocolRevision>(frame.revision));
      break;
    }
    case FrameKind::Message:
      out.mutable_request_message()->set_size(frame.size);
      out.mutable_request_message()->set_data(std::move(frame.data));
      break;
    case FrameKind::More:
      out.set_more_request_data(std::move(frame.data));
      break;
    case FrameKind::HalfClose:
      out.mutable_half_close();
      break;
    case FrameKind::WindowUpdate:
      out.set_window_update(frame.size);
      break;
    default:
      out.mutable_cancel();
  }
  return out.SerializeAsString();
}

Result<Frame> parseFromCaller(std::string_view bytes) {
  TRY(wire::ClientToServer in, parse<wire::ClientToServer>(bytes));
  Frame frame{.stream = in.stream_id()};
  switch (in.frame_case()) {
    case wire::ClientToServer::kNewStream:
      frame.kind = FrameKind::NewStream;
      frame.data = std::move(*in.mutable_new_stream()->mutable_method_name());
      frame.metadata = fromWire(in.new_stream().request_headers());
      frame.size = in.new_stream().initial_window_size();
      frame.revision = in.new_stream().protocol_revision();
      return frame;
    case wire::ClientToServer::kRequestMessage:
      frame.kind = FrameKind::Message;
      frame.size = in.request_message().size();
      frame.data = std::move(*in.mutable_request_message()->mutable_data());
      return frame;
    case wire::ClientToServer::kMoreRequestData:
      frame.kind = FrameKind::More;
      frame.data = std::move(*in.mutable_more_request_data());
      return frame;
    case wire::ClientToServer::kHalfClose:
      frame.kind = FrameKind::HalfClose;
      return frame;
    case wire::ClientToServer::kCancel:
      frame.kind = FrameKind::Cancel;
      return frame;
    case wire::ClientToServer::kWindowUpdate:
      frame.kind = FrameKind::WindowUpdate;
      frame.size = in.window_update();
      return frame;
    case wire::ClientToServer::FRAME_NOT_SET:
      break;
  }
  return failure(Code::BadRequest, "tunnel frame for call {}: of no known kind", in.stream_id());
}

std::string encodeFromCallee(Frame frame) {
  wire::ServerToClient out;
  out.set_stream_id(frame.stream);
  switch (frame.kind) {
    case FrameKind::Settings:
      for (const int revision : frame.revisions) {
        out.mutable_settings()->add_supported_protocol_revisions(static_cast<wire::ProtocolRevision>(revision));
      }
      out.mutable_settings()->set_initial_window_size(frame.size);
      break;
    case FrameKind::Headers:
      toWire(frame.metadata, *out.mutable_response_headers());
      break;
    case FrameKind::Message:
      out.mutable_response_message()->set_size(frame.size);
      out.mutable_response_message()->set_data(std::move(frame.data));
      break;
    case FrameKind::More:
      out.set_more_response_data(std::move(frame.data));
      break;
    case FrameKind::WindowUpdate:
      out.set_window_update(frame.size);
      break;
    default: {
      wire::CloseStream& close = *out.mutable_close_stream();
      toWire(frame.outcome.trailers, *close.mutable_response_trailers());
      close.mutable_status()->set_code(frame.outcome.code);
      close.mutable_status()->set_message(std::move(frame.outcome.message));
    }
  }
  return out.SerializeAsString();
}

Result<Frame> parseFromCallee(std::string_view bytes) {
  TRY(wire::ServerToClient in, parse<wire::ServerToClient>(bytes));
  Frame frame{.stream = in.stream_id()};
  switch (in.frame_case()) {
    case wire::ServerToClient::kSettings:
      frame.kind = FrameKind::Settings;
      frame.revisions.assign(in.settings().supported_protocol_revisions().begin(),
                             in.settings().supported_protocol_revisions().end());
      frame.size = in.settings().initial_window_size();
      return frame;
    case wire::ServerToClient::kResponseHeaders:
      frame.kind = FrameKind::Headers;
      frame.metadata = fromWire(in.response_headers());
      return frame;
    case wire::ServerToClient::kResponseMessage:
      frame.kind = FrameKind::Message;
      frame.size = in.response_message().size();
      frame.data = std::move(*in.mutable_response_message()->mutable_data());
      return frame;
    case wire::ServerToClient::kMoreResponseData:
      frame.kind = FrameKind::More;
      frame.data = std::move(*in.mutable_more_response_data());
      return frame;
    case wire::ServerToClient::kCloseStream:
      frame.kind = FrameKind::Close;
      frame.outcome.code = in.close_stream().status().code();
      frame.outcome.message = std::move(*in.mutable_close_stream()->mutable_status()->mutable_message());
      frame.outcome.trailers = fromWire(in.close_stream().response_trailers());
      return frame;
    case wire::ServerToClient::kWindowUpdate:
      frame.kind = FrameKind::WindowUpdate;
      frame.size = in.window_update();
      return frame;
    case wire::ServerToClient::FRAME_NOT_SET:
      break;
  }
  return failure(Code::BadRequest, "tunnel frame for call {}: of no known kind", in.stream_id());
}

}  // namespace slipway::tunnel
