// Request bodies in Kubernetes' protobuf form.
#include "apiserver/proto/decode.h"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<const schema::Schema> types = schema::Schema::builtin();
  const Result<json::object> object = apiserver::decodeProtobuf({reinterpret_cast<const char*>(data), size}, *types);
  if (object) (void)json::serialize(*object);
  return 0;
}
