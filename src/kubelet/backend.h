#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "kube/resource.h"

namespace slipway::kubelet {

/// Which container is meant. The kubelet API looks the pod up by podsOf(), so the backend gets a pod that exists on
/// that node; `uid` is the pod's own.
struct ContainerRef {
  std::string node;
  std::string ns;
  std::string pod;
  std::string uid;
  std::string container;  ///< empty for port-forward
};

/// Options of v1.PodLogOptions, as the site API takes them.
struct LogOptions {
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  int64_t tail_lines = -1;     ///< -1: all; 0: none of what is there
  int64_t since_seconds = -1;  ///< -1: not set
  int64_t since_time_ns = 0;   ///< Unix time; 0: not set
  int64_t limit_bytes = -1;    ///< -1: no limit
  std::string stream;          ///< "", "All", "Stdout", "Stderr"
};

/// A log as it is read. Destroyed when the client went away: the backend stops reading then.
class LogStream {
 public:
  virtual ~LogStream() = default;
  /// The next piece, in any size, not necessarily whole lines; nothing at the end. Without `follow` it ends where the
  /// log ends now, at once if nothing was written yet; with it, when the container ended and all was read.
  virtual Task<Result<std::optional<std::string>>> next() = 0;
};

struct ExecOptions {
  std::vector<std::string> command;  ///< empty with attach
  bool attach = false;
  bool tty = false;
  bool stdin_open = false;
  bool stdout_open = false;
  bool stderr_open = false;
};

struct TerminalSize {
  uint32_t columns = 0;
  uint32_t rows = 0;
};

struct ExecInput {
  std::string data;  ///< standard input
  bool closed = false;
  std::optional<TerminalSize> resize;
};

struct ExecOutput {
  std::string out;
  std::string err;
  bool exited = false;  ///< the last one
  int exit_code = 0;
  std::string error;  ///< the command could not be run at all
};

/// One exec or attach. One sender and one receiver at a time; destroying it ends the command's streams.
class ExecSession {
 public:
  virtual ~ExecSession() = default;
  virtual Task<Status> send(ExecInput input) = 0;
  /// Nothing after the message with `exited`, or when an attached container's streams ended.
  virtual Task<Result<std::optional<ExecOutput>>> receive() = 0;
};

/// One connection to one port of a pod. Destroying it closes the connection.
class PortSession {
 public:
  virtual ~PortSession() = default;
  virtual Task<Status> send(std::string data) = 0;
  /// The client has nothing more to say.
  virtual Task<Status> closeWrite() = 0;
  /// Nothing at the end.
  virtual Task<Result<std::optional<std::string>>> receive() = 0;
};

/// Usage as counters since the start; -1 where it is not known, which leaves the figure out.
struct Usage {
  int64_t cpu_nanoseconds = -1;     ///< core nanoseconds used in all
  int64_t memory_working_set = -1;  ///< bytes
  int64_t memory_rss = -1;          ///< bytes
  int64_t started_at_ns = 0;        ///< Unix time; 0: not known
};

struct NodeStats {
  int64_t time_ns = 0;  ///< when it was measured, Unix time
  Usage usage;
  int64_t memory_available = -1;  ///< bytes
};

struct ContainerStats {
  std::string name;
  Usage usage;
};

struct PodStats {
  std::string ns;
  std::string name;
  std::string uid;
  int64_t time_ns = 0;
  int64_t started_at_ns = 0;
  std::vector<ContainerStats> containers;
};

/// What the kubelet API asks of the bridge. Runs on the one loop. Calls that leave the process have the backend's own
/// deadlines; an unreachable agent is ServiceUnavailable, a container that has not started is BadRequest with kubelet's
/// words ("container \"c\" in pod \"p\" is waiting to start: ...").
class Backend {
 public:
  virtual ~Backend() = default;
  /// Pods bound to a node as they are in the cache, status included; all nodes' with "".
  virtual std::vector<kube::Object> podsOf(const std::string& node) const = 0;
  /// One pod, or nothing.
  virtual std::optional<kube::Object> findPod(const std::string& ns, const std::string& name) const = 0;

  virtual Task<Result<std::unique_ptr<LogStream>>> logs(ContainerRef container, LogOptions options) = 0;
  virtual Task<Result<std::unique_ptr<ExecSession>>> exec(ContainerRef container, ExecOptions options) = 0;
  virtual Task<Result<std::unique_ptr<PortSession>>> portForward(ContainerRef pod, uint16_t port) = 0;

  virtual Task<Result<NodeStats>> nodeStats(std::string node) = 0;
  /// Pods whose usage cannot be had are left out.
  virtual Task<Result<std::vector<PodStats>>> podStats(std::string node) = 0;
};

}  // namespace slipway::kubelet
