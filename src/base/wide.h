#pragma once

/// Compiles a function once more for the wide registers that a machine may have; the machine decides at run time.
#if defined(__x86_64__)
#define TILLITE_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TILLITE_WIDE
#endif
