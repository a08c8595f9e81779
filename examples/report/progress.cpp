#include "examples/report/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "examples/report/number.h"

namespace nabla::report {
namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedrawInterval{100};

double share_done(const ProgressState& state) {
  if (state.total <= 0) return 1.0;
  return std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
}

std::string bar(double share, int width) {
  const int full = static_cast<int>(std::floor(share * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "━" : i == full && share > 0 ? "╸" : "·";
  return text;
}

}  // namespace

std::string progress_line(const ProgressState& state, int bar_width) {
  const double share = share_done(state);
  std::string text = state.name + "  ";
  if (bar_width > 0) text += bar(share, bar_width) + "  ";
  const std::string percent = std::to_string(static_cast<int>(std::floor(100 * share)));
  text += std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + "%  " +
          duration(state.seconds);
  if (state.done > 0 && state.seconds > 0) {
    const double rate = static_cast<double>(state.done) / state.seconds;
    if (state.done < state.total) {
      text += ", " + duration(static_cast<double>(state.total - state.done) / rate) + " left";
    }
    text += "  " + number(rate) + "/s";
  }
  if (!state.message.empty()) text += "  " + state.message;
  return text;
}

Progress::Progress(std::string name, std::int64_t total, std::FILE* stream)
    : state_{std::move(name), 0, total, 0.0, ""},
      stream_(stream),
      terminal_(::isatty(::fileno(stream)) != 0) {}

Progress::~Progress() {
  if (terminal_ && last_redraw_ != Clock::time_point{}) {
    redraw();
    std::fputc('\n', stream_);
  }
}

void Progress::update(std::int64_t done, const std::string& message) {
  const Clock::time_point now = Clock::now();
  state_.done = done;
  state_.message = message;
  state_.seconds = std::chrono::duration<double>(now - start_).count();
  if (terminal_) {
    if (now - last_redraw_ >= kRedrawInterval) {
      redraw();
      last_redraw_ = now;
    }
  } else {
    print_line();
  }
}

void Progress::redraw() {
  // Back to the start of the line; what an earlier, longer text left behind is cleared.
  std::fprintf(stream_, "\r%s\x1b[K", progress_line(state_, kBarWidth).c_str());
  std::fflush(stream_);
}

void Progress::print_line() {
  const auto tenth = static_cast<std::int64_t>(std::floor(10 * share_done(state_)));
  if (tenth < next_tenth_) return;
  std::fprintf(stream_, "%s\n", progress_line(state_, 0).c_str());
  std::fflush(stream_);
  next_tenth_ = tenth + 1;
}

}  // namespace nabla::report
