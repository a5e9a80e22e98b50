// Replays what a real API server was asked and compares the answers (testdata/*.jsonl, made by differential.py). Known
// differences are listed with their reasons in testdata/known_*.txt.
#include <gtest/gtest.h>

#include <iostream>

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

/// "<repeat a 300>" stands for three hundred letters.
std::string unpacked(std::string text) {
  constexpr std::string_view kSign = "\"<repeat ";
  for (size_t at = text.find(kSign); at != std::string::npos; at = text.find(kSign, at)) {
    const size_t end = text.find('>', at);
    const std::string_view said = std::string_view(text).substr(at + kSign.size(), end - at - kSign.size());
    const auto count = static_cast<size_t>(parseInt(said.substr(2)).value_or(0));
    const std::string letters(count, said[0]);
    text.replace(at + 1, end - at, letters);
  }
  return text;
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
  if (raw == nullptr && body != nullptr) request.body = unpacked(json::serialize(*body));
  const std::string_view type = json::text(record, {"type"});
  if (raw != nullptr || body != nullptr) {
    request.headers.set("Content-Type", std::string(type.empty() ? "application/json" : type));
  }
  if (const std::string_view user = json::text(record, {"user"}); !user.empty()) {
    request.headers.set("Impersonate-User", std::string(user));
  }
  return request;
}

/// The cells of a table; how old something is is no matter.
std::string compareTable(const json::value& cells, const json::value& columns, const json::object& table) {
  json::array names, rows;
  if (const json::array* list = json::findArray(table, {"columnDefinitions"})) {
    for (const json::value& column : *list) names.emplace_back(json::text(column.as_object(), {"name"}));
  }
  if (const json::array* list = json::findArray(table, {"rows"})) {
    for (const json::value& row : *list) rows.push_back(row.as_object().at("cells"));
  }
  std::string found = differenceAt(columns, names, "columns");
  return found.empty() ? differenceAt(cells, rows, "cells") : found;
}

/// Only some fields, by their paths; null is for what is not there.
std::string compareFields(const json::object& fields, const json::object& body) {
  for (const auto& [path, wanted] : fields) {
    const json::value whole(body);
    const json::value* at = &whole;
    for (const std::string_view key : split(path, '.')) {
      at = at != nullptr && at->is_object() ? at->get_object().if_contains(key) : nullptr;
    }
    std::string found = differenceAt(wanted, at == nullptr ? json::value() : *at, std::string(path));
    if (!found.empty()) return found;
  }
  return {};
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
  if (const json::value* cells = record.if_contains("cells"))
    return compareTable(*cells, record.at("columns"), got.body);
  if (const json::object* fields = json::findObject(record, {"fields"})) return compareFields(*fields, got.body);
  return {};
}

/// What the author is told besides the answer.
std::string compareWarnings(const json::object& record, const testing::ApiClient::Answer& got) {
  const json::value* wanted = record.if_contains("warnings");
  const json::array mine(got.warnings.begin(), got.warnings.end());
  return differenceAt(wanted == nullptr ? json::value(json::array()) : *wanted, mine, "warnings");
}

/// One list of requests: the record of the answers, and which of them are known to differ.
struct List {
  const char* name;
  const char* record;
  const char* known;
};

std::string testFile(const char* name) {
  return readFile(fmt::format("{}/{}", SLIPWAY_TEST_DATA, name)).value();
}

std::map<size_t, std::string> knownDifferences(const List& list) {
  std::map<size_t, std::string> known;
  const std::string text = testFile(list.known);
  for (const std::string_view line : split(text, '\n')) {
    const auto [number, reason] = splitOnce(line, ' ');
    if (const auto index = parseInt(number)) known[static_cast<size_t>(*index)] = reason;
  }
  return known;
}

struct Outcome {
  size_t asked = 0;
  std::vector<std::string> failures;
  std::vector<std::string> mended;  ///< known differences that are none any more
};

/// Stands still: which manager of fields is named first, and whether a time has changed, depends on the second.
class OneSecond final : public Clock {
 public:
  WallTime now() const override { return now_; }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }

 private:
  WallTime now_ = std::chrono::system_clock::now();
};

/// Pods may come as soon as their namespace has its account, which a controller makes.
Task<void> waitForAccount(testing::ApiClient* client, const testing::ApiClient::Answer* answer) {
  const std::string name(json::text(answer->body, {"metadata", "name"}));
  if (answer->code != 201 || json::text(answer->body, {"kind"}) != "Namespace" || name.empty()) co_return;
  EXPECT_TRUE(co_await client->eventually(fmt::format("/api/v1/namespaces/{}/serviceaccounts/default", name), 200));
}

Task<void> replay(ApiServer& server, List list, Outcome& outcome) {
  const Status started = co_await server.start();
  EXPECT_TRUE(started) << started.error().message;
  if (!started) co_return;
  const std::string text = testFile(list.record);
  const std::map<size_t, std::string> known = knownDifferences(list);
  const Executor executor = co_await async::thisExecutor();
  {
    testing::ApiClient client(executor, server.kubeconfig());
    for (const std::string_view line : split(text, '\n')) {
      if (line.empty()) continue;
      const json::value document = json::parse(line);
      const json::object& record = document.as_object();
      http::Request request = requestOf(record);
      const bool dry_run = request.target.find("dryRun") != std::string::npos;
      const auto answer = co_await client.send(std::move(request));
      if (!dry_run) co_await waitForAccount(&client, &answer);
      std::string found = compare(record, answer);
      if (found.empty()) found = compareWarnings(record, answer);
      const size_t number = outcome.asked++;
      if (found.empty() && known.contains(number)) outcome.mended.push_back(std::to_string(number));
      if (found.empty() || known.contains(number)) continue;
      outcome.failures.push_back(
          fmt::format("#{} {} {}: {}", number, json::text(record, {"method"}), json::text(record, {"path"}), found));
    }
  }
  co_await server.stop();
}

class Differential : public ::testing::TestWithParam<List> {};

TEST_P(Differential, AnswersAsTheRealServer) {
  TemporaryDirectory directory;
  async::Loop loop;
  ApiServerOptions options;
  options.data_dir = directory.path() / "data";
  options.port = 0;
  const OneSecond clock;
  options.clock = &clock;
  ApiServer server(loop.executor(), options);
  Outcome outcome;
  loop.run(replay(server, GetParam(), outcome), false);
  EXPECT_GE(outcome.asked, 900U);
  EXPECT_TRUE(outcome.failures.empty()) << outcome.failures.size() << " of " << outcome.asked << " differ:\n"
                                        << join(outcome.failures, "\n");
  if (!outcome.mended.empty()) std::cerr << "no longer different: " << join(outcome.mended, " ") << "\n";
}

INSTANTIATE_TEST_SUITE_P(Lists, Differential,
                         ::testing::Values(List{"Requests", "differential.jsonl", "known_differences.txt"},
                                           List{"Rules", "differential_rules.jsonl", "known_rules.txt"}),
                         [](const auto& list) { return std::string(list.param.name); });

}  // namespace
}  // namespace slipway::apiserver
