// The three patches of one document: the input is the document, a NUL, and the patch.
#include "json/document.h"
#include "json/merge_patch.h"
#include "json/patch.h"
#include "json/strategic_merge.h"
#include "schema/schema.h"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<const schema::Schema> types = schema::Schema::builtin();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t cut = text.find('\0');
  if (cut == std::string_view::npos) return 0;
  Result<json::value> document = json::readDocument(text.substr(0, cut));
  Result<json::value> patch = json::readDocument(text.substr(cut + 1));
  if (!document || !patch) return 0;
  (void)json::applyPatch(*document, *patch);
  json::value merged = *document;
  json::applyMergePatch(merged, *patch);
  (void)json::applyStrategicMerge(*document, *patch, types->find("v1", "Pod"));
  return 0;
}
