#include "pod/env_file.h"

#include <gtest/gtest.h>

namespace slipway::pod {
namespace {

std::string readFrom(std::string_view text, std::string_view key = "A") {
  const auto value = valueInEnvFile(text, key);
  if (!value) return "error: " + value.error().message;
  return *value ? "<" + **value + ">" : "none";
}

TEST(EnvFile, ReadsWhatAKubeletReads) {
  EXPECT_EQ(readFrom("A='one'\n"), "<one>");
  EXPECT_EQ(readFrom("A='one'"), "<one>");
  EXPECT_EQ(readFrom("\n  # A='no'\n\t A='one' # yes\n"), "<one>");
  EXPECT_EQ(readFrom("B='x'\nA='a\nb \\n $(C) \"d\"'\nC='z'"), "<a\nb \\n $(C) \"d\">");
  EXPECT_EQ(readFrom("A='first'\nA='second'"), "<first>");
  EXPECT_EQ(readFrom("A= 'one'"), "<>");
  EXPECT_EQ(readFrom("B= 'x'\nA='one'"), "<one>");
  EXPECT_EQ(readFrom("A=''"), "<>");
  EXPECT_EQ(readFrom("AB='x'"), "none");
  EXPECT_EQ(readFrom(""), "none");
}

TEST(EnvFile, NamesTheLineThatIsWrong) {
  EXPECT_EQ(readFrom("B='x'\nA"), "error: line 2: \"=\" is missing");
  EXPECT_EQ(readFrom("='x'"), "error: line 1: the name is missing");
  EXPECT_EQ(readFrom("A ='x'"), "error: line 1: a blank before \"=\"");
  EXPECT_EQ(readFrom("A=x"), "error: line 1: the value must stand in single quotes");
  EXPECT_EQ(readFrom("A=\"x\""), "error: line 1: the value must stand in single quotes");
  EXPECT_EQ(readFrom("A="), "error: line 1: the value must stand in single quotes");
  EXPECT_EQ(readFrom("A='x' y"), "error: line 1: unexpected text after the quote");
  EXPECT_EQ(readFrom("\nA='x\ny"), "error: line 3: a single quote is not closed");
}

}  // namespace
}  // namespace slipway::pod
