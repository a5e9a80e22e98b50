#pragma once

#include <filesystem>
#include <string>

#include "base/files.h"

/// Files in places where somebody else could have put something: folders that all users of a node share, volumes that
/// a container writes to, the trees of images. Nothing here follows a symbolic link that somebody could have planted,
/// waits for a FIFO or reads a device.
namespace slipway {

/// Makes a directory (and what is missing above it) that nobody but this user can enter, or takes one that is there if
/// it is such a one: a real directory, this user's, with no permission for others. Otherwise Forbidden, with the mend.
Status makePrivateDirectory(const std::filesystem::path& path);
/// The same check of a directory that must be there.
Status checkPrivateDirectory(const std::filesystem::path& path);

enum class FileKind { Directory, File };
/// Makes a directory (0755), or an empty file, with the directories above it, below `root`. What is there stays as it
/// is, its permissions too. Invalid: a part of `inner` is "..", or something on the way is no directory (a link).
Status makeBelow(const std::filesystem::path& root, const std::filesystem::path& inner, FileKind kind);
/// The same for directories only; gives the last one, opened.
Result<FileDescriptor> makeFoldersBelow(const std::filesystem::path& root, const std::filesystem::path& inner);

/// Opens a file for reading as a process would whose root directory is `root`: absolute links and ".." stay below it.
/// Kernels before 5.6 follow no link at all. Invalid: not a regular file.
Result<FileDescriptor> openInRoot(const std::filesystem::path& root, const std::filesystem::path& inner);
/// The whole file, opened so; RequestEntityTooLarge when it has more than `most` bytes.
Result<std::string> readInRoot(const std::filesystem::path& root, const std::filesystem::path& inner, size_t most);

/// The first bytes of a regular file, at most `most`; the last part of the path is no link.
Result<std::string> readHead(const std::filesystem::path& path, size_t most);

/// Removes a directory of this user's with all that is in it, whatever its permissions and however deep, and goes on
/// after an error; gives the first one. Links are removed, not followed. Nothing there is fine; a directory of another
/// user is left alone (Forbidden).
Status removeTree(const std::filesystem::path& path);
/// The same for an entry of an open directory.
Status removeTreeAt(int directory, const std::string& name);

}  // namespace slipway
