#include "io/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "engine/tensor/error.h"

namespace nabla::io {
namespace {

constexpr std::string_view kTemporaryMark = ".tmp";

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& doing, int error) {
  throw Error("write_file: cannot " + doing + " '" + path.string() + "': " + std::strerror(error));
}

/// A file under a temporary name; closed and removed unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target), path_(unused_name(target)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(target_, "create a temporary file beside", errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!renamed_) ::unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(target_, "write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void rename_into_place() {
    // Synced before the rename: otherwise a crash could leave the new name on an empty file.
    if (::fsync(descriptor_) != 0) fail(target_, "sync", errno);
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail(target_, "close", errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail(target_, "rename a temporary file to", errno);
    renamed_ = true;
  }

 private:
  /// Distinct between processes by the process id and between threads by the counter.
  static std::filesystem::path unused_name(const std::filesystem::path& target) {
    static std::atomic<unsigned> counter{0};
    std::filesystem::path name = target;
    name += std::string(kTemporaryMark) + std::to_string(::getpid()) + "." + std::to_string(counter++);
    return name;
  }

  std::filesystem::path target_;
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

/// Takes a number off the front of `text`, written as std::to_string writes it.
template <class T>
std::optional<T> take_number(std::string_view& text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const auto length = static_cast<std::size_t>(end - text.data());
  if (std::to_string(number) != text.substr(0, length)) return std::nullopt;
  text.remove_prefix(length);
  return number;
}

/// The process that gave `name` to a temporary file for `target`; nothing where it is another sort of name.
std::optional<pid_t> writer_of(std::string_view name, std::string_view target) {
  for (const std::string_view part : {target, kTemporaryMark}) {
    if (!name.starts_with(part)) return std::nullopt;
    name.remove_prefix(part.size());
  }
  const auto process = take_number<pid_t>(name);
  if (!process || *process == 0 || !name.starts_with('.')) return std::nullopt;
  name.remove_prefix(1);
  if (!take_number<unsigned>(name) || !name.empty()) return std::nullopt;
  return process;
}

/// What a path leads to by links, and whether that can be replaced by a file.
std::filesystem::path target_of(const std::filesystem::path& path) {
  std::error_code error;
  const bool link = std::filesystem::is_symlink(path, error);
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    if (link) throw Error("write_file: '" + path.string() + "' is a link to a file that is not there");
    return path;
  }
  if (std::filesystem::is_directory(status)) fail(path, "replace", EISDIR);
  if (!std::filesystem::is_regular_file(status))
    throw Error("write_file: '" + path.string() + "' is a pipe or a device, which no file can replace");
  return link ? std::filesystem::canonical(path) : path;
}

/// Makes a directory with those above it; returns the ones whose entries will change by that, and by a file
/// in it.
std::vector<std::filesystem::path> make_directory(const std::filesystem::path& directory,
                                                  const std::filesystem::path& target) {
  std::vector<std::filesystem::path> changed{directory};
  std::error_code error;
  while (!std::filesystem::exists(changed.back(), error) && changed.back().has_parent_path() &&
         changed.back() != changed.back().parent_path()) {
    changed.push_back(changed.back().parent_path());
  }
  if (!std::filesystem::exists(changed.back(), error)) changed.push_back(".");
  std::filesystem::create_directories(directory, error);
  if (error) fail(target, "create the directory of", error.value());
  return changed;
}

/// Without this a loss of power could undo a rename.
void sync_directory(const std::filesystem::path& directory, const std::filesystem::path& target) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // One that may be written but not listed cannot be opened, nor synced.
  if (descriptor < 0) return;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error != 0 && error != EINVAL)
    fail(target, "sync the directory of", error);  // EINVAL: it knows no sync
}

bool is_running(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

}  // namespace

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::filesystem::path target = target_of(path);
  const std::filesystem::path directory = target.has_parent_path() ? target.parent_path() : ".";
  const std::vector<std::filesystem::path> changed = make_directory(directory, path);
  TemporaryFile file(target);
  file.write(bytes);
  file.rename_into_place();
  for (const std::filesystem::path& one : changed) sync_directory(one, path);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

void remove_leftovers(const std::filesystem::path& target) {
  const std::string name = target.filename().string();
  const std::filesystem::path directory = target.has_parent_path() ? target.parent_path() : ".";
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto writer = writer_of(entry->path().filename().string(), name);
    std::error_code vanished;
    if (!writer || is_running(*writer) ||
        !std::filesystem::is_regular_file(entry->symlink_status(vanished))) {
      continue;
    }
    if (::unlink(entry->path().c_str()) != 0 && errno != ENOENT) {
      throw Error("remove_leftovers: cannot remove '" + entry->path().string() +
                  "': " + std::strerror(errno));
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw Error("remove_leftovers: cannot list '" + directory.string() + "': " + error.message());
  }
}

}  // namespace nabla::io
