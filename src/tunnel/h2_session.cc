#include "tunnel/h2_session.h"

#include <nghttp2/nghttp2.h>

#include <cstring>

namespace slipway::tunnel {
namespace {

/// The connection's window: every stream may fill its own and hold no other up.
uint32_t connectionWindow(const H2Session::Limits& limits) {
  return limits.stream_window * limits.max_streams;
}

std::vector<nghttp2_nv> toNghttp2(const H2Headers& headers) {
  std::vector<nghttp2_nv> out;
  out.reserve(headers.size());
  // nghttp2 copies what it is given; it only forgot to say const.
  const auto bytes = [](const std::string& text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  for (const H2Header& header : headers) {
    out.push_back(
        {bytes(header.name), bytes(header.value), header.name.size(), header.value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return out;
}

}  // namespace

std::string_view headerValue(const H2Headers& headers, std::string_view name) {
  for (const H2Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

struct H2Session::Callbacks {
  static H2Session& self(void* user) { return *static_cast<H2Session*>(user); }

  static int beginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).blocks_[frame->hd.stream_id].clear();
    self(user).block_bytes_ = 0;
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                    const uint8_t* value, size_t value_size, uint8_t, void* user) {
    H2Session& session = self(user);
    session.block_bytes_ += name_size + value_size + 32;
    if (session.block_bytes_ > session.limits_.max_header_bytes) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    session.blocks_[frame->hd.stream_id].push_back({std::string(reinterpret_cast<const char*>(name), name_size),
                                                    std::string(reinterpret_cast<const char*>(value), value_size)});
    return 0;
  }

  static int frameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Session& session = self(user);
    const int32_t stream = frame->hd.stream_id;
    const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      auto block = session.blocks_.extract(stream);
      if (!block.empty()) session.listener_.onHeaders(stream, std::move(block.mapped()), end);
    } else if (frame->hd.type == NGHTTP2_DATA && end) {
      session.listener_.onEnd(stream);
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
      const auto* text = reinterpret_cast<const char*>(frame->goaway.opaque_data);
      session.listener_.onGoAway(frame->goaway.error_code, std::string_view(text, frame->goaway.opaque_data_len));
    }
    return 0;
  }

  static int dataChunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size, void* user) {
    self(user).listener_.onData(stream, std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
  }

  static int streamClosed(nghttp2_session*, int32_t stream, uint32_t error, void* user) {
    H2Session& session = self(user);
    session.blocks_.erase(stream);
    session.bodies_.erase(stream);
    session.listener_.onClosed(stream, error);
    return 0;
  }

  static ssize_t readBody(nghttp2_session* nghttp2, int32_t stream, uint8_t* buffer, size_t size, uint32_t* flags,
                          nghttp2_data_source*, void* user) {
    H2Session& session = self(user);
    const auto it = session.bodies_.find(stream);
    if (it == session.bodies_.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    Body& body = it->second;
    if (body.bytes == 0 && !body.ended) {
      body.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    const size_t before = body.bytes;
    const size_t taken = take(body, buffer, size);
    if (before > session.limits_.low_water && body.bytes <= session.limits_.low_water) {
      session.listener_.onRoom(stream);
    }
    if (body.bytes == 0 && body.ended) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!body.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const std::vector<nghttp2_nv> trailers = toNghttp2(body.trailers);
        nghttp2_submit_trailer(nghttp2, stream, trailers.data(), trailers.size());
      }
    }
    return static_cast<ssize_t>(taken);
  }

  static size_t take(Body& body, uint8_t* buffer, size_t size) {
    size_t taken = 0;
    while (taken < size && !body.pieces.empty()) {
      const std::string& piece = body.pieces.front();
      const size_t bytes = std::min(size - taken, piece.size() - body.offset);
      std::memcpy(buffer + taken, piece.data() + body.offset, bytes);
      taken += bytes;
      body.offset += bytes;
      if (body.offset == piece.size()) {
        body.pieces.pop_front();
        body.offset = 0;
      }
    }
    body.bytes -= taken;
    return taken;
  }
};

H2Session::H2Session(Role role, Limits limits, Listener& listener) : limits_(limits), listener_(listener) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &Callbacks::beginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::frameReceived);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::dataChunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::streamClosed);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  if (role == Role::Client) {
    nghttp2_session_client_new2(&session_, callbacks, this, option);
  } else {
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);

  const std::array<nghttp2_settings_entry, 4> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.max_header_bytes)},
  }};
  // A server has no pushes to forbid.
  const size_t skip = role == Role::Client ? 0 : 1;
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data() + skip, settings.size() - skip);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(connectionWindow(limits)));
}

H2Session::~H2Session() {
  nghttp2_session_del(session_);
}

Status H2Session::feed(std::string_view bytes) {
  const ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) return failure(Code::BadRequest, "HTTP/2: {}", nghttp2_strerror(static_cast<int>(used)));
  return {};
}

std::string H2Session::output(size_t limit) {
  std::string out;
  while (out.size() < limit) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
  return out;
}

bool H2Session::finished() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

Result<int32_t> H2Session::request(const H2Headers& headers) {
  const std::vector<nghttp2_nv> fields = toNghttp2(headers);
  const nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = &Callbacks::readBody};
  const int32_t stream = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &body, nullptr);
  if (stream < 0) return failure(Code::ServiceUnavailable, "HTTP/2 request: {}", nghttp2_strerror(stream));
  bodies_[stream];
  return stream;
}

void H2Session::respond(int32_t stream, const H2Headers& headers, bool end) {
  const std::vector<nghttp2_nv> fields = toNghttp2(headers);
  const nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = &Callbacks::readBody};
  if (nghttp2_submit_response(session_, stream, fields.data(), fields.size(), end ? nullptr : &body) == 0 && !end) {
    bodies_[stream];
  }
}

void H2Session::data(int32_t stream, std::string bytes) {
  const auto it = bodies_.find(stream);
  if (it == bodies_.end() || it->second.ended || bytes.empty()) return;
  it->second.bytes += bytes.size();
  it->second.pieces.push_back(std::move(bytes));
  if (std::exchange(it->second.deferred, false)) nghttp2_session_resume_data(session_, stream);
}

void H2Session::end(int32_t stream, H2Headers trailers) {
  const auto it = bodies_.find(stream);
  if (it == bodies_.end() || it->second.ended) return;
  it->second.ended = true;
  it->second.trailers = std::move(trailers);
  if (std::exchange(it->second.deferred, false)) nghttp2_session_resume_data(session_, stream);
}

void H2Session::reset(int32_t stream, uint32_t error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error);
}

void H2Session::consumed(int32_t stream, size_t bytes) {
  nghttp2_session_consume_connection(session_, bytes);
  nghttp2_session_consume_stream(session_, stream, bytes);
}

size_t H2Session::queued(int32_t stream) const {
  const auto it = bodies_.find(stream);
  return it == bodies_.end() ? 0 : it->second.bytes;
}

void H2Session::ping() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
}

void H2Session::goAway() {
  nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
}

}  // namespace slipway::tunnel
