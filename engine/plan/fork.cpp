#include "engine/plan/fork.h"

#include "engine/backend/cpu/product/matmul.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/graph/node_mutex.h"
#include "engine/plan/evaluation_lock.h"
#include "engine/tensor/block_cache.h"
#include "engine/tensor/cell_mutex.h"

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

namespace nabla {

#if __has_include(<pthread.h>)

namespace {

// In the order in which they are taken elsewhere.
void lock_all() {
  evaluation_mutex().lock();
  cell_mutex().lock();
  node_mutex().lock();
  cpu::lock_products();
  BlockCache::instance().mutex().lock();
}

void unlock_all() {
  BlockCache::instance().mutex().unlock();
  cpu::unlock_products();
  node_mutex().unlock();
  cell_mutex().unlock();
  evaluation_mutex().unlock();
}

void start_anew() {
  forget_other_evaluations();
  forget_waiting_threads();
  BlockCache::instance().continue_in_child();
  cpu::forget_other_products();
  unlock_all();
  cpu::replace_pool_in_child();
}

}  // namespace

void register_fork_handlers() { pthread_atfork(&lock_all, &unlock_all, &start_anew); }

#else

void register_fork_handlers() {}

#endif

}  // namespace nabla
