#include "container/image_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/guarded_files.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::container {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostOfConfig = 1024 * 1024;

std::string directoryName(std::string_view digest) {
  return replaceAll(digest, ":", "-");
}

/// What skopeo said without its log's time and level: `time="..." level=fatal msg="..."`.
std::string withoutLogPrefix(std::string_view line) {
  constexpr std::string_view kMark = "msg=\"";
  const size_t mark = line.find(kMark);
  if (!line.starts_with("time=") || mark == std::string_view::npos) return std::string(line);
  std::string out;
  for (size_t i = mark + kMark.size(); i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    out += line[i];
  }
  return out;
}

std::string saidBy(std::string_view output) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(trim(output), '\n')) lines.push_back(withoutLogPrefix(line));
  return join(lines, "; ");
}

/// What a registry or tool said → a code: a missing image will not come by waiting, a refused one needs credentials.
Error pullError(const std::string& image, std::string_view output) {
  const std::string said = toLower(output);
  const auto has = [&](std::string_view words) { return said.find(words) != std::string::npos; };
  Code code = Code::ServiceUnavailable;
  if (has("manifest unknown") || has("not found") || has("name unknown")) code = Code::NotFound;
  if (has("unauthorized") || has("authentication required") || has("denied")) code = Code::Unauthorized;
  return {code, fmt::format("pull {}: {}", image, saidBy(toValidUtf8(output.substr(0, 2000))))};
}

Task<Result<async::ProcessResult>> runTool(async::ProcessRunner& runner, std::vector<std::string> argv,
                                           std::chrono::nanoseconds timeout, std::string image) {
  async::Command command;
  command.argv = std::move(argv);
  command.timeout = timeout;
  const std::string tool = command.argv[0];
  auto ran = co_await runner.run(std::move(command));
  if (!ran && ran.error().is(Code::NotFound)) {
    co_return failure(Code::ServiceUnavailable, "pull {}: {} is not installed on this node", image, tool);
  }
  if (!ran) co_return failure(ran.error().wrap(fmt::format("pull {}", image)));
  if (ran->exit_code != 0) co_return failure(pullError(image, ran->errors.empty() ? ran->output : ran->errors));
  co_return ran;
}

/// The registry that credentials are for: "https://index.docker.io/v1/" is docker.io's.
std::string registryOf(const std::string& server) {
  std::string registry = server;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (registry.starts_with(scheme)) registry.erase(0, scheme.size());
  }
  registry = registry.substr(0, registry.find('/'));
  return registry == "index.docker.io" ? "docker.io" : registry;
}

/// Words and a file of its own for each call: others of the node can read command lines.
Result<fs::path> writeCredentials(const fs::path& folder, const std::string& registry, const Credentials& from) {
  static int count = 0;
  // No JSON library for one value: base64 and the name of a registry need no escapes.
  const std::string auth = base64Encode(from.username + ":" + from.password);
  const fs::path file = folder / fmt::format("{}-{}.json", ::getpid(), ++count);
  TRY_STATUS(makePrivateDirectory(folder));
  TRY_STATUS(writeFileAtomic(file, fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}}}}}})", registry, auth), 0600));
  return file;
}

/// Takes the file of credentials away at the end.
struct Forgotten {
  fs::path file;
  ~Forgotten() {
    std::error_code ignored;
    if (!file.empty()) fs::remove(file, ignored);
  }
};

bool isUnder(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

ImageConfig configOfDirectory(const fs::path& directory) {
  for (const char* path : {".slipway/config.json", "ch/config.pulled.json"}) {
    const auto text = readInRoot(directory, path, kMostOfConfig);
    if (!text) continue;
    if (auto config = parseImageConfig(*text)) return *config;
  }
  return {};
}

Result<PreparedImage> ImageStore::local(const std::string& image) const {
  const std::string text = image.starts_with("file://") ? image.substr(7) : image;
  std::error_code error;
  const fs::path path = fs::weakly_canonical(text, error);
  const bool allowed = std::any_of(options_.local.begin(), options_.local.end(),
                                   [&](const fs::path& folder) { return isUnder(path, folder); });
  if (error || !allowed)
    return failure(Code::Forbidden, "image {}: local images are not allowed there at this site", image);
  if (!fs::exists(path, error)) return failure(Code::NotFound, "image {}: no such file or directory", image);
  PreparedImage out;
  out.path = path;
  out.id = "file://" + path.string();
  if (fs::is_directory(path, error)) out.config = configOfDirectory(path);
  return out;
}

Result<PreparedImage> ImageStore::stored(const std::string& digest) const {
  const fs::path directory = options_.root / directoryName(digest);
  TRY(const std::string text, readFile(directory / "config.json"));
  PreparedImage out;
  TRY(out.config, parseImageConfig(text));
  out.path = directory / "rootfs";
  out.id = digest;
  return out;
}

fs::path ImageStore::nameFile(const ImageReference& reference) const {
  return options_.root / "names" / sha256Hex(reference.str());
}

Result<ImageStore::Source> ImageStore::sourceOf(const ImageReference& reference, const ImageRequest& request) const {
  const auto& insecure = options_.insecure_registries;
  const auto mirror = options_.mirrors.find(reference.registry);
  ImageReference from = reference;
  if (mirror != options_.mirrors.end()) from.registry = mirror->second;
  const fs::path folder = options_.credentials.empty() ? options_.root / "auth" : options_.credentials;
  Source out;
  out.name = "docker://" + from.pullName();
  out.insecure = std::find(insecure.begin(), insecure.end(), from.registry) != insecure.end();
  for (const Credentials& each : request.credentials) {
    if (registryOf(each.registry) != reference.registry) continue;
    TRY(out.auth_file, writeCredentials(folder, from.registry, each));
    break;
  }
  return out;
}

Task<Result<std::string>> ImageStore::resolveDigest(ImageReference reference, ImageRequest request) {
  if (!reference.digest.empty()) co_return reference.digest;
  const auto known = readFile(nameFile(reference));
  if (known && request.policy != PullPolicy::Always && stored(*known)) co_return *known;
  if (request.policy == PullPolicy::Never) {
    co_return failure(Code::NotFound, "Container image \"{}\" is not present with pull policy of Never", request.image);
  }
  if (request.pulling) request.pulling();
  CO_TRY(const Source source, sourceOf(reference, request));
  const Forgotten forgotten{source.auth_file};
  std::vector<std::string> argv = {"skopeo", "inspect", "--no-tags", "--format={{.Digest}}"};
  if (source.insecure) argv.emplace_back("--tls-verify=false");
  if (!source.auth_file.empty()) argv.push_back("--authfile=" + source.auth_file.string());
  argv.push_back(source.name);
  CO_TRY(const auto ran, co_await runTool(*runner_, std::move(argv), std::chrono::minutes(2), request.image));
  co_return std::string(trim(ran.output));
}

Task<Status> ImageStore::download(ImageReference reference, ImageRequest request, std::string digest, fs::path work) {
  reference.tag.clear();
  reference.digest = digest;
  const std::string layout = (work / "oci").string();
  std::vector<std::string> copy = {"skopeo", "--insecure-policy", "copy", "--quiet"};
  CO_TRY(const Source source, sourceOf(reference, request));
  const Forgotten forgotten{source.auth_file};
  if (source.insecure) copy.emplace_back("--src-tls-verify=false");
  if (!source.auth_file.empty()) copy.push_back("--authfile=" + source.auth_file.string());
  copy.push_back(source.name);
  copy.push_back("oci:" + layout + ":image");
  CO_TRY_STATUS(co_await runTool(*runner_, std::move(copy), options_.pull_timeout, request.image));
  CO_TRY(const auto config, co_await runTool(*runner_, {"skopeo", "inspect", "--config", "oci:" + layout + ":image"},
                                             std::chrono::minutes(1), request.image));
  CO_TRY_STATUS(co_await runTool(
      *runner_, {"umoci", "raw", "unpack", "--rootless", "--image=" + layout + ":image", (work / "rootfs").string()},
      options_.pull_timeout, request.image));
  CO_TRY(const ImageConfig parsed, parseImageConfig(config.output));
  // Mount points that every image needs, and without which Apptainer complains.
  // An image's links may lead anywhere on the node: where one is in the way, nothing is made.
  const auto provide = [&](const char* path, FileKind kind) {
    const Status made = makeBelow(work / "rootfs", path, kind);
    if (!made) log::info("image {}: {}", request.image, made.error().message);
  };
  for (const char* directory : {"dev", "proc", "sys", "tmp", "var/tmp", "etc", "run", "mnt"})
    provide(directory, FileKind::Directory);
  for (const char* file : {"etc/hosts", "etc/resolv.conf", "etc/passwd", "etc/group"}) provide(file, FileKind::File);
  std::error_code error;
  fs::remove_all(layout, error);
  co_return writeFileAtomic(work / "config.json", formatImageConfig(parsed));
}

Task<Result<PreparedImage>> ImageStore::convert(ImageReference reference, ImageRequest request, std::string digest) {
  CO_TRY_STATUS(makeDirectories(options_.root / "lock", 0700));
  CO_TRY(const FileDescriptor lock, co_await lockFile(options_.root / "lock" / directoryName(digest), LOCK_EX));
  if (auto ready = stored(digest)) co_return ready;  // somebody else was quicker
  if (request.pulling) request.pulling();
  const fs::path work = options_.root / ("tmp-" + directoryName(digest));
  CO_TRY_STATUS(removeTree(work));  // of a job that died under the same lock
  CO_TRY_STATUS(makeDirectories(work, 0700));
  const Status done = co_await download(reference, request, digest, work);
  if (!done) {
    const Status removed = removeTree(work);
    if (!removed) log::warn("{}", removed.error().message);
    co_return failure(done.error());
  }
  std::error_code error;
  fs::rename(work, options_.root / directoryName(digest), error);
  if (error) co_return failure(errnoError(fmt::format("rename {}", work.string()), error.value()));
  co_return stored(digest);
}

Task<Result<PreparedImage>> ImageStore::get(ImageRequest request) {
  if (isLocalImage(request.image)) co_return local(request.image);
  CO_TRY(const ImageReference reference, parseImageReference(request.image));
  CO_TRY(const std::string digest, co_await resolveDigest(reference, request));
  // Held before it is looked at, so that nobody takes it away between.
  CO_TRY_STATUS(co_await cache_.hold(directoryName(digest)));
  auto ready = stored(digest);
  const bool converted = !ready;
  if (!ready) {
    if (request.policy == PullPolicy::Never) {
      co_return failure(Code::NotFound, "Container image \"{}\" is not present with pull policy of Never",
                        request.image);
    }
    ready = co_await convert(reference, request, digest);
  }
  if (!ready) co_return ready;
  CO_TRY_STATUS(makeDirectories(options_.root / "names", 0700));
  CO_TRY_STATUS(writeFileAtomic(nameFile(reference), digest, 0600));
  if (converted) {
    const Status collected = co_await cache_.collect();
    if (!collected) log::warn("image cache: {}", collected.error().message);
  }
  co_return ready;
}

}  // namespace slipway::container
