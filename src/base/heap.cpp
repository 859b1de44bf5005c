#include "base/heap.h"

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace tillite {

void set_up_heap() {
#if defined(__GLIBC__)
  constexpr int kBufferBytes = 128 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kBufferBytes);
  ::mallopt(M_ARENA_MAX, 2);
#endif
}

void trim_heap() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

}  // namespace tillite
