#pragma once

namespace nabla::cpu {

/// The T of this thread, made when it is first asked for and destroyed when the thread ends. Destructors of
/// statics run after the main thread's has gone: one that asks then is given another, which stays.
template <class T>
T& thread_own() {
  thread_local T* own = nullptr;
  if (!own) {
    own = new T;
    struct End {
      ~End() {
        delete own;
        own = nullptr;
      }
    };
    thread_local const End end;
  }
  return *own;
}

}  // namespace nabla::cpu
