#pragma once

#include <span>

#include "schema/field_error.h"

namespace slipway::schema {

/// The rules of one kind.
struct KindRules {
  std::string_view kind;
  void (*create)(const Check& root) = nullptr;
  /// Only what must not change; `create` runs as well.
  void (*update)(const Check& root, const json::object& old) = nullptr;
  /// Whether what must not change is told before what is wrong by itself.
  bool update_first = false;
};

std::span<const KindRules> podRules();
std::span<const KindRules> coreRules();
std::span<const KindRules> volumeRules();
std::span<const KindRules> workloadRules();
std::span<const KindRules> accessRules();
std::span<const KindRules> networkRules();
std::span<const KindRules> policyRules();

// Shared between kinds.

void checkLabels(const Check& at, std::string_view key, std::string_view shown_path = "");
void checkAnnotations(const Check& at, std::string_view key, std::string_view shown_path = "");
/// A label selector under a key; false if it is invalid.
bool checkSelector(const Check& at, std::string_view key);
/// True if a label selector matches labels; an invalid or empty one matches nothing.
bool selectorMatches(const json::object& selector, const json::object* labels);
void checkNodeSelector(const Check& selector);
void checkPodSpec(const Check& spec);
void checkPodTemplate(const Check& pod_template);
void checkAffinity(const Check& affinity);
void checkVolumes(const Check& spec);
void checkContainers(const Check& spec);
/// A fieldRef of an environment variable, or of a volume, which may show other fields.
void checkFieldRef(const Check& ref, bool volume);
void checkResourceRef(const Check& ref);
void checkQuantities(const Check& at, std::string_view key);
/// A number or a percentage that is not negative.
void checkIntOrPercent(const Check& at, std::string_view key);
/// Invalid "field is immutable" if the field at a path changed.
void checkImmutable(const Check& root, const json::object& old, std::initializer_list<std::string_view> path,
                    std::string_view detail = "field is immutable");

}  // namespace slipway::schema
