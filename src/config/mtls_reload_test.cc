#include "config/mtls_reload.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/files.h"
#include "net/tcp.h"

namespace slipway::config {
namespace {

/// Dials nothing; its target is the certificate that it was made with.
class NamedDialer final : public net::Dialer {
 public:
  explicit NamedDialer(std::string name) : name_(std::move(name)) {}
  Task<Result<net::StreamPtr>> dial() override { co_return failure(Code::ServiceUnavailable, "nobody is there"); }
  std::string target() const override { return name_; }

 private:
  std::string name_;
};

class QuietListener final : public net::Listener {
 public:
  Task<Result<net::StreamPtr>> accept() override {
    const Executor executor = co_await async::thisExecutor();
    auto [near, far] = net::streamPair(executor);
    co_return std::move(near);
  }
  uint16_t port() const override { return 1; }
  void close() override {}
};

class MtlsReloadTest : public ::testing::Test {
 protected:
  static Result<Mtls> load(const std::string& path) {
    TRY(const std::string text, readFile(path));
    if (text.starts_with("broken")) return failure(Code::Invalid, "{}:1: not a certificate", path);
    return Mtls{"ca", text, "key of " + text};
  }
  void write(const std::string& text) { ASSERT_TRUE(writeFileAtomic(path, text, 0600)); }

  TemporaryDirectory directory;
  std::string path = directory.path() / "agent.yaml";
};

TEST_F(MtlsReloadTest, EachDialUsesWhatTheFileHoldsThen_ABrokenOneChangesNothing) {
  write("one");
  int made = 0;
  const auto make = [&made](const Mtls& mtls) -> Result<std::shared_ptr<net::Dialer>> {
    ++made;
    if (mtls.certificate == "refused") return failure(Code::Invalid, "own key does not go with the certificate");
    return std::make_shared<NamedDialer>(mtls.certificate);
  };
  const auto dialer = reloadingDialer(path, *load(path), load, make);
  ASSERT_TRUE(dialer.has_value());
  const auto dial = [&] {
    EXPECT_FALSE(async::runToEnd((*dialer)->dial()).has_value());
    return (*dialer)->target();
  };
  EXPECT_EQ(dial(), "one");
  EXPECT_EQ(dial(), "one");
  EXPECT_EQ(made, 1);
  write("two");
  EXPECT_EQ(dial(), "two");
  write("broken");
  EXPECT_EQ(dial(), "two");
  write("refused");
  EXPECT_EQ(dial(), "two");
  std::filesystem::remove(path);
  EXPECT_EQ(dial(), "two");
  write("three");
  EXPECT_EQ(dial(), "three");
  EXPECT_EQ(made, 4);
}

TEST_F(MtlsReloadTest, AConnectionThatComesMakesItLook) {
  write("one");
  std::vector<std::string> used;
  const auto use = [&used](const Mtls& fresh) -> Status {
    used.push_back(fresh.certificate);
    return {};
  };
  auto listener =
      reloadingListener(std::make_unique<QuietListener>(), std::make_shared<MtlsReload>(path, *load(path), load, use));
  EXPECT_TRUE(async::runToEnd(listener->accept()).has_value());
  EXPECT_TRUE(used.empty());
  write("two");
  EXPECT_TRUE(async::runToEnd(listener->accept()).has_value());
  EXPECT_TRUE(async::runToEnd(listener->accept()).has_value());
  EXPECT_EQ(used, std::vector<std::string>{"two"});
}

}  // namespace
}  // namespace slipway::config
