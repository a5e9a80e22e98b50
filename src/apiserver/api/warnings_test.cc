#include "apiserver/api/warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::apiserver {
namespace {

using ::testing::ElementsAre;

TEST(Warnings, AreSaidOnceAndQuoted) {
  http::Headers headers;
  addWarnings({"a \"b\"", "", "c", "a \"b\""}, headers);
  EXPECT_THAT(headers.all("Warning"), ElementsAre("299 - \"a \\\"b\\\"\"", "299 - \"c\""));
}

TEST(Warnings, ThatAreTooLongTogetherAreCutAndTheLastLeftOut) {
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(fmt::format("{:02}", i) + std::string(298, 'x'));
  texts[0] = "\u00e9" + std::string(299, 'x');
  http::Headers headers;
  addWarnings(texts, headers);
  EXPECT_EQ(headers.all("Warning").size(), 16U);
  EXPECT_EQ(headers.all("Warning").front(), "299 - \"\u00e9" + std::string(255, 'x') + "\"");
}

}  // namespace
}  // namespace slipway::apiserver
