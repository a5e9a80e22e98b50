#include "json/raw.h"

#include <gtest/gtest.h>

#include "json/json.h"

namespace slipway::json {
namespace {

TEST(RawMember, IsTheTextOfTheValue) {
  constexpr std::string_view kText =
      R"( { "a" : {"b":[1,{"c":"}"}],"d":"x\"},","e":-1.5e3,"f":null} ,"g":[],"h":{} } )";
  EXPECT_EQ(rawMember(kText, {"a", "b"}), R"([1,{"c":"}"}])");
  EXPECT_EQ(rawMember(kText, {"a", "d"}), R"("x\"},")");
  EXPECT_EQ(rawMember(kText, {"a", "e"}), "-1.5e3");
  EXPECT_EQ(rawMember(kText, {"a", "f"}), "null");
  EXPECT_EQ(rawMember(kText, {"g"}), "[]");
  EXPECT_EQ(rawMember(kText, {"h"}), "{}");
  EXPECT_EQ(rawMember(kText, {"h", "x"}), "");
  EXPECT_EQ(rawMember(kText, {"g", "x"}), "");
  EXPECT_EQ(rawMember(kText, {"none"}), "");
}

TEST(RawMember, ATextThatIsCutAnywhereIsNoHarm) {
  constexpr std::string_view kText = R"({"a":{"b":"c\\","d":[1,2]},"e":"\"","f":true})";
  for (size_t size = 0; size <= kText.size(); ++size) {
    const std::string_view found = rawMember(kText.substr(0, size), {"f"});
    EXPECT_TRUE(found.empty() || found == "true") << size;
  }
}

}  // namespace
}  // namespace slipway::json
