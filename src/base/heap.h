#pragma once

namespace tillite {

/// Gives memory that the heap holds but nobody uses back to the machine. The C library by itself keeps what lies
/// between pieces that are in use; before something large is begun it would count twice. Threads: any.
void trim_heap();

}  // namespace tillite
