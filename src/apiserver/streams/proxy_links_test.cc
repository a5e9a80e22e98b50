#include "apiserver/streams/proxy_links.h"

#include <gtest/gtest.h>

namespace slipway::apiserver {
namespace {

constexpr const char* kPrefix = "/api/v1/namespaces/d/pods/p:80/proxy";

std::string through(std::string_view html, size_t piece = std::string_view::npos) {
  ProxyLinks links(kPrefix, "10.0.0.1:80");
  std::string out;
  for (size_t at = 0; at < html.size(); at += std::min(piece, html.size() - at))
    out += links.feed(html.substr(at, piece));
  return out + links.finish();
}

std::string expected(std::string text) {
  for (size_t at = text.find('@'); at != std::string::npos; at = text.find('@')) text.replace(at, 1, kPrefix);
  return text;
}

TEST(ProxyLinks, OnlyWhatNamesTheProgramBehindTheProxyChanges) {
  const ProxyLinks links(kPrefix, "10.0.0.1:80");
  EXPECT_EQ(links.link("/x?q=1#a"), expected("@/x?q=1#a"));
  EXPECT_EQ(links.link("http://10.0.0.1:80/x"), expected("@/x"));
  EXPECT_EQ(links.link("//10.0.0.1:80"), expected("@/"));
  for (const char* same :
       {"x/y", "#a", "", "mailto:a@b", "https://example.org/x", "//example.org/x", "?next=http://a/b"})
    EXPECT_EQ(links.link(same), same);
  EXPECT_EQ(links.link(expected("@/x")), expected("@/x")) << "it leads through the proxy already";
}

struct Row {
  const char* html;
  const char* result;
};

TEST(ProxyLinks, APageIsTheSameInWholeAndInPieces) {
  for (
      const Row& row : {
          Row{R"(<a href="/rewriteme">test</a>)", R"(<a href="@/rewriteme">test</a>)"},
          Row{R"(<IMG alt='a>b' SRC = '/i.png' /><p title="/no">a < b</p>)",
              R"(<IMG alt='a>b' SRC = '@/i.png' /><p title="/no">a < b</p>)"},
          Row{"<form action=/go method=post><input disabled>", "<form action=@/go method=post><input disabled>"},
          Row{R"(<!-- <a href="/x"> --><script src="/s.js">if (a < "/b") x = '<a href="/c">';</script><a href="/d">)",
              R"(<!-- <a href="/x"> --><script src="@/s.js">if (a < "/b") x = '<a href="/c">';</script><a href="@/d">)"},
          Row{R"(<!DOCTYPE html><a)", R"(<!DOCTYPE html><a)"},
          Row{"", ""},
      }) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, std::string_view::npos})
      EXPECT_EQ(through(row.html, piece), expected(row.result)) << piece;
  }
}

}  // namespace
}  // namespace slipway::apiserver
