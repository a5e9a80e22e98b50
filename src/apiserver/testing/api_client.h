#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "json/json.h"

namespace slipway::apiserver::testing {

/// Speaks HTTP to an API server in a test: as the admin of its kubeconfig, or as nobody.
class ApiClient {
 public:
  ApiClient(Executor executor, const std::filesystem::path& kubeconfig);
  static ApiClient anonymous(Executor executor, uint16_t port);

  struct Answer {
    int code = 0;
    std::string text;
    json::object body;  ///< empty when it is no JSON object
    std::vector<std::string> warnings;
    std::string location;
  };
  Task<Answer> ask(std::string method, std::string path);
  Task<Answer> ask(std::string method, std::string path, json::value body, std::string type = "application/json");
  Task<Answer> send(http::Request request);
  Task<Result<http::Upgraded>> upgrade(http::Request request);
  /// All events of a watch that ends by its timeoutSeconds.
  Task<std::vector<json::object>> watch(std::string path);
  /// Asks until the path answers with the code; false after some seconds.
  Task<bool> eventually(std::string path, int code);
  void setToken(std::string token) { token_ = std::move(token); }

 private:
  ApiClient() = default;
  std::unique_ptr<http::Client> client_;
  std::string token_;
};

}  // namespace slipway::apiserver::testing
