#pragma once

namespace nabla {

/// From now on a child of fork() finds the engine as the forking thread sees it, whatever other threads do at
/// that moment, and starts threads of its own. What these threads were about to do is lost in the child: a
/// cell that a call was writing over there is not to be asked, nor a function that was being traced.
void register_fork_handlers();

}  // namespace nabla
