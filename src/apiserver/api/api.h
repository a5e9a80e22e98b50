#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "apiserver/api/handlers.h"
#include "apiserver/auth/authenticator.h"
#include "apiserver/auth/authorizer.h"

namespace slipway::apiserver {

/// What every request goes through: who (authentication, impersonation), whether (authorization), what (routing), and
/// the answer in the right form. Loop thread only.
class Api {
 public:
  struct Parts {
    const schema::Schema& schema;
    Registry& registry;
    ResourceHandlers& handlers;
    Authenticator& authenticator;
    Authorizer& authorizer;
    const Clock& clock;
    Random& random;
  };
  explicit Api(Parts parts);

  /// The http::Handler of the server.
  Task<void> handle(http::Exchange& exchange);

  /// A handler of a subresource, "core/pods" and "binding", in place of the general one.
  using Handler = std::function<Task<Answer<Reply>>(Call&)>;
  void onSubresource(const std::string& table, const std::string& subresource, Handler handler);
  /// A handler of a whole kind that is not stored: reviews.
  void onResource(const std::string& table, Handler handler);
  /// A handler of a path without resource, and, if it ends in '/', of all below it.
  void onPath(const std::string& path, Handler handler, bool open_to_all = false);

  /// Called once for each request that is answered, for metrics and the audit log.
  using Observer = std::function<void(const Call& call, int status, std::chrono::nanoseconds took)>;
  void setObserver(Observer observer) { observer_ = std::move(observer); }
  void setServerAddress(std::string address) { server_address_ = std::move(address); }
  /// How many requests of one user may be under way at once, watches and streams not counted; the next is answered
  /// with 429. Masters are exempt, as on the real server.
  void setMaxInFlight(size_t most) { max_in_flight_ = most; }

 private:
  struct Path {
    Handler handler;
    bool open_to_all;
  };
  /// Counts a request of a user as under way as long as it lives.
  class InFlight;
  Task<Answer<Reply>> answer(Call& call);
  Done identify(Call& call);
  Done impersonate(Call& call);
  Done authorize(const Call& call);
  Task<Answer<Reply>> route(Call& call);
  Task<Answer<Reply>> routeResource(Call& call);
  json::array pathList() const;
  const Path* findPath(const std::string& path) const;
  Task<void> send(Call& call, Reply reply);
  Reply refusal(const Call& call, const StatusError& error) const;

  Parts p_;
  std::map<std::string, size_t, std::less<>> in_flight_;  ///< by user
  size_t max_in_flight_ = 400;
  std::map<std::string, Handler> resources_;
  std::map<std::string, Path> paths_;
  Observer observer_;
  std::string server_address_;
};

Attributes attributesOf(const RequestInfo& info);

}  // namespace slipway::apiserver
