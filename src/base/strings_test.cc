#include "base/strings.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(Split, KeepsEmptyFields) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_TRUE(split("", ',').empty());
  EXPECT_EQ(split("a,", ',').size(), 2U);
}

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(base64Decode(base64Encode(bytes)).value(), bytes);
    EXPECT_EQ(base64Decode(base64UrlEncode(bytes)).value(), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_FALSE(base64Decode("a b").has_value());
  EXPECT_FALSE(base64Decode("YWJjZ").has_value());
}

TEST(ShellQuote, NothingIsExecuted) {
  EXPECT_EQ(shellQuote("plain-1.0"), "plain-1.0");
  EXPECT_EQ(shellQuote("it's $(x)"), "'it'\\''s $(x)'");
  EXPECT_EQ(shellQuote(""), "''");
}

TEST(ToValidUtf8, ReplacesOnlyBadBytes) {
  EXPECT_EQ(toValidUtf8("äiti 日本"), "äiti 日本");
  EXPECT_EQ(toValidUtf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(toValidUtf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(toValidUtf8("cut \xE6\x97"), "cut \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(ToDnsLabel, IsValidWhateverTheJobIsCalled) {
  EXPECT_EQ(toDnsLabel("My Job=1"), "my-job-1");
  EXPECT_EQ(toDnsLabel("äiti"), "iti");
  EXPECT_EQ(toDnsLabel("日本"), "");
  EXPECT_EQ(toDnsLabel("--a--"), "a");
  EXPECT_TRUE(isDnsLabel(toDnsLabel(std::string(100, 'x') + "-")));
}

TEST(ToLabelValue, IsAlwaysAValidValue) {
  EXPECT_EQ(toLabelValue("a/b:c"), "a_b_c");
  EXPECT_EQ(toLabelValue("_x_"), "x");
  EXPECT_EQ(toLabelValue(std::string(80, 'y')).size(), 63U);
}

TEST(Percent, RoundTrips) {
  EXPECT_EQ(percentEncode("a b/ü"), "a%20b%2F%C3%BC");
  EXPECT_EQ(percentDecode("a%20b%2F"), "a b/");
  EXPECT_EQ(percentDecode("a+b%", true), "a b%");
}

}  // namespace
}  // namespace slipway
