#include "base/host_names.h"

#ifdef TILLITE_STATIC
#include <nss.h>

#include "base/check.h"
#endif

namespace tillite {

void use_built_in_host_names() {
#ifdef TILLITE_STATIC
  check(::__nss_configure_lookup("hosts", "files dns") == 0, "the C library has its own services for host names");
#endif
}

}  // namespace tillite
