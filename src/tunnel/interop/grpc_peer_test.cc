// gRPC's own C++ implementation on the other side of our tunnel, in both roles, over mutual TLS 1.3.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>

#include "async/blocking.h"
#include "async/loop.h"
#include "net/tcp.h"
#include "proto/grpctunnel.grpc.pb.h"
#include "tunnel/endpoint.h"
#include "tunnel/testing/certificates.h"
#include "tunnel/testing/echo_service.h"

namespace slipway::tunnel {
namespace {

using namespace std::chrono_literals;
namespace wire = grpctunnel::v1;
using testing::EchoService;
using testing::TlsSides;
using CallerStream = grpc::ServerReaderWriter<wire::ClientToServer, wire::ServerToClient>;
using CalleeStream = grpc::ClientReaderWriter<wire::ServerToClient, wire::ClientToServer>;

constexpr size_t kChunk = 16384;

TunnelOptions testOptions() {
  TunnelOptions options;
  options.reconnect = {.initial = 5ms, .max = 20ms};
  options.authority = "site.example";
  return options;
}

// ---- grpc++ accepts and calls, we dial and answer

/// Makes calls as a controller does, within the handler of the one stream.
class GrpcController final : public wire::TunnelService::Service {
 public:
  explicit GrpcController(bool negotiate) : negotiate_(negotiate) {}

  grpc::Status OpenReverseTunnel(grpc::ServerContext* context, CallerStream* stream) override {
    const auto& metadata = context->client_metadata();
    EXPECT_EQ(metadata.count("grpctunnel-negotiate"), 1U);
    if (negotiate_) context->AddInitialMetadata("grpctunnel-negotiate", "on");
    stream->SendInitialMetadata();
    if (negotiate_) {
      wire::ServerToClient settings;
      EXPECT_TRUE(stream->Read(&settings));
      EXPECT_EQ(settings.stream_id(), -1);
      EXPECT_EQ(settings.settings().initial_window_size(), 65536U);
      EXPECT_EQ(settings.settings().supported_protocol_revisions_size(), 2);
    }
    EXPECT_EQ(echo(*stream, 1, "hello"), "hello");
    const std::string large(300'000, 'q');
    EXPECT_EQ(echo(*stream, 2, large), large);
    EXPECT_EQ(refused(*stream, 3), 5);
    if (!done_) {
      done_ = true;
      finished.set_value();
    }
    return grpc::Status::OK;
  }

  std::promise<void> finished;

 private:
  void open(CallerStream& stream, int64_t id, const std::string& method) const {
    wire::ClientToServer frame;
    frame.set_stream_id(id);
    frame.mutable_new_stream()->set_method_name(method);
    if (negotiate_) {
      frame.mutable_new_stream()->set_initial_window_size(65536);
      frame.mutable_new_stream()->set_protocol_revision(wire::REVISION_ONE);
    }
    stream.Write(frame);
  }

  /// Sends one message, reads it back, and keeps to the windows of both directions where there are any.
  std::string echo(CallerStream& stream, int64_t id, const std::string& text) const {
    open(stream, id, "test/Echo");
    size_t sent = 0;
    size_t window = negotiate_ ? 65536 : std::string::npos;
    std::string back;
    while (true) {
      while (sent < text.size() && window > 0) {
        const size_t part = std::min({kChunk, window, text.size() - sent});
        wire::ClientToServer frame;
        frame.set_stream_id(id);
        if (sent == 0) {
          frame.mutable_request_message()->set_size(static_cast<uint32_t>(text.size()));
          frame.mutable_request_message()->set_data(text.substr(0, part));
        } else {
          frame.set_more_request_data(text.substr(sent, part));
        }
        stream.Write(frame);
        sent += part;
        if (window != std::string::npos) window -= part;
        if (sent == text.size()) {
          wire::ClientToServer half;
          half.set_stream_id(id);
          half.mutable_half_close();
          stream.Write(half);
        }
      }
      wire::ServerToClient frame;
      if (!stream.Read(&frame)) return "the tunnel ended";
      EXPECT_EQ(frame.stream_id(), id);
      if (frame.has_window_update()) window += frame.window_update();
      const size_t got = frame.response_message().data().size() + frame.more_response_data().size();
      back += frame.response_message().data() + frame.more_response_data();
      if (negotiate_ && got > 0) {
        wire::ClientToServer update;
        update.set_stream_id(id);
        update.set_window_update(static_cast<uint32_t>(got));
        stream.Write(update);
      }
      if (!frame.has_close_stream()) continue;
      EXPECT_EQ(frame.close_stream().status().code(), 0) << frame.close_stream().status().message();
      return back;
    }
  }

  int refused(CallerStream& stream, int64_t id) const {
    open(stream, id, "/test/Refuse");
    wire::ClientToServer frame;
    frame.set_stream_id(id);
    const std::string text = fmt::format("{}:no such pod", static_cast<int>(Code::NotFound));
    frame.mutable_request_message()->set_size(static_cast<uint32_t>(text.size()));
    frame.mutable_request_message()->set_data(text);
    stream.Write(frame);
    wire::ServerToClient answer;
    while (stream.Read(&answer)) {
      if (answer.has_close_stream() && answer.stream_id() == id) return answer.close_stream().status().code();
    }
    return -1;
  }

  bool negotiate_;
  bool done_ = false;
};

std::shared_ptr<grpc::ServerCredentials> serverCredentials(const TlsSides& sides) {
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = sides.server.ca;
  options.pem_key_cert_pairs.push_back({sides.server.key, sides.server.certificate});
  return grpc::SslServerCredentials(options);
}

Task<void> answersGrpc(bool negotiate) {
  const Executor executor = co_await async::thisExecutor();
  const TlsSides sides = testing::makeTlsSides();
  GrpcController controller(negotiate);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", serverCredentials(sides), &port);
  builder.RegisterService(&controller);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();

  const net::HostPort where{"127.0.0.1", static_cast<uint16_t>(port)};
  const std::shared_ptr<net::Dialer> dialer =
      net::tlsDialer(net::tcpDialer(where), net::TlsContext::client(sides.client).value(), "site.example");
  EchoService echo;
  SystemRandom random;
  std::vector<std::string> states;
  DialingEnd dialling(dialer, echo.service, testOptions(), random,
                      [&states](bool up, const std::string& why) { states.push_back(up ? "connected" : why); });
  async::TaskGroup group(executor);
  group.spawn("dialling", dialling.run());
  async::BlockingPool pool(1);
  std::future<void> finished = controller.finished.get_future();
  const bool ready = co_await pool.run([&finished] { return finished.wait_for(20s) == std::future_status::ready; });
  EXPECT_TRUE(ready) << fmt::format("{}", fmt::join(states, "\n"));
  co_await group.stop();
  co_await pool.run([&server] {
    server->Shutdown(std::chrono::system_clock::now() + 1s);
    return true;
  });
}

TEST(GrpcController, CallsUsOverARevisionOneTunnel) {
  async::runToEnd(answersGrpc(true));
}
TEST(GrpcController, CallsUsOverARevisionZeroTunnel) {
  async::runToEnd(answersGrpc(false));
}

// ---- grpc++ dials and answers, we accept and call

/// An agent on grpc++: answers every call by sending its request message back.
class GrpcAgent {
 public:
  GrpcAgent(uint16_t port, const TlsSides& sides, bool negotiate) : negotiate_(negotiate) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = sides.client.ca;
    options.pem_private_key = sides.client.key;
    options.pem_cert_chain = sides.client.certificate;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("site.example");
    channel_ = grpc::CreateCustomChannel(fmt::format("127.0.0.1:{}", port), grpc::SslCredentials(options), arguments);
  }

  /// Runs on a thread of its own until the other side closes the tunnel; the value is the call's status.
  grpc::Status run() {
    const auto stub = wire::TunnelService::NewStub(channel_);
    grpc::ClientContext context;
    if (negotiate_) context.AddMetadata("grpctunnel-negotiate", "on");
    context.AddMetadata("slipway-cluster", "grpc");
    const auto stream = stub->OpenReverseTunnel(&context);
    stream->WaitForInitialMetadata();
    EXPECT_EQ(context.GetServerInitialMetadata().count("grpctunnel-negotiate"), negotiate_ ? 1U : 0U);
    if (negotiate_) sendSettings(*stream);
    wire::ClientToServer frame;
    while (stream->Read(&frame)) answer(*stream, frame);
    stream->WritesDone();
    return stream->Finish();
  }

  /// What a server without normal tunnels says to someone who wants one.
  grpc::Status openForwardTunnel() {
    const auto stub = wire::TunnelService::NewStub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    const auto stream = stub->OpenTunnel(&context);
    wire::ServerToClient frame;
    stream->Read(&frame);
    return stream->Finish();
  }

 private:
  static void sendSettings(CalleeStream& stream) {
    wire::ServerToClient frame;
    frame.set_stream_id(-1);
    frame.mutable_settings()->set_initial_window_size(65536);
    frame.mutable_settings()->add_supported_protocol_revisions(wire::REVISION_ZERO);
    frame.mutable_settings()->add_supported_protocol_revisions(wire::REVISION_ONE);
    stream.Write(frame);
  }

  void answer(CalleeStream& stream, const wire::ClientToServer& frame) {
    wire::ServerToClient out;
    out.set_stream_id(frame.stream_id());
    if (frame.has_new_stream()) {
      EXPECT_EQ(frame.new_stream().method_name(), "/test/Echo");
      EXPECT_EQ(frame.new_stream().protocol_revision(), negotiate_ ? wire::REVISION_ONE : wire::REVISION_ZERO);
      return;
    }
    // Chunks go back as they are: the windows of both directions are the same.
    if (frame.has_request_message()) *out.mutable_response_message() = frame.request_message();
    if (frame.frame_case() == wire::ClientToServer::kMoreRequestData) {
      out.set_more_response_data(frame.more_request_data());
    }
    if (frame.has_half_close()) out.mutable_close_stream();
    if (out.frame_case() != wire::ServerToClient::FRAME_NOT_SET) stream.Write(out);
    const size_t got = frame.request_message().data().size() + frame.more_request_data().size();
    if (!negotiate_ || got == 0) return;
    wire::ServerToClient update;
    update.set_stream_id(frame.stream_id());
    update.set_window_update(static_cast<uint32_t>(got));
    stream.Write(update);
  }

  bool negotiate_;
  std::shared_ptr<grpc::Channel> channel_;
};

Task<void> sendsAndCloses(ClientCall& call, std::string text) {
  co_await call.send(std::move(text));
  co_await call.closeSend();
}

Task<void> callsThrough(Channel& channel, std::string text) {
  const Executor executor = co_await async::thisExecutor();
  auto call = co_await channel.open("/test/Echo");
  EXPECT_TRUE(call.has_value());
  async::TaskGroup sender(executor);
  sender.spawn("send", sendsAndCloses(**call, text));
  const auto back = co_await (*call)->receive();
  EXPECT_TRUE(back.has_value() && back->has_value() && **back == text);
  const auto end = co_await (*call)->receive();
  EXPECT_TRUE(end.has_value() && !end->has_value());
  co_await sender.join();
}

Task<void> usesTunnel(async::Event& used, OpenTunnel tunnel) {
  EXPECT_EQ(tunnel.peer.common_name, "lumi");
  EXPECT_EQ(tunnel.metadata.at("slipway-cluster"), "grpc");
  co_await callsThrough(*tunnel.channel, "hello");
  co_await callsThrough(*tunnel.channel, "");
  co_await callsThrough(*tunnel.channel, std::string(1'000'000, 'w'));
  used.set();
}

Task<void> callsGrpc(bool negotiate) {
  const Executor executor = co_await async::thisExecutor();
  const TlsSides sides = testing::makeTlsSides();
  auto listener = net::listenTcp(executor, "127.0.0.1", 0).value();
  const uint16_t port = listener->port();
  async::Event used;
  AcceptingEnd accepting(executor, testOptions(),
                         [&used](OpenTunnel tunnel) { return usesTunnel(used, std::move(tunnel)); });
  async::TaskGroup group(executor);
  group.spawn("accepting", accepting.serve(std::move(listener), net::TlsContext::server(sides.server).value()));
  GrpcAgent agent(port, sides, negotiate);
  async::BlockingPool pool(1);
  const grpc::Status status = co_await pool.run([&agent] { return agent.run(); });
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(used.isSet());
  const grpc::Status refused = co_await pool.run([&agent] { return agent.openForwardTunnel(); });
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  co_await group.stop();
}

TEST(GrpcAgent, AnswersUsOverARevisionOneTunnel) {
  async::runToEnd(callsGrpc(true));
}
TEST(GrpcAgent, AnswersUsOverARevisionZeroTunnel) {
  async::runToEnd(callsGrpc(false));
}

}  // namespace
}  // namespace slipway::tunnel
