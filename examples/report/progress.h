#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace nabla::report {

/// How far a piece of work is.
struct ProgressState {
  std::string name;
  std::int64_t done = 0;
  std::int64_t total = 0;
  double seconds = 0.0;
  std::string message;
};

/// One line of text: name, share done, elapsed and remaining time, rate, message. `bar_width` 0 leaves the
/// bar out.
std::string progress_line(const ProgressState& state, int bar_width);

/// Shows how a long piece of work gets on: a line that is redrawn on a terminal, otherwise a line for every
/// tenth.
class Progress {
 public:
  /// Work of `total` steps, shown on `stream`, which must outlive this object.
  Progress(std::string name, std::int64_t total, std::FILE* stream = stderr);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Leaves the line as it stands, ended by a line feed.
  ~Progress();

  /// Says that `done` steps are complete, with a few words such as the current loss. Cheap enough for every
  /// step.
  void update(std::int64_t done, const std::string& message = "");

 private:
  using Clock = std::chrono::steady_clock;

  void redraw();
  void print_line();

  ProgressState state_;
  std::FILE* stream_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_redraw_{};
  std::int64_t next_tenth_ = 1;
};

}  // namespace nabla::report
