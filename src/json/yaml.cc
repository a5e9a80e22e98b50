#include "json/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <cmath>
#include <sstream>

#include "json/yaml_scalar.h"

namespace slipway::json {
namespace {

/// Thrown inside this file only, because yaml-cpp's events cannot fail otherwise.
struct Refused {
  Error error;
};

[[noreturn]] void refuse(const YAML::Mark& mark, std::string_view what) {
  throw Refused{Error{Code::BadRequest, fmt::format("yaml: line {}: {}", mark.line + 1, what)}};
}

class YamlBuilder final : public YAML::EventHandler {
 public:
  YamlBuilder(const Limits& limits, std::vector<std::string>* duplicates)
      : limits_(limits), budget_(std::max<size_t>(limits.max_bytes / 16, 1000)), duplicates_(duplicates) {}
  value release() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, nullptr, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an anchor contains itself");
    spend(mark, found->second.weight);
    add(mark, found->second.content, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Result<value> scalar = readYamlScalar(tag, text);
    if (!scalar) refuse(mark, scalar.error().message);
    bool merge_key = tag != "!" && text == "<<";
    if (wantsKey() && merge_key) {
      frames_.back().key = text;
      frames_.back().has_key = frames_.back().merging = true;
      return;
    }
    add(mark, std::move(*scalar), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, array(), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, object(), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    value container;
    YAML::anchor_t anchor = 0;
    size_t weight = 1;
    YAML::Mark mark;
    std::string key;
    bool has_key = false;
    bool merging = false;
    std::vector<value> merged;  ///< of "<<": own keys count more, wherever they stand
  };
  struct Anchored {
    value content;
    size_t weight;
  };

  bool wantsKey() const { return !frames_.empty() && frames_.back().container.is_object() && !frames_.back().has_key; }

  void spend(const YAML::Mark& mark, size_t weight) {
    spent_ += weight;
    if (spent_ > budget_) refuse(mark, "document contains excessive aliasing");
    for (Frame& frame : frames_) frame.weight += weight;
  }
  void open(const YAML::Mark& mark, value container, YAML::anchor_t anchor) {
    if (wantsKey()) refuse(mark, "a key must be a scalar");
    if (frames_.size() >= limits_.max_depth) refuse(mark, "exceeded max depth");
    spend(mark, 1);
    frames_.push_back({std::move(container), anchor, 1, mark, {}, false, false, {}});
  }
  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    for (value& source : frame.merged) mergeInto(frame.container.get_object(), std::move(source), frame.mark);
    if (frame.anchor != 0) anchors_[frame.anchor] = {frame.container, frame.weight};
    place(frame.mark, std::move(frame.container));
  }
  void add(const YAML::Mark& mark, value scalar, YAML::anchor_t anchor) {
    spend(mark, 1);
    if (anchor != 0) anchors_[anchor] = {scalar, 1};
    if (!wantsKey()) return place(mark, std::move(scalar));
    Frame& frame = frames_.back();
    if (scalar.is_structured()) refuse(mark, "a key must be a scalar");
    frame.key = scalar.is_null() ? "null" : scalar.is_string() ? std::string(scalar.get_string()) : serialize(scalar);
    frame.has_key = true;
    if (frame.container.get_object().contains(frame.key)) repeated(mark, frame.key);
  }
  void repeated(const YAML::Mark& mark, std::string_view key) {
    if (duplicates_ == nullptr) refuse(mark, fmt::format("key {:?} already set in map", key));
    duplicates_->push_back(fmt::format("line {}: key {:?} already set in map", mark.line + 1, key));
  }
  void place(const YAML::Mark& mark, value made) {
    if (frames_.empty()) {
      root_ = std::move(made);
      return;
    }
    Frame& frame = frames_.back();
    if (array* list = frame.container.if_array()) {
      list->push_back(std::move(made));
      return;
    }
    frame.has_key = false;
    if (!std::exchange(frame.merging, false)) {
      frame.container.get_object()[frame.key] = std::move(made);
    } else if (array* list = made.if_array()) {
      for (value& source : *list) frame.merged.push_back(std::move(source));
    } else {
      frame.merged.push_back(std::move(made));
    }
    (void)mark;
  }
  static void mergeInto(object& target, value source, const YAML::Mark& mark) {
    if (!source.is_object()) refuse(mark, "map merge requires map or sequence of maps as the value");
    for (auto& [key, part] : source.get_object()) target.emplace(key, std::move(part));
  }

  const Limits& limits_;
  size_t budget_;
  size_t spent_ = 0;
  std::vector<std::string>* duplicates_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  value root_;
};

}  // namespace

Result<value> yamlToJson(std::string_view text, const Limits& limits, std::vector<std::string>* duplicates) {
  if (text.size() > limits.max_bytes) {
    return failure(Code::RequestEntityTooLarge, "Request entity too large: limit is {}", limits.max_bytes);
  }
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    YamlBuilder builder(limits, duplicates);
    parser.HandleNextDocument(builder);
    value document = builder.release();
    YamlBuilder next(limits, duplicates);
    if (parser.HandleNextDocument(next) && !next.release().is_null()) {
      return failure(Code::BadRequest, "yaml: more than one document");
    }
    return document;
  } catch (const Refused& refused) {
    return failure(refused.error);
  } catch (const YAML::Exception& problem) {
    return failure(Code::BadRequest, "yaml: line {}: {}", problem.mark.line + 1, problem.msg);
  }
}

}  // namespace slipway::json
