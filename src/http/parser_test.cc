#include "http/parser.h"

#include <gtest/gtest.h>

namespace slipway::http {
namespace {

using Kind = MessageParser::Kind;

struct Parsed {
  Request request;
  Response response;
  std::string rest;
  bool done = false;
  bool keep_alive = false;
  int refused = 0;
};

// Feeds as a connection does: what was not used comes again with more behind it.
Parsed parse(Kind kind, std::string_view bytes, size_t piece, bool to_head = false, ParserLimits limits = {}) {
  MessageParser parser(kind, limits);
  parser.reset(to_head);
  std::string buffer;
  Parsed out;
  while (!parser.done() && (!bytes.empty() || !buffer.empty())) {
    const size_t before = buffer.size() + bytes.size();
    buffer.append(bytes.substr(0, piece));
    const bool last = bytes.size() <= piece;
    bytes.remove_prefix(std::min(piece, bytes.size()));
    const auto used = parser.feed(buffer);
    if (!used) {
      out.refused = parser.failedStatus();
      return out;
    }
    buffer.erase(0, *used);
    if (last && *used == 0 && buffer.size() + bytes.size() == before) break;
  }
  if (!parser.done()) (void)parser.end();
  out.done = parser.done();
  if (out.done) out.keep_alive = parser.keepAlive();
  out.request = parser.request();
  out.response = parser.response();
  out.rest = buffer + std::string(bytes);
  return out;
}

const std::string kPost =
    "POST /api/v1/x?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-Y:  z \t\r\nAccept: a\r\naccept: b\r\n\r\nhello";
const std::string kChunked =
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nT: "
    "u\r\n\r\n";

TEST(RequestParser, ReadsTheSameInEveryPiece) {
  for (size_t piece = 1; piece <= kPost.size() + 4; ++piece) {
    const Parsed parsed = parse(Kind::Request, kPost + "NEXT", piece);
    ASSERT_TRUE(parsed.done) << piece;
    EXPECT_EQ(parsed.request.method, "POST");
    EXPECT_EQ(parsed.request.path(), "/api/v1/x");
    EXPECT_EQ(parsed.request.query(), "a=b");
    EXPECT_EQ(parsed.request.headers.get("x-y"), "z");
    EXPECT_EQ(parsed.request.headers.all("Accept").size(), 2U);
    EXPECT_EQ(parsed.request.body, "hello");
    EXPECT_EQ(parsed.rest, "NEXT");
    EXPECT_TRUE(parsed.keep_alive);
  }
}

TEST(RequestParser, TakesChunksApartInEveryPiece) {
  for (size_t piece = 1; piece <= kChunked.size() + 4; ++piece) {
    const Parsed parsed = parse(Kind::Request, kChunked + "NEXT", piece);
    ASSERT_TRUE(parsed.done) << piece;
    EXPECT_EQ(parsed.request.body, "hello0123456789");
    EXPECT_EQ(parsed.rest, "NEXT");
  }
}

TEST(RequestParser, EmptyChunkedBodyByteByByte) {
  const Parsed parsed =
      parse(Kind::Request, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1);
  EXPECT_TRUE(parsed.done);
}

TEST(RequestParser, NothingCutShortIsDone) {
  for (const std::string& whole : {kPost, kChunked}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(parse(Kind::Request, whole.substr(0, size), 7).done) << size;
    }
  }
}

int refusal(const std::string& bytes, ParserLimits limits = {}) {
  const int whole = parse(Kind::Request, bytes, bytes.size(), false, limits).refused;
  EXPECT_EQ(parse(Kind::Request, bytes, 1, false, limits).refused, whole) << bytes;
  return whole;
}

std::string put(const std::string& fields, const std::string& body = "") {
  return "PUT / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

TEST(RequestParser, WhatTwoReadersCouldFrameDifferentlyIsRefused) {
  EXPECT_EQ(refusal(put("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")), 400);
  EXPECT_EQ(refusal(put("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(refusal(put("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(refusal(put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refusal(put("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(refusal(put("Transfer-Encoding: xchunked\r\n")), 501);
  EXPECT_EQ(refusal(put("Content-Length: +5\r\n")), 400);
  EXPECT_EQ(refusal(put("Content-Length: 5, 5\r\n")), 400);
  EXPECT_EQ(refusal(put("Content-Length: \r\n")), 400);
  EXPECT_EQ(refusal(put("Content-Length: 0x5\r\n")), 400);
  EXPECT_EQ(refusal(put("Content-Length : 5\r\n")), 400);
  EXPECT_EQ(refusal(put("Content-Length: 99999999999999999999\r\n")), 400);
  EXPECT_EQ(refusal(put("X: a\r\n b\r\n")), 400);
  EXPECT_EQ(refusal(put("X: a\nY: b\r\n")), 400);
  EXPECT_EQ(refusal(put("X: a\rb\r\n")), 400);
  EXPECT_EQ(refusal(put(std::string("X: a\0b\r\n", 8))), 400);
  EXPECT_EQ(refusal("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(RequestParser, MalformedLinesAreRefused) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal(put("Host: two\r\n")), 400);
  EXPECT_EQ(refusal("GET /\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refusal("G(T / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refusal("GET / HTTX/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refusal(put("no colon\r\n")), 400);
  EXPECT_EQ(refusal(put(": empty\r\n")), 400);
  EXPECT_EQ(refusal(std::string("\x16\x03\x01\x02\x00", 5)), 400);
}

TEST(RequestParser, MalformedChunksAreRefused) {
  for (const char* body : {"\r\n", "g\r\n", "5\nhello", "5\r\nhelloX", "5\r\nhello\rX", "-1\r\n",
                           "1111111111111111\r\n", "0\r\n\n", "0\r\nx\n", "5 x\n"}) {
    EXPECT_EQ(refusal(put("Transfer-Encoding: chunked\r\n", body)), 400) << body;
  }
  EXPECT_EQ(refusal(put("Transfer-Encoding: chunked\r\n", "1;" + std::string(20000, 'x') + "\r\n")), 400);
}

TEST(RequestParser, LimitsHaveTheirOwnStatus) {
  const ParserLimits limits{.max_header_bytes = 100, .max_body_bytes = 10};
  EXPECT_EQ(refusal(put("X: " + std::string(100, 'x') + "\r\n"), limits), 431);
  EXPECT_EQ(refusal("GET /" + std::string(200, 'x'), limits), 431);
  EXPECT_EQ(refusal(put("Content-Length: 11\r\n"), limits), 413);
  EXPECT_EQ(refusal(put("Transfer-Encoding: chunked\r\n", "8\r\n12345678\r\n3\r\nabc\r\n"), limits), 413);
  std::string many;
  for (int i = 0; i < 300; ++i) many += "a: b\r\n";
  EXPECT_EQ(refusal(put(many)), 431);
}

TEST(RequestParser, ConnectionFieldAndVersionDecideOnKeepAlive) {
  EXPECT_FALSE(parse(Kind::Request, put("Connection: x, Close\r\n"), 9).keep_alive);
  EXPECT_FALSE(parse(Kind::Request, "GET / HTTP/1.0\r\n\r\n", 9).keep_alive);
  EXPECT_TRUE(parse(Kind::Request, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 9).keep_alive);
}

TEST(RequestParser, AbsoluteTargetAndEmptyLinesBefore) {
  const Parsed parsed = parse(Kind::Request, "\r\n\r\nGET http://h:1/p?q HTTP/1.1\r\nHost: h\r\n\r\n", 1);
  ASSERT_TRUE(parsed.done);
  EXPECT_EQ(parsed.request.target, "/p?q");
}

TEST(ResponseParser, BodyByLengthChunksOrEnd) {
  for (size_t piece = 1; piece < 60; ++piece) {
    Parsed parsed = parse(Kind::Response, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiNEXT", piece);
    EXPECT_EQ(parsed.response.body, "hi");
    EXPECT_EQ(parsed.rest, "NEXT");
    parsed = parse(Kind::Response, "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", piece);
    EXPECT_EQ(parsed.response.body, "hi");
    EXPECT_TRUE(parsed.keep_alive);
    parsed = parse(Kind::Response, "HTTP/1.1 200\r\n\r\nhi there", piece);
    EXPECT_TRUE(parsed.done);
    EXPECT_EQ(parsed.response.body, "hi there");
    EXPECT_FALSE(parsed.keep_alive);
  }
}

TEST(ResponseParser, SomeAnswersHaveNoBody) {
  EXPECT_EQ(parse(Kind::Response, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nNEXT", 3, true).rest, "NEXT");
  EXPECT_EQ(parse(Kind::Response, "HTTP/1.1 204 No\r\n\r\nNEXT", 3).rest, "NEXT");
  EXPECT_EQ(parse(Kind::Response, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nNEXT", 3).rest, "NEXT");
}

TEST(Message, HeadersAndQueries) {
  Headers headers{{"Connection", "keep-alive, Upgrade"}};
  EXPECT_TRUE(headers.hasToken("connection", "upgrade"));
  headers.set("CONNECTION", "close");
  EXPECT_EQ(headers.size(), 1U);
  const auto query = parseQuery("command=ls&command=%2Fa+b&tty&x=");
  ASSERT_EQ(query.size(), 4U);
  EXPECT_EQ(query[1].second, "/a b");
  EXPECT_EQ(query[2].first, "tty");
}

}  // namespace
}  // namespace slipway::http
