#include "kube/quantity.h"

#include <gtest/gtest.h>

namespace slipway::kube {
namespace {

std::string canonical(std::string_view text) {
  const Result<Quantity> quantity = Quantity::parse(text);
  return quantity ? quantity->str() : "error";
}

TEST(Quantity, IsWrittenInItsCanonicalForm) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"0", "0"},
      {"100m", "100m"},
      {"1500m", "1500m"},
      {"1.5", "1500m"},
      {"2000m", "2"},
      {"1Gi", "1Gi"},
      {"1024Mi", "1Gi"},
      {"1.5Gi", "1536Mi"},
      {"1025", "1025"},
      {"1000", "1k"},
      {"1e3", "1e3"},
      {"1E3", "1e3"},
      {"12e6", "12e6"},
      {"1E", "1E"},
      {"1Ei", "1Ei"},
      {"0.5Ki", "512"},
      {"-1.5", "-1500m"},
      {"+3", "3"},
      {".5", "500m"},
      {"5.", "5"},
      {"1n", "1n"},
      {"0.1n", "1n"},
      {"1000000", "1M"},
      {"1u", "1u"},
      {"123456789Ki", "123456789Ki"},
      {"0.0001Mi", "104857600u"},
      {"1e-3", "1e-3"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(Quantity, RefusesWhatIsNone) {
  for (const char* text :
       {"", "m", "1x", "1 Gi", "1gi", "1.2.3", "e3", "1e", "--1", "1mm", "Ki", ".", "1Gib", "0x10"}) {
    EXPECT_EQ(canonical(text), "error") << text;
  }
}

TEST(Quantity, StopsAtTheLargestNumber) {
  EXPECT_EQ(Quantity::parse("9223372036854775807")->value(), INT64_MAX);
  EXPECT_EQ(Quantity::parse("99999999999999999999999999999999999999999999")->value(), INT64_MAX);
  EXPECT_EQ(Quantity::parse("16Ei")->value(), INT64_MAX);
  EXPECT_EQ(Quantity::parse("1e99")->value(), INT64_MAX);
}

TEST(Quantity, RoundsUpToUnits) {
  EXPECT_EQ(Quantity::parse("1100m")->value(), 2);
  EXPECT_EQ(Quantity::parse("1n")->millis(), 1);
  EXPECT_EQ(Quantity::parse("250m")->millis(), 250);
}

TEST(Quantity, AddsAndCompares) {
  Quantity sum = *Quantity::parse("500m");
  sum += *Quantity::parse("1500m");
  EXPECT_EQ(sum, Quantity::ofValue(2));
  EXPECT_LT(*Quantity::parse("1Mi"), *Quantity::parse("2M"));
  EXPECT_EQ(*Quantity::parse("1Ki"), *Quantity::parse("1024"));
  sum -= Quantity::ofMillis(1);
  EXPECT_EQ(sum.str(), "1999m");
  EXPECT_EQ(Quantity::ofMebibytes(2048).str(), "2Gi");
}

}  // namespace
}  // namespace slipway::kube
