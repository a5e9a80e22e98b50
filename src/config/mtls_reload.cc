#include "config/mtls_reload.h"

#include "base/log.h"

namespace slipway::config {
namespace {

class ReloadingDialer final : public net::Dialer {
 public:
  explicit ReloadingDialer(std::shared_ptr<net::Dialer> first) : current_(std::move(first)) {}

  void watch(std::unique_ptr<MtlsReload> certificates) { certificates_ = std::move(certificates); }
  void become(std::shared_ptr<net::Dialer> next) { current_ = std::move(next); }

  Task<Result<net::StreamPtr>> dial() override {
    certificates_->refresh();
    const std::shared_ptr<net::Dialer> dialer = current_;
    co_return co_await dialer->dial();
  }
  std::string target() const override { return current_->target(); }

 private:
  std::shared_ptr<net::Dialer> current_;
  std::unique_ptr<MtlsReload> certificates_;
};

class ReloadingListener final : public net::Listener {
 public:
  ReloadingListener(std::unique_ptr<net::Listener> below, std::shared_ptr<MtlsReload> certificates)
      : below_(std::move(below)), certificates_(std::move(certificates)) {}

  Task<Result<net::StreamPtr>> accept() override {
    auto stream = co_await below_->accept();
    if (stream) certificates_->refresh();
    co_return std::move(stream);
  }
  uint16_t port() const override { return below_->port(); }
  void close() override { below_->close(); }

 private:
  std::unique_ptr<net::Listener> below_;
  std::shared_ptr<MtlsReload> certificates_;
};

}  // namespace

MtlsReload::MtlsReload(std::string path, Mtls now, Load load, Use use)
    : path_(std::move(path)), mtls_(std::move(now)), load_(std::move(load)), use_(std::move(use)) {}

MtlsReload::Stamp MtlsReload::stampOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

bool MtlsReload::refresh() {
  const Stamp stamp = stampOf(path_);
  if (stamp == stamp_) return false;
  stamp_ = stamp;
  const std::string before = mtls_.certificate;
  if (const Status taken = take(); !taken) {
    log::warn("{}: the certificates in use stay, because the file cannot be used: {}", path_, taken.error().message);
    return false;
  }
  if (mtls_.certificate == before) return false;
  log::info("{}: new certificates are in use from now on", path_);
  return true;
}

Status MtlsReload::take() {
  TRY(Mtls fresh, load_(path_));
  if (fresh.certificate == mtls_.certificate && fresh.key == mtls_.key && fresh.ca == mtls_.ca) return {};
  TRY_STATUS(use_(fresh));
  mtls_ = std::move(fresh);
  return {};
}

Result<std::shared_ptr<net::Dialer>> reloadingDialer(std::string path, Mtls now, MtlsReload::Load load,
                                                     MakeDialer make) {
  TRY(std::shared_ptr<net::Dialer> first, make(now));
  auto dialer = std::make_shared<ReloadingDialer>(std::move(first));
  ReloadingDialer* const raw = dialer.get();
  const auto use = [raw, make = std::move(make)](const Mtls& fresh) -> Status {
    TRY(std::shared_ptr<net::Dialer> next, make(fresh));
    raw->become(std::move(next));
    return {};
  };
  raw->watch(std::make_unique<MtlsReload>(std::move(path), std::move(now), std::move(load), use));
  return std::shared_ptr<net::Dialer>(std::move(dialer));
}

std::unique_ptr<net::Listener> reloadingListener(std::unique_ptr<net::Listener> below,
                                                 std::shared_ptr<MtlsReload> certificates) {
  return std::make_unique<ReloadingListener>(std::move(below), std::move(certificates));
}

}  // namespace slipway::config
