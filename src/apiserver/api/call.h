#pragma once

#include <map>
#include <string>
#include <vector>

#include "apiserver/api/kinds.h"
#include "apiserver/api/request_info.h"
#include "apiserver/auth/user.h"
#include "base/clock.h"
#include "http/server.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// Which form of an object the client wants.
enum class Form { Object, Metadata, Table };

/// One request on its way through the API.
struct Call {
  http::Exchange& exchange;
  const http::Request& request;
  Query query;
  RequestInfo info;
  User user;
  const schema::Schema* schema = nullptr;
  const Kinds* kinds = nullptr;
  KindPtr kind;  ///< of info.resource; null for paths without one
  Form form = Form::Object;
  std::string form_version = "v1";                 ///< of the Table or PartialObjectMetadata
  WallTime now;                                    ///< when it came
  std::vector<std::string> warnings;               ///< become Warning headers
  std::map<std::string, std::string> annotations;  ///< for the audit log
};

inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

/// What a call ends in.
struct Reply {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  http::Headers headers;
  bool sent = false;  ///< the handler has written to the exchange itself

  static Reply json(const json::object& object, int status = 200) { return {status, json::serialize(object)}; }
  /// In plain words, which no browser shall take for anything else.
  static Reply text(std::string body, int status = 200) { return {status, std::move(body), std::string(kPlainText)}; }
  static Reply alreadySent() {
    Reply reply;
    reply.sent = true;
    return reply;
  }
};

/// The fields of a Call that say how to write: dryRun, fieldManager, fieldValidation.
struct WriteOptions {
  bool dry_run = false;
  std::string manager;
  enum class Validation { Strict, Warn, Ignore } validation = Validation::Warn;
  bool force = false;  ///< server-side apply
};

Answer<WriteOptions> readWriteOptions(const Call& call);

/// Chooses the form from the Accept header; NotAcceptable when nothing that is offered is accepted.
Done negotiate(Call& call);
/// The same for what is no Table: reviews, evictions and other resources that are only ever created.
Done negotiateUntabled(Call& call);
/// The body as an object, from JSON or YAML, perhaps gzipped. Duplicate fields are noted for fieldValidation.
/// It lives in `storage` if it came as JSON.
Answer<json::object> readBody(const Call& call, std::vector<std::string>* duplicates = nullptr,
                              json::storage_ptr storage = {});
/// The body without its content coding.
Answer<std::string> plainBody(const Call& call);
/// Content-Type without parameters.
std::string mediaType(const http::Headers& headers);

}  // namespace slipway::apiserver
