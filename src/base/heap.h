#pragma once

namespace tillite {

/// Has large buffers go back to the machine when they are freed, whatever was freed before, and threads share two
/// heaps. For programs: once, at their beginning.
void set_up_heap();

/// Gives memory that the heap holds but nobody uses back to the machine. The C library by itself keeps what lies
/// between pieces that are in use; before something large is begun it would count twice. Threads: any.
void trim_heap();

}  // namespace tillite
