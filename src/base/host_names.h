#pragma once

namespace tillite {

/// In a static executable: names of hosts come from /etc/hosts and DNS alone, whatever /etc/nsswitch.conf says. What
/// else that may name is a plug-in for the C library of the machine, which is another one. Elsewhere nothing. Before
/// the first name is looked up.
void use_built_in_host_names();

}  // namespace tillite
