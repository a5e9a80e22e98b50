// The image of a container: pulled, and pulled again after a while.
#include <unistd.h>

#include "base/strings.h"
#include "supervisor/container_runner.h"
#include "supervisor/identity.h"

namespace slipway::supervisor {

using site::v1::ContainerReport;

struct ContainerRunner::Fetched {
  std::optional<Result<container::PreparedImage>> image;
  std::string broken;  ///< what an exception said
};

Task<void> ContainerRunner::fetch(container::ImageRequest request, std::shared_ptr<Fetched> to) {
  const auto prepare = [](container::ContainerRuntime& runtime, container::ImageRequest wanted,
                          std::shared_ptr<Fetched> out) -> Task<void> {
    out->image = co_await runtime.prepare(std::move(wanted));
  };
  Task<void> preparing = prepare(context_.runtime, std::move(request), to);
  const std::optional<std::string> broken = co_await brokenBy(std::move(preparing));
  if (broken) to->broken = *broken;
  changed_.pulse();
}

/// Nothing: the pod ends, and nobody waits for an image any more.
Task<std::optional<Result<container::PreparedImage>>> ContainerRunner::fetchUnlessStopped(
    container::ImageRequest request) {
  for (const auto& each : context_.plan.registry_auth()) {
    request.credentials.push_back({each.registry(), each.username(), each.password()});
  }
  const auto fetched = std::make_shared<Fetched>();
  async::TaskGroup group(executor_);
  group.spawn("pull", fetch(std::move(request), fetched));
  while (!fetched->image && fetched->broken.empty() && !stopWanted()) co_await changed_.wait();
  co_await group.stop();
  if (!fetched->broken.empty()) throw std::runtime_error(fetched->broken);
  co_return std::move(fetched->image);
}

/// With the events of a kubelet: of a pull only if there is one.
Task<std::optional<Result<container::PreparedImage>>> ContainerRunner::fetchTold(container::ImageRequest request) {
  constexpr std::chrono::seconds kWorthTelling{1};
  const std::string name = request.image;
  const auto pulling = std::make_shared<bool>(false);
  request.pulling = [this, pulling, name] {
    if (!std::exchange(*pulling, true)) {
      context_.board.event("Normal", "Pulling", fmt::format("Pulling image \"{}\"", name), plan_.name());
    }
  };
  const SteadyTime start = context_.clock.steady();
  auto image = co_await fetchUnlessStopped(std::move(request));
  if (!image || !*image || (*image)->path.empty() || context_.rank) co_return image;
  // Only what took a while tells how long: otherwise the event of each restart is the same, and counted.
  const auto took = std::chrono::floor<std::chrono::milliseconds>(context_.clock.steady() - start);
  const std::string lasted = took < kWorthTelling ? "" : fmt::format(" in {}", formatDuration(took));
  context_.board.event("Normal", "Pulled",
                       *pulling ? fmt::format("Successfully pulled image \"{}\"{}", name, lasted)
                                : fmt::format("Container image \"{}\" already present on machine", name),
                       plan_.name());
  co_return image;
}

/// Once for each reason in a row.
void ContainerRunner::tellReason(const std::string& reason) {
  if (std::exchange(told_, reason) == reason) return;
  context_.board.event("Warning", "Failed", "Error: " + reason, plan_.name());
}

void ContainerRunner::pullFailed(const std::string& image, const std::string& policy, const Error& error) {
  std::string reason = "ErrImagePull";
  std::string event = "Failed";
  std::string message = fmt::format("Failed to pull image \"{}\": {}", image, error.message);
  if (error.is(Code::Invalid)) {
    reason = "InvalidImageName";
    event = "InspectFailed";
    message = error.message;
  } else if (policy == "Never") {
    reason = "ErrImageNeverPull";
    event = reason;
    message = error.message;
  }
  // Of these two the reason stands: trying again, which goes on, is no pull.
  failed_image_ = reason == "ErrImagePull" ? image : "";
  failed_why_ = error.message;
  context_.board.event("Warning", event, message, plan_.name());
  tellReason(reason);
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
    report.mutable_waiting()->set_reason(reason);
    report.mutable_waiting()->set_message(error.message);
  });
  handle(ContainerEvent::ImageFailed);
}

/// As a kubelet: it waits, and is tried again, until what it needs is there.
void ContainerRunner::configFailed(const Error& error) {
  failed_image_.clear();
  context_.board.event("Warning", "Failed", fmt::format("Error: {}", error.message), plan_.name());
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
    report.mutable_waiting()->set_reason("CreateContainerConfigError");
    report.mutable_waiting()->set_message(error.message);
  });
  handle(ContainerEvent::ImageFailed);
}

/// Images that the container mounts as volumes. False: it cannot start now.
Task<bool> ContainerRunner::pullVolumes() {
  for (const site::v1::Volume& volume : context_.plan.volumes()) {
    const auto& mounts = plan_.mounts();
    const bool mounted = std::any_of(mounts.begin(), mounts.end(),
                                     [&](const site::v1::Mount& mount) { return mount.volume() == volume.name(); });
    if (!volume.has_image() || !mounted) continue;
    container::ImageRequest request{
        volume.image().reference(), container::parsePullPolicy(volume.image().pull_policy()), {}};
    auto image = co_await fetchTold(std::move(request));
    if (!image) co_return false;
    if (*image) {
      const Status placed = context_.volumes.setImage(volume.name(), (*image)->path);
      if (!placed) *image = failure(placed.error());
    }
    if (!*image) {
      pullFailed(volume.image().reference(), volume.image().pull_policy(), image->error());
      co_return false;
    }
  }
  co_return true;
}

Task<void> ContainerRunner::pull() {
  container::ImageRequest request{plan_.image(), container::parsePullPolicy(plan_.image_pull_policy()), {}};
  auto image = co_await fetchTold(std::move(request));
  if (!image) co_return;
  if (!*image) {
    pullFailed(plan_.image(), plan_.image_pull_policy(), image->error());
    co_return;
  }
  image_ = std::move(**image);
  told_.clear();
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) { report.set_image_id(image_.id); });
  const bool complete = co_await pullVolumes();
  if (!complete) co_return;
  Status fine = readFileKeys();
  if (fine && context_.runtime.mapsUsers()) {
    fine = checkImageUser(plan_, image_.config.user, image_.path, ::geteuid());
  }
  if (!fine) {
    configFailed(fine.error());
    co_return;
  }
  handle(ContainerEvent::ImageReady);
}

Task<void> ContainerRunner::waitBackOff(std::chrono::nanoseconds delay, std::string reason, std::string message) {
  const SteadyTime end = context_.clock.steady() + delay;
  // The reason of the failure itself is to be seen for a moment before that of the waiting.
  const SteadyTime show =
      context_.clock.steady() + std::min<std::chrono::nanoseconds>(delay / 2, std::chrono::seconds(1));
  while (!stopWanted()) {
    const SteadyTime now = context_.clock.steady();
    if (now >= end) co_return;
    if (!reason.empty() && now >= show) {
      context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
        report.mutable_waiting()->set_reason(reason);
        report.mutable_waiting()->set_message(message);
      });
      reason.clear();
    }
    co_await changed_.waitFor((reason.empty() ? end : show) - now);
  }
}

}  // namespace slipway::supervisor
