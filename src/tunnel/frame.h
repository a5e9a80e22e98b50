#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tunnel/grpc_status.h"

namespace slipway::tunnel {

inline constexpr size_t kMaxChunk = 16384;         ///< data bytes in one frame
inline constexpr uint32_t kInitialWindow = 65536;  ///< that we grant for each direction of a call
inline constexpr int64_t kSettingsStream = -1;     ///< stream id of Settings
inline constexpr std::string_view kNegotiate = "grpctunnel-negotiate";

enum class FrameKind {
  Settings,      ///< answering side, once, first: what it understands
  NewStream,     ///< calling side: a call begins
  Headers,       ///< answering side: at most once a call, before its messages
  Message,       ///< both: a message begins
  More,          ///< both: it goes on
  HalfClose,     ///< calling side: no more messages
  Cancel,        ///< calling side: forget the call
  Close,         ///< answering side: the call is over
  WindowUpdate,  ///< both: more data may be sent
};

/// One frame of the tunnel, of either direction. Only the fields that its kind names are meant.
struct Frame {
  int64_t stream = 0;
  FrameKind kind = FrameKind::Cancel;
  std::string data;   ///< Message, More: bytes. NewStream: the method
  uint32_t size = 0;  ///< Message: of the whole. WindowUpdate: bytes granted. NewStream, Settings: first window
  int revision = 0;   ///< NewStream
  std::vector<int> revisions;  ///< Settings
  Metadata metadata;           ///< NewStream, Headers
  CallOutcome outcome;         ///< Close
};

/// As ClientToServer: from the side that makes calls.
std::string encodeFromCaller(Frame frame);
Result<Frame> parseFromCaller(std::string_view bytes);
/// As ServerToClient: from the side that answers.
std::string encodeFromCallee(Frame frame);
Result<Frame> parseFromCallee(std::string_view bytes);

}  // namespace slipway::tunnel
