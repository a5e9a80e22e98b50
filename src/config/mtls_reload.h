#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "config/agent_config.h"
#include "net/stream.h"

namespace slipway::config {

/// Looks whether the configuration file that holds the certificates was replaced (`slipway config renew`, a Secret that
/// was updated), and hands on what is new. A file that cannot be used changes nothing: the old certificates stay, and
/// the log names the file and what is wrong with it, once for each change. Other keys of the file need a restart.
/// Runs on one loop.
class MtlsReload {
 public:
  using Load = std::function<Result<Mtls>(const std::string& path)>;
  /// Takes the new certificates, or says why not.
  using Use = std::function<Status(const Mtls& fresh)>;

  /// `now` is what the process started with.
  MtlsReload(std::string path, Mtls now, Load load, Use use);

  /// One stat() when nothing has changed. True when new certificates were taken.
  bool refresh();

 private:
  /// Tells versions of a file apart: a renamed file has another inode, a rewritten one another time.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stampOf(const std::string& path);
  Status take();

  std::string path_;
  Mtls mtls_;
  Load load_;
  Use use_;
  Stamp stamp_;  ///< of nothing at first: what was written while the process started is read once more
};

/// Makes the dialer anew when the certificates have changed: looked at before each dial.
using MakeDialer = std::function<Result<std::shared_ptr<net::Dialer>>(const Mtls& mtls)>;
Result<std::shared_ptr<net::Dialer>> reloadingDialer(std::string path, Mtls now, MtlsReload::Load load,
                                                     MakeDialer make);

/// Looks at the certificates before each handshake: when a connection has come.
std::unique_ptr<net::Listener> reloadingListener(std::unique_ptr<net::Listener> below,
                                                 std::shared_ptr<MtlsReload> certificates);

}  // namespace slipway::config
