#include "http/client.h"

#include "async/deadline.h"
#include "base/strings.h"
#include "http/client_connection.h"

namespace slipway::http {

using std::chrono::nanoseconds;
using ConnectionPtr = std::unique_ptr<ClientConnection>;

struct Client::Impl : std::enable_shared_from_this<Client::Impl> {
  Impl(Executor run_on, std::unique_ptr<net::Dialer> dial, ClientOptions settings)
      : executor(std::move(run_on)), dialer(std::move(dial)), options(settings) {
    const std::string target = dialer->target();
    const size_t scheme = target.find("://");
    host = scheme == std::string::npos ? target : target.substr(scheme + 3);
  }

  Task<Result<ConnectionPtr>> connect();
  /// Sends and reads the head of the answer; over a kept connection where there is one.
  Task<Result<ConnectionPtr>> exchange(Request request);
  Task<Result<ConnectionPtr>> exchangeOn(ConnectionPtr connection, std::shared_ptr<const Request> request);
  Task<Result<Response>> send(Request request);
  Task<Result<std::unique_ptr<ResponseStream>>> open(Request request);
  Task<Result<Upgraded>> upgrade(Request request);
  Task<Status> readWhole(ClientConnection& connection);
  ConnectionPtr takeKept();
  void keep(ConnectionPtr connection);
  void dropDead();

  Executor executor;
  std::unique_ptr<net::Dialer> dialer;
  ClientOptions options;
  std::string host;
  std::deque<ConnectionPtr> kept;
  bool closed = false;
};

namespace {

bool mayBeRepeated(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

std::string nameOf(const Request& request, const net::Dialer& dialer) {
  return fmt::format("{} {}{}", request.method, dialer.target(), request.path());
}

}  // namespace

Client::Client(Executor executor, std::unique_ptr<net::Dialer> dialer, ClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(dialer), options)) {}

Client::~Client() {
  impl_->closed = true;
  impl_->kept.clear();
}

void Client::Impl::dropDead() {
  const SteadyTime oldest = std::chrono::steady_clock::now() -
                            std::chrono::duration_cast<std::chrono::steady_clock::duration>(options.idle_timeout);
  std::erase_if(kept, [&](const ConnectionPtr& one) { return !one->alive() || one->keptSince() < oldest; });
}

ConnectionPtr Client::Impl::takeKept() {
  dropDead();
  if (kept.empty()) return nullptr;
  // The one used last: the others age and go.
  ConnectionPtr connection = std::move(kept.back());
  kept.pop_back();
  return connection;
}

void Client::Impl::keep(ConnectionPtr connection) {
  if (closed || !connection->reusable()) return;
  connection->keep();
  kept.push_back(std::move(connection));
  dropDead();
  while (kept.size() > options.max_idle_connections) kept.pop_front();
}

Task<Result<ConnectionPtr>> Client::Impl::connect() {
  CO_TRY(net::StreamPtr stream, co_await dialer->dial());
  co_return std::make_unique<ClientConnection>(executor, std::move(stream));
}

Task<Result<ConnectionPtr>> Client::Impl::exchangeOn(ConnectionPtr connection, std::shared_ptr<const Request> request) {
  const Status sent = co_await connection->send(*request, host);
  // A server that refuses a long body answers and closes before it has read all: look for that answer.
  const Status head = co_await connection->readHead(request->method == "HEAD");
  if (!head) co_return failure(sent ? head.error() : sent.error());
  co_return std::move(connection);
}

Task<Result<ConnectionPtr>> Client::Impl::exchange(Request wanted) {
  const auto request = std::make_shared<const Request>(std::move(wanted));
  if (ConnectionPtr connection = takeKept()) {
    ClientConnection& used = *connection;
    const Status sent = co_await used.send(*request, host);
    const Status head = co_await used.readHead(request->method == "HEAD");
    if (head) co_return std::move(connection);
    if (used.answerBegun() || !mayBeRepeated(request->method)) co_return failure(sent ? head.error() : sent.error());
  }
  CO_TRY(ConnectionPtr connection, co_await connect());
  auto answered = co_await exchangeOn(std::move(connection), request);
  co_return std::move(answered);
}

Task<Status> Client::Impl::readWhole(ClientConnection& connection) {
  while (true) {
    CO_TRY(const bool more, co_await connection.readBody());
    if (!more) co_return Status();
    if (connection.response().body.size() > options.max_body_bytes) {
      co_return failure(Code::RequestEntityTooLarge, "the answer is over {} bytes", options.max_body_bytes);
    }
  }
}

Task<Result<Response>> Client::Impl::send(Request request) {
  const std::shared_ptr<Impl> self = shared_from_this();
  CO_TRY(ConnectionPtr connection, co_await exchange(std::move(request)));
  CO_TRY_STATUS(co_await readWhole(*connection));
  Response response = std::move(connection->response());
  // The parser looks at the status once more.
  connection->response().status = response.status;
  keep(std::move(connection));
  co_return response;
}

namespace {

// Gives its connection back once the body was read to the end.
class BodyStream final : public ResponseStream {
 public:
  using GiveBack = std::function<void(ConnectionPtr)>;
  BodyStream(ConnectionPtr connection, GiveBack give_back)
      : connection_(std::move(connection)), give_back_(std::move(give_back)), head_(connection_->response()) {
    head_.body.clear();
    body_ = std::move(connection_->response().body);
    connection_->response().body.clear();
  }

  const Response& head() const override { return head_; }

  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    while (taken_ == body_.size()) {
      if (!connection_) co_return size_t{0};
      CO_TRY(const bool more, co_await connection_->readBody());
      if (!more) {
        give_back_(std::move(connection_));
        co_return size_t{0};
      }
      body_.clear();
      taken_ = 0;
      body_.swap(connection_->response().body);
    }
    const size_t count = body_.copy(buffer.data(), buffer.size(), taken_);
    taken_ += count;
    co_return count;
  }

 private:
  ConnectionPtr connection_;
  GiveBack give_back_;
  Response head_;
  std::string body_;
  size_t taken_ = 0;
};

}  // namespace

Task<Result<std::unique_ptr<ResponseStream>>> Client::Impl::open(Request request) {
  const std::shared_ptr<Impl> self = shared_from_this();
  CO_TRY(ConnectionPtr connection, co_await exchange(std::move(request)));
  BodyStream::GiveBack give_back = [self](ConnectionPtr one) { self->keep(std::move(one)); };
  co_return std::make_unique<BodyStream>(std::move(connection), std::move(give_back));
}

Task<Result<Upgraded>> Client::Impl::upgrade(Request request) {
  const std::shared_ptr<Impl> self = shared_from_this();
  const auto shared = std::make_shared<const Request>(std::move(request));
  CO_TRY(ConnectionPtr fresh, co_await connect());
  CO_TRY(ConnectionPtr connection, co_await exchangeOn(std::move(fresh), shared));
  Upgraded out;
  if (connection->response().status == 101) {
    out.head = std::move(connection->response());
    out.stream = connection->release();
    co_return out;
  }
  CO_TRY_STATUS(co_await readWhole(*connection));
  out.head = std::move(connection->response());
  co_return out;
}

Task<Result<Response>> Client::send(Request request, nanoseconds deadline) {
  std::string what = nameOf(request, *impl_->dialer);
  return async::withDeadline(impl_->send(std::move(request)), deadline, std::move(what));
}

Task<Result<std::unique_ptr<ResponseStream>>> Client::open(Request request, nanoseconds deadline) {
  std::string what = nameOf(request, *impl_->dialer);
  return async::withDeadline(impl_->open(std::move(request)), deadline, std::move(what));
}

Task<Result<Upgraded>> Client::upgrade(Request request, nanoseconds deadline) {
  std::string what = nameOf(request, *impl_->dialer);
  return async::withDeadline(impl_->upgrade(std::move(request)), deadline, std::move(what));
}

}  // namespace slipway::http
