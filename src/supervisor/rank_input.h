#pragma once

#include <optional>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "async/task.h"
#include "proto/site.pb.h"

/// What the supervisor says to the ranks of a step, as lines on the standard input of srun, which gives it to all of
/// them. (A signal would not do to end them: Slurm gives those to every process of a step, and ends it at srun's
/// SIGTERM.)
namespace slipway::supervisor {

/// "stop <seconds>\n": end with this grace period.
std::string stopWord(std::chrono::nanoseconds grace);
/// "secrets <base64>\n": what their plan leaves out; the first word of all.
std::string secretsWord(const site::v1::PodSecrets& secrets);
/// "volumes <base64>\n": new contents.
std::string volumesWord(const site::v1::UpdateVolumesRequest& update);

/// One such line; none of the three: it is not for us.
struct RankWord {
  std::optional<std::chrono::seconds> stop;
  std::optional<site::v1::PodSecrets> secrets;
  std::optional<site::v1::UpdateVolumesRequest> volumes;
};
RankWord parseRankWord(std::string_view line);

/// The lines, as a rank reads them. One reader at a time; on its loop.
class RankInput {
 public:
  /// Of a descriptor, which is duplicated.
  RankInput(Executor executor, int descriptor);
  /// The next word; nothing at the end.
  Task<std::optional<RankWord>> next();

 private:
  boost::asio::posix::stream_descriptor input_;
  std::string text_;
};

}  // namespace slipway::supervisor
