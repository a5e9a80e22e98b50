// Replays what a real API server was asked and compares the answers (testdata/differential.jsonl, made by
// differential.py). Known differences are listed with their reasons in testdata/known_differences.txt.
#include <gtest/gtest.h>

#include "apiserver/api_server.h"
#include "apiserver/testing/api_client.h"
#include "async/loop.h"
#include "base/files.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

/// Whether a recorded text, in which <uid> and its like stand for anything, fits.
bool fitsText(std::string_view wanted, std::string_view got) {
  const size_t open = wanted.find('<');
  const size_t close = open == std::string_view::npos ? open : wanted.find('>', open);
  if (close == std::string_view::npos) return wanted == got;
  if (!got.starts_with(wanted.substr(0, open))) return false;
  const std::string_view rest = wanted.substr(close + 1);
  for (size_t at = open; at <= got.size(); ++at) {
    if (fitsText(rest, got.substr(at))) return true;
  }
  return false;
}

/// The first place where an answer does not fit the record, or "".
std::string differenceAt(const json::value& wanted, const json::value& got, const std::string& path) {
  if (wanted.is_string() && wanted.get_string().starts_with("<")) return {};
  if (wanted.is_string() && got.is_string()) {
    if (fitsText(wanted.get_string(), got.get_string())) return {};
  } else if (wanted.is_object() && got.is_object()) {
    for (const auto& [key, value] : wanted.get_object()) {
      const bool pattern = key.find('<') != std::string_view::npos;
      const json::value* mine = got.get_object().if_contains(key);
      if (mine == nullptr && !pattern) return fmt::format("{}.{}: missing", path, std::string_view(key));
      if (mine == nullptr) continue;
      std::string found = differenceAt(value, *mine, fmt::format("{}.{}", path, std::string_view(key)));
      if (!found.empty()) return found;
    }
    for (const auto& [key, value] : got.get_object()) {
      if (!wanted.get_object().contains(key) && key.find("kube-api-access") == std::string_view::npos) {
        return fmt::format("{}.{}: too much", path, std::string_view(key));
      }
    }
    return {};
  } else if (wanted.is_array() && got.is_array() && wanted.get_array().size() == got.get_array().size()) {
    for (size_t i = 0; i < wanted.get_array().size(); ++i) {
      std::string found = differenceAt(wanted.get_array()[i], got.get_array()[i], fmt::format("{}[{}]", path, i));
      if (!found.empty()) return found;
    }
    return {};
  } else if (wanted == got) {
    return {};
  }
  return fmt::format("{}: {} instead of {}", path, json::serialize(got), json::serialize(wanted));
}

http::Request requestOf(const json::object& record) {
  http::Request request;
  request.method = json::text(record, {"method"});
  request.target = json::text(record, {"path"});
  const std::string_view accept = json::text(record, {"accept"});
  request.headers.set("Accept", std::string(accept.empty() ? "application/json" : accept));
  request.headers.set("User-Agent", "differential/1");
  const json::value* raw = record.if_contains("raw");
  const json::value* body = record.if_contains("body");
  if (raw != nullptr) request.body = raw->as_string();
  if (raw == nullptr && body != nullptr) request.body = json::serialize(*body);
  const std::string_view type = json::text(record, {"type"});
  if (raw != nullptr || body != nullptr) {
    request.headers.set("Content-Type", std::string(type.empty() ? "application/json" : type));
  }
  if (const std::string_view user = json::text(record, {"user"}); !user.empty()) {
    request.headers.set("Impersonate-User", std::string(user));
  }
  return request;
}

std::string compare(const json::object& record, const testing::ApiClient::Answer& got) {
  if (record.at("code").as_int64() != got.code) {
    return fmt::format("code {} instead of {}: {}", got.code, record.at("code").as_int64(), got.text.substr(0, 300));
  }
  for (const std::string_view field : {"reason", "message", "details"}) {
    const json::value* wanted = record.if_contains(field);
    const json::value* mine = got.body.if_contains(field);
    if (wanted == nullptr || json::text(record, {"status"}).empty()) continue;
    if (mine == nullptr) return fmt::format("{}: missing", field);
    std::string found = differenceAt(*wanted, *mine, std::string(field));
    if (!found.empty()) return found;
  }
  if (const json::value* wanted = record.if_contains("answer")) {
    json::value body = got.body.empty() ? json::value(got.text) : json::value(got.body);
    const bool discovery = body.is_object() && body.get_object().contains("resources");
    if (!discovery && !(body.is_object() && body.get_object().contains("serverAddressByClientCIDRs"))) {
      std::string found = differenceAt(*wanted, body, "answer");
      if (!found.empty()) return found;
    }
  }
  if (const json::value* names = record.if_contains("names")) {
    json::array mine;
    if (const json::array* items = json::findArray(got.body, {"items"})) {
      for (const json::value& item : *items) mine.emplace_back(json::text(item.as_object(), {"metadata", "name"}));
    }
    return differenceAt(*names, mine, "names");
  }
  return {};
}

std::map<size_t, std::string> knownDifferences() {
  std::map<size_t, std::string> known;
  const std::string text = readFile(SLIPWAY_TEST_DATA "/known_differences.txt").value();
  for (const std::string_view line : split(text, '\n')) {
    const auto [number, reason] = splitOnce(line, ' ');
    if (const auto index = parseInt(number)) known[static_cast<size_t>(*index)] = reason;
  }
  return known;
}

Task<void> replay(ApiServer& server, std::vector<std::string>& failures, size_t& asked) {
  const Status started = co_await server.start();
  EXPECT_TRUE(started) << started.error().message;
  if (!started) co_return;
  const std::string text = readFile(SLIPWAY_TEST_DATA "/differential.jsonl").value();
  const std::map<size_t, std::string> known = knownDifferences();
  const Executor executor = co_await async::thisExecutor();
  {
    testing::ApiClient client(executor, server.kubeconfig());
    size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
      if (line.empty()) continue;
      const json::value document = json::parse(line);
      const json::object& record = document.as_object();
      http::Request request = requestOf(record);
      const auto answer = co_await client.send(std::move(request));
      const std::string found = compare(record, answer);
      if (!found.empty() && !known.contains(number)) {
        failures.push_back(
            fmt::format("#{} {} {}: {}", number, json::text(record, {"method"}), json::text(record, {"path"}), found));
      }
      ++number;
    }
    asked = number;
  }
  co_await server.stop();
}

TEST(Differential, AnswersAsTheRealServer) {
  TemporaryDirectory directory;
  async::Loop loop;
  ApiServerOptions options;
  options.data_dir = directory.path() / "data";
  options.port = 0;
  ApiServer server(loop.executor(), options);
  std::vector<std::string> failures;
  size_t asked = 0;
  loop.run(replay(server, failures, asked), false);
  EXPECT_GE(asked, 400U);
  EXPECT_TRUE(failures.empty()) << failures.size() << " of " << asked << " differ:\n" << join(failures, "\n");
}

}  // namespace
}  // namespace slipway::apiserver
