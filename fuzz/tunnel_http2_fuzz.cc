// Bytes from a peer of the HTTP/2 layer; the first one says which role we have.
#include "tunnel/grpc_stream.h"
#include "tunnel/h2_session.h"

namespace slipway::tunnel {
namespace {

/// Does with streams what a connection does, and answers each call.
class Peer final : public H2Session::Listener {
 public:
  explicit Peer(H2Session::Role role) : server_(role == H2Session::Role::Server), session_(role, {}, *this) {
    if (server_) return;
    const auto id = session_.request(grpcRequestHeaders("/a", "b", true, {}));
    if (id) streams_.emplace(*id, make(*id));
  }
  ~Peer() override { closeAll(); }

  void play(std::string_view bytes) {
    if (server_ && !session_.feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) return;
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, 37);
      bytes.remove_prefix(part.size());
      const Status fed = session_.feed(part);
      (void)session_.output(1 << 16);
      if (!fed) return;
    }
  }

 private:
  std::shared_ptr<GrpcStream> make(int32_t id) {
    return std::make_shared<GrpcStream>(session_, id, [] {});
  }
  void closeAll() {
    const auto streams = std::exchange(streams_, {});
    for (const auto& [id, stream] : streams) stream->close({Code::ServiceUnavailable, "over"});
  }

  void onHeaders(int32_t id, H2Headers headers, bool end) override {
    if (server_ && !streams_.contains(id)) streams_.emplace(id, make(id));
    const auto it = streams_.find(id);
    if (it == streams_.end()) return;
    it->second->headersArrived(std::move(headers), end, server_);
    if (server_) it->second->respond({});
    it->second->send("hello");
    if (end) it->second->finish(GrpcCode::Ok, "");
  }
  void onData(int32_t id, std::string_view bytes) override {
    const auto it = streams_.find(id);
    if (it == streams_.end()) return session_.consumed(id, bytes.size());
    it->second->dataArrived(bytes);
  }
  void onEnd(int32_t id) override {
    const auto it = streams_.find(id);
    if (it != streams_.end()) it->second->endArrived(server_);
  }
  void onClosed(int32_t id, uint32_t) override {
    const auto stream = streams_.extract(id);
    if (!stream.empty()) stream.mapped()->close({Code::ServiceUnavailable, "closed"});
  }
  void onRoom(int32_t) override {}
  void onGoAway(uint32_t, std::string_view) override {}

  bool server_;
  std::map<int32_t, std::shared_ptr<GrpcStream>> streams_;
  H2Session session_;
};

}  // namespace
}  // namespace slipway::tunnel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using slipway::tunnel::H2Session;
  if (size == 0) return 0;
  slipway::tunnel::Peer peer(data[0] % 2 == 0 ? H2Session::Role::Server : H2Session::Role::Client);
  peer.play(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  return 0;
}
