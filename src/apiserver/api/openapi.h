#pragma once

#include <map>
#include <string>

#include "apiserver/api/api.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// /openapi/v3 and /openapi/v2, made from the schema: what kubectl reads for explain, and to learn whether the server
/// validates fields. Documents are made when first asked for and kept until the kinds change. Loop thread only.
class OpenApi {
 public:
  OpenApi(const schema::Schema& schema, const Kinds& kinds) : schema_(schema), kinds_(kinds) {}

  void addTo(Api& api);

 private:
  struct Document {
    std::string body;
    std::string protobuf;               ///< of v2
    std::optional<std::string> packed;  ///< gzipped once, since nearly every client wants it so
    std::optional<std::string> packed_protobuf;
    std::string hash;
  };
  Task<Answer<Reply>> serve(const Call* call);
  Reply index();
  Answer<Reply> version3(const Call& call, const std::string& name);
  Answer<Reply> version2(const Call& call);
  const Document& document(const std::string& name);
  Reply reply(const Call& call, const Document& document, bool protobuf = false) const;

  const schema::Schema& schema_;
  const Kinds& kinds_;
  uint64_t seen_ = 0;
  std::map<std::string, Document> documents_;
};

}  // namespace slipway::apiserver
