#include "engine/backend/cuda/arena.h"

#include <mutex>
#include <set>

#include "engine/backend/cuda/device_memory.h"

namespace nabla::cuda {
namespace {

struct Arenas {
  std::mutex mutex;
  std::set<Arena*> all;
};
Arenas& arenas() {
  static Arenas& instance = *new Arenas;  // never destroyed: plans with static lifetime may outlive it
  return instance;
}

}  // namespace

Arena::Arena() {
  const std::lock_guard lock(arenas().mutex);
  if (arenas().all.empty()) Context::instance().blocks().on_shortage(&Arena::release_all);
  arenas().all.insert(this);
}

Arena::~Arena() {
  const std::lock_guard lock(arenas().mutex);
  arenas().all.erase(this);
}

std::shared_ptr<Buffer> Arena::memory(std::size_t bytes) {
  // A plan that is about to run holds what it was given, whatever becomes of the rest.
  if (!memory_) memory_ = std::make_shared<Buffer>(std::make_unique<Block>(bytes), bytes);
  return memory_;
}

void Arena::release_all() {
  const std::lock_guard lock(arenas().mutex);
  for (Arena* arena : arenas().all) arena->memory_ = nullptr;
}

}  // namespace nabla::cuda
