#pragma once

#include <string>
#include <vector>

#include "apiserver/api/registry.h"
#include "json/json.h"

namespace slipway::apiserver {

/// Notes the paths of fields that a JSON body gives twice. With `body` they are told where they stand among the unknown
/// ones, as the decoder meets them; without (a patch) before them.
void noteDuplicates(const std::vector<std::string>& paths, const json::object* body, WriteContext& context);
/// The same for YAML, whose reader says it all in one sentence of its own. `places`: `line 9: key "a" already set in
/// map`.
void noteYamlDuplicates(const std::vector<std::string>& places, WriteContext& context);

/// What a strict decoder says of a body, in its order. Each of `duplicates` and `unknown` is a sentence with the path
/// in quotes; `order` has the paths of the body as it was sent, or nothing.
std::vector<std::string> strictProblems(const std::vector<std::string>& duplicates,
                                        const std::vector<std::string>& unknown, const std::vector<std::string>& order);

}  // namespace slipway::apiserver
