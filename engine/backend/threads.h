#pragma once

namespace nabla {

/// Threads that evaluation may use, the caller's included; at first NABLAFLOW_NUM_THREADS in the environment,
/// or all that the machine offers.
/// Results do not depend on the number: work is cut by shapes alone. @throws Error unless 1 <= count <= 1024.
void set_thread_count(int count);
int thread_count();

}  // namespace nabla
